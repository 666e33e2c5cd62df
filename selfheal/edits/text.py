"""A file's text as lines, without losing how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and how it ends: LF, CRLF or, for a last line, nothing."""

    content: str
    ending: str


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a file with its byte order mark, if it has one.

    Only LF and CRLF end a line: `str.splitlines` would also split at form feeds and the like.
    """

    lines: tuple[Line, ...]
    bom: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        bom = BOM if text.startswith(BOM) else ""
        *whole, rest = text[len(bom) :].split("\n")
        lines = [_line(part) for part in whole]
        return cls((*lines, Line(rest, "")) if rest else tuple(lines), bom)

    @property
    def contents(self) -> list[str]:
        return [line.content for line in self.lines]

    @property
    def newline(self) -> str:
        """How most lines end; LF where none does."""
        endings = Counter(line.ending for line in self.lines if line.ending)
        return endings.most_common(1)[0][0] if endings else "\n"

    def with_lines(self, lines: Sequence[Line]) -> str:
        """A text of these lines with this text's byte order mark and its kind of last line."""
        newline = self.newline
        whole = [line.content + (line.ending or newline) for line in lines[:-1]]
        for last in lines[-1:]:
            open_end = bool(self.lines) and not self.lines[-1].ending
            whole.append(last.content + ("" if open_end else last.ending or newline))
        return self.bom + "".join(whole)

    def made(self, contents: Sequence[str]) -> list[Line]:
        """New lines that end as most of the text's lines do."""
        newline = self.newline
        return [Line(content, newline) for content in contents]


def _line(part: str) -> Line:
    return Line(part[:-1], "\r\n") if part.endswith("\r") else Line(part, "\n")
