"""A clean checkout of one commit, in which one attempt works."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from selfheal.errors import GitFailed, InvalidEdit, InvalidInput, PatchRefused, TimedOut
from selfheal.redaction import Redactor
from selfheal.workspace.git import Git, Identity, checked_sha
from selfheal.workspace.lock import file_lock

CHECKOUT_SECONDS: Final = 300.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_TRAILER = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_SYMLINK, _GITLINK = "120000", "160000"


class Worktree:
    """A detached worktree. git is told its git dir on every call, so nothing that a test run
    leaves in the folder, not even another `.git`, has a say in what git does."""

    def __init__(
        self,
        folder: Path,
        base: str,
        prepare: Callable[[Path], None],
        *,
        redactor: Redactor | None = None,
    ) -> None:
        """Use `Mirror.worktree`; this names a worktree that git has just made."""
        self.folder = folder
        self.base = base
        self._prepare = prepare
        self._pointer = (folder / ".git").read_bytes()
        git_dir = Path(os.fsdecode(self._pointer).removeprefix("gitdir: ").rstrip())
        self.git = Git(git_dir, folder, redactor=redactor)

    @property
    def head(self) -> str:
        """The commit the worktree stands on."""
        return self.git.text("rev-parse", "--verify", "HEAD")

    def reset(self, sha: str | None = None) -> None:
        """Makes the folder hold exactly the commit (the base by default) and what prepares it."""
        wanted = checked_sha(sha or self.base)
        self._restore_pointer()
        try:
            self._checkout(wanted)
        except GitFailed:
            # A test may have taken away the right to delete what it wrote.
            _make_deletable(self.folder)
            self._checkout(wanted)
        self._prepare(self.folder)

    def apply(self, diff: str) -> None:
        """Applies a gated diff to the files and to the index, all of it or nothing.

        Raises InvalidEdit with git's reason when it does not fit, and PatchRefused (with the tree
        reset) when it would write through a symbolic link: that a path is one, no diff shows.
        """
        patch = diff.encode("utf-8", "surrogateescape")
        try:
            self.git.run("apply", "--index", "--check", "-", stdin=patch)
            self.git.run("apply", "--index", "--whitespace=nowarn", "-", stdin=patch)
        except GitFailed as error:
            raise InvalidEdit(f"the diff does not apply: {error.message}") from error
        self._refuse_links()

    def changed(self) -> tuple[str, ...]:
        """Paths that differ from the commit the worktree stands on, untracked files included,
        ignored ones not."""
        listing = self.git.run(
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=all",
        )
        return tuple(record[3:] for record in listing.records)

    def commit(
        self,
        message: str,
        *,
        trailers: Mapping[str, str],
        author: Identity,
        committer: Identity,
        when: datetime,
    ) -> str:
        """Commits what `apply` has put into the index, and that alone; gives the new sha.

        What tests or formatters left in the folder stays out. `when` must know its time zone.
        Raises InvalidEdit when there is nothing to commit.
        """
        parent = self.head
        tree = self.git.text("write-tree")
        if tree == self.git.text("rev-parse", "--verify", f"{parent}^{{tree}}"):
            raise InvalidEdit("there is nothing to commit: apply a diff that changes something")
        sha = self.git.commit_tree(
            tree,
            parents=(parent,),
            message=with_trailers(message, trailers),
            environment=commit_environment(author, committer, when),
        )
        self.git.run("update-ref", "--no-deref", "HEAD", sha, parent)
        return sha

    def verify_untouched(self) -> None:
        """Raises PatchRefused when a run has replaced or rewritten the worktree's `.git`."""
        if not self._pointer_is_whole():
            raise PatchRefused(
                "git_folder",
                ".git",
                "code that ran in the worktree replaced it; the attempt's result is not trusted",
            )

    def _refuse_links(self) -> None:
        raw = self.git.run("diff-index", "--cached", "--no-renames", "-z", "HEAD").records
        for meta, path in zip(raw[::2], raw[1::2], strict=True):
            modes = {meta[1:7], meta[8:14]}
            if linked := modes & {_SYMLINK, _GITLINK}:
                self.reset(self.head)
                rule = "symlink" if _SYMLINK in linked else "gitlink"
                raise PatchRefused(rule, path, "it is a link in the repository, not a file")

    def _pointer_is_whole(self) -> bool:
        pointer = self.folder / ".git"
        if pointer.is_symlink() or not pointer.is_file():
            return False
        return pointer.read_bytes() == self._pointer

    def _restore_pointer(self) -> None:
        if not self._pointer_is_whole():
            _delete(self.folder / ".git")
            (self.folder / ".git").write_bytes(self._pointer)

    def _checkout(self, sha: str) -> None:
        # Detached first: `reset` would move whatever HEAD names.
        self.git.run("update-ref", "--no-deref", "HEAD", sha)
        self.git.run("reset", "--hard", "--quiet", "HEAD", seconds=CHECKOUT_SECONDS)
        self.git.run("clean", "-ffdx", "--quiet", seconds=CHECKOUT_SECONDS)
        self._empty_submodules()

    def _empty_submodules(self) -> None:
        """`clean` does not look into the folder of a submodule, which is never checked out."""
        for record in self.git.run("ls-files", "--stage", "-z").records:
            meta, path = record.split("\t", 1)
            if meta.startswith(_GITLINK):
                _delete(self.folder / path)
                (self.folder / path).mkdir()


