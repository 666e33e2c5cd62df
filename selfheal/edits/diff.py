"""Our own unified diff: what git would write, from two texts.

`difflib` finds what differs; headers, quoted names and the mark of a missing last newline are
git's (diff-generate-patch in git's documentation), so that `git apply` gives the new text exactly.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from selfheal.contracts.commit_result import DiffStat
from selfheal.edits.patch import DEV_NULL, read_patch
from selfheal.errors import InvalidEdit

NO_NEWLINE = "\\ No newline at end of file\n"

_MODE = "100644"
_QUOTED = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPES = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}


def unified_diff(old: Mapping[str, str | None], new: Mapping[str, str | None]) -> str:
    """The diff from the old to the new texts, files in the order of their paths.

    Only the paths in `new` are looked at; None, there or absent from `old`, means no such file.
    Raises InvalidEdit for a text that git would take for binary.
    """
    return "".join(file_diff(path, old.get(path), new[path]) for path in sorted(new))


def file_diff(path: str, old: str | None, new: str | None) -> str:
    """The diff of one file; empty when nothing differs."""
    if old == new:
        return ""
    for text in (old, new):
        if text is not None and "\0" in text:
            raise InvalidEdit(f"{path} holds NUL characters: binary files are not edited")
    return "".join([*_headers(path, old, new), *_hunks(path, old, new)])


def diff_stat(diff: str) -> DiffStat:
    """Counts the files and the changed lines of a git-style diff; an empty one changes nothing."""
    files = read_patch(diff) if diff else ()
    added = sum(len(file.added) for file in files)
    removed = sum(len(file.removed) for file in files)
    return DiffStat(files=len(files), added=added, removed=removed)


def quoted(name: str) -> str:
    """The name as it stands in a header; in quotes, with C escapes, only where it must be."""
    if not _QUOTED.search(name):
        return name
    return f'"{_QUOTED.sub(_escaped, name)}"'


def _headers(path: str, old: str | None, new: str | None) -> Iterator[str]:
    before, after = quoted(f"a/{path}"), quoted(f"b/{path}")
    yield f"diff --git {before} {after}\n"
    if old is None:
        yield f"new file mode {_MODE}\n"
    if new is None:
        yield f"deleted file mode {_MODE}\n"


def _hunks(path: str, old: str | None, new: str | None) -> Iterator[str]:
    lines = difflib.unified_diff(_lines(old), _lines(new))
    # difflib's two headers make way for git's; an empty file has no hunks, so git wants neither.
    if next(lines, None) is None:
        return
    next(lines)
    # The tab ends a name with spaces for `patch`; git and unidiff drop it.
    tab = "\t" if " " in path else ""
    yield "--- " + (DEV_NULL if old is None else quoted(f"a/{path}") + tab) + "\n"
    yield "+++ " + (DEV_NULL if new is None else quoted(f"b/{path}") + tab) + "\n"
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _lines(text: str | None) -> list[str]:
    """Split at LF only: to git nothing else ends a line."""
    *whole, rest = (text or "").split("\n")
    lines = [f"{line}\n" for line in whole]
    return [*lines, rest] if rest else lines


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\':
        return f"\\{character}"
    return "\\" + _ESCAPES.get(character, f"{ord(character):03o}")
