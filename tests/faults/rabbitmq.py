"""A RabbitMQ of a test's own: in a folder, on loopback ports, gone when the test is over."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Where Debian's package puts it; the one on PATH insists on a user of its own."""

SECONDS = 90.0


@dataclass(frozen=True)
class Rabbit:
    """A running broker, by its URL."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def rabbitmq(folder: Path, *settings: str) -> Iterator[Rabbit]:
    """A broker with these settings, Erlang terms of its own application, once it listens."""
    assert PROGRAM.is_file(), (
        f"{PROGRAM} is not there: these tests run RabbitMQ, install it (apt-get install "
        "rabbitmq-server), or leave the marker `rabbitmq` out"
    )
    port, epmd = _free_port(), _free_port()
    listens = f'{{tcp_listeners, [{{"127.0.0.1", {port}}}]}}'
    (folder / "advanced.config").write_text(f"[{{rabbit, [{', '.join((listens, *settings))}]}}].")
    (folder / "enabled_plugins").write_text("[].")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"selfheal{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        # A port mapper of its own too: it would outlive the broker.
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # It may be ended before it has noticed that the broker is gone.
        "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",
    }
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_port(port, process, log)
        yield Rabbit(f"amqp://guest:guest@127.0.0.1:{port}//", process, log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        epmd_program = shutil.which("epmd")
        assert epmd_program
        subprocess.run([epmd_program, "-kill"], env=environment, check=False, capture_output=True)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, f"RabbitMQ ended\n{log.read_text(errors='replace')}"
        assert time.monotonic() < deadline, f"RabbitMQ: no port\n{log.read_text(errors='replace')}"
        time.sleep(0.1)


def _free_port() -> int:
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
