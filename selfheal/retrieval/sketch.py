"""Where definitions begin and end, by indentation alone.

Localisation looks at every file of a commit. Parsing gives about 100 files a second
(`codegraph.parse`), which no one who waits for an answer can pay; this gives two thousand. What is
guessed wrong here (a definition inside a string) costs a rank, not a wrong edit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["module", "class", "function", "method"]

LONGEST_CHUNK: Final = 80
"""Lines; a longer one is cut at a statement."""

_LONG_STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'', re.DOTALL)
_DEFINITION: Final = re.compile(
    r"^(?:[ \t]*@[^\n]*\n)*([ \t]*)(?:(?:async[ \t]+)?(def)|(?:cdef[ \t]+)?(class))[ \t]+(\w+)",
    re.MULTILINE,
)
_IMPORT: Final = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n;]*(?:\\\n[^\n;]*)*)"
    r"|import[ \t]+([^\n;#]+))",
    re.MULTILINE,
)
_NAME: Final = re.compile(r"[\w.*]+")
_DOCSTRING: Final = re.compile(r'[rRuUbB]*("""|\'\'\'|")\s*([^\n"\']{3,200})')


@dataclass(frozen=True, slots=True)
class Part:
    """A definition, or lines of a module or class between its definitions.

    `qualname` is empty for a module. Lines count from 1, both ends included. A part that goes on
    where a longer one was cut has the same qualname.
    """

    qualname: str
    kind: Kind
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a file defines, in source order, what it imports, and its chunks, which cover it."""

    definitions: tuple[Part, ...]
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    chunks: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    part: Part
    start: int
    is_whole: bool
    """Functions are one chunk with all that is in them; classes are cut up."""


def sketch_of(source: str) -> Sketch:
    """The sketch of Python source."""
    masked = _LONG_STRING.sub(_blanked, source)
    starts = [0, *(match.end() for match in re.finditer(r"\n", source))]
    blocks = list(_blocks(masked, starts))
    return Sketch(
        tuple(block.part for block in blocks),
        tuple(_imports(masked)),
        tuple(_chunks(blocks, masked, starts)),
    )


def windows(source: str) -> Sketch:
    """The sketch of a text whose syntax nobody reads: windows of lines."""
    lines = source.count("\n") + 1
    chunks = [
        Part("", "module", line, min(line + LONGEST_CHUNK - 1, lines))
        for line in range(1, lines + 1, LONGEST_CHUNK)
    ]
    return Sketch((), (), tuple(chunks))


def without_imports(source: str) -> str:
    """The text with its import statements blanked: who imports a name does not define it."""
    return _IMPORT.sub(_emptied, source)


def signature(text: str) -> str:
    """The line that begins a definition, shortened."""
    found = re.search(r"^[ \t]*((?:async[ \t]+)?(?:def|class)[ \t][^\n]*)", text, re.MULTILINE)
    return found[1].strip()[:200] if found else ""


def docstring(text: str) -> str:
    """The first line of the first docstring in a text; empty where there is none."""
    found = _DOCSTRING.search(text)
    return found[2].strip() if found else ""


def _blanked(match: re.Match[str]) -> str:
    """As long, with the same line breaks, and nothing else that says anything."""
    return "\n".join("~" * len(line) for line in match[0].split("\n"))


def _emptied(match: re.Match[str]) -> str:
    return "\n".join(" " * len(line) for line in match[0].split("\n"))


def _blocks(masked: str, starts: list[int]) -> Iterator[_Block]:
    around: list[tuple[int, int, str, Kind]] = []  # indentation, end, qualname, kind
    for match in _DEFINITION.finditer(masked):
        indent, start = len(match[1].expandtabs()), match.start()
        while around and (start >= around[-1][1] or indent <= around[-1][0]):
            around.pop()
        outer = around[-1] if around else None
        end = _end(masked, match.end(), indent)
        qualname = f"{outer[2]}.{match[4]}" if outer else match[4]
        kind: Kind = "class" if match[3] else "function"
        if kind == "function" and outer and outer[3] == "class":
            kind = "method"
        first, last = _line(starts, start), _line(starts, max(start, end - 1))
        inside = any(entry[3] != "class" for entry in around)
        around.append((indent, end, qualname, kind))
        yield _Block(Part(qualname, kind, first, last), start, kind != "class" and not inside)


def _end(masked: str, position: int, indent: int) -> int:
    """Where the block ends: before a line that is indented no more; comments do not end it."""
    found = _dedent(indent).search(masked, position)
    end = found.start() if found else len(masked)
    return len(masked[:end].rstrip()) if end - position < 200 else _rstripped(masked, end)


def _rstripped(text: str, end: int) -> int:
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end


_DEDENTS: dict[int, re.Pattern[str]] = {}


def _dedent(indent: int) -> re.Pattern[str]:
    if indent not in _DEDENTS:
        _DEDENTS[indent] = re.compile(rf"\n[ \t]{{0,{indent}}}(?=[^\s#)\]}}~])")
    return _DEDENTS[indent]


def _line(starts: list[int], position: int) -> int:
    return bisect_right(starts, position)


def _imports(masked: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for module, names, modules in _IMPORT.findall(masked):
        if module:
            yield module, tuple(_imported(names))
        else:
            yield from ((name, ()) for name in _imported(modules))


def _imported(names: str) -> Iterator[str]:
    for name in re.sub(r"#[^\n]*", "", names).replace("\\", " ").strip("() \n").split(","):
        if found := _NAME.match(name.strip()):
            yield found[0]


def _chunks(blocks: list[_Block], masked: str, starts: list[int]) -> Iterator[Part]:
    """Every line belongs to the innermost class, or to the outermost function in it."""
    owners: list[Part | None] = [None] * (len(starts) + 1)
    for block in blocks:
        if block.is_whole or block.part.kind == "class":
            line, end = block.part.line, block.part.end_line
            if block.part.kind == "class" and owners[line] and owners[line].kind != "class":  # type: ignore[union-attr]
                continue
            owners[line : end + 1] = [block.part] * (end - line + 1)
    module = Part("", "module", 1, len(starts))
    begun = 1
    for line in range(2, len(starts) + 2):
        if line == len(starts) + 1 or owners[line] is not owners[begun]:
            owner = owners[begun] or module
            text = masked[starts[begun - 1] : starts[line - 1] if line <= len(starts) else None]
            if text.strip():
                yield from _cut(owner, begun, line - 1, masked, starts)
            begun = line


def _cut(owner: Part, first: int, last: int, masked: str, starts: list[int]) -> Iterator[Part]:
    """The lines as one chunk, or cut where a statement of the least indentation begins."""
    while last - first >= LONGEST_CHUNK:
        cut = _statement(masked, starts, first + LONGEST_CHUNK // 2, first + LONGEST_CHUNK)
        yield Part(owner.qualname, owner.kind, first, cut - 1)
        first = cut
    yield Part(owner.qualname, owner.kind, first, last)


def _statement(masked: str, starts: list[int], low: int, high: int) -> int:
    """Of these lines the last one that is indented least and begins a statement."""
    best = (10_000, 0)
    for line in range(low, min(high, len(starts) - 1) + 1):
        text = masked[starts[line - 1] : starts[line]]
        said = text.strip()
        if said and said[0] not in ")]}#~":
            best = min(best, (len(text) - len(text.lstrip()), -line))
    return -best[1] or high
