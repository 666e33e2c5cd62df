"""The farm's own processes on this machine: workers, sweeper and beat, watched and restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from selfheal.contracts.names import POOLS, Pool
from selfheal.embedded.provider import Servers
from selfheal.errors import EnvironmentUnusable
from selfheal.settings import Settings

RESTARTS = 5
RESTART_WINDOW_SECONDS = 30.0
"""A process that dies more often than this in this time will not live: the farm gives up."""

_GRACE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Command:
    """One process of the farm, by a name for its log."""

    name: str
    arguments: tuple[str, ...]


def worker(name: str, pools: Sequence[Pool], *arguments: str, processes: int) -> Command:
    """A Celery worker for these pools with that many children."""
    return Command(
        name,
        (
            *("-m", "celery", "-A", "selfheal", "worker"),
            *("-Q", ",".join(pools), "--concurrency", str(processes), "-n", f"{name}@%h"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
            *arguments,
        ),
    )


def profiled_worker(name: str, pools: Sequence[Pool], settings: Settings) -> Command:
    """A Celery worker for these pools as their profiles want it."""
    profile = settings.profile_of(pools)
    fewest, most = profile.processes, profile.most_processes
    return worker(
        name,
        pools,
        *("--prefetch-multiplier", str(profile.prefetch)),
        *("--max-memory-per-child", str(profile.memory_bytes // 1024)),
        *(("--autoscale", f"{most},{fewest}") if most > fewest else ()),
        processes=fewest,
    )


def sweeper() -> Command:
    """The sweeper, in a process of its own: workers fork, and must hold no connections then."""
    return Command("sweeper", ("-m", "selfheal.cli", "sweep"))


def beat() -> Command:
    """What fires schedules. It keeps no file: they are rows, and any number of beats may run."""
    return Command("beat", ("-m", "celery", "-A", "selfheal", "beat", "--loglevel", "INFO"))


def light_pools(settings: Settings) -> tuple[Pool, ...]:
    """Pools whose work is quick and must not wait behind the others."""
    return tuple(pool for pool in POOLS if settings.pools[pool].light)


def heavy_pools(settings: Settings) -> tuple[Pool, ...]:
    """Pools whose work takes long."""
    return tuple(pool for pool in POOLS if not settings.pools[pool].light)


@dataclass
class _Child:
    command: Command
    process: subprocess.Popen[bytes]
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))


class Processes:
    """Running processes; `keep_alive()` restarts what has died."""

    def __init__(self, settings: Settings, servers: Servers) -> None:
        self._folder = settings.run_folder
        self._environment = _environment(settings, servers)
        self._children: list[_Child] = []

    def start(self, command: Command) -> None:
        """Start one process; its output goes to `logs/NAME.log` of the run folder."""
        self._children.append(_Child(command, self._spawn(command)))

    def keep_alive(self) -> tuple[str, ...]:
        """Restart what has died and name it; raises EnvironmentUnusable if it dies again and again.

        The message ends with the last lines of the process's log.
        """
        restarted = []
        for child in self._children:
            if child.process.poll() is None:
                continue
            child.deaths.append(time.monotonic())
            newest, oldest = child.deaths[-1], child.deaths[0]
            if len(child.deaths) == RESTARTS and newest - oldest < RESTART_WINDOW_SECONDS:
                raise EnvironmentUnusable(
                    f"{child.command.name} ended {RESTARTS} times in {newest - oldest:.0f} s; "
                    f"{self.log_of(child.command)} ends with:\n{self._tail(child.command)}"
                )
            child.process = self._spawn(child.command)
            restarted.append(child.command.name)
        return tuple(restarted)

    def stop(self) -> None:
        """Ask all to end (SIGTERM), press (SIGQUIT), and at last kill; leaves none behind."""
        for how in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            alive = [child.process for child in self._children if child.process.poll() is None]
            for process in alive:
                _signal(process, how)
            deadline = time.monotonic() + _GRACE_SECONDS
            for process in alive:
                _wait_until(process, deadline)
        for child in self._children:
            _signal_group(child.process)

    def log_of(self, command: Command) -> Path:
        """Where a process's output goes."""
        return self._folder / "logs" / f"{command.name}.log"

    @property
    def pids(self) -> dict[str, int]:
        """Main process ids by name."""
        return {child.command.name: child.process.pid for child in self._children}

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        log = self.log_of(command)
        log.parent.mkdir(parents=True, exist_ok=True)
        python = (sys.executable, "-P")  # -P: nothing is imported from the working directory
        with log.open("ab") as output:
            return subprocess.Popen(
                [
                    *(*python, "-m", "selfheal.cli.child", str(os.getpid())),
                    *(*python, *command.arguments),
                ],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _tail(self, command: Command) -> str:
        text = self.log_of(command).read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-15:])


@contextmanager
def running(
    settings: Settings, servers: Servers, commands: Sequence[Command]
) -> Iterator[Processes]:
    """These processes, running until the context ends."""
    processes = Processes(settings, servers)
    try:
        for command in commands:
            processes.start(command)
        yield processes
    finally:
        processes.stop()


def _environment(settings: Settings, servers: Servers) -> dict[str, str]:
    """This process's environment, with exactly its settings, wherever they came from."""
    farm = settings.farm.model_dump(mode="json") | {
        "run_folder": str(settings.run_folder),
        "database_url": servers.database_url,
        "broker_url": servers.broker_url,
    }
    sections = settings.model_dump() | {"farm": farm}
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SELFHEAL_")
    }
    return inherited | {
        f"SELFHEAL_{name.upper()}": json.dumps(section, default=_plain)
        for name, section in sections.items()
    }


def _plain(value: SecretStr | Path) -> str:
    """What JSON has no word for, as the child's settings read it."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _signal(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if how is signal.SIGKILL:
        _signal_group(process)
    elif process.poll() is None:
        process.send_signal(how)


def _signal_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what a dead main process may have left in its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_until(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return
