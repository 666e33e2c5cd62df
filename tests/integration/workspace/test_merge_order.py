from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_origins import ALICE, Origin

from selfheal.workspace.merge import Conflict, Merge, Merged, merge, merge_all
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree

LINES = [f"{n}\n" for n in range(1, 10)]


@pytest.fixture
def base(origin: Origin, mirror: Mirror) -> str:
    sha = origin.commit({"numbers.txt": "".join(LINES), "gone.txt": "x\n"})
    mirror.fetch()
    return sha


@pytest.fixture
def branch(origin: Origin, mirror: Mirror, base: str) -> Callable[..., str]:
    def make(line: int, text: str, *, start: str = base) -> str:
        origin.git("checkout", "--quiet", "--detach", start)
        path = origin.folder / "numbers.txt"
        changed = path.read_text().splitlines(keepends=True)
        changed[line - 1] = f"{text}\n"
        sha = origin.commit({"numbers.txt": "".join(changed)}, f"line {line}")
        origin.git("branch", f"b{line}{text}{sha[:4]}", sha)
        mirror.fetch()
        return sha

    return make


@pytest.fixture
def tree(mirror: Mirror, base: str, tmp_path: Path) -> Iterator[Worktree]:
    with mirror.worktree(base, folder=tmp_path / "trees", name="land") as made:
        yield made


def wanted(commit: str) -> Merge:
    return Merge(commit=commit, message=f"Merge {commit[:4]}", trailers={"CodingTask": "T-1"})


def test_commits_merge_in_order_and_the_worktree_holds_the_result(
    tree: Worktree, base: str, branch: Callable[..., str], mirror: Mirror
) -> None:
    first, second, third = branch(1, "a"), branch(5, "b"), branch(9, "c")

    outcome = merge_all(
        tree, [wanted(first), wanted(second), wanted(third)], onto=base, identity=ALICE
    )

    assert isinstance(outcome, Merged)
    assert (tree.folder / "numbers.txt").read_text().split() == list("a234b678c")
    assert tree.head == outcome.sha
    assert tree.changed() == ()
    last = mirror.log(outcome.sha, limit=1)[0]
    assert last.parents[1] == third
    assert last.message == f"Merge {third[:4]}\n\nCodingTask: T-1"


def test_the_same_inputs_give_the_same_sha(
    tree: Worktree, base: str, branch: Callable[..., str]
) -> None:
    merges = [wanted(branch(1, "a")), wanted(branch(5, "b"))]

    first = merge_all(tree, merges, onto=base, identity=ALICE)
    again = merge_all(tree, merges, onto=base, identity=ALICE)
    other = merge_all(tree, merges[::-1], onto=base, identity=ALICE)

    assert first == again != other


def test_a_commit_on_top_of_the_branch_lands_as_itself(
    tree: Worktree, base: str, branch: Callable[..., str]
) -> None:
    first = branch(1, "a")

    assert merge(tree, wanted(first), onto=base, identity=ALICE) == Merged(first)
    assert merge(tree, wanted(base), onto=first, identity=ALICE) == Merged(first)
    assert tree.head == first


def test_a_conflict_names_its_paths_and_leaves_the_worktree_clean(
    tree: Worktree, base: str, branch: Callable[..., str]
) -> None:
    first, second = branch(1, "a"), branch(1, "z")

    outcome = merge_all(tree, [wanted(first), wanted(second)], onto=base, identity=ALICE)

    assert outcome == Conflict(first, second, ("numbers.txt",))
    assert tree.head == first
    assert tree.changed() == ()


def test_a_removal_against_a_change_is_a_conflict(
    tree: Worktree, base: str, origin: Origin, mirror: Mirror
) -> None:
    sides = []
    for change in ("rm", "edit"):
        origin.git("checkout", "--quiet", "-B", change, base)
        if change == "rm":
            origin.git("rm", "--quiet", "gone.txt")
        sides.append(origin.commit({"gone.txt": "y\n"} if change == "edit" else {}))
    mirror.fetch()

    outcome = merge_all(tree, list(map(wanted, sides)), onto=base, identity=ALICE)

    assert outcome == Conflict(sides[0], sides[1], ("gone.txt",))


def test_a_union_merge_asked_for_by_the_repository_is_honoured(
    tree: Worktree, branch: Callable[..., str], origin: Origin, mirror: Mirror
) -> None:
    origin.git("checkout", "--quiet", "main")
    start = origin.commit({".gitattributes": "numbers.txt merge=union\n"})
    mirror.fetch()
    first, second = branch(1, "a", start=start), branch(1, "z", start=start)

    outcome = merge_all(tree, [wanted(first), wanted(second)], onto=start, identity=ALICE)

    assert isinstance(outcome, Merged)
    assert (tree.folder / "numbers.txt").read_text().split()[:2] == ["a", "z"]
