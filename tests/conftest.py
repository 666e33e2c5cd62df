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


def pytest_configure(config: pytest.Config) -> None:
    """Mark everything this run starts: children inherit the environment."""
    os.environ[MARK] = uuid.uuid4().hex


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that leaves processes behind, and in CI one that skipped tests."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    complaints = [f"left behind: {process}" for process in _left_behind()]
    if os.environ.get("CI") == "true" and reporter is not None:
        complaints += [
            f"skipped in CI: {report.nodeid}" for report in reporter.stats.get("skipped", ())
        ]
    if complaints and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    session.config.stash[_COMPLAINTS] = complaints


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for complaint in config.stash.get(_COMPLAINTS, []):
        terminalreporter.write_line(complaint, red=True)


_COMPLAINTS = pytest.StashKey[list[str]]()


def _left_behind() -> list[str]:
    """What this run started and what still runs after a grace, as `pid command`."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (running := list(_marked())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return running


def _marked() -> Iterator[str]:
    needle = f"{MARK}={os.environ[MARK]}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            if needle in (folder / "environ").read_bytes().split(b"\0"):
                command = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                yield f"{folder.name} {command.strip()[:200]}"
        except OSError:  # gone meanwhile, or another user's
            continue
