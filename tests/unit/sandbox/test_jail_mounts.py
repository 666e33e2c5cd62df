from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.sandbox.jail import Jail, Limits
from selfheal.sandbox.mounts import Mount, environment_of, mounts_of


def shown(jail: Jail) -> dict[str, Mount]:
    return {mount.target: mount for mount in mounts_of(jail)}


def test_only_the_working_directory_is_writable_on_the_host(tmp_path: Path) -> None:
    jail = Jail(argv=("true",), workdir=tmp_path, readable=(tmp_path.parent,))

    writable = [mount for mount in mounts_of(jail) if mount.kind == "writable"]

    assert writable == [Mount("writable", str(tmp_path), str(tmp_path.resolve()))]


def test_what_lies_below_is_mounted_later(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / ".git").mkdir()
    jail = Jail(argv=("true",), workdir=tmp_path, readable=(tmp_path / "venv", tmp_path.parent))

    targets = [PurePosixPath(mount.target) for mount in mounts_of(jail)]

    for position, target in enumerate(targets):
        assert not any(target in later.parents for later in targets[:position])


def test_git_is_shown_read_only_over_the_worktree(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")

    assert shown(Jail(argv=("true",), workdir=tmp_path))[str(tmp_path / ".git")].kind == "read-only"


def test_a_git_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".git").symlink_to("/etc")

    assert str(tmp_path / ".git") not in shown(Jail(argv=("true",), workdir=tmp_path))


def test_a_link_inside_the_worktree_shows_only_its_end(tmp_path: Path) -> None:
    end = tmp_path / "environment"
    workdir = tmp_path / "work"
    end.mkdir()
    workdir.mkdir()
    (workdir / ".venv").symlink_to(end)

    found = shown(Jail(argv=("true",), workdir=workdir, readable=(workdir / ".venv",)))

    assert found[str(end)] == Mount("read-only", str(end), str(end))
    assert str(workdir / ".venv") not in found


def test_the_system_is_not_shown_twice(tmp_path: Path) -> None:
    jail = Jail(argv=("true",), workdir=tmp_path, readable=(Path("/usr/lib"), Path("/usr")))

    targets = [mount.target for mount in mounts_of(jail)]

    assert len(targets) == len(set(targets))


@pytest.mark.parametrize("hidden", ["/", "/root", "/home", "/var", "/run", "/etc", "/sys"])
def test_nothing_shows_the_host_as_a_whole(hidden: str, tmp_path: Path) -> None:
    assert hidden not in shown(Jail(argv=("true",), workdir=tmp_path))


@given(st.integers(min_value=1, max_value=1 << 40))
def test_files_in_memory_stay_below_the_memory_limit(memory: int) -> None:
    jail = Jail(argv=("true",), workdir=Path("/usr"), limits=Limits(memory_bytes=memory))

    sizes = [mount.size for mount in mounts_of(jail) if mount.kind == "tmpfs"]

    assert sum(sizes) <= max(memory // 2, 2 << 20)


def test_the_callers_environment_wins_over_the_defaults(tmp_path: Path) -> None:
    jail = Jail(argv=("true",), workdir=tmp_path, environment={"PATH": "/x", "A": "b"})

    assert environment_of(jail) == {
        "HOME": "/tmp/home",
        "PATH": "/x",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "A": "b",
    }


def test_a_relative_working_directory_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute path"):
        mounts_of(Jail(argv=("true",), workdir=Path()))


@pytest.mark.parametrize(
    "environment", [{"A": "x\0--bind\0/\0/"}, {"A\0B": "x"}, {"A=B": "x"}, {"": "x"}]
)
def test_a_variable_cannot_smuggle_options_to_the_launcher(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="environment"):
        Jail(argv=("true",), workdir=Path("/tmp"), environment=environment)


@pytest.mark.parametrize("argv", [(), ("true", "a\0b")])
def test_a_command_is_there_and_is_text(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="command"):
        Jail(argv=argv, workdir=Path("/tmp"))
