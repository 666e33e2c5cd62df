"""Code fences and the path lines above them, as models write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"\s{0,3}(?P<marks>`{3,}|~{3,})\s*(?P<info>[^`]*)\Z")

# What is written round a path: heading and list marks, emphasis, quotes, "File:", a last colon.
_DECORATED = re.compile(
    r"\s*(?:#{1,6}\s+|[-*>]\s+|\d+[.)]\s+)?(?:\*\*|__)?(?:(?:file|path|filename)\s*:\s*)?"
    r"(?P<quote>[`*_\"']*)(?P<path>[^`*\"']+?)[`*_\"']*\s*:?\s*(?:\*\*|__)?:?\s*\Z",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?!\.+\Z)[^\s`*\"'<>|]*[^\s`*\"'<>|.,;!?]\Z")
_KNOWN_NAMES = frozenset({"Makefile", "Dockerfile", "Procfile", "LICENSE", "README", "Pipfile"})


@dataclass(frozen=True, slots=True)
class Fence:
    """An opening fence: its marks and what stands behind them."""

    marks: str
    info: str


def opening_fence(line: str) -> Fence | None:
    """The fence this line opens, or could close; None for any other line."""
    found = _FENCE.match(line)
    return Fence(found["marks"], found["info"].strip()) if found else None


def closing_fence(lines: Sequence[str], start: int, fence: Fence) -> int | None:
    """The index of the line that closes a fence opened before `start`; None if it stays open.

    A fence with a language inside (a README with examples) is taken for a nested one.
    """
    depth = 1
    for index in range(start, len(lines)):
        inner = opening_fence(lines[index])
        if inner is None or not inner.marks.startswith(fence.marks):
            continue
        depth += 1 if inner.info else -1
        if depth == 0:
            return index
    return None


def path_on(line: str) -> str | None:
    """The path this line consists of, without what decorates it; None for prose.

    A lone word is a path when it has a dot or a slash, stands in backticks or is a known name.
    """
    found = _DECORATED.match(line)
    if found is None:
        return None
    path, quoted = found["path"].strip(), "`" in found["quote"]
    if not (quoted or _PATH.match(path)) or "\t" in path:
        return None
    named = "." in path or "/" in path or path in _KNOWN_NAMES
    return path.removeprefix("./") if named or quoted else None


def path_in_info(info: str) -> str | None:
    """The path behind a fence's marks: `python app.py`, `python:app.py`, `app.py`."""
    last = re.split(r"[\s:=]", info)[-1].strip("\"'{}")
    return path_on(last) if "." in last or "/" in last else None
