"""Kills at bad moments: the next start works, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import redis

from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import attach, start_servers, status, stop, wipe
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.embedded.waiting import wait_until
from selfheal.errors import RunFolderBusy

OWNER = """
import sys
from pathlib import Path
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
with start_servers(RunFolder.open(Path(sys.argv[1]))):
    print("up", flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner_of(folder: RunFolder) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_owner(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def postmaster(folder: RunFolder) -> int:
    return int((Postgres(folder).data / "postmaster.pid").read_text().split()[0])


def send_to_all(folder: RunFolder, number: signal.Signals) -> None:
    for pid in [pid for server in status(folder) for pid in server.pids]:
        with suppress(ProcessLookupError):  # PostgreSQL's short-lived children come and go
            os.kill(pid, number)


def shared_memory() -> list[tuple[str, str]]:
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return [(row.split()[0], row.split()[1]) for row in rows]


def note(folder: RunFolder, *texts: str) -> None:
    """Leave just these notes in both servers."""
    with _database(folder) as connection:
        connection.execute("DROP TABLE IF EXISTS notes")
        connection.execute("CREATE TABLE notes AS SELECT unnest(%s::text[]) AS text", [list(texts)])
    with _broker(folder) as client:
        client.delete("notes")
        for text in texts:
            client.rpush("notes", text)


def notes(folder: RunFolder) -> tuple[list[object], list[str]]:
    with _database(folder) as connection:
        rows = [row[0] for row in connection.execute("SELECT text FROM notes")]
    with _broker(folder) as client:
        return rows, client.lrange("notes", 0, -1)


def reads(folder: RunFolder, text: str) -> bool:
    """Whether the database lets in and has that note alone; it refuses while it recovers."""
    try:
        return notes(folder)[0] == [text]
    except psycopg.OperationalError:
        return False


def _database(folder: RunFolder) -> psycopg.Connection[tuple[object, ...]]:
    sockets = str(Postgres(folder).sockets)
    return psycopg.connect(host=sockets, user="selfheal", dbname="selfheal", autocommit=True)


def _broker(folder: RunFolder) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(Valkey(folder).socket), decode_responses=True)


def test_killed_servers_leave_nothing_that_blocks_the_next_start(used_folder: RunFolder) -> None:
    with start_servers(used_folder):
        note(used_folder, "acknowledged")
        os.kill(postmaster(used_folder), signal.SIGKILL)
        os.kill(status(used_folder)[1].pids[0], signal.SIGKILL)

    with start_servers(used_folder):
        assert notes(used_folder) == (["acknowledged"], ["acknowledged"])


def test_all_processes_killed_at_once_leave_nothing_that_blocks(used_folder: RunFolder) -> None:
    with start_servers(used_folder):
        note(used_folder, "acknowledged")
        send_to_all(used_folder, signal.SIGKILL)
        assert wait_until(lambda: attach(used_folder) is None, seconds=10)

    with start_servers(used_folder):
        assert notes(used_folder) == (["acknowledged"], ["acknowledged"])


def test_a_killed_child_of_postgresql_is_replaced_by_it(used_folder: RunFolder) -> None:
    with start_servers(used_folder):
        note(used_folder, "acknowledged")
        first = postmaster(used_folder)
        with _database(used_folder) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")

        assert wait_until(lambda: reads(used_folder, "acknowledged"), seconds=20)
        assert postmaster(used_folder) == first


def test_servers_of_a_killed_owner_still_run_and_the_next_owner_restarts_them(
    used_folder: RunFolder,
) -> None:
    with owner_of(used_folder) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        note(used_folder, "acknowledged")
        kill_owner(owner)
    left = {pid for server in status(used_folder) for pid in server.pids}
    assert attach(used_folder) is not None
    with pytest.raises(RunFolderBusy, match="PostgreSQL and Valkey still running: stop them"):
        wipe(used_folder)

    with start_servers(used_folder):
        running = {pid for server in status(used_folder) for pid in server.pids}
        kept = notes(used_folder)

    assert left and not left & running
    assert kept == (["acknowledged"], ["acknowledged"])


def test_servers_of_a_killed_owner_can_be_stopped(used_folder: RunFolder) -> None:
    with owner_of(used_folder) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        kill_owner(owner)

    stop(used_folder)

    assert [server.pids for server in status(used_folder)] == [(), ()]
    assert list(Postgres(used_folder).sockets.iterdir()) == []
    assert not Valkey(used_folder).socket.exists()


def test_a_killed_server_leaves_no_shared_memory(used_folder: RunFolder) -> None:
    pid_file = Postgres(used_folder).data / "postmaster.pid"
    with start_servers(used_folder):
        key, number = pid_file.read_text().splitlines()[6].split()
        assert (key, number) in shared_memory()
        send_to_all(used_folder, signal.SIGKILL)

    assert (key, number) not in shared_memory()


def test_an_owner_killed_while_the_data_folder_is_made_does_not_block(
    empty_folder: RunFolder,
) -> None:
    half_made = empty_folder.data / "postgres.new"
    with owner_of(empty_folder) as owner:
        assert wait_until(lambda: (half_made / "base").exists(), seconds=30)
        kill_owner(owner)
    assert half_made.exists()

    with start_servers(empty_folder):
        note(empty_folder, "works")

    assert not half_made.exists()


def test_a_paused_server_is_stopped_all_the_same(used_folder: RunFolder) -> None:
    with start_servers(used_folder):
        send_to_all(used_folder, signal.SIGSTOP)

    assert [server.pids for server in status(used_folder)] == [(), ()]


def test_a_pid_file_that_names_another_program_does_not_block(used_folder: RunFolder) -> None:
    postgres = Postgres(used_folder)
    with start_servers(used_folder):
        pid_file = (postgres.data / "postmaster.pid").read_text()
        lock_file = next(postgres.sockets.glob("*.lock")).read_text()
        lock = next(postgres.sockets.glob("*.lock"))
    # As after a reboot: the files are of the dead server, its pid is now another living program's.
    with subprocess.Popen(["sleep", "60"]) as other:
        for path, content in ((postgres.data / "postmaster.pid", pid_file), (lock, lock_file)):
            path.write_text("\n".join([str(other.pid), *content.splitlines()[1:], ""]))

        with start_servers(used_folder):
            assert postgres.answers()

        assert other.poll() is None
        other.kill()


def test_an_append_only_file_cut_short_is_loaded_up_to_the_cut(used_folder: RunFolder) -> None:
    valkey = Valkey(used_folder)
    with start_servers(used_folder):
        note(used_folder, "first", "second")
        os.kill(status(used_folder)[1].pids[0], signal.SIGKILL)
    newest = next((valkey.data / "appendonlydir").glob("*.incr.aof"))
    os.truncate(newest, newest.stat().st_size - 3)

    with start_servers(used_folder):
        assert notes(used_folder)[1] == ["first"]
