"""What holds for every test: a run leaves no process behind, and CI accepts no skipped test."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "SELFHEAL_TEST_RUN"
GRACE_SECONDS = 5.0

_FOLDER = pytest.StashKey[Path]()
_COMPLAINTS = pytest.StashKey[list[str]]()


def pytest_configure() -> None:
    """Mark what this run starts: children inherit the environment."""
    os.environ[MARK] = uuid.uuid4().hex


@pytest.fixture(scope="session", autouse=True)
def _folder_of_the_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A server started with an environment of its own still names its folder."""
    request.config.stash[_FOLDER] = tmp_path_factory.getbasetemp()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that leaves processes behind, and in CI one that skipped tests."""
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


def _left_behind(config: pytest.Config) -> list[str]:
    """What this run started and what still runs after a grace, as `pid command`."""
    folder = config.stash.get(_FOLDER, None)
    deadline = time.monotonic() + GRACE_SECONDS
    while (running := list(_started_by_this_run(folder))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return running


def _started_by_this_run(folder: Path | None) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            command = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            places = f"{command} {(process / 'cwd').readlink()}/"
            marked = f"{MARK}={os.environ[MARK]}".encode() in (process / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if marked or (folder is not None and f"{folder}/" in places):
            yield f"{process.name} {command.strip()[:200]}"
