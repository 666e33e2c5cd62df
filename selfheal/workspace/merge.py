"""Merging commits in a given order, by git's object-level merge.

The same commits in the same order give the same sha: a merge is dated by its newest parent, not by
the clock, and its author is a parameter. A fast-forward is taken where one is possible, because
then the commit that was checked is the commit that lands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from selfheal.errors import GitFailed
from selfheal.workspace.git import Git, Identity, Output, checked_sha
from selfheal.workspace.worktree import Worktree, commit_environment, with_trailers

MERGE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Merged:
    """Where the merge ended."""

    sha: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """`commit` does not merge onto `onto`; nothing was changed. `paths` are in conflict."""

    onto: str
    commit: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A commit to merge, and what its merge commit says if one is needed."""

    commit: str
    message: str
    trailers: Mapping[str, str] = field(default_factory=dict)


def merge(tree: Worktree, wanted: Merge, *, onto: str, identity: Identity) -> Merged | Conflict:
    """Merges one commit onto another and makes the worktree hold the result, clean.

    On a conflict the worktree holds `onto`. The `.gitattributes` of `onto` choose between git's
    own merge drivers (`merge=union`); drivers that run a program are never configured.
    """
    tree.reset(checked_sha(onto))
    commit = checked_sha(wanted.commit)
    if _is_ancestor(tree.git, commit, onto):
        return Merged(onto)
    if _is_ancestor(tree.git, onto, commit):
        tree.reset(commit)
        return Merged(commit)
    answer = tree.git.run(
        "merge-tree",
        "--write-tree",
        "--name-only",
        "--no-messages",
        "-z",
        operands=(onto, commit),
        accept=(0, 1),
        seconds=MERGE_SECONDS,
    )
    if answer.code == 1:
        return Conflict(onto, commit, _conflicting(answer))
    sha = _commit_merge(tree.git, answer.records[0], wanted, onto=onto, identity=identity)
    tree.reset(sha)
    return Merged(sha)


def merge_all(
    tree: Worktree, merges: Sequence[Merge], *, onto: str, identity: Identity
) -> Merged | Conflict:
    """Merges several commits one after the other; stops at the first conflict."""
    reached = Merged(checked_sha(onto))
    for wanted in merges:
        outcome = merge(tree, wanted, onto=reached.sha, identity=identity)
        if isinstance(outcome, Conflict):
            return outcome
        reached = outcome
    return reached


def _is_ancestor(git: Git, older: str, newer: str) -> bool:
    answer = git.run("merge-base", "--is-ancestor", operands=(older, newer), accept=(0, 1))
    return answer.code == 0


def _conflicting(answer: Output) -> tuple[str, ...]:
    """The paths after the tree's name; a path stands there once per side of its conflict."""
    paths = tuple(dict.fromkeys(path for path in answer.records[1:] if path))
    if not paths:
        raise GitFailed("git merge-tree", answer.stderr.strip() or "a conflict without paths")
    return paths


def _commit_merge(git: Git, tree: str, wanted: Merge, *, onto: str, identity: Identity) -> str:
    parents = (onto, wanted.commit)
    dates = git.text("log", "--no-walk", "--format=%ct", operands=parents).split()
    when = datetime.fromtimestamp(max(map(int, dates)), UTC)
    message = with_trailers(wanted.message, wanted.trailers)
    return git.commit_tree(
        tree,
        parents=parents,
        message=message,
        environment=commit_environment(identity, identity, when),
    )
