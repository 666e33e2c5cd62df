"""A user's own checkout: what it is, and its uncommitted work as a commit."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from selfheal.errors import InvalidRepository
from selfheal.workspace.git import Git, Identity
from selfheal.workspace.objects import Objects
from selfheal.workspace.worktree import commit_environment

_NO_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}
_SNAPSHOT_IDENTITY = Identity("selfheal", "selfheal@localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A working copy as it was found.

    `repository` is the folder that holds the objects and branches (of the main checkout where this
    one is a linked worktree): what a mirror is opened on. `branch` is None on a detached HEAD.
    `dirty` are the paths that differ from HEAD or are untracked and not ignored.
    """

    root: Path
    git_dir: Path
    repository: Path
    head: str
    branch: str | None
    dirty: tuple[str, ...]


def inspect_repository(path: Path, *, branch: str | None = None) -> Checkout:
    """What the checkout that contains `path` is.

    With `branch` (which must exist) the answer's `head` and `branch` are that branch's. Raises
    InvalidRepository saying what is wrong and what to do.
    """
    root, git_dir = _discover(path)
    git = _git_for(git_dir, root)
    if git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1)).code:
        raise InvalidRepository(f"{root} has no commit yet: make a first commit, then try again")
    name = branch or git.run("symbolic-ref", "--short", "--quiet", "HEAD", accept=(0, 1)).line
    revision = f"refs/heads/{branch}" if branch else "HEAD"
    found = git.run(
        "rev-parse", "--verify", "--quiet", operands=(f"{revision}^{{commit}}",), accept=(0, 1)
    )
    if found.code:
        known = ", ".join(_branches(git)) or "none"
        raise InvalidRepository(f"{root} has no branch {branch!r}; its branches are {known}")
    common = Path(git.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
    return Checkout(
        root=root,
        git_dir=git_dir,
        repository=common.resolve(),
        head=found.line,
        branch=name or None,
        dirty=_dirty(git),
    )


def find_work_tree(folder: Path) -> Path:
    """The top folder of the checkout that holds `folder`, found by looking: no git is run.

    Raises InvalidRepository where there is no such folder, or no checkout round it.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidRepository(f"{folder} is a file: name a folder of a git repository")
    return _discover(folder)[0]


def commit_at(path: Path, revision: str = "HEAD") -> tuple[Objects, str]:
    """The objects of the repository that `path` is in, bare or not, and the sha of a commit of it.

    Raises InvalidRepository where there is no such repository or commit.
    """
    start = path.resolve()
    git_dir = start if is_git_dir(start) else _discover(start)[1]
    git = Git(git_dir)
    unknown = f"{path} has no commit {revision!r}: name a branch, a tag or a sha"
    if revision.startswith("-"):  # git would take it for an option
        raise InvalidRepository(unknown)
    found = git.run(
        "rev-parse",
        "--verify",
        "--quiet",
        operands=(f"{revision}^{{commit}}",),
        accept=(0, 1, 128),
    )
    if found.code:
        raise InvalidRepository(unknown)
    return Objects(git), found.line


def work_tree_of(path: Path) -> Path | None:
    """The top folder of the checkout that holds `path`; None for a bare repository, or none."""
    start = path.resolve()
    if is_git_dir(start):
        return None
    return next((f for f in (start, *start.parents) if _git_dir_of(f) is not None), None)


def snapshot_dirty(checkout: Checkout) -> str:
    """A commit on top of HEAD of the checkout's files as they are, untracked ones included.

    HEAD, index and files stay as they are: the tree is built in an index of its own. The commit is
    reachable from no ref: fetch it into a mirror by its sha. Raises GitFailed when a file vanishes
    meanwhile.
    """
    git = _git_for(checkout.git_dir, checkout.root)
    with tempfile.TemporaryDirectory(prefix="selfheal-index-") as folder:
        index = Path(folder, "index")
        real = checkout.git_dir / "index"
        if real.exists():
            shutil.copyfile(real, index)
        environment = {"GIT_INDEX_FILE": str(index)}
        git.run(
            "update-index",
            "--add",
            "--remove",
            "-z",
            "--stdin",
            stdin="".join(f"{path}\0" for path in _dirty(git)).encode("utf-8", "surrogateescape"),
            environment=environment,
        )
        tree = git.run("write-tree", environment=environment).line
    head = git.text("rev-parse", "HEAD")
    when = datetime.fromtimestamp(int(git.text("log", "-1", "--format=%ct", head)), UTC)
    answer = git.run(
        "commit-tree",
        "-p",
        head,
        "-m",
        "uncommitted work, as selfheal found it",
        tree,
        environment=commit_environment(_SNAPSHOT_IDENTITY, _SNAPSHOT_IDENTITY, when),
    )
    return answer.line


def _discover(path: Path) -> tuple[Path, Path]:
    """The top folder and the git dir, found by looking: git's own search would refuse a folder
    that belongs to another user before it could be asked anything."""
    start = path.resolve()
    if not start.exists():
        raise InvalidRepository(f"{path} does not exist: name the folder of a git repository")
    for folder in (start, *start.parents):
        if (git_dir := _git_dir_of(folder)) is not None:
            return folder, git_dir
        if is_git_dir(folder):
            raise InvalidRepository(
                f"{folder} is a bare repository or the inside of one: name a checkout of it"
            )
    raise InvalidRepository(f"{path} is not inside a git repository: run `git init` and commit")


def _git_dir_of(folder: Path) -> Path | None:
    entry = folder / ".git"
    if entry.is_file():
        pointer = re.match(r"gitdir: (.+)", entry.read_text("utf-8", "surrogateescape"))
        if pointer is None or not is_git_dir(found := (folder / pointer[1]).resolve()):
            raise InvalidRepository(
                f"{entry} does not point at a git repository: if the checkout was moved, run "
                "`git worktree repair`"
            )
        return found
    return entry if is_git_dir(entry) else None


def is_git_dir(folder: Path) -> bool:
    """Whether a folder is a bare repository or the inside of one.

    By its parts; a linked worktree's keeps its objects elsewhere and says so in `commondir`.
    """
    shared = (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return (folder / "HEAD").exists() and (shared or (folder / "commondir").is_file())


def _git_for(git_dir: Path, root: Path) -> Git:
    """git for a repository whose configuration we did not write: it may name filter programs,
    which `status` and `update-index` would run."""
    plain = Git(git_dir, root)
    answer = plain.run(
        "config", "--null", "--name-only", "--get-regexp", r"^filter\.", accept=(0, 1)
    )
    names = {name.removeprefix("filter.").rpartition(".")[0] for name in answer.records}
    disarmed = {
        f"filter.{name}.{setting}": value for name in names for setting, value in _NO_FILTER.items()
    }
    return Git(git_dir, root, config=disarmed)


def _branches(git: Git) -> list[str]:
    return git.text("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/").splitlines()


def _dirty(git: Git) -> tuple[str, ...]:
    """Changed and untracked files; a nested repository is listed by git with a slash, and is none
    of ours."""
    listing = git.run(
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=all",
    )
    paths = (record[3:] for record in listing.records)
    return tuple(path for path in paths if not path.endswith("/"))
