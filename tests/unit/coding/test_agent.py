"""The attempt loop, driven without repository, sandbox or clock."""

from __future__ import annotations

from collections.abc import Sequence

from selfheal.coding import agent
from selfheal.coding.agent import Applied, Checked, Outcome, Want
from selfheal.coding.draft import CoderName, Draft, NoDraft, NothingToDo, Proposal, Rejection
from selfheal.contracts.commit_result import DiffStat

BASE = "b" * 40


class Script:
    """A driver that answers from lists and remembers what it was asked."""

    def __init__(
        self,
        drafts: Sequence[Proposal],
        *,
        applied: Sequence[Rejection | None] = (),
        checks: Sequence[Checked] = (),
    ) -> None:
        self.drafts, self.applied, self.checks = list(drafts), list(applied), list(checks)
        self.asked: list[Want] = []

    def run(self, coders: Sequence[CoderName] = ("repair",)) -> Outcome:
        steps = agent.attempt(BASE, coders)
        answer = None
        while True:
            try:
                want = steps.send(answer)
            except StopIteration as ended:
                return ended.value
            self.asked.append(want)
            answer = self._answer(want)

    def _answer(self, want: Want) -> object:
        match want:
            case agent.Prepare():
                return None
            case agent.Propose():
                return self.drafts.pop(0)
            case agent.Apply(draft):
                refused = self.applied.pop(0) if self.applied else None
                return refused or Applied(
                    diff=f"diff of {draft.origin}", stat=DiffStat(), symbols=()
                )
            case agent.Check():
                return self.checks.pop(0)
            case agent.Commit():
                return "c" * 40
        raise AssertionError(want)

    @property
    def kinds(self) -> list[str]:
        return [type(want).__name__ for want in self.asked]


def draft(name: str, coder: CoderName = "repair") -> Draft:
    return Draft(texts=(("a.py", f"# {name}\n"),), coder=coder, origin=name, confidence=0.5)


def by_model(name: str) -> Draft:
    return draft(name, "model")


def misfit(why: str) -> Rejection:
    return Rejection(coder="model", draft=None, verdict="does_not_apply", why=why)


def checked(verdict: str, reason: str = "") -> Checked:
    return Checked(
        verdict=verdict, fixed=("t",), notes=(), reason=reason, diff="d", stat=DiffStat()
    )


def test_a_good_first_draft_is_committed() -> None:
    script = Script([draft("one")], checks=[checked("fixes")])

    outcome = script.run()

    assert outcome.sha == "c" * 40
    assert outcome.verdict == "fixes"
    assert outcome.tries == 1
    assert script.kinds == ["Prepare", "Propose", "Apply", "Check", "Commit"]


def test_every_try_starts_from_a_clean_tree_and_knows_the_failures_before_it() -> None:
    script = Script(
        [draft("one"), draft("two")],
        checks=[checked("breaks_tests", "t2 fails"), checked("fixes")],
    )

    outcome = script.run()

    assert outcome.tries == 2
    assert script.kinds.count("Prepare") == 2
    proposals = [want for want in script.asked if isinstance(want, agent.Propose)]
    assert [rejection.why for rejection in proposals[1].rejected] == ["t2 fails"]


def test_a_refused_draft_is_fed_back_without_a_check() -> None:
    first = draft("one")
    refusal = Rejection(
        coder="repair", draft=first, verdict="refused", why="patch refused by rule symlink"
    )
    script = Script([first, draft("two")], applied=[refusal, None], checks=[checked("passes")])

    outcome = script.run()

    assert outcome.verdict == "passes"
    assert script.kinds.count("Check") == 1


def test_the_loop_ends_after_three_tries_with_the_last_reason() -> None:
    bad = [checked("breaks_tests", f"reason {number}") for number in range(3)]
    script = Script([draft("one"), draft("two"), draft("three")], checks=bad)

    outcome = script.run()

    assert outcome.sha == ""
    assert outcome.verdict == "breaks_tests"
    assert "reason 2" in outcome.reason
    assert outcome.tries == agent.MAX_TRIES


