"""What makes two requests the same: their gist, and its digest.

Folders, ids and times differ from run to run and are masked, so that a recording made in one
temporary folder answers in another one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.testing.chat import ChatRequest, Form, Turn

DIGITS: Final = 24
"""Of a digest: enough that no two requests of a recording share one."""

_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"

# In this order: a folder's name may hold an id, and an id may look like a number of seconds.
_MASKS: Final = (
    # An absolute path of two names or more; what follows a word, a colon or a slash is no root.
    # A file keeps its own name: requests about two files are not the same.
    (re.compile(r"(?<![\w.:/>~-])(?:/[\w.@+~-]+)+(?=/[\w.@+~-]+\.\w+\b)"), "<path>"),
    (re.compile(r"(?<![\w.:/>~-])(?:/[\w.@+~-]+){2,}/?"), "<path>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(rf"\b(?:{_DAY}(?:[T ]{_CLOCK})?|{_CLOCK})(?!\w)"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|seconds)\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    (re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b"), "<hex>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """What a request is recognised by: model, normalised turns, the hash of its form's schema."""

    model: str
    turns: tuple[Turn, ...]
    form: str = ""

    @property
    def digest(self) -> str:
        """The same for every request of this gist, in every process."""
        said = [[turn.role, turn.text] for turn in self.turns]
        return _hash([self.model, said, self.form])

    def lines(self) -> Iterator[str]:
        """The gist line by line, for a diff with another one."""
        yield f"model: {self.model}"
        yield f"form: {self.form or 'free text'}"
        for turn in self.turns:
            yield f"[{turn.role}]"
            yield from turn.text.splitlines()


def gist_of(asked: ChatRequest) -> Gist:
    """The gist of a request."""
    return Gist(
        model=asked.model,
        turns=tuple(Turn(turn.role, normalised(turn.text)) for turn in asked.turns),
        form=_hash_of_form(asked.form),
    )


def normalised(text: str) -> str:
    """The text with its folders, ids and times masked, and no spaces at the ends of lines."""
    for regex, mask in _MASKS:
        text = regex.sub(mask, text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _hash_of_form(form: Form | None) -> str:
    return f"{form.name} {_hash(form.schema)}" if form else ""


def _hash(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]
