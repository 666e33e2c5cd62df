"""The servers of a farm, whoever provides them: configured URLs, the wheels, or the system."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Literal

from selfheal.embedded.account import account_for
from selfheal.embedded.binaries import Source, find_postgres, find_valkey
from selfheal.embedded.configured import check_broker, check_database
from selfheal.embedded.postgres import Postgres
from selfheal.embedded.processes import ServerProcesses
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.errors import InvalidSettings, RunFolderBusy

Provider = Literal["auto", "url", "embedded", "system"]
Progress = Callable[[str], None]
_Start = Callable[[], AbstractContextManager[str]]

SOURCES: dict[Provider, tuple[Source, ...]] = {
    "auto": ("embedded", "system"),
    "url": (),
    "embedded": ("embedded",),
    "system": ("system",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the farm's two servers are. The URLs may hold passwords, so they are not shown."""

    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    keep_alive: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False, compare=False)
    """Starts again what has died of the owner's servers, and names it. Raises ServerUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """One embedded server: whether it answers, and its processes if there are any."""

    name: str
    answers: bool
    pids: tuple[int, ...]


@contextmanager
def start_servers(
    folder: RunFolder,
    *,
    provider: Provider = "auto",
    database_url: str | None = None,
    broker_url: str | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[Servers]:
    """Own the run folder and have both servers answer, until the context ends.

    A server with a URL is only checked; the other one is started from the provider's programs, and
    stopped at the end with its data kept. `progress` is called with one line for each step, from
    any thread but never twice at once.

    Raises RunFolderBusy, ServerUnavailable, InvalidSettings (provider `url` and no URL),
    StoreUnavailable or BrokerUnavailable (a URL that does not answer).
    """
    if provider == "url" and not (database_url and broker_url):
        raise InvalidSettings(
            "servers by URL: expected a database URL and a broker URL, found not both: "
            "set them, or choose the provider auto, embedded or system"
        )
    sources, report = SOURCES[provider], _one_at_a_time(progress)
    with ExitStack() as stack:
        folder.create()
        stack.enter_context(folder.own())
        database = partial(_database, folder, sources, url=database_url, progress=report)
        broker = partial(_broker, folder, sources, url=broker_url, progress=report)
        urls = _entered_together(stack, database(), broker())
        own: list[tuple[ServerProcesses, _Start]] = []
        own += [] if database_url else [(Postgres(folder).processes, database)]
        own += [] if broker_url else [(Valkey(folder).processes, broker)]
        yield Servers(
            database_url=urls[0], broker_url=urls[1], keep_alive=partial(_revive, stack, own)
        )


def attach(
    folder: RunFolder, *, database_url: str | None = None, broker_url: str | None = None
) -> Servers | None:
    """The servers of a run folder that somebody else keeps running, or None when one is not up.

    A URL that is given is taken as it is. Starts nothing; a server that hangs counts as not up
    after a few seconds.
    """
    postgres, valkey = Postgres(folder), Valkey(folder)
    if database_url is None and not postgres.answers():
        return None
    if broker_url is None and not valkey.answers():
        return None
    return Servers(database_url=database_url or postgres.url, broker_url=broker_url or valkey.url)


def status(folder: RunFolder) -> tuple[ServerStatus, ServerStatus]:
    """PostgreSQL's and Valkey's; who owns the folder is `folder.owner()`."""
    postgres, valkey = Postgres(folder), Valkey(folder)
    return (
        ServerStatus(name="PostgreSQL", answers=postgres.answers(), pids=postgres.processes.pids()),
        ServerStatus(name="Valkey", answers=valkey.answers(), pids=valkey.processes.pids()),
    )


def stop(folder: RunFolder) -> None:
    """Stop servers that an owner left running when it was killed. Raises RunFolderBusy if it lives.

    (A living owner is asked to stop by ending it: its workers need the servers.)
    """
    with folder.own():
        Valkey(folder).stop()
        Postgres(folder).stop()


def wipe(folder: RunFolder) -> None:
    """Delete the servers' data, sockets and logs; mirrors and worktrees stay.

    Raises RunFolderBusy while the folder has an owner or a server runs.
    """
    with folder.own():
        running = [one.name for one in status(folder) if one.pids]
        if running:
            raise RunFolderBusy(
                f"run folder {folder.path}: {' and '.join(running)} still running: stop them first"
            )
        for part in (folder.data, folder.sockets, folder.logs):
            if part.exists():
                shutil.rmtree(part)


@contextmanager
def _database(
    folder: RunFolder, sources: tuple[Source, ...], *, url: str | None, progress: Progress
) -> Iterator[str]:
    if url:
        yield check_database(url)
        return
    postgres = Postgres(folder)
    account = account_for(postgres.data)
    binaries = find_postgres(sources, account, major=postgres.major)
    with postgres.started(binaries, account, progress=progress):
        yield postgres.url


@contextmanager
def _broker(
    folder: RunFolder, sources: tuple[Source, ...], *, url: str | None, progress: Progress
) -> Iterator[str]:
    if url:
        yield check_broker(url)
        return
    valkey = Valkey(folder)
    with valkey.started(find_valkey(sources), progress=progress):
        yield valkey.url


def _revive(stack: ExitStack, own: Sequence[tuple[ServerProcesses, _Start]]) -> tuple[str, ...]:
    """A server counts as dead when it has no process: one that is only busy is left alone."""
    dead = [(processes, start) for processes, start in own if not processes.pids()]
    for _, start in dead:
        stack.enter_context(start())
    return tuple(processes.server for processes, _ in dead)


def _one_at_a_time(progress: Progress) -> Progress:
    speaking = Lock()

    def report(line: str) -> None:
        with speaking:
            progress(line)

    return report


def _entered_together(stack: ExitStack, *managers: AbstractContextManager[str]) -> list[str]:
    """Enter all at once, each in a thread; the stack leaves those that were entered."""
    with ThreadPoolExecutor(len(managers)) as pool:
        entering = [pool.submit(stack.enter_context, manager) for manager in managers]
        try:
            wait(entering)
        except KeyboardInterrupt:
            # A server that is half started now must be in the stack before that is unwound.
            wait(entering)
            raise
    return [one.result() for one in entering]
