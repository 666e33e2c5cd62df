"""What a model is told of a CodingTask: the task, and context packed into a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from selfheal.coding.draft import Rejection
from selfheal.contracts.bundle import CodingTask
from selfheal.edits.recognise import EXPECTED
from selfheal.llm.model import Message
from selfheal.llm.packing import Piece, pack
from selfheal.llm.prompt import Prompt, load_prompt
from selfheal.llm.untrusted import untrusted

_SHOWN_TESTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A CodingTask with pieces of context; `wish` is what the ChangeRequest says in words."""

    task: CodingTask
    wish: str
    constraints: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    context_tokens: int = 12_000

    @property
    def prompt(self) -> Prompt:
        """The prompt file that this is told with."""
        return load_prompt("draft")

    def messages(self, rejected: Sequence[Rejection]) -> tuple[Message, ...]:
        """The opening of the conversation. Drafts that other coders tried are told as failures."""
        tried = [_failure(one) for one in rejected if one.coder != "model"]
        packed = pack((*self.pieces, *tried), tokens=self.context_tokens)
        asked = load_prompt("draft_task").render(
            goal=untrusted(self.task.goal, "goal"),
            kind=self.task.kind,
            wish=untrusted(self.wish, "request"),
            paths="\n".join(self.task.paths),
            criteria=untrusted(
                _lines((*self.task.acceptance_criteria, *self.constraints)), "criteria"
            ),
            tests=_lines(self.task.failing_tests[:_SHOWN_TESTS]),
            context="\n\n".join(f"{piece.title}:\n{_shown(piece)}" for piece in packed),
        )
        return (
            Message("system", self.prompt.render(edits=EXPECTED)),
            Message("user", asked),
        )

    def turns(self, answers: Sequence[str], rejected: Sequence[Rejection]) -> tuple[Message, ...]:
        """What was answered so far, each with why it was not accepted."""
        own = [one for one in rejected if one.coder == "model"]
        pairs = zip(answers, own, strict=False)
        return tuple(chain.from_iterable(_turn(answer, one) for answer, one in pairs))


def _turn(answer: str, rejection: Rejection) -> tuple[Message, ...]:
    """An answer that never came has no turn of its own."""
    said = (Message("assistant", answer),) if answer else ()
    (why,) = pack([Piece(title="", text=rejection.why, needed=True)], tokens=2_000)
    asked = load_prompt("draft_again").render(
        verdict=rejection.verdict, why=untrusted(why.text, "why it was not accepted")
    )
    return (*said, Message("user", asked))


def _failure(rejection: Rejection) -> Piece:
    draft = rejection.draft
    what = draft.origin if draft else "a draft"
    return Piece(
        title=f"Tried before and not accepted ({what}, {rejection.verdict})",
        text=rejection.why,
        needed=True,
    )


def _shown(piece: Piece) -> str:
    return untrusted(piece.text, piece.title)


def _lines(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts) or "(none)"
