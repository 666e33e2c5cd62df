"""Both servers from a run folder: started, found, kept, mixed with configured ones, wiped."""

from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from selfheal.embedded import provider
from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import Servers, attach, start_servers, status, wipe
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.embedded.waiting import wait_until
from selfheal.errors import (
    BrokerUnavailable,
    InvalidSettings,
    RunFolderBusy,
    ServerUnavailable,
    StoreUnavailable,
)

NOWHERE = "127.0.0.1:1"

STARTER = """
import sys
from pathlib import Path
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
folder = RunFolder.open(Path(sys.argv[1]))
with start_servers(folder, progress=lambda line: print(line, flush=True)):
    sys.stdin.read()
"""


def database(folder: RunFolder) -> psycopg.Connection[tuple[object, ...]]:
    sockets = str(Postgres(folder).sockets)
    return psycopg.connect(host=sockets, user="selfheal", dbname="selfheal", autocommit=True)


def broker(folder: RunFolder) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(Valkey(folder).socket), decode_responses=True)


def test_data_is_kept_from_one_run_to_the_next(empty_folder: RunFolder) -> None:
    steps: list[str] = []
    with start_servers(empty_folder, progress=steps.append):
        with database(empty_folder) as connection:
            connection.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
        with broker(empty_folder) as client:
            client.set("note", "kept")
    assert [one.pids for one in status(empty_folder)] == [(), ()]
    assert [step for step in steps if "creating its data folder" in step]

    steps.clear()
    with start_servers(empty_folder, progress=steps.append):
        with database(empty_folder) as connection:
            row = connection.execute("SELECT text FROM notes").fetchone()
        with broker(empty_folder) as client:
            note = client.get("note")

    assert (row, note) == (("kept",), "kept")
    assert sorted(steps)[0].startswith("PostgreSQL 18")
    assert {"PostgreSQL: ready", "Valkey: ready"} <= set(steps)
    assert not [step for step in steps if "creating its data folder" in step]


def test_nothing_is_opened_to_others_and_no_account_is_made(used_folder: RunFolder) -> None:
    accounts = pwd.getpwall()
    above = {path: path.stat().st_mode for path in used_folder.path.parents}

    with start_servers(used_folder):
        opened = [
            path
            for path in used_folder.path.rglob("*")
            if stat.S_IMODE(path.lstat().st_mode) & 0o077
        ]
        with database(used_folder) as connection:
            shown = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
        with broker(used_folder) as client:
            port = client.config_get("port")

    assert opened == []
    assert (shown, port) == (("",), {"port": "0"})
    assert pwd.getpwall() == accounts
    assert {path: path.stat().st_mode for path in used_folder.path.parents} == above


