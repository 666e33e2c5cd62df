"""The sources behind a path that a user names: a file, a folder, a checkout, a bare repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from selfheal.codegraph.source import MAX_SOURCE_BYTES, LoadedTree, is_python
from selfheal.errors import InvalidInput
from selfheal.index.snapshot import Snapshot
from selfheal.workspace.folder import MOST_BYTES, read_folder, read_regular
from selfheal.workspace.repository import commit_at, is_git_dir, work_tree_of

# What is held of a file that is too large to be parsed: enough to be told so, once for all of them.
_TOO_LARGE: Final = bytes(MAX_SOURCE_BYTES + 1)
_DOTTED: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def open_sources(path: Path, rev: str | None = None, *, package: str = "") -> LoadedTree:
    """The Python files at `path`: of a commit with `rev` or in a bare repository, else from disk.

    With `package` the folder is the body of that package, so every path begins with it. Raises
    InvalidInput for a path that is none of these, InvalidRepository for an unknown `rev`.
    """
    if package and not _DOTTED.fullmatch(package):
        raise InvalidInput(f"{package!r} is no dotted name of a package, such as shop.orders")
    if not path.exists():
        raise InvalidInput(f"{path} does not exist: name a file, a folder or a git repository")
    is_at_commit = rev is not None or is_git_dir(path)
    files = _at_commit(path, rev or "HEAD") if is_at_commit else _on_disk(path)
    prefix = package.replace(".", "/") + "/" if package else ""
    return LoadedTree({f"{prefix}{name}": content for name, content in files.items()})


def _on_disk(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return read_folder(path.resolve(), is_python, max_bytes=MAX_SOURCE_BYTES + 1)
    content = read_regular(path.resolve(), max_bytes=MAX_SOURCE_BYTES + 1)
    if content is None:
        raise InvalidInput(f"{path} is neither a folder nor a file that can be read")
    return {path.name: content}


def _at_commit(path: Path, rev: str) -> dict[str, bytes]:
    objects, sha = commit_at(path if path.is_dir() else path.parent, rev)
    files = _python_files(Snapshot.at(objects, sha))
    root = work_tree_of(path)
    below = path.resolve().relative_to(root).as_posix() if root is not None else "."
    if below == ".":
        return files
    if below in files:
        return {path.name: files[below]}
    return {n.removeprefix(f"{below}/"): c for n, c in files.items() if n.startswith(f"{below}/")}


def _python_files(snapshot: Snapshot) -> dict[str, bytes]:
    wanted = [path for path in snapshot.paths() if is_python(path)]
    small = [path for path in wanted if snapshot.size(path) <= MAX_SOURCE_BYTES]
    if sum(map(snapshot.size, small)) > MOST_BYTES:
        raise InvalidInput(f"the commit holds more than {MOST_BYTES} bytes of Python sources")
    return dict.fromkeys(wanted, _TOO_LARGE) | dict(snapshot.read_many(small))
