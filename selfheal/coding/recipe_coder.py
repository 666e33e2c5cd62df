"""The coder of mechanical requests: one draft, computed; what speaks against it is final."""

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
from selfheal.recipes.rewrite import CannotDo, Rewrite


class RecipeCoder:
    """Proposes what a recipe makes of the task's base.

    `carry_out` is called at most once, and not at all when `kept` already holds the draft of an
    attempt before this one.
    """

    def __init__(
        self,
        carry_out: Callable[[], Rewrite | CannotDo],
        *,
        origin: str,
        kept: JsonValue = None,
    ) -> None:
        self._carry_out = carry_out
        self._origin = origin
        self._found = kept_drafts(kept)

    @property
    def kept(self) -> JsonValue:
        """The draft, once it has been computed."""
        return keep(self._found)

    def propose(self, rejected: Sequence[Rejection]) -> Proposal:
        """The one draft, or why there is none (any more)."""
        if rejected:
            return NoDraft(
                reason="a recipe has one outcome",
                next_step="look at what speaks against it and at what the plan's warnings left",
            )
        if self._found is None:
            done = self._carry_out()
            if isinstance(done, CannotDo):
                return NoDraft(reason=done.reason, next_step=done.next_step)
            if not done.texts:
                return NothingToDo("; ".join(done.found) or "it is so already")
            self._found = (_draft(done, self._origin),)
        return self._found[0]


def _draft(rewrite: Rewrite, origin: str) -> Draft:
    return Draft(
        texts=tuple(
            (path, text.decode("utf-8", "surrogateescape")) for path, text in rewrite.texts
        ),
        coder="recipe",
        origin=origin,
        confidence=1.0,
        symbols=tuple(symbol.fq_name for symbol in rewrite.symbols),
    )