def test_no_secret_of_the_caller_is_in_a_server_s_environment(
    used_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")

    with start_servers(used_folder):
        postmaster = (Postgres(used_folder).data / "postmaster.pid").read_text().split()[0]
        pids = [postmaster, *map(str, status(used_folder)[1].pids)]
        environments = [Path("/proc", pid, "environ").read_bytes() for pid in pids]

    assert b"LC_ALL" in environments[0]
    assert [b"canary" in one for one in environments] == [False, False]


def test_other_programs_of_the_same_user_find_the_servers(used_folder: RunFolder) -> None:
    assert attach(used_folder) is None

    with start_servers(used_folder) as servers:
        assert attach(used_folder) == servers
        assert [server.answers for server in status(used_folder)] == [True, True]
        assert "postgresql" not in repr(servers)

    assert attach(used_folder) is None


@pytest.mark.parametrize("name", ["a b%41+é#?@;\"'", "one,two", "long" * 30])
def test_a_folder_may_have_any_name(used_folder: RunFolder, quick_disk: Path, name: str) -> None:
    folder = RunFolder.open(quick_disk / name)
    used_folder.data.joinpath("postgres").rename(folder.data / "postgres")
    try:
        with start_servers(folder) as servers:
            provider.check_database(servers.database_url)
            provider.check_broker(servers.broker_url)
            assert all(server.pids for server in status(folder))
        sockets = folder.sockets
    finally:
        folder.data.joinpath("postgres").rename(used_folder.data / "postgres")
        wipe(folder)

    assert not sockets.exists()


def test_a_server_with_a_url_is_used_and_the_other_one_started(
    servers: Servers, used_folder: RunFolder
) -> None:
    plain = servers.database_url.replace("postgresql+psycopg", "postgresql")

    with start_servers(used_folder, database_url=plain) as mixed:
        postgres, valkey = status(used_folder)
        attached = attach(used_folder, database_url=servers.database_url)

    assert (postgres.pids, len(valkey.pids)) == ((), 1)
    assert mixed.database_url == servers.database_url
    assert attached == mixed


def test_with_both_urls_nothing_is_started(servers: Servers, empty_folder: RunFolder) -> None:
    given = {"database_url": servers.database_url, "broker_url": servers.broker_url}

    with start_servers(empty_folder, provider="url", **given) as configured:
        running = status(empty_folder)

    assert configured == servers
    assert [server.pids for server in running] == [(), ()]


def test_the_url_provider_asks_for_both_urls(servers: Servers, empty_folder: RunFolder) -> None:
    with (
        pytest.raises(InvalidSettings, match="expected a database URL and a broker URL"),
        start_servers(empty_folder, provider="url", broker_url=servers.broker_url),
    ):
        pass


def test_a_url_that_does_not_answer_stops_the_other_server_again(
    used_folder: RunFolder,
) -> None:
    with (
        pytest.raises(BrokerUnavailable, match="does not answer"),
        start_servers(used_folder, broker_url=f"redis://{NOWHERE}/0"),
    ):
        pass
    with (
        pytest.raises(StoreUnavailable, match="does not answer"),
        start_servers(used_folder, database_url=f"postgresql://{NOWHERE}/farm"),
    ):
        pass

    assert [server.pids for server in status(used_folder)] == [(), ()]


def test_the_system_s_servers_are_found_on_path(
    used_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The wheels' programs stand in for installed ones: what counts is the way they are found.
    account = provider.account_for(Postgres(used_folder).data)
    postgres = provider.find_postgres(("embedded",), account)
    valkey = provider.find_valkey(("embedded",))
    monkeypatch.setenv("PATH", f"{postgres.folder}:{valkey.server.parent}")
    steps: list[str] = []

    with start_servers(used_folder, provider="system", progress=steps.append):
        assert all(server.answers for server in status(used_folder))

    assert f"PostgreSQL {postgres.version} (system): starting" in steps
    assert f"Valkey {valkey.version} (system): starting" in steps


def test_a_second_farm_in_the_same_folder_is_refused(used_folder: RunFolder) -> None:
    with start_servers(used_folder) as servers:
        for intruder in (start_servers(used_folder).__enter__, lambda: wipe(used_folder)):
            with pytest.raises(RunFolderBusy, match=f"process {os.getpid()}"):
                intruder()

        assert attach(used_folder) == servers


def test_wiping_removes_the_servers_data_and_keeps_the_mirrors(empty_folder: RunFolder) -> None:
    (empty_folder.data / "valkey").mkdir()
    mirror = empty_folder.mirrors / "project.git"
    mirror.mkdir()

    wipe(empty_folder)

    assert sorted(path.name for path in empty_folder.path.iterdir()) == [
        "mirrors",
        "owner.lock",
        "worktrees",
    ]
    assert mirror.exists()


@pytest.mark.parametrize("moment", ["PostgreSQL 18", "Valkey 9", "Valkey: ready"])
def test_an_interrupt_while_starting_leaves_no_process(used_folder: RunFolder, moment: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(used_folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        assert any(line.startswith(moment) for line in starter.stdout)

        starter.send_signal(signal.SIGINT)
        starter.communicate(timeout=60)

    assert starter.returncode != 0
    assert [server.pids for server in status(used_folder)] == [(), ()]
    assert wait_until(lambda: used_folder.owner() is None, seconds=5)


def test_a_broken_valkey_stops_postgresql_again(used_folder: RunFolder) -> None:
    aof = used_folder.data / "valkey" / "appendonlydir"
    manifest = next(aof.glob("*.manifest"))
    sound = manifest.read_text()
    manifest.write_text("nonsense")

    with pytest.raises(ServerUnavailable) as refused, start_servers(used_folder):
        pass

    manifest.write_text(sound)

    assert "Valkey ended with code 1 while starting" in str(refused.value)
    assert "AOF manifest" in str(refused.value)
    assert [server.pids for server in status(used_folder)] == [(), ()]
