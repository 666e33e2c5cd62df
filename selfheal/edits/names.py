"""Names that no file of a patch may have, as the most forgiving file systems read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final, Literal

NameRule = Literal["strange_name", "absolute", "git_folder", "backslash", "traversal", "submodule"]

# A DOS file system's short name stands for any name that begins so; git itself refuses `git~1`,
# and for its own files the short names that NTFS makes up (is_ntfs_dotgit in git's path.c).
_GIT_FOLDER = re.compile(r"(?:\.git|git~\d+)\Z")
_GIT_FILE = re.compile(
    r"(?:\.git(?P<name>modules|attributes)|git(?P<short>mod|att)~\d|gi(?P<hash>7eb|7d2)\w*~\d)\Z"
)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def git_file(path: str) -> str | None:
    """`modules` or `attributes` when the path is git's own file of that name in any spelling."""
    found = _GIT_FILE.match(_folded(path.rpartition("/")[2]))
    if found is None:
        return None
    named = found["name"] or found["short"] or found["hash"]
    return "modules" if named in ("modules", "mod", "7eb") else "attributes"


def _strange_name(path: str) -> str | None:
    """Control and invisible characters, and bytes that are no UTF-8."""
    strange = [character for character in path if unicodedata.category(character) in _INVISIBLE]
    # An invisible character inside `.git` is an attack with a name of its own, below.
    if not strange or _is_in_git_folder(path):
        return None
    return f"its name holds the character {strange[0]!r}"


def _absolute(path: str) -> str | None:
    return "it is no path below the repository" if _ABSOLUTE.match(path) else None


def _git_folder(path: str) -> str | None:
    return "it leads into git's own folder" if _is_in_git_folder(path) else None


def _backslash(path: str) -> str | None:
    return "a backslash separates folders on other systems" if "\\" in path else None


def _traversal(path: str) -> str | None:
    parts = set(path.split("/"))
    return "it has an empty, `.` or `..` part" if parts & {"", ".", ".."} else None


def _submodule(path: str) -> str | None:
    if git_file(path) == "modules":
        return "a submodule brings code that nobody has seen in the patch"
    return None


# In this order a name with several faults is called by the one that says most.
NAME_RULES: Final[tuple[tuple[NameRule, Callable[[str], str | None]], ...]] = (
    ("strange_name", _strange_name),
    ("absolute", _absolute),
    ("git_folder", _git_folder),
    ("backslash", _backslash),
    ("traversal", _traversal),
    ("submodule", _submodule),
)


def _is_in_git_folder(path: str) -> bool:
    return any(_GIT_FOLDER.match(_folded(part)) for part in re.split(r"[/\\]", path))


def _folded(part: str) -> str:
    """A name as others see it: HFS+ ignores invisible characters, NTFS ignores dots and spaces at
    the end and takes a colon for the start of a stream's name; both ignore letter case."""
    visible = (character for character in part if unicodedata.category(character) not in _INVISIBLE)
    folded = unicodedata.normalize("NFKC", "".join(visible)).casefold()
    return folded.partition(":")[0].rstrip(". ")
