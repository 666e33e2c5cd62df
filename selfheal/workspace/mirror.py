"""One bare copy of each repository per host, fetched incrementally and shared by all workers."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from selfheal.errors import InvalidRepository, TimedOut
from selfheal.redaction import Redactor
from selfheal.workspace.git import (
    NETWORK_SECONDS,
    Credential,
    Git,
    checked_sha,
    is_sha,
)
from selfheal.workspace.lock import file_lock
from selfheal.workspace.objects import Objects
from selfheal.workspace.worktree import Worktree, open_worktree

PACK_SECONDS: Final = 600.0

FETCHED: Final = ("+refs/heads/*:refs/heads/*", "+refs/selfheal/*:refs/selfheal/*")

_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9_.-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!//)[^-\s:][^\s]*\Z")
# What git's revision syntax gives a meaning (`~`, `^`, `:`, `@{`) can be in no branch name.
_BRANCH = re.compile(r"(?!.*@\{)[^\x00-\x20~^:?*\[\\\x7f]+\Z")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,64}\Z")

_SHOWN_BRANCHES = 10

# Where git itself would pack (gc.auto, gc.autoPackLimit), were that not switched off.
_MANY_OBJECTS = 6700
_MANY_PACKS = 50


class Mirror(Objects):
    """A bare mirror of the branches and of `refs/selfheal/` of one repository."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        credential: Credential | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """Use `Mirror.open`; this names a mirror that exists."""
        super().__init__(Git(folder, credential=credential, redactor=redactor))
        self.folder = folder
        self.url = url
        self._lock = folder.with_suffix(".lock")

    @classmethod
    def open(
        cls,
        folder: Path,
        url: str,
        *,
        credential: Credential | None = None,
        redactor: Redactor | None = None,
    ) -> Self:
        """The mirror of this repository under `folder`, created empty where there is none.

        `url` is an absolute path, `file://`, `https://`, `ssh://` or `user@host:path`, without a
        password: that is what `credential` is for. `redactor` keeps secrets out of commit messages
        and of what git says. Raises InvalidRepository for any other.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = mirror_folder(folder, url)
        mirror = cls(place, url, credential=credential, redactor=redactor)
        with file_lock(mirror._lock, seconds=NETWORK_SECONDS):
            if not mirror.folder.exists():
                _create(mirror.folder)
        return mirror

    def fetch(self, shas: Sequence[str] = (), *, seconds: float = NETWORK_SECONDS) -> None:
        """Brings the mirror up to date with its repository, and further commits by their sha.

        One fetch at a time per mirror; `seconds` bounds the wait for the lock and the fetch
        itself, each. Raises TimedOut, or GitFailed when the repository does not answer.
        """
        with self.exclusive(seconds=seconds) as lock:
            self.git.run(
                "fetch",
                "--prune",
                "--no-tags",
                "--no-write-fetch-head",
                "--quiet",
                *self.transport("upload-pack"),
                "--end-of-options",
                operands=(self.url, *FETCHED, *map(checked_sha, shas)),
                seconds=seconds,
                # Should this process be killed, git goes on (until its time limit) and keeps the
                # lock, so that nobody takes its lock files for stale ones.
                keep_open=(lock,),
            )

    def resolve(self, revision: str) -> str:
        """The full sha of a branch or of a commit given by its (shortened) sha.

        Raises InvalidRepository, which names the branches there are.
        """
        for name in _spellings(revision):
            answer = self.git.run(
                "rev-parse",
                "--verify",
                "--quiet",
                operands=(f"{name}^{{commit}}",),
                accept=(0, 1, 128),
            )
            if answer.code == 0:
                return answer.line
        raise InvalidRepository(
            f"{self.url} has no branch or commit {revision!r}; {_known(self.branches())}"
        )

    def branches(self) -> tuple[str, ...]:
        """The names of the branches, as of the last fetch."""
        listing = self.git.text("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/")
        return tuple(listing.splitlines())

    def transport(self, program: str) -> tuple[str, ...]:
        """Options that say how the other side of a local repository is run.

        git starts it in the repository itself, where hooks, `receive.*` and the ownership check of
        that repository would apply; over the network they are the server's own business.
        """
        path = _local_path(self.url)
        if path is None:
            return ()
        settings = (
            f"safe.directory={path}",
            f"safe.directory={path}/.git",
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.alternateRefsCommand=true",
            "uploadpack.allowAnySHA1InWant=true",
            "receive.denyCurrentBranch=refuse",
            "receive.autogc=false",
        )
        words = ["git", *(word for setting in settings for word in ("-c", setting)), program]
        return (f"--{program}={shlex.join(words)}",)

    def worktree(
        self,
        sha: str,
        *,
        folder: Path,
        name: str,
        prepare: Callable[[Path], None] = lambda _: None,
    ) -> AbstractContextManager[Worktree]:
        """A clean detached worktree `folder/name` of the commit, removed on leaving the context.

        `prepare` is called with the folder whenever it is clean: what it writes is never committed.
        """
        return open_worktree(
            self.git.git_dir,
            checked_sha(sha),
            folder=folder,
            name=name,
            prepare=prepare,
            redactor=self.git.redactor,
        )

    def pack(self) -> bool:
        """Forgets worktrees that are gone and packs loose objects where there are many of them.

        Gives whether it packed. Objects that no ref names are kept for two weeks, git's default:
        an attempt's commit has none for a moment. Raises TimedOut when the mirror is busy.
        """
        with self.exclusive(seconds=0) as lock:
            # One that is just being added is locked, and stays.
            self.git.run("worktree", "prune", "--expire=now")
            if not self._is_scattered():
                return False
            self.git.run("gc", "--quiet", seconds=PACK_SECONDS, keep_open=(lock,))
            return True

    @contextmanager
    def exclusive(self, *, seconds: float = NETWORK_SECONDS) -> Iterator[int]:
        """Holds the mirror's lock (gives its descriptor) and clears what a killed git left.

        A mirror that was dropped since it was opened is there again, empty.
        """
        with file_lock(self._lock, seconds=seconds) as descriptor:
            if not self.folder.exists():
                _create(self.folder)
            _clear_stale(self.folder)
            yield descriptor

    def _is_scattered(self) -> bool:
        counted = dict(
            line.split(": ", 1) for line in self.git.text("count-objects", "-v").splitlines()
        )
        return int(counted["count"]) > _MANY_OBJECTS or int(counted["packs"]) > _MANY_PACKS


