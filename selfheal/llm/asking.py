"""The course of one question: along the chain of providers, call by call, within its deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Final

import structlog

from selfheal.errors import InvalidAnswer, ModelLeftAlone, ModelUnavailable, StoreUnavailable
from selfheal.llm.chain import Choice
from selfheal.llm.dialect import Wanted
from selfheal.llm.ledger import Asked, Ledger
from selfheal.llm.model import Answer
from selfheal.llm.outcomes import Reply
from selfheal.llm.patience import Patience
from selfheal.llm.provider import Provider
from selfheal.store.llm_calls import Admitted

_SPOKEN_IN_VAIN: Final = frozenset({"refusal", "cut", "empty"})

_REASONS: Final = {
    "open": "left alone after failures in a row",
    "paused": "wants to be asked later",
    "full": "has as many calls as it may have at once",
    "rate": "has as much as it may have in a minute",
}


@dataclass(frozen=True, slots=True)
class Gone:
    """A provider that gave no answer, and why; `too_long`: the question is more than it takes.

    `left_alone`: it was not asked, and will not be for so many seconds.
    """

    why: str
    too_long: bool = False
    left_alone: float | None = None


class Asking:
    """One question on its way.

    Each provider of the chain may take an equal share of what time is left, so that a silent one
    leaves the next its turn.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        ledger: Ledger,
        providers: Mapping[str, Provider],
        patience: Patience,
        tries: int,
        check: Callable[[], None],
    ) -> None:
        self._asked = asked
        self._ledger = ledger
        self._providers = providers
        self._patience = patience
        self._tries = tries
        self._check = check
        self._made = 0

    def run(self, chain: Sequence[Choice], *, seconds: float) -> Answer:
        """The first answer of the chain; raises as `Model.ask`."""
        until = self._patience.clock() + seconds
        gone: list[Gone] = []
        for place, choice in enumerate(chain):
            now = self._patience.clock()
            share = (until - now) / (len(chain) - place)
            found = self._ask(choice, until=now + share)
            if isinstance(found, Answer):
                return found
            gone.append(found)
        waits = [one.left_alone for one in gone if one.left_alone is not None]
        if len(waits) == len(chain):
            who = " and ".join(choice.provider for choice in chain)
            raise ModelLeftAlone(who, round(min(waits), 3))
        told = "; ".join(f"{one.provider}: {it.why}" for one, it in zip(chain, gone, strict=True))
        if all(one.too_long for one in gone):
            raise InvalidAnswer("too_long", f"the prompt is longer than the model takes ({told})")
        raise ModelUnavailable(f"no model answered within {seconds:.0f} s: {told}")

    def _ask(self, choice: Choice, *, until: float) -> Answer | Gone:
        """Call one provider until it answers, or there is no use in going on."""
        wanted = self._ledger.wanted(self._asked, choice.model)
        provider = self._providers[choice.provider]
        gone: Gone | None = None
        tries = 0
        while True:
            admitted = self._admitted(wanted, provider.name, until=until)
            if isinstance(admitted, Gone):
                return gone or admitted
            reply, answer, pause = self._call(provider, admitted, wanted, until=until, tries=tries)
            if reply.outcome == "answered":
                return answer
            if reply.outcome in _SPOKEN_IN_VAIN:
                raise InvalidAnswer(reply.outcome, self._ledger.clean(reply.why))
            gone = self._gone(provider, reply)
            if reply.outcome == "not_offered":
                continue  # Said in other words at once; it was no try.
            tries += 1
            if not reply.meaning.again or tries == self._tries or self._left(until) <= pause:
                return gone
            self._patience.wait(pause, check=self._check)

    def _admitted(self, wanted: Wanted, provider: str, *, until: float) -> Admitted | Gone:
        """A call that has begun, or what kept it from that while there was time."""
        gone, looks = Gone("no time was left for it"), count(1)
        while (left := self._left(until)) > 0:
            found = self._ledger.admit(
                self._asked, wanted, provider, number=self._made + 1, seconds=left
            )
            if isinstance(found, Admitted):
                self._made += 1
                return found
            if found.why == "open":
                return Gone(_REASONS[found.why], left_alone=found.seconds)
            gone = Gone(_REASONS[found.why])
            if found.seconds > left:
                return gone
            pause = min(self._patience.before_look(next(looks), found.seconds), left)
            self._patience.wait(pause, check=self._check)
        return gone

    def _call(
        self, provider: Provider, admitted: Admitted, wanted: Wanted, *, until: float, tries: int
    ) -> tuple[Reply, Answer, float]:
        """One call and its settlement: what came, and after what pause another may be made."""
        began = self._patience.clock()
        try:
            reply = provider.complete(wanted, seconds=self._left(until), check=self._check)
        except BaseException:
            # Told to stop, or the task's time is up: the slot is for others at once.
            with suppress(StoreUnavailable):
                self._settle(admitted, Reply(outcome="stopped"), began)
            raise
        pause = self._patience.before_retry(tries + 1, reply.retry_after)
        farm_wide = pause if reply.outcome == "busy" else 0.0
        return reply, self._settle(admitted, reply, began, pause=farm_wide), pause

    def _settle(
        self, admitted: Admitted, reply: Reply, began: float, *, pause: float = 0.0
    ) -> Answer:
        seconds = self._patience.clock() - began
        return self._ledger.settle(admitted, reply, seconds=seconds, pause=pause)

    def _gone(self, provider: Provider, reply: Reply) -> Gone:
        why = self._ledger.clean(f"{reply.outcome} ({reply.why})" if reply.why else reply.outcome)
        structlog.get_logger().info(
            f"A call to a model gave no answer: {why}",
            action="model.no_answer",
            provider=provider.name,
            outcome=reply.outcome,
            question=str(self._asked.id),
        )
        return Gone(why, too_long=reply.outcome == "too_long")

    def _left(self, until: float) -> float:
        return until - self._patience.clock()
