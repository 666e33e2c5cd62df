from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_origins import ALICE, NOON, Origin, tripwire

from selfheal.errors import InvalidEdit, InvalidInput, PatchRefused, TimedOut
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree, prune_worktrees, with_trailers

SHOUT = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+new
"""


@pytest.fixture
def tree(mirror: Mirror, tmp_path: Path) -> Iterator[Worktree]:
    with mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name="T-1.7") as made:
        yield made


def commit(tree: Worktree, message: str = "fix: shout", **trailers: str) -> str:
    return tree.commit(message, trailers=trailers, author=ALICE, committer=ALICE, when=NOON)


def test_a_worktree_holds_the_commit_and_goes_on_leaving(
    mirror: Mirror, origin: Origin, tmp_path: Path
) -> None:
    head = mirror.resolve("main")

    with mirror.worktree(head, folder=tmp_path / "trees", name="T-1.7") as tree:
        assert (tree.folder / "app.py").read_text() == "one\ntwo\nthree\n"
        assert tree.head == tree.base == head
        assert tree.changed() == ()

    assert list((tmp_path / "trees").iterdir()) == []
    assert list((mirror.folder / "worktrees").glob("*")) == []


def test_a_commit_holds_the_diff_and_nothing_that_a_run_left(
    tree: Worktree, mirror: Mirror
) -> None:
    tree.apply(SHOUT)
    (tree.folder / "app.py").write_text("rewritten by a test\n")
    (tree.folder / "leftover.pyc").write_text("x")

    sha = commit(tree, ChangeRequest="CR-1", CodingTask="T-1")

    made = mirror.log(sha, limit=1)[0]
    assert mirror.read_file(sha, "app.py") == b"one\nTWO\nthree\n"
    assert mirror.changed_paths(tree.base, sha) == ("app.py", "new.txt")
    assert made.message == "fix: shout\n\nChangeRequest: CR-1\nCodingTask: T-1"
    assert (made.parents, made.author, made.authored) == ((tree.base,), "Alice", NOON)
    assert tree.head == sha


def test_the_same_commit_made_twice_has_the_same_sha(tree: Worktree) -> None:
    tree.apply(SHOUT)
    first = commit(tree)

    tree.reset()
    tree.apply(SHOUT)

    assert commit(tree) == first


def test_a_commit_of_nothing_is_refused(tree: Worktree) -> None:
    with pytest.raises(InvalidEdit, match="nothing to commit"):
        commit(tree)


def test_a_diff_that_does_not_fit_changes_nothing(tree: Worktree) -> None:
    with pytest.raises(InvalidEdit, match=r"does not apply: .*app\.py"):
        tree.apply(SHOUT.replace("-two", "-zwei"))

    assert tree.changed() == ()


def test_a_diff_cannot_turn_a_link_of_the_repository_elsewhere(
    mirror: Mirror, origin: Origin, tmp_path: Path
) -> None:
    (origin.folder / "link").symlink_to("app.py")
    origin.git("add", "link")
    origin.commit({})
    mirror.fetch()
    diff = (
        "--- a/link\n+++ b/link\n@@ -1 +1 @@\n-app.py\n\\ No newline at end of file\n"
        "+/etc/passwd\n\\ No newline at end of file\n"
    )

    with mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name="T") as tree:
        with pytest.raises(PatchRefused, match="symlink: link"):
            tree.apply(diff)

        assert (tree.folder / "link").readlink() == Path("app.py")
        assert tree.changed() == ()


def test_changed_names_edits_and_new_files_but_not_ignored_ones(tree: Worktree) -> None:
    (tree.folder / ".gitignore").write_text("*.pyc\n")
    (tree.folder / "a b\tc.txt").write_text("x")
    (tree.folder / "x.pyc").write_text("x")
    (tree.folder / "tests/test_app.py").unlink()

    assert set(tree.changed()) == {".gitignore", "a b\tc.txt", "tests/test_app.py"}


def test_reset_leaves_nothing_behind(tree: Worktree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    tree.apply(SHOUT)
    commit(tree)
    (tree.folder / ".gitignore").write_text("*\n")
    (tree.folder / "ignored/deep").mkdir(parents=True)
    (tree.folder / "ignored/deep/file").write_text("x")
    (tree.folder / "ignored/deep").chmod(0)
    shutil.rmtree(tree.folder / "tests")
    (tree.folder / "tests").symlink_to(outside)
    (tree.folder / "nested/.git").mkdir(parents=True)
    (tree.folder / "nested/.git/HEAD").write_text("ref: refs/heads/main\n")

    tree.reset()

    assert {path.name for path in tree.folder.iterdir()} == {".git", "app.py", "tests"}
    assert (tree.folder / "tests/test_app.py").read_text() == "ok\n"
    assert (tree.folder / "app.py").read_text() == "one\ntwo\nthree\n"
    assert tree.head == tree.base
    assert (outside / "kept").exists()


def test_reset_sees_a_change_that_keeps_size_and_time(tree: Worktree) -> None:
    path = tree.folder / "app.py"
    before = path.stat()
    path.write_text("ONE\ntwo\nthree\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    tree.reset()

    assert path.read_text() == "one\ntwo\nthree\n"


def test_a_replaced_git_folder_runs_nothing_and_is_noticed(
    tree: Worktree, tmp_path: Path, origin: Origin
) -> None:
    program, mark = tripwire(tmp_path)
    plant_repository(tree.folder, program)
    (tree.folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")

    with pytest.raises(PatchRefused, match="git_folder"):
        tree.verify_untouched()
    tree.changed()
    tree.apply(SHOUT)
    commit(tree)
    tree.reset()

    assert not mark.exists()
    tree.verify_untouched()
    assert (tree.folder / ".git").is_file()


def test_the_planted_repository_would_run_its_code_under_plain_git(
    tree: Worktree, tmp_path: Path, origin: Origin
) -> None:
    program, mark = tripwire(tmp_path)
    plant_repository(tree.folder, program)

    origin.git("-C", str(tree.folder), "status")

    assert mark.exists()


@pytest.mark.parametrize("kind", ["rewritten", "removed", "symlink"])
def test_any_change_of_the_git_file_is_noticed_and_mended(
    tree: Worktree, tmp_path: Path, kind: str
) -> None:
    pointer = tree.folder / ".git"
    same = tmp_path / "same"
    same.write_bytes(pointer.read_bytes())
    pointer.unlink()
    if kind == "rewritten":
        pointer.write_text("gitdir: /tmp/evil\n")
    elif kind == "symlink":
        pointer.symlink_to(same)

    with pytest.raises(PatchRefused, match="not trusted"):
        tree.verify_untouched()

    tree.reset()
    tree.verify_untouched()


def test_a_submodule_runs_nothing_and_is_emptied_by_reset(
    mirror: Mirror, origin: Origin, tmp_path: Path
) -> None:
    head = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor/lib")
    origin.git("commit", "--quiet", "-m", "submodule")
    mirror.fetch()
    program, mark = tripwire(tmp_path)

    with mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name="T-2") as tree:
        plant_repository(tree.folder / "vendor/lib", program)
        assert tree.changed() == ()
        tree.reset()

        assert list((tree.folder / "vendor/lib").iterdir()) == []
    assert not mark.exists()


def test_checking_out_hooks_and_filters_of_a_repository_runs_nothing(
    origin: Origin, tmp_path: Path
) -> None:
    program, mark = tripwire(tmp_path)
    origin.commit({".gitattributes": "* filter=evil\n"})
    origin.git("config", "filter.evil.smudge", str(program))
    hook = origin.folder / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(program, hook)
    mirror = Mirror.open(tmp_path / "mirrors", origin.url)
    mirror.fetch()

    with mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name="T-3") as tree:
        tree.reset()

    assert not mark.exists()


def test_a_worktree_in_use_is_taken_by_nobody_else(tree: Worktree, mirror: Mirror) -> None:
    with (
        pytest.raises(TimedOut),
        mirror.worktree(tree.base, folder=tree.folder.parent, name=tree.folder.name),
    ):
        pass

    assert prune_worktrees(mirror.folder, tree.folder.parent) == ()
    assert (tree.folder / "app.py").exists()


def test_what_a_killed_worker_left_is_replaced_and_pruned(mirror: Mirror, tmp_path: Path) -> None:
    folder, head = tmp_path / "trees", mirror.resolve("main")
    for name in ("T-1", "T-2"):
        die_in_worktree(mirror, folder=folder, name=name)
    assert (folder / "T-1/dirt").exists()

    with mirror.worktree(head, folder=folder, name="T-1") as tree:
        assert not (tree.folder / "dirt").exists()
        assert tree.changed() == ()
        assert prune_worktrees(mirror.folder, folder) == (folder / "T-2",)

    assert list(folder.iterdir()) == []
    assert list((mirror.folder / "worktrees").glob("*")) == []


@pytest.mark.parametrize("name", ["", "../x", "-x", "a/b", ".git", "x\n"])
def test_a_worktree_stays_inside_its_folder(mirror: Mirror, tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(InvalidInput),
        mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name=name),
    ):
        pass


def test_an_executable_file_stays_executable(
    mirror: Mirror, origin: Origin, tmp_path: Path
) -> None:
    (origin.folder / "run.sh").write_text("#!/bin/sh\necho one\n")
    (origin.folder / "run.sh").chmod(0o755)
    origin.git("add", "run.sh")
    origin.commit({})
    mirror.fetch()
    diff = "--- a/run.sh\n+++ b/run.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo one\n+echo two\n"

    with mirror.worktree(mirror.resolve("main"), folder=tmp_path / "trees", name="T") as tree:
        tree.apply(diff)
        sha = commit(tree)

        assert (tree.folder / "run.sh").stat().st_mode & stat.S_IXUSR
    assert {entry.path: entry.mode for entry in mirror.ls_tree(sha)}["run.sh"] == "100755"


def test_trailers_are_lines_of_the_last_paragraph() -> None:
    assert with_trailers("fix: x\n\nwhy\n\n", {"A": "1", "B-c": "2 3"}) == (
        "fix: x\n\nwhy\n\nA: 1\nB-c: 2 3\n"
    )
    assert with_trailers("fix: x", {}) == "fix: x\n"
    for key, value in (("A b", "1"), ("A", "1\nB: 2"), ("A:", "x")):
        with pytest.raises(InvalidInput):
            with_trailers("fix", {key: value})


def plant_repository(folder: Path, program: Path) -> None:
    """What a hostile test leaves: a repository whose every door runs `program`."""
    if (folder / ".git").is_file():
        (folder / ".git").unlink()
    planted = folder / ".git"
    for name in ("objects", "refs/heads", "hooks"):
        (planted / name).mkdir(parents=True)
    (planted / "HEAD").write_text("ref: refs/heads/main\n")
    settings = f"""\
[core]
    repositoryformatversion = 0
    fsmonitor = {program}
    hooksPath = {planted}/hooks
    pager = {program}
[filter "evil"]
    clean = {program}
    smudge = {program}
[diff "evil"]
    textconv = {program}
    command = {program}
[merge "evil"]
    driver = {program}
"""
    (planted / "config").write_text(settings)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        shutil.copy(program, planted / "hooks" / hook)


def die_in_worktree(mirror: Mirror, *, folder: Path, name: str) -> None:
    """Another worker, killed while it works in a worktree."""
    program = (
        "import os, sys; from pathlib import Path; from selfheal.workspace.mirror import Mirror\n"
        "mirror = Mirror.open(Path(sys.argv[1]), sys.argv[2])\n"
        "with mirror.worktree(mirror.resolve('main'), folder=Path(sys.argv[3]), name=sys.argv[4])"
        " as tree:\n"
        "    (tree.folder / 'dirt').write_text('x')\n"
        "    os.kill(os.getpid(), 9)"
    )
    arguments = [str(mirror.folder.parent), mirror.url, str(folder), name]
    died = subprocess.run([sys.executable, "-c", program, *arguments])
    assert died.returncode == -9
