"""What holds for every test, and the servers that many of them share.

A run leaves no process behind, and CI accepts no skipped test. The servers are started once, when
the first test asks for them, and need nothing from the environment.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.environments import environment_with

if TYPE_CHECKING:
    from selfheal.embedded.provider import Servers
    from selfheal.embedded.run_folder import RunFolder

MARK = "SELFHEAL_TEST_RUN"
GRACE_SECONDS = 5.0

TESTS = Path(__file__).parent
LONGEST_FIRST = {"acceptance": -3, "faults": -2, "integration": -1}

MEMORY = Path("/dev/shm")
IN_MEMORY = "selfheal-tests-"
PLENTY = 1 << 30

_COMPLAINTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Mark what this run starts: children inherit the environment, pytest-xdist's workers too.

    A script's background commands ignore SIGINT, and so would all that tests start and interrupt.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not _is_worker(config):
        os.environ[MARK] = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: LONGEST_FIRST.get(item.path.relative_to(TESTS).parts[0], 0))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that leaves processes behind, and in CI one that skipped tests."""
    if _is_worker(session.config):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    complaints = [f"left behind: {process}" for process in _left_behind(session.config)]
    if os.environ.get("CI") == "true" and reporter is not None:
        skipped = reporter.stats.get("skipped", ())
        complaints += [f"skipped in CI: {report.nodeid}" for report in skipped]
    if complaints and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    session.config.stash[_COMPLAINTS] = complaints


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for complaint in config.stash.get(_COMPLAINTS, []):
        terminalreporter.write_line(complaint, red=True)


@pytest.fixture(scope="session", autouse=True)
def target_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Target repositories have an environment of their own, with pytest and nothing else.

    In ours, each run of their tests would first import the plugins that these tests use: half a
    second, some hundred times.
    """
    python = environment_with("pytest", folder=tmp_path_factory.mktemp("target") / "venv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFHEAL_TARGET__PYTHON", str(python))
        yield python


@pytest.fixture(scope="session")
def quick_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for servers' data: in memory where there is plenty, else on the disk.

    On a busy disk they wait for it ten times as long as they compute.
    """
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < PLENTY:
        yield tmp_path_factory.mktemp("servers")
        return
    _clear_up_after_killed_runs()
    with tempfile.TemporaryDirectory(prefix=_in_memory_of_this_run(), dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def run_folder(quick_disk: Path) -> Iterator[RunFolder]:
    """The run folder of `servers`."""
    from selfheal.embedded.provider import wipe
    from selfheal.embedded.run_folder import RunFolder

    folder = RunFolder.open(quick_disk / "run")
    yield folder
    wipe(folder)


@pytest.fixture(scope="session")
def servers(run_folder: RunFolder) -> Iterator[Servers]:
    """A PostgreSQL and a Valkey that run until the session ends."""
    from selfheal.embedded.provider import start_servers

    with start_servers(run_folder) as started:
        yield started


@pytest.fixture(scope="session")
def fresh_database(servers: Servers, run_folder: RunFolder) -> Iterator[Callable[..., str]]:
    """Call it for the URL of a new, empty database; `template=URL` copies another one instead.

    A template must have no open connection while it is copied.
    """
    import psycopg

    from selfheal.embedded.postgres import Postgres

    numbers = count(1)
    postgres = Postgres(run_folder)
    with psycopg.connect(_libpq(servers.database_url), autocommit=True) as connection:
        # Each of some hundred databases would be looked at each minute.
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")

        def create(*, template: str | None = None) -> str:
            name = f"test_{next(numbers)}"
            source = _database_name(template) if template else "template0"
            # Their files are in memory: to copy them takes half as long as to log them.
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY file_copy')
            return postgres.database_url(name)

        yield create


@pytest.fixture(scope="module")
def database_url(fresh_database: Callable[..., str]) -> str:
    """An empty database of this test module."""
    return fresh_database()


@pytest.fixture(scope="session")
def _virtual_hosts() -> Iterator[int]:
    return cycle(range(1, 16))


@pytest.fixture
def broker_url(servers: Servers, run_folder: RunFolder, _virtual_hosts: Iterator[int]) -> str:
    """A virtual host of the broker with nothing in it."""
    import redis

    from selfheal.embedded.valkey import Valkey

    number = next(_virtual_hosts)
    valkey = Valkey(run_folder)
    with redis.Redis(unix_socket_path=str(valkey.socket), db=number) as client:
        client.flushdb()
    return valkey.virtual_host_url(number)


def _clear_up_after_killed_runs() -> None:
    """Memory is not given back by itself when a test run is killed."""
    from selfheal.embedded.provider import stop
    from selfheal.embedded.run_folder import RunFolder

    for old in MEMORY.glob(f"{IN_MEMORY}*"):
        pid = old.name.removeprefix(IN_MEMORY).partition("-")[0]
        if Path("/proc", pid).exists() or old.stat().st_uid != os.geteuid():
            continue
        for lock in old.glob("*/owner.lock"):
            stop(RunFolder.open(lock.parent))
        shutil.rmtree(old, ignore_errors=True)  # another worker process may be at it


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is one of pytest-xdist's processes, which only run tests."""
    return hasattr(config, "workerinput")


def _in_memory_of_this_run() -> str:
    return f"{IN_MEMORY}{os.environ[MARK]}-"


def _left_behind(config: pytest.Config) -> list[str]:
    """What this run started and what still runs after a grace, as `pid command`.

    A server started with an environment of its own has no mark, but still names its folder.
    """
    places = (f"{_base_of_temporary_folders(config)}/", str(MEMORY / _in_memory_of_this_run()))
    deadline = time.monotonic() + GRACE_SECONDS
    while (running := list(_started_by_this_run(places))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return running


def _base_of_temporary_folders(config: pytest.Config) -> Path:
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp()


def _started_by_this_run(places: tuple[str, ...]) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            command = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            named = f"{command} {(process / 'cwd').readlink()}/"
            marked = f"{MARK}={os.environ[MARK]}".encode() in (process / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if marked or any(place in named for place in places):
            yield f"{process.name} {command.strip()[:200]}"


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _database_name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
