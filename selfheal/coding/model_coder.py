"""The coder with a model: it is told what failed, and answers with edits outside JSON (CA-4)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from selfheal.coding.brief import Brief
from selfheal.coding.draft import Draft, NoDraft, Proposal, Rejection
from selfheal.contracts.document import Value
from selfheal.edits.apply import Texts, apply_edits
from selfheal.edits.recognise import read_edits
from selfheal.errors import BudgetSpent, InvalidAnswer, InvalidEdit, ModelUnavailable
from selfheal.llm.model import Model, Question

CONFIDENCE = 0.5
"""What is known of an answer before it is checked."""


class _Reply(Value):
    """One answer; `fault` instead of a text where it could not be used at all."""

    text: str = ""
    fault: str = ""
    origin: str = ""
    tokens: int = 0
    usd: float = 0.0


class ModelCoder:
    """Asks a model for edits of `texts`, the task's files at its base.

    An answer that `kept` holds from the attempt before is not asked for again. Edits that cannot be
    read, fit nowhere or change nothing are rejections of its own: they go back like any other.
    """

    def __init__(self, model: Model, brief: Brief, texts: Texts, *, kept: JsonValue = None) -> None:
        self._model = model
        self._brief = brief
        self._texts = texts
        self._replies = list(map(_Reply.model_validate, kept)) if isinstance(kept, list) else []

    @property
    def kept(self) -> JsonValue:
        """Every answer so far, with what it cost."""
        return [reply.model_dump(mode="json") for reply in self._replies]

    @property
    def tokens(self) -> int:
        """What the answers took, those of earlier attempts too."""
        return sum(reply.tokens for reply in self._replies)

    @property
    def usd(self) -> float:
        """What the answers cost."""
        return sum(reply.usd for reply in self._replies)

    def propose(self, rejected: Sequence[Rejection]) -> Proposal:
        """The next answer as a draft, or what is wrong with it."""
        tried = sum(one.coder == "model" for one in rejected)
        if tried >= len(self._replies):
            try:
                self._replies.append(self._reply(rejected))
            except ModelUnavailable as error:
                return NoDraft(reason=str(error), retryable=True, next_step="submit again later")
            except BudgetSpent as error:
                return NoDraft(reason=str(error), next_step="give the request a larger budget")
        reply = self._replies[tried]
        if reply.fault:
            return Rejection(coder="model", draft=None, verdict="none", why=reply.fault)
        return self._read(reply)

    def _reply(self, rejected: Sequence[Rejection]) -> _Reply:
        answers = [reply.text for reply in self._replies]
        question = Question(
            purpose="draft",
            messages=(*self._brief.messages(rejected), *self._brief.turns(answers, rejected)),
            prompt=self._brief.prompt.name,
            tier=self._brief.task.complexity_label,
        )
        try:
            answer = self._model.ask(question)
        except InvalidAnswer as fault:
            return _Reply(fault=str(fault))
        return _Reply(
            text=answer.text,
            origin=f"model {answer.model} ({self._brief.prompt.name})",
            tokens=answer.usage.tokens,
            usd=answer.usd,
        )

    def _read(self, reply: _Reply) -> Draft | Rejection:
        try:
            changed = apply_edits(read_edits(reply.text), self._texts)
        except InvalidEdit as misfit:
            return _misfit(str(misfit))
        if not changed:
            return _misfit("the edits change nothing: what they put there is there already")
        return Draft(
            texts=tuple(sorted(changed.items())),
            coder="model",
            origin=reply.origin,
            confidence=CONFIDENCE,
        )


def _misfit(why: str) -> Rejection:
    return Rejection(coder="model", draft=None, verdict="does_not_apply", why=why)
