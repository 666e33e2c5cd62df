"""The backend `openai`: the farm's own model, asked through the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from selfheal.contracts.planning_answer import PlanningAnswer
from selfheal.llm.model import Message, Model, Question
from selfheal.planning.backends.backend import Ask, Fault, Reply, wrong


class Endpoint:
    """Asks a Model; its redaction, retries and limits are the gateway's.

    It sees the prompt alone: what it is to know of the code must stand there.
    """

    name = "openai"

    def __init__(self, model: Model, *, seconds: float) -> None:
        self._model = model
        self._seconds = seconds

    def ask(self, ask: Ask) -> Reply:
        """The model's answer; what was wrong before is part of the conversation."""
        ask.check()
        question = Question(
            purpose="evolve",
            messages=tuple(_turns(ask)),
            prompt=ask.prompt.name,
            form=PlanningAnswer,
            deadline_seconds=self._seconds,
        )
        return Reply(text=self._model.ask(question).text)


def _turns(ask: Ask) -> Iterator[Message]:
    yield Message("user", ask.prompt.text)
    for fault in ask.faults:
        yield from _again(fault)


def _again(fault: Fault) -> Iterator[Message]:
    """An answer that never came has no turn to show."""
    if fault.said:
        yield Message("assistant", fault.said)
    yield Message("user", wrong(fault))
