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

# Root as containers have it, without what user namespaces need or what looks into other processes.
CONTAINER = """
import ctypes, os, sys
CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SETFCAP, PR_CAPBSET_DROP = 19, 21, 31, 24
for capability in (CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SETFCAP):
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
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
    """As an ordinary user nothing can be dropped, and the same two runs are the user's own."""
    way = [CONTAINER, TWO_RUNS] if os.geteuid() == 0 else [TWO_RUNS]

    said = subprocess.run(
        [sys.executable, "-c", *way, str(empty_folder.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert said.stdout.splitlines() == [f"True {uid}", f"True {uid}", f"() {uid}"], said.stderr
