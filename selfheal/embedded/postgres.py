"""PostgreSQL on a Unix socket of the run folder."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from selfheal.embedded.account import Account, path_of
from selfheal.embedded.binaries import PostgresBinaries
from selfheal.embedded.initdb import create_data
from selfheal.embedded.processes import ServerLog, ServerProcesses
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.shared_memory import remove_orphan
from selfheal.errors import ServerUnavailable

NAME = "selfheal"  # of the database and of its superuser
PORT = 5432  # only a part of the socket's name: TCP is off

# Recovery after a kill replays at most max_wal_size, which a slow disk needs a while for.
START_SECONDS = 90.0

# SIGINT is the "fast" stop and ends with a checkpoint; SIGQUIT is the "immediate" one, after which
# the next start recovers from the log (PostgreSQL manual, 18.5).
STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

# Given on the command line, so that an old data folder gets them as well.
SETTINGS = {
    # Trust is safe only where nobody else can reach the socket.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    # Eight coding children, the other pools, beat and the web page hold two or three each.
    "max_connections": "200",
    # The whole database of a small farm; memory that is not touched costs nothing.
    "shared_buffers": "128MB",
    # Nobody replicates from here, and a laptop's disk should not fill with a gigabyte of log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    # Short statements on two cores: compiling them or splitting them costs more than it saves.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # Keeps shared segments in the data folder: a killed server leaves none in /dev/shm, which is
    # as small as 64 MB in containers.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An idle farm should write no log.
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """The PostgreSQL of a run folder, running or not. Its data outlives it."""

    folder: RunFolder

    @property
    def data(self) -> Path:
        return self.folder.data / "postgres"

    @property
    def sockets(self) -> Path:
        return self.folder.sockets / "postgres"

    @property
    def url(self) -> str:
        """For SQLAlchemy, with psycopg."""
        return self.database_url(NAME)

    def database_url(self, database: str) -> str:
        """The same server's URL of another database."""
        return f"postgresql+psycopg://{NAME}@/{database}?host={quote(str(self.sockets), safe='')}"

    @property
    def processes(self) -> ServerProcesses:
        return ServerProcesses(
            server="PostgreSQL", programs=frozenset({"postgres"}), mark=self.folder.mark
        )

    @property
    def major(self) -> int | None:
        """The version that the data folder was made by; None before the first start."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def answers(self) -> bool:
        """Whether the database accepts connections."""
        return self._answers(NAME)

    @contextmanager
    def started(
        self, binaries: PostgresBinaries, account: Account, *, progress: Callable[[str], None]
    ) -> Iterator[None]:
        """A server that answers, with the database created; stopped at the end.

        What an owner that was killed left running is stopped first. The caller owns the run folder.
        Raises ServerUnavailable; the next start finds nothing half-done.
        """
        self._check_version(binaries)
        if self.processes.pids():
            progress("PostgreSQL: stopping the one that a killed farm left running")
        self.stop()
        if self.major is None:
            progress(f"PostgreSQL {binaries.version}: creating its data folder")
            log = self._log("initdb")
            create_data(self.data, binaries, account, superuser=NAME, log=log)
        progress(f"PostgreSQL {binaries.version} ({binaries.source}): starting")
        log = self._log("postgres")
        process = self._launch(binaries, account, log)
        try:
            log.await_ready(process, lambda: self._answers("postgres"), seconds=START_SECONDS)
            self._create_database(log)
            progress("PostgreSQL: ready")
            yield
        finally:
            self.stop()
            process.kill()  # one that never came far enough to be found
            process.wait()

    def stop(self) -> None:
        """Stop whatever runs on this data: fast, then immediately. Leaves no stale file behind."""
        if self.processes.pids():
            self.processes.end(STOPPING)
        pid_file = self.data / "postmaster.pid"
        remove_orphan(pid_file)
        # PostgreSQL would check these itself, by pids: after a reboot, or in a new container, the
        # pid may belong to another program, and it would refuse to start.
        for stale in (pid_file, *self.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _check_version(self, binaries: PostgresBinaries) -> None:
        if self.major not in (None, binaries.major):
            raise ServerUnavailable(
                f"the data in {self.data} was written by PostgreSQL {self.major}, the server found "
                f"({binaries.source}) is PostgreSQL {binaries.version}: install PostgreSQL "
                f"{self.major} and use the system's servers, or dump it there and load it here, or "
                "wipe the embedded servers and begin anew"
            )

    def _launch(
        self, binaries: PostgresBinaries, account: Account, log: ServerLog
    ) -> subprocess.Popen[bytes]:
        settings = {**SETTINGS, "cluster_name": self.folder.mark}
        try:
            with (
                account.folder(self.data) as data,
                account.folder(self.sockets) as sockets,
            ):
                settings["unix_socket_directories"] = path_of(sockets)
                given = [f"--{name}={value}" for name, value in settings.items()]
                command = [*account.prefix, str(binaries.postgres), "-D", path_of(data), *given]
                return log.launch(command, folders=[data, sockets])
        except OSError as error:
            raise log.unavailable(f"cannot use its folders ({error})") from error

    def _answers(self, database: str) -> bool:
        try:
            self._connect(database).close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.sockets), user=NAME, dbname=database, connect_timeout=5, autocommit=True
        )

    def _create_database(self, log: ServerLog) -> None:
        if self.answers():
            return
        try:
            with closing(self._connect("postgres")) as connection:
                connection.execute(f'CREATE DATABASE "{NAME}"')
        except psycopg.Error as error:
            raise log.unavailable(f"cannot create its database ({error})") from error

    def _log(self, name: str) -> ServerLog:
        return ServerLog(server="PostgreSQL", path=self.folder.logs / f"{name}.log")
