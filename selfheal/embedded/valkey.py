"""Valkey, or Redis, on a Unix socket of the run folder."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from selfheal.embedded.binaries import ValkeyBinary
from selfheal.embedded.processes import ServerLog, ServerProcesses
from selfheal.embedded.run_folder import RunFolder

START_SECONDS = 60.0  # a long append-only file is replayed first
ANSWER_SECONDS = 2.0
STOPPING = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

SETTINGS = {
    # No TCP; the socket is for its owner only.
    "port": "0",
    "unixsocketperm": "700",
    # Every command reaches the file before its answer is sent, so a killed server forgets nothing
    # that was acknowledged; a machine that loses power forgets up to a second. Snapshots would add
    # nothing to that. A file cut short by the kill is loaded up to the cut.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",
    "save": "",
    # A broker that drops messages when memory is short loses work without a word.
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


@dataclass(frozen=True, slots=True)
class Valkey:
    """The Valkey of a run folder, running or not. Its data outlives it."""

    folder: RunFolder

    @property
    def data(self) -> Path:
        return self.folder.data / "valkey"

    @property
    def socket(self) -> Path:
        return self.folder.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        """For kombu and Celery; redis-py itself calls the same `unix://PATH?db=0`."""
        return self.virtual_host_url(0)

    def virtual_host_url(self, number: int) -> str:
        """The same server's URL of another database, 0 to 15."""
        return f"redis+socket://{quote(str(self.socket))}?virtual_host={number}"

    @property
    def processes(self) -> ServerProcesses:
        return ServerProcesses(
            server="Valkey",
            programs=frozenset({"valkey-server", "redis-server"}),
            # As in its process title. A bare path would also be found at the end of a longer one.
            mark=f"unixsocket:{self.socket}",
        )

    def answers(self) -> bool:
        """Whether it has loaded its data and takes commands."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    @contextmanager
    def started(self, binary: ValkeyBinary, *, progress: Callable[[str], None]) -> Iterator[None]:
        """A server that answers; stopped at the end.

        What an owner that was killed left running is stopped first. The caller owns the run folder.
        Raises ServerUnavailable.
        """
        if self.processes.pids():
            progress("Valkey: stopping the one that a killed farm left running")
        self.stop()
        progress(f"Valkey {binary.version} ({binary.source}): starting")
        log = ServerLog(server="Valkey", path=self.folder.logs / "valkey.log")
        try:
            self.data.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise log.unavailable(f"cannot create its data folder ({error})") from error
        places = {"dir": str(self.data), "unixsocket": str(self.socket)}
        given = [part for pair in (SETTINGS | places).items() for part in (f"--{pair[0]}", pair[1])]
        process = log.launch([str(binary.server), *given], cwd=self.data)
        try:
            log.await_ready(process, self.answers, seconds=START_SECONDS)
            progress("Valkey: ready")
            yield
        finally:
            self.stop()
            process.kill()  # one that never came far enough to be found
            process.wait()

    def stop(self) -> None:
        """Stop whatever runs on this socket, after a last write of its data."""
        if self.processes.pids():
            self.processes.end(STOPPING)
        self.socket.unlink(missing_ok=True)
