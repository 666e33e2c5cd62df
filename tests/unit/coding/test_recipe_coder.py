"""The recipe's coder: one draft, computed once."""

from __future__ import annotations

from selfheal.coding.draft import Draft, NoDraft, NothingToDo, Rejection, keep
from selfheal.coding.recipe_coder import RecipeCoder
from selfheal.recipes.rewrite import CannotDo, Rewrite

REWRITE = Rewrite(texts=(("a.py", b"x = '\xe4'\n"),), found=("one name",))


def _coder(done: Rewrite | CannotDo) -> RecipeCoder:
    return RecipeCoder(lambda: done, origin="recipe format")


def test_there_is_one_draft_and_none_after_it_was_rejected() -> None:
    coder = _coder(REWRITE)

    draft = coder.propose(())

    assert isinstance(draft, Draft)
    assert draft.texts == (("a.py", "x = '\udce4'\n"),)
    assert coder.kept == keep([draft])
    rejection = Rejection(coder="recipe", draft=draft, verdict="breaks_tests", why="w")
    assert isinstance(coder.propose((rejection,)), NoDraft)


def test_the_draft_of_an_earlier_attempt_is_not_computed_again() -> None:
    kept = Draft(texts=(("a.py", "kept"),), coder="recipe", origin="o", confidence=1.0)

    def carry_out() -> Rewrite:
        raise AssertionError("computed again")

    assert RecipeCoder(carry_out, origin="o", kept=keep([kept])).propose(()) == kept


def test_what_cannot_be_done_any_more_and_what_is_done_are_told_apart() -> None:
    cannot = _coder(CannotDo("gone", "look")).propose(())
    done = _coder(Rewrite(found=("it is so already",))).propose(())

    assert isinstance(cannot, NoDraft)
    assert (cannot.reason, cannot.next_step) == ("gone", "look")
    assert done == NothingToDo("it is so already")