def mirror_folder(folder: Path, url: str) -> Path:
    """Where under `folder` the mirror of this repository is, or would be.

    Raises InvalidRepository for what no mirror can be made of.
    """
    name = hashlib.sha256(checked_url(url).encode()).hexdigest()[:20]
    return folder.resolve() / f"{name}.git"


def drop_mirror(folder: Path) -> bool:
    """Deletes a mirror that nobody works with; gives whether it did.

    Whoever has just opened it fetches it anew.
    """
    with suppress(TimedOut), file_lock(folder.with_suffix(".lock"), seconds=0):
        if not any((folder / "worktrees").glob("*")):
            shutil.rmtree(folder)
            return True
    return False


def checked_url(url: str) -> str:
    """The URL itself; raises InvalidRepository unless git may be given it."""
    if url.startswith("/") and "\n" not in url and "\0" not in url:
        return url
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError as error:
        raise InvalidRepository(f"{url!r} cannot be read as a URL: {error}") from error
    if password is not None:
        raise InvalidRepository(
            f"the URL of {parts.hostname} holds a password: give it as a credential instead"
        )
    if re.search(r"[\s\0]", url) or not (_is_remote(url) or url.startswith("file:///")):
        raise InvalidRepository(
            f"expected an absolute path or a file, https or ssh URL, found {url!r}"
        )
    return url


def _is_remote(url: str) -> bool:
    return bool(re.match(r"(?:https|ssh)://[^-/]", url) or _SCP_LIKE.match(url))


def _local_path(url: str) -> Path | None:
    path = url.removeprefix("file://")
    return Path(path).resolve() if path.startswith("/") else None


def _create(folder: Path) -> None:
    """Under a name of its own first: a killed creation leaves no half mirror behind."""
    for leftover in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    Git(fresh).run("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
    fresh.rename(folder)


def _clear_stale(folder: Path) -> None:
    """Removes lock files and unfinished packs; only the holder of the mirror's lock may.

    Worktrees keep locks of their own under `worktrees/`, which are left alone.
    """
    stale = [*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")]
    packs = folder / "objects" / "pack"
    stale += [*packs.glob("tmp_*"), *packs.glob(".tmp-*"), *packs.glob("*.lock")]
    for path in stale:
        with suppress(FileNotFoundError):
            path.unlink()
    for path in (folder / "objects").glob("tmp_objdir-*"):
        shutil.rmtree(path, ignore_errors=True)


def _spellings(revision: str) -> list[str]:
    """What the text may mean to git; a branch wins over a shortened sha of the same letters."""
    branch = [f"refs/heads/{revision}"] if _BRANCH.match(revision) and not is_sha(revision) else []
    return [*branch, revision] if _SHORT_SHA.match(revision) else branch


def _known(branches: Sequence[str]) -> str:
    if not branches:
        return "it has no branches at all: push a first commit"
    more = len(branches) - _SHOWN_BRANCHES
    shown = ", ".join(branches[:_SHOWN_BRANCHES])
    return f"its branches are {shown}" + (f" and {more} more" if more > 0 else "")
