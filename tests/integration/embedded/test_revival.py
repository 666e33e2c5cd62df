"""A server that dies while its owner lives is started again by `keep_alive`, with its data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest
import redis

from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.embedded.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.open(tmp_path / "run")


def test_killed_servers_come_back_and_living_ones_are_left_alone(folder: RunFolder) -> None:
    postgres, valkey = Postgres(folder), Valkey(folder)
    with start_servers(folder) as servers:
        assert servers.keep_alive() == ()
        before = postgres.processes.pids()
        with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
            client.set("kept", "yes")
            client.execute_command("WAITAOF", 1, 0, 2000)
        os.kill(valkey.processes.pids()[0], signal.SIGKILL)
        assert wait_until(lambda: not valkey.processes.pids(), seconds=5)

        assert servers.keep_alive() == ("Valkey",)

        assert valkey.answers()
        with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
            assert client.get("kept") == b"yes"
        assert set(before) & set(postgres.processes.pids())

        for pid in postgres.processes.pids():
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not postgres.processes.pids(), seconds=5)

        assert servers.keep_alive() == ("PostgreSQL",)
        with psycopg.connect(servers.database_url.replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not postgres.processes.pids()
    assert not valkey.processes.pids()
