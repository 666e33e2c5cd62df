"""The files of real commits: what is no file is left out, and nothing large is brought."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from selfheal.errors import InvalidInput
from selfheal.index.disk import DiskStore
from selfheal.index.index import Index
from selfheal.index.snapshot import READ_BYTES, Snapshot
from selfheal.workspace.git import Git
from selfheal.workspace.objects import BATCH_BYTES, Objects

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder


def snapshot(folder: Path) -> Snapshot:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return Snapshot.at(Objects(Git(folder / ".git")), git(folder, "rev-parse", "HEAD"))


def test_symlinks_that_loop_and_submodules_are_no_files(repository: Path) -> None:
    (repository / "a.py").write_text("def f(): pass\n")
    (repository / "loop.py").symlink_to("loop.py")
    (repository / "again").symlink_to(".")
    sub = f"160000,{'ab' * 20},vendor/sub"
    git(repository, "update-index", "--add", "--cacheinfo", sub)

    found = snapshot(repository)

    assert found.paths() == ("a.py",)
    assert Index().facts(found, ["a.py", "loop.py", "vendor/sub"]).keys() == {"a.py"}


def test_an_empty_commit_has_no_files_and_nothing_to_index(repository: Path) -> None:
    found = snapshot(repository)
    index = Index()
    index.fill(found)

    assert found.paths() == ()
    assert dict(found.read_many(["a.py"])) == {}
    assert found.read("a.py") is None
    assert index.tally.misses == 0


def test_names_that_no_answer_could_show_are_left_out(repository: Path) -> None:
    (repository / "line\nbreak.py").write_bytes(b"x = 1\n")
    (repository / os.fsdecode(b"caf\xe9.py")).write_bytes(b"y = 1\n")
    (repository / 'it\'s "quoted" café.py').write_bytes(b"z = 1\n")

    found = snapshot(repository)

    assert dict(found.read_many(found.paths())) == {'it\'s "quoted" café.py': b"z = 1\n"}
    assert not any(facts.problem for facts in Index().facts(found, found.paths()).values())


def test_many_files_come_in_portions_that_memory_can_hold(repository: Path) -> None:
    for number in range(5):
        (repository / f"{number}.txt").write_bytes(b"%d" % number * (READ_BYTES // 2))

    found = snapshot(repository)
    portions = list(found.portions(found.paths()))

    assert [len(portion) for portion in portions] == [2, 2, 1]
    assert {path for portion in portions for path in portion} == set(found.paths())


def test_a_file_beyond_any_bound_is_refused_and_left_out_of_many(repository: Path) -> None:
    with (repository / "huge.bin").open("wb") as file:
        file.truncate(BATCH_BYTES + 1)
    (repository / "a.py").write_bytes(b"x = 1\n")

    found = snapshot(repository)

    with pytest.raises(InvalidInput, match="expected at most"):
        found.read("huge.bin")
    assert found.read_many(found.paths()) == {"a.py": b"x = 1\n"}


def test_what_is_held_needs_git_no_more_once_one_file_was_read(repository: Path) -> None:
    for name in ("a.py", "b.py", "c.txt"):
        (repository / name).write_bytes(name.encode())

    held = snapshot(repository).holding(lambda path: path.endswith(".py"))
    first = held.read("a.py")
    (repository / ".git").rename(repository / "gone")

    assert (first, held.read("b.py")) == (b"a.py", b"b.py")


def test_a_second_commit_is_read_as_far_as_it_changed(repository: Path, tmp_path: Path) -> None:
    for number in range(30):
        (repository / f"m{number}.py").write_text(f"def f{number}(): pass\n")
    with DiskStore(tmp_path / "index") as store:
        Index(store).fill(snapshot(repository))
        (repository / "m3.py").write_text("def g(): pass\n")

        index = Index(store)
        index.fill(snapshot(repository))

    assert (index.tally.hits, index.tally.misses) == (58, 2)
