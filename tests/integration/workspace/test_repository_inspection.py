from __future__ import annotations

from pathlib import Path

import pytest
from git_origins import Origin, tripwire

from selfheal.errors import InvalidRepository
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.repository import inspect_repository, snapshot_dirty


def test_a_checkout_is_found_from_any_folder_inside_it(origin: Origin) -> None:
    checkout = inspect_repository(origin.folder / "tests")

    assert checkout.root == origin.folder
    assert checkout.git_dir == checkout.repository == origin.folder / ".git"
    assert checkout.head == origin.git("rev-parse", "HEAD")
    assert checkout.branch == "main"
    assert checkout.dirty == ()


def test_uncommitted_work_is_listed(origin: Origin) -> None:
    origin.commit({".gitignore": "*.pyc\n"})
    (origin.folder / "app.py").write_text("changed\n")
    (origin.folder / "tests/test_app.py").unlink()
    (origin.folder / "new file.txt").write_text("x")
    (origin.folder / "staged.txt").write_text("x")
    origin.git("add", "staged.txt")
    (origin.folder / "ignored.pyc").write_text("x")

    dirty = inspect_repository(origin.folder).dirty

    assert set(dirty) == {"app.py", "tests/test_app.py", "new file.txt", "staged.txt"}


def test_a_detached_head_has_no_branch(origin: Origin) -> None:
    origin.git("checkout", "--quiet", "--detach")

    assert inspect_repository(origin.folder).branch is None


def test_a_named_branch_is_looked_up(origin: Origin) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.git("branch", "stable")
    origin.commit({"app.py": "later\n"})

    checkout = inspect_repository(origin.folder, branch="stable")

    assert (checkout.branch, checkout.head) == ("stable", first)
    with pytest.raises(InvalidRepository, match="no branch 'nope'; its branches are main, stable"):
        inspect_repository(origin.folder, branch="nope")


def test_a_linked_worktree_is_a_checkout_of_the_same_repository(
    origin: Origin, tmp_path: Path
) -> None:
    origin.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))

    checkout = inspect_repository(tmp_path / "side")

    assert checkout.root == tmp_path / "side"
    assert checkout.repository == origin.folder / ".git"
    assert checkout.branch == "side"
    mirror = Mirror.open(tmp_path / "mirrors", str(checkout.repository))
    mirror.fetch()
    assert mirror.branches() == ("main", "side")


def test_a_submodule_is_a_checkout_of_its_own(origin: Origin, tmp_path: Path) -> None:
    outer = Origin(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", origin.url, "lib")
    outer.commit({})

    checkout = inspect_repository(outer.folder / "lib")

    assert checkout.root == outer.folder / "lib"
    assert checkout.head == origin.git("rev-parse", "HEAD")
    assert checkout.dirty == ()
    assert inspect_repository(outer.folder).dirty == ()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "does not exist"),
        ("plain", "is not inside a git repository"),
        ("bare", "is a bare repository"),
        ("empty", "has no commit yet"),
        ("broken", "git worktree repair"),
    ],
)
def test_what_cannot_be_worked_on_says_why(
    tmp_path: Path, origin: Origin, kind: str, message: str
) -> None:
    path = tmp_path / kind
    if kind == "bare":
        origin.git("clone", "--quiet", "--bare", ".", str(path))
    elif kind == "empty":
        Origin(path)
    elif kind != "absent":
        path.mkdir()
    if kind == "broken":
        (path / ".git").write_text("gitdir: /nonexistent/.git/worktrees/x\n")

    with pytest.raises(InvalidRepository, match=message):
        inspect_repository(path)


def test_the_inside_of_a_repository_is_no_checkout(origin: Origin) -> None:
    with pytest.raises(InvalidRepository, match="the inside of one"):
        inspect_repository(origin.folder / ".git" / "refs")


def test_a_snapshot_holds_the_working_tree_and_touches_nothing(
    origin: Origin, tmp_path: Path
) -> None:
    (origin.folder / "app.py").write_text("changed\n")
    (origin.folder / "tests/test_app.py").unlink()
    (origin.folder / "new\nline.txt").write_text("new")
    (origin.folder / "run.sh").write_text("x")
    (origin.folder / "run.sh").chmod(0o755)
    Origin(origin.folder / "nested").commit({"x": "x"})
    before = state(origin)
    checkout = inspect_repository(origin.folder)

    sha = snapshot_dirty(checkout)

    assert state(origin) == before
    mirror = Mirror.open(tmp_path / "mirrors", str(checkout.repository))
    mirror.fetch([sha])
    modes = {entry.path: entry.mode for entry in mirror.ls_tree(sha)}
    assert modes == {"app.py": "100644", "new\nline.txt": "100644", "run.sh": "100755"}
    assert mirror.read_file(sha, "app.py") == b"changed\n"
    assert mirror.log(sha, limit=1)[0].parents == (checkout.head,)


def test_a_snapshot_of_the_same_files_is_the_same_commit(origin: Origin) -> None:
    (origin.folder / "app.py").write_text("changed\n")
    checkout = inspect_repository(origin.folder)

    assert snapshot_dirty(checkout) == snapshot_dirty(checkout)


def test_a_repository_of_somebody_else_runs_nothing_when_it_is_looked_at(
    origin: Origin, tmp_path: Path
) -> None:
    program, mark = tripwire(tmp_path)
    origin.commit({".gitattributes": "* filter=evil=x\n*.txt filter=plain\n"})
    for name in ("evil=x", "plain"):
        origin.git("config", f"filter.{name}.clean", str(program))
        origin.git("config", f"filter.{name}.process", str(program))
        origin.git("config", f"filter.{name}.required", "true")
    origin.git("config", "core.fsmonitor", str(program))
    (origin.folder / "app.py").write_text("ONE\ntwo\nthree\n")
    (origin.folder / "new.txt").write_text("x")
    mark.unlink(missing_ok=True)

    checkout = inspect_repository(origin.folder)
    snapshot_dirty(checkout)

    assert set(checkout.dirty) == {"app.py", "new.txt"}
    assert not mark.exists()


def test_the_repository_of_another_user_may_be_looked_at(foreign_origin: Origin) -> None:
    assert inspect_repository(foreign_origin.folder).branch == "main"


def state(origin: Origin) -> tuple[str, bytes, str]:
    index = (origin.folder / ".git/index").read_bytes()
    return origin.git("rev-parse", "HEAD"), index, origin.git("for-each-ref")
