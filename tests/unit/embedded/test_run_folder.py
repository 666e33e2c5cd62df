"""The run folder: private, short enough for sockets, owned by one process."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.embedded.run_folder import LONGEST_SOCKET_NAME, RunFolder
from selfheal.errors import EnvironmentUnusable, RunFolderBusy

NOBODY = 65534

OWNER = """
import sys
from pathlib import Path
from selfheal.embedded.run_folder import RunFolder
with RunFolder.open(Path(sys.argv[1])).own():
    print("owned", flush=True)
    sys.stdin.read()
"""


def test_a_new_run_folder_and_all_its_parts_are_private(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "missing" / "run")

    parts = [folder.path, folder.data, folder.logs, folder.mirrors, folder.worktrees]
    assert {stat.S_IMODE(part.stat().st_mode) for part in [*parts, folder.sockets]} == {0o700}


def test_looking_for_a_run_folder_creates_nothing(tmp_path: Path) -> None:
    assert RunFolder.find(tmp_path / "run") is None
    assert list(tmp_path.iterdir()) == []


def test_an_opened_run_folder_is_found(tmp_path: Path) -> None:
    opened = RunFolder.open(tmp_path / "run")

    assert RunFolder.find(tmp_path / "run") == opened


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.write_text("a note")

    with pytest.raises(EnvironmentUnusable, match="File exists"):
        RunFolder.open(place)
    with pytest.raises(EnvironmentUnusable, match="is no folder"):
        RunFolder.find(place)


def test_a_folder_that_cannot_be_created_is_refused() -> None:
    with pytest.raises(EnvironmentUnusable, match=r"cannot be created .* name a folder"):
        RunFolder.open(Path("/proc/selfheal"))


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
    else:
        place = Path("/etc")

    with pytest.raises(EnvironmentUnusable, match=r"belongs to user (nobody|root), not to you"):
        RunFolder.open(place)


def test_a_folder_open_to_others_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o755)

    with pytest.raises(EnvironmentUnusable, match="open to other users: chmod 700"):
        RunFolder.open(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert list(place.iterdir()) == []


def test_a_link_where_the_sockets_of_a_long_path_would_be_is_refused(tmp_path: Path) -> None:
    folder = RunFolder((tmp_path / ("long" * 30)).resolve())
    assert not folder.sockets.is_relative_to(folder.path)
    folder.sockets.symlink_to(tmp_path)

    try:
        with pytest.raises(EnvironmentUnusable, match="is no folder"):
            RunFolder.open(folder.path)
    finally:
        folder.sockets.unlink()


@given(name=st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_a_socket_path_fits_whatever_the_folder_is_called(name: str) -> None:
    folder = RunFolder(Path("/", name.replace("/", "_")))

    longest = os.fsencode(folder.sockets / LONGEST_SOCKET_NAME)

    assert len(longest) < 108
    assert b"," not in longest
    assert folder.sockets == RunFolder(folder.path).sockets


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run")

    with folder.own():
        assert folder.owner() == os.getpid()
        with pytest.raises(RunFolderBusy, match=f"process {os.getpid()}: stop that one first"):
            folder.own().__enter__()

    assert folder.owner() is None
    with folder.own():
        pass


def test_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run")
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"owned\n"
        assert folder.owner() == owner.pid

        owner.send_signal(signal.SIGKILL)

    with folder.own():
        assert folder.owner() == os.getpid()
