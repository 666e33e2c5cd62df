"""Reading a model's answer as edits; the form is recognised, not announced."""

from __future__ import annotations

from collections.abc import Sequence

from selfheal.edits.blocks import Replace, opens_block, read_block
from selfheal.edits.fences import Fence, closing_fence, opening_fence, path_in_info, path_on
from selfheal.edits.whole_file import WholeFile, read_whole_file
from selfheal.errors import InvalidEdit

Edit = Replace | WholeFile

EXPECTED = """\
expected search/replace blocks, each after a line with the path of its file:

path/to/file.py
<<<<<<< SEARCH
lines as they are in the file
=======
lines that shall be there instead
>>>>>>> REPLACE

or a line with the path and then one fence with the whole file"""


def read_edits(answer: str) -> tuple[Edit, ...]:
    """The edits of an answer, in its order; both forms may be mixed, with prose round them.

    Raises InvalidEdit saying what was expected when there is none, or when one is torn.
    """
    reader = _Reader(answer.replace("\r\n", "\n").split("\n"))
    while not reader.ended:
        reader.step()
    if not reader.edits:
        raise InvalidEdit(f"the answer holds no edit: {EXPECTED}")
    return tuple(reader.edits)


class _Reader:
    """Walks over the lines of an answer. `wrapper` is the open fence that holds blocks, if any:
    without it, the end of one fence could not be told from the beginning of the next."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.at = 0
        self.wrapper: Fence | None = None
        self.edits: list[Edit] = []

    @property
    def ended(self) -> bool:
        return self.at >= len(self.lines)

    def step(self) -> None:
        line = self.lines[self.at]
        if opens_block(line):
            block, self.at = read_block(self.lines, self.at, self._path_of_block())
            self.edits.append(block)
        elif fence := opening_fence(line):
            self._step_fence(fence)
        else:
            self.at += 1

    def _step_fence(self, fence: Fence) -> None:
        if self.wrapper and not fence.info:
            self.wrapper, self.at = None, self.at + 1
        elif self._holds_blocks():
            self.wrapper, self.at = fence, self.at + 1
        elif path := path_in_info(fence.info) or _path_above(self.lines, self.at):
            file, self.at = read_whole_file(self.lines, self.at, path, fence=fence)
            self.edits.append(file)
        else:
            # An example within the prose.
            end = closing_fence(self.lines, self.at + 1, fence)
            self.at = (self.at if end is None else end) + 1

    def _holds_blocks(self) -> bool:
        """Whether the fence is only wrapping: a block opens in its first two lines of text."""
        inside = [line for line in self.lines[self.at + 1 : self.at + 6] if line.strip()]
        return any(map(opens_block, inside[:2]))

    def _path_of_block(self) -> str:
        """From the line above, the fence above, or else the block before: several blocks for one
        file often share one path line."""
        path = _path_above(self.lines, self.at) or self._path_of_wrapper()
        if path is None and self.edits and isinstance(self.edits[-1], Replace):
            path = self.edits[-1].path
        if path is None:
            raise InvalidEdit(
                f"the block at line {self.at + 1} of the answer does not say which file it is "
                f"for: {EXPECTED}"
            )
        return path

    def _path_of_wrapper(self) -> str | None:
        above = _line_above(self.lines, self.at)
        fence = None if above is None else opening_fence(self.lines[above])
        if above is None or fence is None:
            return None
        return path_in_info(fence.info) or _path_above(self.lines, above)


def _path_above(lines: Sequence[str], at: int) -> str | None:
    above = _line_above(lines, at)
    if above is None or opening_fence(lines[above]):
        return None
    return path_on(lines[above])


def _line_above(lines: Sequence[str], at: int) -> int | None:
    """The nearest line above that is not blank."""
    return next((index for index in range(at - 1, -1, -1) if lines[index].strip()), None)
