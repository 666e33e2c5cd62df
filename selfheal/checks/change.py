"""A patch in a work tree, and the way back to what its files were at base for a while."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.judging_files import is_check_configuration, is_test_file
from selfheal.errors import PatchRefused

_NEW_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The files that a patch adds, changes or deletes, relative to `worktree`, where it is applied.

    `base_file` gives the bytes of a file at base, None for one that is not there. A `mechanical`
    patch was computed, so what it does to tests is no more than what it does to everything else.
    """

    worktree: Path
    paths: tuple[str, ...]
    base_file: Callable[[str], bytes | None]
    mechanical: bool = False

    @property
    def judges(self) -> tuple[str, ...]:
        """Changed files whose version at base judges the patch.

        Base's tests would look for a renamed thing by its old name, so a mechanical patch is judged
        by the tests as it has changed them.
        """
        return self.configuration if self.mechanical else (*self.tests, *self.configuration)

    @property
    def python(self) -> tuple[str, ...]:
        """The changed Python files that exist now."""
        return tuple(
            path
            for path in self.paths
            if path.endswith((".py", ".pyi")) and (self.worktree / path).is_file()
        )

    @property
    def configuration(self) -> tuple[str, ...]:
        """Changed files that configure the checks."""
        return tuple(path for path in self.paths if is_check_configuration(path))

    @property
    def tests(self) -> tuple[str, ...]:
        """Changed files of the tests."""
        return tuple(path for path in self.paths if is_test_file(path))

    @property
    def sources(self) -> tuple[str, ...]:
        """Changed files that are neither tests nor configuration of checks."""
        judges = {*self.tests, *self.configuration}
        return tuple(path for path in self.paths if path not in judges)

    def read(self, path: str) -> bytes | None:
        """The file as it is now, None when it is not there."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return _inside(self.worktree, path).read_bytes()
        return None

    @contextmanager
    def at_base(self, *paths: str) -> Iterator[None]:
        """The work tree with these files as they are at base; afterwards they are as before.

        Raises PatchRefused for a path that a link leads out of the work tree.
        """
        with ExitStack() as stack:
            for path in dict.fromkeys(paths):
                file = _inside(self.worktree, path)
                mode = stat.S_IMODE(file.stat().st_mode) if file.is_file() else _NEW_FILE_MODE
                stack.callback(_put, self.worktree, path, self.read(path), mode=mode)
                _put(self.worktree, path, self.base_file(path), mode=mode)
            yield


def _inside(worktree: Path, path: str) -> Path:
    """The path, once it is known that no link leads it, or its folder, out of the work tree."""
    file = worktree / path
    if ".." in Path(path).parts or not file.parent.resolve().is_relative_to(worktree.resolve()):
        raise PatchRefused("path_escape", path, "it leads out of the work tree")
    if file.is_symlink():
        raise PatchRefused("symlink", path, "it is a link where a file was expected")
    return file


def _put(worktree: Path, path: str, content: bytes | None, *, mode: int) -> None:
    # Looked at again each time: tests have run since, and may have put a link in the way.
    file = _inside(worktree, path)
    file.unlink(missing_ok=True)
    if content is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
