"""Whoever calls: PostgreSQL runs as an ordinary user, and the caller reaches it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder

NOBODY = 65534

# capabilities(7). Root in a container has none of the first three: user namespaces need the last
# of them, looking into other users' processes the first.
SYS_PTRACE, SYS_ADMIN, SETFCAP = 19, 21, 31
SETGID, SETUID = 6, 7

WITHOUT = """
import ctypes, os, sys
PR_CAPBSET_DROP = 24
capabilities, program, folder = sys.argv[1:]
for capability in map(int, capabilities.split()):
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-c", program, folder])
"""

TWO_RUNS = """
import os, signal, sys
from pathlib import Path
from selfheal.embedded.postgres import Postgres
from selfheal.embedded.provider import start_servers, status
from selfheal.embedded.run_folder import RunFolder
folder = RunFolder.open(Path(sys.argv[1]))
for run in range(2):
    with start_servers(folder, provider="embedded"):
        postmaster = int((Postgres(folder).data / "postmaster.pid").read_text().split()[0])
        print(Postgres(folder).answers(), os.stat(f"/proc/{postmaster}").st_uid)
        os.kill(postmaster, signal.SIGKILL)
print(status(folder)[0].pids, Postgres(folder).data.stat().st_uid)
"""


def test_postgresql_is_the_caller_s_own_process(used_folder: RunFolder) -> None:
    postgres = Postgres(used_folder)
    with start_servers(used_folder):
        process = Path("/proc", (postgres.data / "postmaster.pid").read_text().split()[0])
        owner = process.stat().st_uid
        seen_inside = (process / "uid_map").read_text().split()[0]
        with psycopg.connect(
            host=str(postgres.sockets), user="selfheal", dbname="selfheal"
        ) as connection:
            row = connection.execute("SELECT current_user").fetchone()

    assert row == ("selfheal",)
    assert owner == os.geteuid()
    # Root is seen under the name of nobody; everybody else needs no namespace.
    assert seen_inside == (str(NOBODY) if os.geteuid() == 0 else "0")


def test_root_without_namespaces_runs_postgresql_as_nobody(empty_folder: RunFolder) -> None:
    """An ordinary user has nothing to do without: the same two runs are the user's own."""
    said = run_without([SYS_PTRACE, SYS_ADMIN, SETFCAP], empty_folder)

    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert said.stdout.splitlines() == [f"True {uid}", f"True {uid}", f"() {uid}"], said.stderr


def test_root_that_may_become_nobody_else_is_told_what_to_do(empty_folder: RunFolder) -> None:
    said = run_without([SYS_ADMIN, SETFCAP, SETGID, SETUID], empty_folder)

    if os.geteuid() == 0:
        assert "ServerUnavailable: PostgreSQL does not run as root" in said.stderr
        assert "allow user namespaces or setuid, or set a database URL" in said.stderr
        assert list(empty_folder.data.glob("postgres*")) == []
    else:
        assert said.returncode == 0, said.stderr


def run_without(capabilities: list[int], folder: RunFolder) -> subprocess.CompletedProcess[str]:
    dropped = capabilities if os.geteuid() == 0 else []
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, " ".join(map(str, dropped)), TWO_RUNS, str(folder.path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
