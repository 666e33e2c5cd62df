"""What is written down of questions: their calls, admitted and settled, and what was answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from selfheal.llm.chain import Choice, cost
from selfheal.llm.dialect import Wanted
from selfheal.llm.form import strict_schema
from selfheal.llm.model import Answer, Message, Question, Usage
from selfheal.llm.outcomes import Reply
from selfheal.llm.tokens import TokenRatios, estimated_tokens, tokens_of
from selfheal.settings import LlmSettings
from selfheal.store import llm_calls
from selfheal.store.budgets import Spend
from selfheal.store.database import Database
from selfheal.store.llm_calls import Admitted, Call, End, Limits, NotNow

_GRACE_SECONDS: Final = 5.0
"""A worker has so long after a call's deadline to write its end; then its slot is another's."""

_SPOKEN: Final = frozenset({"answered", "refusal", "cut", "empty"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as it leaves this process: redacted, numbered, on somebody's behalf."""

    id: UUID
    question: Question
    request_id: UUID | None
    attempt_id: UUID | None


class Ledger:
    """The rows of calls to models, in transactions of their own."""

    def __init__(
        self, settings: LlmSettings, database: Database, *, redact: Callable[[str], str]
    ) -> None:
        self._settings = settings
        self._database = database
        self._redact = redact
        self._ratios = TokenRatios(self._token_ratio)
        self._limits = Limits(
            max_concurrent=settings.max_concurrent,
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            circuit_failures=settings.circuit_failures,
            circuit_open_seconds=settings.circuit_open_seconds,
        )

    def clean(self, text: str) -> str:
        """A text that may be sent and stored: without secrets, and of characters that exist."""
        return self._redact(text).encode("utf-8", "replace").decode().replace("\0", "\ufffd")

    def wanted(self, asked: Asked, model: str) -> Wanted:
        """The question to one model, its limits filled in."""
        question, chosen = asked.question, self._settings
        temperature, most = question.temperature, question.max_tokens
        return Wanted(
            purpose=asked.question.purpose,
            model=model,
            messages=question.messages,
            form=question.form,
            temperature=chosen.temperature if temperature is None else temperature,
            max_tokens=chosen.max_tokens if most is None else most,
            dimensions=chosen.embedding_dimensions if question.purpose == "embed" else None,
        )

    def left_alone(self, providers: Sequence[str]) -> dict[str, float]:
        """Seconds until a provider that has failed too often is asked again, for each of those."""
        with self._database.statement() as connection:
            return llm_calls.left_alone(connection, providers, self._limits)

    def admit(
        self, asked: Asked, wanted: Wanted, provider: str, *, number: int, seconds: float
    ) -> Admitted | NotNow:
        """Begin a call of at most `seconds`, or say why not now; raises BudgetSpent."""
        call = self._call(asked, wanted, provider, number=number)
        with self._database.statement() as connection:
            return llm_calls.admit(connection, call, self._limits, seconds=seconds + _GRACE_SECONDS)

    def settle(
        self, admitted: Admitted, reply: Reply, *, seconds: float, pause: float = 0.0
    ) -> Answer:
        """Write down how a call ended; gives what was said, by whom, and what it cost."""
        call = admitted.call
        usage = self._usage(call, reply)
        usd = None if usage is None else cost(self._settings, call.model, usage)
        # Vectors are kept by whoever asked for them: here they would only fill the table.
        stored = "" if call.purpose == "embed" else self.clean(reply.text)
        end = End(
            outcome=reply.outcome,
            circuit=reply.meaning.circuit,
            seconds=seconds,
            tokens=None if usage is None else (usage.prompt_tokens, usage.completion_tokens),
            usd=usd,
            pause=pause,
            detail=self.clean(reply.why),
            answer=stored or None,
            reusable=self._reusable(reply, stored),
        )
        with self._database.statement() as connection:
            llm_calls.settle(connection, admitted, end, self._limits)
        return Answer(
            text=reply.text,
            provider=call.provider,
            model=call.model,
            usage=usage or Usage(),
            usd=usd or 0.0,
            seconds=seconds,
        )

    def answered_before(self, asked: Asked, choice: Choice) -> Answer | None:
        """An earlier answer of this model to an equal question, where the settings allow it.

        Only the first of a chain is looked for: what a fallback once said is second best.
        """
        if self._settings.cache == "off":
            return None
        wanted = self.wanted(asked, choice.model)
        with self._database.statement() as connection:
            text = llm_calls.answered_before(connection, digest_of(wanted))
        if text is None:
            return None
        call = self._call(asked, wanted, choice.provider, number=1)
        with self._database.statement() as connection:
            llm_calls.note_cached(connection, call, text)
        return Answer(text=text, provider=llm_calls.CACHE, model=choice.model)

    def _call(self, asked: Asked, wanted: Wanted, provider: str, *, number: int) -> Call:
        estimate = tokens_of(wanted.messages)
        most = Usage(
            prompt_tokens=self._ratios.corrected(estimate, model=wanted.model),
            completion_tokens=wanted.max_tokens,
        )
        return Call(
            question_id=asked.id,
            number=number,
            request_id=asked.request_id,
            attempt_id=asked.attempt_id,
            purpose=asked.question.purpose,
            prompt=asked.question.prompt,
            provider=provider,
            model=wanted.model,
            digest=digest_of(wanted),
            messages=self._noted(wanted) if number == 1 else (),
            estimated_tokens=estimate,
            reserved=Spend(tokens=most.tokens, usd=cost(self._settings, wanted.model, most)),
        )

    def _noted(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """What stands on the row of the question; chunks that are embedded are in git anyway."""
        if wanted.purpose == "embed":
            return ()
        return [(one.role, one.content) for one in wanted.messages]

    def _usage(self, call: Call, reply: Reply) -> Usage | None:
        """What the call took: as the provider says, else as it looks; None where nobody knows."""
        if reply.usage is not None:
            return reply.usage
        if reply.outcome in _SPOKEN:
            return Usage(
                prompt_tokens=call.estimated_tokens,
                completion_tokens=estimated_tokens(reply.text),
            )
        return Usage() if reply.meaning.free else None

    def _reusable(self, reply: Reply, stored: str) -> bool:
        """An answer that had to be redacted is not what was said."""
        offered = self._settings.cache == "read-write" and reply.outcome == "answered"
        return offered and stored == reply.text

    def _token_ratio(self, model: str) -> float | None:
        with self._database.statement() as connection:
            return llm_calls.token_ratio(connection, model)


def digest_of(wanted: Wanted) -> str:
    """Equal for calls that ask the same model for the same thing in the same way."""
    form = None if wanted.form is None else strict_schema(wanted.form)
    said = [[message.role, message.content] for message in wanted.messages]
    asked = [wanted.model, said, form, wanted.temperature, wanted.max_tokens]
    if wanted.dimensions is not None:
        asked.append(wanted.dimensions)
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def cleaned(question: Question, clean: Callable[[str], str]) -> Question:
    """The question with each of its texts cleaned."""
    turns = (Message(turn.role, clean(turn.content)) for turn in question.messages)
    return replace(question, messages=tuple(turns))
