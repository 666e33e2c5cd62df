"""Whole files: a path, then one fence with everything the file shall hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfheal.edits.fences import Fence, closing_fence
from selfheal.errors import InvalidEdit


@dataclass(frozen=True, slots=True)
class WholeFile:
    """The file shall hold these lines and no others."""

    path: str
    lines: tuple[str, ...]


def read_whole_file(
    lines: Sequence[str], start: int, path: str, *, fence: Fence
) -> tuple[WholeFile, int]:
    """The file whose fence opens at `start`, and the index after it.

    Raises InvalidEdit when the fence stays open: half a file must not replace a whole one.
    """
    end = closing_fence(lines, start + 1, fence)
    if end is None:
        raise InvalidEdit(
            f"{path}: the fence at line {start + 1} of the answer is never closed: the answer "
            "was cut; send the file in full, or search/replace blocks"
        )
    return WholeFile(path, tuple(lines[start + 1 : end])), end + 1
