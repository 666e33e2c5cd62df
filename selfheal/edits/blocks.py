"""Search/replace blocks: what is there, and what shall be there instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from selfheal.errors import InvalidEdit

_SEARCH = re.compile(r"\s{0,3}<{5,9}\s*SEARCH\s*>?\s*\Z")
_DIVIDER = re.compile(r"\s{0,3}={5,9}\s*\Z")
_REPLACE = re.compile(r"\s{0,3}>{5,9}\s*REPLACE\s*<?\s*\Z")


@dataclass(frozen=True, slots=True)
class Replace:
    """Puts `new` lines where the file has the `old` ones; without `old` lines it creates a file."""

    path: str
    old: tuple[str, ...]
    new: tuple[str, ...]


def opens_block(line: str) -> bool:
    """Whether the line is `<<<<<<< SEARCH`."""
    return bool(_SEARCH.match(line))


def read_block(lines: Sequence[str], start: int, path: str) -> tuple[Replace, int]:
    """The block that opens at `start`, and the index after it; raises InvalidEdit if it is torn."""
    end = _find(_REPLACE, lines, start + 1, path)
    if any(map(opens_block, lines[start + 1 : end])):
        raise InvalidEdit(
            f"{path}: the block at line {start + 1} of the answer has no `>>>>>>> REPLACE` "
            "before the next `<<<<<<< SEARCH`"
        )
    dividers = [index for index in range(start + 1, end) if _DIVIDER.match(lines[index])]
    if len(dividers) != 1:
        raise InvalidEdit(
            f"{path}: the block at line {start + 1} of the answer must have one line `=======`, "
            f"found {len(dividers)}; for a file that has such lines send the whole file"
        )
    old, new = lines[start + 1 : dividers[0]], lines[dividers[0] + 1 : end]
    return Replace(path, tuple(old), tuple(new)), end + 1


def _find(mark: re.Pattern[str], lines: Sequence[str], start: int, path: str) -> int:
    for index in range(start, len(lines)):
        if mark.match(lines[index]):
            return index
    raise InvalidEdit(
        f"{path}: the block at line {start} of the answer has no `>>>>>>> REPLACE`: the answer "
        "was cut, or the line is missing"
    )
