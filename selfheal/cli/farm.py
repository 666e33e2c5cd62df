"""How commands reach a farm: one that runs, or one of their own for as long as they last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from selfheal.cli.processes import Command, Processes, running
from selfheal.dispatch.sender import LateSender, Sender
from selfheal.embedded.provider import Servers, start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.flows.connect import find_servers, open_farm, reveal
from selfheal.flows.farm import Farm
from selfheal.settings import Settings
from selfheal.store import migrate

Progress = Callable[[str], None]


SERVER_LOOK_SECONDS = 2.0
"""Between two looks at the servers: each reads the machine's process table."""


class Own:
    """A farm that this process runs: its servers, its processes."""

    def __init__(self, farm: Farm, servers: Servers, processes: Processes) -> None:
        self.farm = farm
        self.servers = servers
        self.processes = processes
        self._looked_at = time.monotonic()

    def keep_alive(self) -> tuple[str, ...]:
        """Start again what has died, and name it; raises what says that it will not live."""
        revived: tuple[str, ...] = ()
        if time.monotonic() - self._looked_at > SERVER_LOOK_SECONDS:
            revived = self.servers.keep_alive()
            self._looked_at = time.monotonic()
        return (*revived, *self.processes.keep_alive())


def marked_up(settings: Settings) -> Path:
    """The file that exists while `selfheal up` runs workers for everybody in this run folder."""
    return settings.run_folder / "up.pid"


def runs_for_everybody(settings: Settings) -> bool:
    """Whether `selfheal up` runs here, so that others can hand it work."""
    try:
        pid = int(marked_up(settings).read_text())
    except (OSError, ValueError):  # not there, or a folder that the next step will refuse
        return False
    return RunFolder(settings.run_folder).owner() == pid


def reach_farm(settings: Settings) -> Farm:
    """The farm that runs already.

    Raises EnvironmentUnusable, StoreUnavailable or SchemaMismatch.
    """
    farm = answering_farm(settings)
    migrate.check(farm.database.engine)
    return farm


def answering_farm(settings: Settings) -> Farm:
    """The same at any schema; raises EnvironmentUnusable or StoreUnavailable."""
    farm = _farm_at(find_servers(settings), settings)
    with farm.database.begin():
        return farm


@contextmanager
def own_farm(
    settings: Settings, commands: Sequence[Command], *, progress: Progress
) -> Iterator[Own]:
    """Servers where none are configured, the schema, and these processes, until the context ends.

    Raises RunFolderBusy when somebody else runs a farm in the run folder.
    """
    folder = RunFolder.open(settings.run_folder)
    with start_servers(
        folder,
        provider=settings.farm.servers,
        database_url=reveal(settings.farm.database_url),
        broker_url=reveal(settings.farm.broker_url),
        progress=progress,
    ) as servers:
        farm = _farm_at(servers, settings)
        migrate.upgrade(farm.database.engine)
        try:
            with running(settings, servers, commands) as processes:
                yield Own(farm, servers, processes)
        finally:
            farm.close()


def _farm_at(servers: Servers, settings: Settings) -> Farm:
    return open_farm(settings, servers, LateSender(lambda: _by_celery(settings, servers)))


def _by_celery(settings: Settings, servers: Servers) -> Sender:
    # Loading Celery takes as long as all else that a command does which only looks.
    from selfheal.celery import farm_of

    return farm_of(settings, servers).sender