def test_the_same_draft_twice_stops_early() -> None:
    script = Script(
        [draft("one"), draft("one")],
        checks=[checked("no_change_in_tests", "still red"), checked("no_change_in_tests", "again")],
    )

    outcome = script.run()

    assert outcome.tries == 2
    assert "same change again" in outcome.reason


def test_no_draft_at_all_is_an_end_with_what_was_looked_at() -> None:
    nothing = NoDraft(reason="time was up", looked_at=("a.py:3 f",), retryable=True)

    outcome = Script([nothing]).run()

    assert outcome.sha == ""
    assert outcome.reason == "time was up"
    assert outcome.looked_at == ("a.py:3 f",)
    assert outcome.retryable


def test_no_further_draft_tells_why_the_best_one_was_rejected() -> None:
    script = Script(
        [draft("one"), NoDraft(reason="no further plausible patch")],
        checks=[checked("breaks_tests", "t9 fails")],
    )

    outcome = script.run()

    assert outcome.verdict == "breaks_tests"
    assert "t9 fails" in outcome.reason


def test_nothing_to_do_is_a_success_at_the_base() -> None:
    outcome = Script([NothingToDo("its tests pass already")]).run()

    assert outcome.sha == BASE
    assert outcome.diff == ""
    assert outcome.verdict == "passes"


def test_an_outcome_survives_its_checkpoint() -> None:
    outcome = Script([draft("one")], checks=[checked("fixes")]).run()

    assert Outcome.model_validate(outcome.model_dump(mode="json")) == outcome


def test_the_next_coder_is_asked_when_the_first_has_nothing_and_hears_what_was_tried() -> None:
    script = Script(
        [draft("one"), NoDraft(reason="no further plausible patch"), by_model("two")],
        checks=[checked("breaks_tests", "t9 fails"), checked("fixes")],
    )

    outcome = script.run(("repair", "model"))

    assert outcome.verdict == "fixes"
    assert outcome.tries == 2
    proposals = [want for want in script.asked if isinstance(want, agent.Propose)]
    assert [want.coder for want in proposals] == ["repair", "repair", "model"]
    assert [rejection.why for rejection in proposals[-1].rejected] == ["t9 fails"]
    assert any("t9 fails" in note for note in outcome.notes)


def test_each_coder_has_tries_of_its_own() -> None:
    drafts = [*map(draft, "abc"), *map(by_model, "def")]
    bad = [checked("breaks_tests", f"reason {number}") for number in range(6)]

    outcome = Script(drafts, checks=bad).run(("repair", "model"))

    assert outcome.tries == 2 * agent.MAX_TRIES
    assert outcome.reason.startswith("repair: none of 3 tries")
    assert "model: none of 3 tries" in outcome.reason
    assert "reason 5" in outcome.reason


def test_an_answer_that_is_no_edit_is_fed_back_without_being_applied() -> None:
    script = Script([misfit("no edit in it"), by_model("two")], checks=[checked("fixes")])

    outcome = script.run(("model",))

    assert outcome.verdict == "fixes"
    assert script.kinds.count("Apply") == 1
    proposals = [want for want in script.asked if isinstance(want, agent.Propose)]
    assert [rejection.why for rejection in proposals[1].rejected] == ["no edit in it"]


def test_the_same_misfit_twice_stops_early() -> None:
    outcome = Script([misfit("no edit in it")] * 2).run(("model",))

    assert outcome.tries == 2
    assert "same change again" in outcome.reason
    assert outcome.verdict == "does_not_apply"


def test_a_model_that_is_away_after_a_search_in_vain_may_succeed_later() -> None:
    away = NoDraft(reason="nobody answered", retryable=True)

    outcome = Script([NoDraft(reason="no plausible patch"), away]).run(("repair", "model"))

    assert outcome.retryable
    assert outcome.reason == "repair: no plausible patch; model: nobody answered"
