"""The files of a folder on disk, as they are: for what is under no version control."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from selfheal.errors import InvalidInput

MOST_FILES: Final = 200_000
MOST_BYTES: Final = 256 << 20

# Control characters, line breaks, and bytes that are no UTF-8. Not `isprintable`, which goes by the
# Unicode that a Python brings: the same commit would have other files on another one.
_UNSHOWABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_SOURCE: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
_ENVIRONMENT: Final = "pyvenv.cfg"


def read_folder(
    root: Path, is_wanted: Callable[[str], bool], *, max_bytes: int
) -> dict[str, bytes]:
    """The wanted regular files by path relative to `root`; of a larger one only `max_bytes`.

    Links are not followed; hidden folders, installed packages and virtual environments are left
    out. Raises InvalidInput for a folder that holds too much to be held in memory.
    """
    found: dict[str, bytes] = {}
    total = 0
    for path in _paths(root, is_wanted):
        content = read_regular(path, max_bytes=max_bytes)
        if content is not None:
            found[path.relative_to(root).as_posix()] = content
            total += len(content)
        if total > MOST_BYTES:
            raise InvalidInput(f"{root} holds more than {MOST_BYTES} bytes: name a folder in it")
    return found


def read_regular(path: Path, *, max_bytes: int) -> bytes | None:
    """At most `max_bytes` of a regular file; None for a link, a pipe or what is not there."""
    if not path.is_file():
        return None
    try:
        with open(path, "rb", opener=_without_links) as file:
            return file.read(max_bytes)
    except OSError:
        return None


def is_showable(name: str) -> bool:
    """Whether a name can be told on one line: one that cannot could be told in no answer."""
    return not _UNSHOWABLE.search(name)


def _paths(root: Path, is_wanted: Callable[[str], bool]) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_source(Path(folder, name)))
        count += len(files)
        if count > MOST_FILES:
            raise InvalidInput(f"{root} holds more than {MOST_FILES} files: name a folder in it")
        yield from (Path(folder, n) for n in sorted(files) if is_showable(n) and is_wanted(n))


def _is_source(folder: Path) -> bool:
    is_hidden = folder.name.startswith(".") or folder.name in _NOT_SOURCE
    return is_showable(folder.name) and not is_hidden and not (folder / _ENVIRONMENT).exists()


def _without_links(path: str, flags: int) -> int:
    # Non-blocking, so that what has become a pipe holds nobody up; a regular file does not care.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
