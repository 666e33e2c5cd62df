"""selfheal as a user types it: commands as processes, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from selfheal.contracts.run_report import RunReport

PATIENCE_SECONDS = 90.0
"""For whatever is awaited: far more than it takes, for the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> RunReport:
        """The one document that `--json` printed."""
        return RunReport.from_json(self.out)

    @property
    def complaint(self) -> str:
        """What an error of ours says: one message, nothing else that looks like a failure."""
        assert "Traceback" not in self.err, self.err
        assert self.err.count("selfheal:") == 1, self.err
        return self.err.partition("selfheal:")[2]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell in which one run folder, and perhaps other settings, are set."""

    run_folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, **settings: str) -> Said:
        """The command's end; `settings` are further variables, for this command only."""
        with self.started(*arguments, **settings) as process:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return Said(process.returncode, out, err)

    @contextmanager
    def started(self, *arguments: str | Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """The command, running; killed at the end of the context where it still is."""
        process = subprocess.Popen(
            [sys.executable, "-m", "selfheal.cli", *map(str, arguments)],
            env={**os.environ, **self._variables, **self.settings, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def farm(self) -> Iterator[subprocess.Popen[str]]:
        """`selfheal up`, from when it says that it is up until the context ends."""
        with self.started("up") as process:
            assert process.stderr is not None
            said = ""
            while "the farm is up" not in said:
                line = process.stderr.readline()
                assert line, f"`selfheal up` ended: {said}"
                said += line
            yield process
            end(process)

    @property
    def _variables(self) -> dict[str, str]:
        return {"SELFHEAL_FARM__RUN_FOLDER": str(self.run_folder)}


def end(process: subprocess.Popen[str]) -> Said:
    """Ask the command to end, as a service manager would, and see how it does."""
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Said(process.returncode, out, err)


def await_that(condition: Callable[[], object], *, what: str) -> None:
    """Look again and again until the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.2)


def processes_with(mark: str | Path) -> list[str]:
    """Every process that has this text in its command line, folder or environment."""
    return list(_processes_with(os.fsencode(mark)))


def _processes_with(mark: bytes) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes()
            folder = os.fsencode((process / "cwd").readlink())
            places = b"\0".join((command, folder, (process / "environ").read_bytes()))
        except OSError:  # gone meanwhile, or another user's
            continue
        if command and mark in places:
            yield f"{process.name} {command.replace(bytes(1), b' ').decode(errors='replace')}"
