"""The form of a pattern."""

from __future__ import annotations

import re
from typing import NamedTuple


class Pattern(NamedTuple):
    """`regex` finds a secret of this `kind`; its group `secret` is what has to go.

    A text without any of the `hints`, in lower case, holds none and is not searched for it.
    """

    kind: str
    hints: tuple[str, ...]
    regex: re.Pattern[str]


def pattern(kind: str, hints: str, body: str) -> Pattern:
    """A pattern that looks at one line at a time; `hints` are separated by spaces.

    Every repetition in `body` is bounded, or cannot match what follows it: a hostile text costs no
    more than its length.
    """
    return Pattern(kind, tuple(hints.split()), re.compile(body, re.ASCII | re.MULTILINE))
