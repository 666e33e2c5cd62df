"""Private keys of several lines: each line of a block goes by itself, so that its shape stays.

A block may stand in a file, a diff, a comment, in pytest's account of a failure, in strings of a
program, or in one line with `\\n` between its parts. A patch may show a part of it only: what
follows the first mark goes as long as it looks like a key, and so does what comes before the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selfheal.redaction.pattern import BEGIN

_LABEL = r"(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?"
_MARK = re.compile(
    rf"-----(?P<end>BEGIN|END) {_LABEL}-----"
    rf"|{BEGIN}Private-Lines: (?P<lines>\d{{1,3}})(?=[\r\n\\]|\Z)"
)

# Of a line, what may stand round its part of a key: a diff's sign, a comment's, quotes.
_OUTER = r"[ \t+\-#*>|\"'(,;)]"
# The end of a line, real or escaped; pytest puts an E before the next one.
_BREAK = r"(?:(?:\\{1,8}r)?\\{1,8}n|\r?\n(?:E {2,12})?)"
_GAP = rf"(?:{_BREAK}|{_OUTER}){{0,80}}+"
_ENDS = rf"{_OUTER}{{0,8}}+(?={_BREAK}|\r?\Z|-----END)"

_FIRST = re.compile(rf"{_OUTER}{{0,8}}+(?={_BREAK})")
_LINE = re.compile(rf"{_GAP}(?P<secret>[A-Za-z0-9+/=]++){_ENDS}")
# `Proc-Type: 4,ENCRYPTED` and the like belong to a block and tell nothing.
_HEADER = re.compile(rf"{_GAP}[A-Z][A-Za-z-]{{2,20}}: [^\n\\]{{1,200}}{_ENDS}")
_SAME_LINE = re.compile(
    r" ?(?P<secret>[A-Za-z0-9+/=]{16,}+(?: [A-Za-z0-9+/=]++)*+)(?= ?-----END|[\"'\s\\]|\Z)"
)
_LAST = re.compile(
    rf"(?:E {{2,12}})?+{_OUTER}{{0,40}}+(?P<secret>[A-Za-z0-9+/=]{{16,}}+)"
    rf"(?:\\{{1,8}}n)?+{_OUTER}{{0,8}}+\r?$",
    re.MULTILINE,
)

_MOST_LINES = 400


def key_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line of a private key, without what stands round it."""
    if "PRIVATE KEY" not in text and "Private-Lines" not in text:
        return
    done = 0
    for mark in _MARK.finditer(text):
        if mark["end"] == "END":
            yield from _before(text, mark.start(), stop=done)
        else:
            for span in _after(text, mark.end(), lines=int(mark["lines"] or _MOST_LINES)):
                yield span
                done = span[1]


def _after(text: str, at: int, *, lines: int) -> Iterator[tuple[int, int]]:
    """The key behind its first mark: on the same line, or on as many below as it may have."""
    if same := _SAME_LINE.match(text, at):
        yield same.span("secret")
        return
    first = _FIRST.match(text, at)
    at = first.end() if first else len(text)
    for _ in range(lines):
        found = _LINE.match(text, at) or _HEADER.match(text, at)
        if not found:
            return
        if found.re is _LINE:
            yield found.span("secret")
        at = found.end()


def _before(text: str, at: int, *, stop: int) -> Iterator[tuple[int, int]]:
    """The end of a key whose first mark is not in the text: the lines that look like one."""
    end = text.rfind("\n", 0, at)
    for _ in range(_MOST_LINES):
        start = text.rfind("\n", 0, max(end, 0)) + 1
        found = _LAST.match(text, start) if end > 0 and start >= stop else None
        if not found:
            return
        yield found.span("secret")
        end = start - 1
