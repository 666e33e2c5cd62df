"""The repair coder: one search, its patches one after the other."""

from __future__ import annotations

from selfheal.coding.draft import Draft, NoDraft, NothingToDo, Rejection, keep
from selfheal.coding.repair_coder import RepairCoder
from selfheal.repair.task import RepairOutcome, RepairPatch, SuspectFunction


def _patch(text: str) -> RepairPatch:
    return RepairPatch(
        path="a.py",
        new_text=text,
        diff="",
        template="comparison operator",
        tier=1,
        fixes=("test_a.py::test_f",),
        verdict="fixes",
        confidence=0.9,
        qualname="f",
        line=3,
        guards=2,
    )


def _reject(draft: Draft) -> Rejection:
    return Rejection(coder="repair", draft=draft, verdict="breaks_tests", why="w")


def test_patches_are_proposed_in_their_order_and_the_search_runs_once() -> None:
    searches: list[int] = []

    def search() -> RepairOutcome:
        searches.append(1)
        return RepairOutcome(status="fixed", reason="", patches=(_patch("one"), _patch("two")))

    coder = RepairCoder(search)
    first = coder.propose(())
    second = coder.propose((_reject(first),))
    third = coder.propose((_reject(first), _reject(second)))

    assert dict(first.texts) == {"a.py": "one"}
    assert dict(second.texts) == {"a.py": "two"}
    assert isinstance(third, NoDraft)
    assert searches == [1]


def test_drafts_of_an_earlier_attempt_are_not_searched_again() -> None:
    kept = Draft(texts=(("a.py", "kept"),), coder="repair", origin="o", confidence=0.5)

    def search() -> RepairOutcome:
        raise AssertionError("searched again")

    assert RepairCoder(search, kept=keep([kept])).propose(()) == kept
    assert isinstance(RepairCoder(search, kept=keep([kept])).propose((_reject(kept),)), NoDraft)


def test_a_search_without_a_patch_says_where_it_looked() -> None:
    place = SuspectFunction(path="a.py", qualname="f", line=3, score=0.5, why="runs in 2 of 2")
    outcome = RepairOutcome(status="no_fix", reason="none of 90 edits helps", looked_at=(place,))

    nothing = RepairCoder(lambda: outcome).propose(())

    assert isinstance(nothing, NoDraft)
    assert nothing.reason == "none of 90 edits helps"
    assert nothing.looked_at == ("a.py:3 f (0.50: runs in 2 of 2)",)


def test_tests_that_pass_already_are_nothing_to_do() -> None:
    outcome = RepairOutcome(status="nothing_to_do", reason="all 3 tests that ran pass")

    assert isinstance(RepairCoder(lambda: outcome).propose(()), NothingToDo)
