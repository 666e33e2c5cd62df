"""The coder without a model: search-based repair, asked once, its patches proposed one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import JsonValue

from selfheal.coding.draft import (
    Draft,
    NoDraft,
    NothingToDo,
    Proposal,
    Rejection,
    keep,
    kept_drafts,
)
from selfheal.repair.task import RepairOutcome, RepairPatch

SHOWN_PLACES = 5


class RepairCoder:
    """Proposes the patches of one repair, the chosen one first.

    `search` runs the repair; it is called at most once, and not at all when `kept` already holds
    the drafts of an attempt before this one.
    """

    def __init__(self, search: Callable[[], RepairOutcome], *, kept: JsonValue = None) -> None:
        self._search = search
        self._found = kept_drafts(kept)
        self._outcome: RepairOutcome | None = None

    @property
    def kept(self) -> JsonValue:
        """What the repair found, once it has run."""
        return keep(self._found)

    def propose(self, rejected: Sequence[Rejection]) -> Proposal:
        """The best draft that has not been rejected, or why there is none."""
        if self._found is None:
            self._outcome = self._search()
            self._found = tuple(map(_draft, self._outcome.patches))
        tried = {rejection.draft.texts for rejection in rejected if rejection.draft}
        left = next((draft for draft in self._found if draft.texts not in tried), None)
        return left or self._nothing()

    def _nothing(self) -> NoDraft | NothingToDo:
        outcome = self._outcome
        if outcome is None or outcome.status == "fixed":
            return NoDraft(
                reason="no further plausible patch",
                next_step="give more time with --budget, or fix it by hand",
            )
        if outcome.status == "nothing_to_do":
            return NothingToDo(f"its tests pass already at its base: {outcome.reason}")
        looked_at = tuple(
            f"{place.path}:{place.line} {place.qualname} ({place.score:.2f}: {place.why})"
            for place in outcome.looked_at[:SHOWN_PLACES]
        )
        return NoDraft(
            reason=outcome.reason,
            looked_at=looked_at,
            next_step="look at the places named, or give more time with --budget",
        )


def _draft(patch: RepairPatch) -> Draft:
    return Draft(
        texts=((patch.path, patch.new_text),),
        coder="repair",
        origin=f"repair template {patch.template} (tier {patch.tier})",
        confidence=patch.confidence,
        symbols=(patch.qualname,),
        fixes=patch.fixes,
    )
