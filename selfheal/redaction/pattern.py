"""The form of a pattern."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BEGIN: Final = r"(?:\b|(?<=\\[nrt]))"
"""Where a word begins, also behind the `\\n` of a text that is shown as Python or JSON would."""


class Pattern(NamedTuple):
    """`regex` finds a secret of this `kind`; its group `secret` is what has to go.

    A text without any of the `hints`, in lower case, holds none and is not searched for it.
    """

    kind: str
    hints: tuple[str, ...]
    regex: re.Pattern[str]


def pattern(kind: str, hints: str, body: str) -> Pattern:
    """A pattern that looks at one line at a time; `hints` are separated by spaces.

    A `\\b` at the start of `body` is meant as BEGIN. Every repetition in it is bounded, or cannot
    match what follows: a hostile text costs no more than its length.
    """
    begun = BEGIN + body.removeprefix(r"\b") if body.startswith(r"\b") else body
    return Pattern(kind, tuple(hints.split()), re.compile(begun, re.ASCII | re.MULTILINE))