@contextmanager
def open_worktree(
    git_dir: Path,
    sha: str,
    *,
    folder: Path,
    name: str,
    prepare: Callable[[Path], None] = lambda _: None,
    redactor: Redactor | None = None,
) -> Iterator[Worktree]:
    """Gives a clean worktree `folder/name` of the commit; removes it on leaving.

    `prepare` is called with the folder whenever it is clean, now and after each reset: what it
    writes is seen by tests and never committed.

    A worktree of this name that a killed worker left is replaced. Raises TimedOut when a living
    process works in it.
    """
    if not _NAME.match(name):
        raise InvalidInput(f"expected letters, digits, dots and dashes as a name, found {name!r}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / name
    with _held(path):
        _remove(git_dir, path)
        try:
            Git(git_dir).run(
                "worktree",
                "add",
                "--detach",
                "--quiet",
                operands=(str(path), sha),
                seconds=CHECKOUT_SECONDS,
            )
            prepare(path)
            yield Worktree(path, sha, prepare, redactor=redactor)
        finally:
            _remove(git_dir, path)


def prune_worktrees(git_dir: Path, folder: Path) -> tuple[Path, ...]:
    """Removes the worktrees in `folder` that no living process holds; gives their paths."""
    removed = []
    for lock in sorted(folder.resolve().glob("*.lock")):
        path = lock.with_suffix("")
        with suppress(TimedOut), _held(path):
            _remove(git_dir, path)
            removed.append(path)
    return tuple(removed)


def commit_environment(author: Identity, committer: Identity, when: datetime) -> dict[str, str]:
    """What tells `commit-tree` who and when; nothing is taken from the machine."""
    if when.tzinfo is None:
        raise InvalidInput("expected a commit time with a time zone, found one without")
    date = f"{int(when.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
        "GIT_COMMITTER_DATE": date,
    }


def with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """The message with `Key: value` lines as its last paragraph."""
    for key, value in trailers.items():
        if not _TRAILER.match(key) or re.search(r"[\r\n\0]", value):
            raise InvalidInput(f"{key!r}: {value!r} cannot be one line of a commit's trailers")
    lines = "".join(f"{key}: {value}\n" for key, value in trailers.items())
    return f"{message.strip()}\n" + (f"\n{lines}" if lines else "")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Holds the lock that says a living process works in this worktree."""
    lock = path.with_name(f"{path.name}.lock")
    with file_lock(lock, seconds=0):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _remove(git_dir: Path, path: Path) -> None:
    """Deletes the worktree and what the repository notes about it, by hand: `worktree remove`
    would read the folder first, which may be half made or in the way of being read."""
    _delete(path)
    for noted in (git_dir / "worktrees").glob("*/gitdir"):
        with suppress(FileNotFoundError):
            if os.fsdecode(noted.read_bytes()).rstrip("\n") == str(path / ".git"):
                shutil.rmtree(noted.parent, ignore_errors=True)


def _delete(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except PermissionError:
        _make_deletable(path)
        shutil.rmtree(path)


def _make_deletable(folder: Path) -> None:
    """Gives the owner all rights on every folder below; links are not followed."""
    folder.chmod(0o700)
    for parent, names, _files in os.walk(folder):
        for name in names:
            below = Path(parent, name)
            if not below.is_symlink():
                below.chmod(0o700)
