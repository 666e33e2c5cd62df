"""Places where no server can run: a clear error, and nothing half-done is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import start_servers, status
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import ServerUnavailable

# Run in a process of its own, on a small disk where the kernel lets us mount one; elsewhere files
# are limited in size, which servers meet with the same kind of error.
FULL_DISK = """
import ctypes, os, resource, sys
from contextlib import contextmanager, suppress
from pathlib import Path
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import EnvironmentUnusable

def mount_small_disk(place):
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    private, new_user, new_mounts = 1 << 18 | 1 << 14, 0x10000000, 0x00020000
    if libc.unshare(new_mounts if uid == 0 else new_user | new_mounts) != 0:
        return False
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    libc.mount(b"none", b"/", None, private, None)
    return libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, b"size=120m,mode=700") == 0

@contextmanager
def ballast(leaving):
    with (place / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while os.statvfs(place).f_bavail * os.statvfs(place).f_bsize > leaving:
            file.write(bytes(1 << 12))
    yield
    (place / "ballast").unlink()

@contextmanager
def small_files(leaving):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (leaving // 8, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

def start():
    try:
        with start_servers(folder):
            print("started")
    except EnvironmentUnusable as error:
        print(type(error).__name__, error)

place = Path(sys.argv[1])
mounted = False
with suppress(OSError):
    mounted = "limit" not in sys.argv and mount_small_disk(place)
nearly_full = ballast if mounted else small_files
folder = RunFolder.open(place / "run")
with nearly_full(leaving=20 << 20):
    start()
print("left:", sorted(path.name for path in folder.data.iterdir()))
start()
with nearly_full(leaving=0):
    start()
start()
"""


@pytest.mark.parametrize("kind", ["disk", "limit"])
def test_a_full_disk_is_named_and_once_there_is_room_the_servers_start(
    empty_folder: RunFolder, kind: str
) -> None:
    place = empty_folder.path / "small"
    place.mkdir(mode=0o700)

    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(place), kind],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    first, _, later = ran.stdout.partition("left: ")
    assert first.startswith("ServerUnavailable PostgreSQL initdb ended with code 1")
    assert "make room" in first or "File too large" in first
    lines = later.splitlines()
    assert lines[:2] == ["['valkey']", "started"]
    assert lines[2].startswith("ServerUnavailable")
    assert lines[-1] == "started"


def test_data_of_another_major_version_is_refused_with_a_way_out(used_folder: RunFolder) -> None:
    version = Postgres(used_folder).data / "PG_VERSION"
    real = version.read_text()
    version.write_text("77\n")

    with (
        pytest.raises(ServerUnavailable) as refused,
        start_servers(used_folder, provider="embedded"),
    ):
        pass

    version.write_text(real)
    message = str(refused.value)
    assert "was written by PostgreSQL 77" in message
    assert "(embedded) is PostgreSQL 18" in message
    assert "install PostgreSQL 77" in message
    assert [server.pids for server in status(used_folder)] == [(), ()]


def test_a_server_that_refuses_to_start_is_quoted(used_folder: RunFolder) -> None:
    configuration = Postgres(used_folder).data / "postgresql.conf"
    real = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")

    with pytest.raises(ServerUnavailable) as refused, start_servers(used_folder):
        pass

    configuration.write_text(real)
    assert "PostgreSQL ended with code 1 while starting" in str(refused.value)
    assert 'unrecognized configuration parameter "no_such_setting"' in str(refused.value)


def test_a_log_that_cannot_be_written_is_named(empty_folder: RunFolder) -> None:
    log = empty_folder.logs / "initdb.log"
    log.mkdir()
    (empty_folder.logs / "initdb.log.1").write_text("of the run before")

    with (
        pytest.raises(ServerUnavailable, match="could not be started"),
        start_servers(empty_folder),
    ):
        pass

    assert log.is_dir()
    assert [path.name for path in empty_folder.data.iterdir()] == ["valkey"]
