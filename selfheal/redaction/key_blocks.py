"""Private keys of several lines: each line of a block goes by itself, so that its shape stays.

A block may stand in a file, in a diff, in a comment, in a string of a program over several lines,
or in one line with `\\n` between its parts. A patch may show a part of it only: what follows the
first mark goes as long as it looks like a key, and so does what comes before the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LABEL = r"(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?"
_MARK = re.compile(
    rf"-----(?P<end>BEGIN|END) {_LABEL}-----|^[+\- ]?Private-Lines: (?P<lines>\d{{1,3}})(?=\r?$)",
    re.M,
)

# What may stand round a line of a key: a diff's sign, a comment's, quotes, an escaped line end, and
# before it what pytest puts before each line of a failure.
_OUTER = r"[ \t+\-#*>|\"'(,;)]"
_PYTEST = r"(?:E {2,12})?+"
_BREAK = r"(?:\\r)?\\n"
_LINE = re.compile(
    rf"{_PYTEST}{_OUTER}{{0,40}}+(?P<secret>[A-Za-z0-9+/=]++(?:{_BREAK}[A-Za-z0-9+/=]++)*+)"
    rf"(?:{_BREAK})?+{_OUTER}{{0,8}}+\r?(?=\n|\Z|-----END)"
)
# `Proc-Type: 4,ENCRYPTED` and the like, and empty lines, belong to a block and tell nothing.
_HEADER = re.compile(
    rf"{_PYTEST}{_OUTER}{{0,40}}+(?:[A-Z][A-Za-z-]{{2,20}}: [^\n]{{1,200}}|{_BREAK})?+"
    rf"{_OUTER}{{0,8}}+\r?(?=\n|\Z)"
)
_REST_OF_MARK = re.compile(rf"(?:{_BREAK})?+{_OUTER}{{0,8}}+\r?\n")

_MOST_LINES = 400

# `-----BEGIN PRIVATE KEY-----\nMIIE...`, as in JSON and in environments.
_SAME_LINE = re.compile(
    rf"(?:{_BREAK}| )?(?P<secret>[A-Za-z0-9+/=]{{16,}}+(?:(?:{_BREAK}| )[A-Za-z0-9+/=]++)*+)"
    rf"(?=(?:{_BREAK}| )?+(?:-----END|[\"'\s]|\Z))"
)


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
    begun = _REST_OF_MARK.match(text, at)
    if not begun:
        return
    at = begun.end()
    for _ in range(lines):
        found = _LINE.match(text, at) or _HEADER.match(text, at)
        if not found:
            return
        if found.re is _LINE:
            yield found.span("secret")
        at = found.end() + 1
        if at > len(text):
            return


def _before(text: str, at: int, *, stop: int) -> Iterator[tuple[int, int]]:
    """The end of a key whose first mark is not in the text: the lines that look like one."""
    at = text.rfind("\n", 0, at)
    for _ in range(_MOST_LINES):
        start = text.rfind("\n", 0, max(at, 0)) + 1
        found = _LINE.match(text, start) if start >= stop and at > 0 else None
        if not found or len(found["secret"]) < 16:
            return
        yield found.span("secret")
        at = start - 1
