"""A recording: one line of JSON per request, with its digest, its gist and what was said.

Lines come from a real endpoint (`captured`) or from somebody's hand, who may leave the digest out.
"""

from __future__ import annotations

import difflib
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from selfheal.contracts.document import Value
from selfheal.errors import InvalidInput
from selfheal.testing.chat import ChatRequest, Said, Turn
from selfheal.testing.digest import Gist, gist_of
from selfheal.testing.source import Reply

_SHOWN_LINES: Final = 40


class Recorded(Value):
    """One answer and the request it answers. `form` is the hash of the schema asked for."""

    digest: str = ""
    model: str
    turns: tuple[tuple[str, str], ...]
    form: str = ""
    said: Said
    source: Literal["captured", "hand-written"] = "hand-written"

    @property
    def gist(self) -> Gist:
        """The gist of the request; its turns are normalised already."""
        turns = tuple(Turn(role, text) for role, text in self.turns)
        return Gist(model=self.model, turns=turns, form=self.form)

    @property
    def key(self) -> str:
        """The digest, computed where it is left out."""
        return self.digest or self.gist.digest


def read_recording(path: Path) -> tuple[Recorded, ...]:
    """What the file holds; raises InvalidInput naming the line that is wrong."""
    try:
        return tuple(_recorded(path))
    except OSError as error:
        raise InvalidInput(f"the recording cannot be read: {error}") from error


class RecordedAnswers:
    """A recording as it is played: by digest, in the order it was made.

    Of several answers to the same request the last one is given again when all were.
    """

    def __init__(self, recording: tuple[Recorded, ...]) -> None:
        self._answers: dict[str, list[Recorded]] = defaultdict(list)
        for one in recording:
            self._answers[one.key].append(one)
        self._used: Counter[str] = Counter()
        self._counting = threading.Lock()

    def take(self, asked: ChatRequest) -> Reply | None:
        """The next answer that was recorded for exactly this request."""
        digest = gist_of(asked).digest
        answers = self._answers.get(digest)
        if not answers:
            return None
        with self._counting:
            next_one = answers[min(self._used[digest], len(answers) - 1)]
            self._used[digest] += 1
        return Reply(origin=f"recording {digest} ({next_one.source})", said=next_one.said)

    def nearest(self, asked: ChatRequest) -> str | None:
        """The most similar request of the recording, as a diff that leads to this one."""
        if not self._answers:
            return None
        wanted = tuple(gist_of(asked).lines())
        digest = max(self._answers, key=lambda digest: _likeness(self._lines(digest), wanted))
        diff = difflib.unified_diff(
            self._lines(digest), wanted, "recorded", "asked", n=1, lineterm=""
        )
        return f"nearest recording {digest}:\n" + "\n".join(islice(diff, _SHOWN_LINES))

    def unused(self) -> tuple[str, ...]:
        """Answers that nobody has asked for."""
        return tuple(
            f"recording {digest} was used {self._used[digest]} of {len(answers)} times"
            for digest, answers in self._answers.items()
            if self._used[digest] < len(answers)
        )

    def _lines(self, digest: str) -> tuple[str, ...]:
        return tuple(self._answers[digest][0].gist.lines())


def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _recorded(path: Path) -> Iterator[Recorded]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield Recorded.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "line"
            raise InvalidInput(f"{path}:{number}: {where}: {first['msg']}") from error
