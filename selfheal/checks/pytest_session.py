"""pytest, process after process, until every collected test has an outcome."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.journal import Journal, Notes, Watchdog
from selfheal.checks.outcomes import Failure, failing
from selfheal.checks.pytest_configuration import pytest_configuration
from selfheal.checks.reporter import TAMED
from selfheal.checks.session import Session, tail
from selfheal.checks.suite_run import SuiteRun
from selfheal.errors import Cancelled, TestsUnusable
from selfheal.sandbox.jail import Completed, Limit

REPORTER = Path(__file__).with_name("reporter.py")

_MOST_PROCESSES = 8
_USAGE_ERROR = 4
_SHOWN_IDS = 5

# Arguments that win over the repository's own, because a later option does.
_OURS = (
    "-q",
    "-p",
    "no:cacheprovider",
    "--rootdir=.",
    "--color=no",
    "--tb=short",
    "--show-capture=no",
    "--continue-on-collection-errors",
    "--maxfail=0",
)
_WITHOUT_ADDOPTS = ("-o", "addopts=", "-o", "required_plugins=")
_PLUGIN_IS_MISSING = re.compile(
    r"(unrecognized arguments|Missing required plugins|Error importing plugin"
    r"|Unknown config option)\b.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """How one pytest process ended."""

    notes: Notes
    completed: Completed
    hung: bool

    @property
    def ended_itself(self) -> bool:
        return self.notes.exit_code is not None

    @property
    def spent(self) -> Limit | None:
        """The limit that leaves nothing for a next process."""
        return self.completed.struck if self.completed.struck in ("wall", "cpu") else None

    @property
    def culprit(self) -> str:
        """The test that ran, or the file that was collected, when the process was lost."""
        return self.notes.running or self.notes.collecting


class PytestSession:
    """Keeps what the processes of one run have told."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all = Notes()
        self._collected = 0
        self._fast: tuple[str, ...] = ()
        self._ignored: list[str] = []
        self._untamed: list[str] = []
        self._overrides: tuple[str, ...] = ()
        self._said: list[str] = []
        self._began = time.monotonic()

    def run(self, tests: tuple[str, ...]) -> SuiteRun:
        """Runs these tests, or all; raises TestsUnusable when pytest does not get to them."""
        wanted = tests
        for _ in range(_MOST_PROCESSES):
            process = self._process(wanted)
            if self._may_retry(process):
                continue
            self._require_begun(process)
            self._keep(process)
            if process.ended_itself or process.spent:
                break
            self._blame(process)
            left = self._left(process, wanted)
            if left is None:
                break
            wanted = left
        else:
            self._give_up(wanted)
        return self._suite_run(process, tests)

    def _process(self, tests: tuple[str, ...]) -> _Process:
        session = self._session
        name = f".selfheal-{secrets.token_hex(6)}.jsonl"
        with Journal(session.worktree / name) as journal:
            watchdog = Watchdog(
                journal, test_seconds=session.bounds.test_seconds, stop=session.bounds.stop
            )
            argv = (str(session.target.python), str(REPORTER))
            order = self._order(name, tests)
            completed = session.sandbox.run(
                session.jail(argv, REPORTER), stdin=order, stop=watchdog
            )
            journal.follow()
        if watchdog.stopped:
            raise Cancelled("the test run was told to stop")
        return _Process(notes=journal.notes, completed=completed, hung=watchdog.hung)

    def _order(self, journal: str, tests: tuple[str, ...]) -> bytes:
        target = self._session.target
        order = {
            "journal": journal,
            "args": [*self._configured(), *target.options, *_OURS, *self._overrides],
            "paths": list(target.test_paths),
            "tests": list(tests),
            "ignored": self._ignored,
            "untamed": self._untamed,
        }
        return json.dumps(order).encode()

    def _configured(self) -> tuple[str, ...]:
        """The suite's configuration, for runs of parts of it too; a later `-c` wins."""
        name = pytest_configuration(self._session.worktree)
        return ("-c", name) if name and not self._session.target.test_paths else ()

    def _may_retry(self, process: _Process) -> bool:
        """Whether pytest refused its options, and there are some that can be left out."""
        text = f"{process.notes.refused}\n{process.completed.stderr}"
        found = _PLUGIN_IS_MISSING.search(text)
        if not found or not (process.notes.refused or process.notes.exit_code == _USAGE_ERROR):
            return False
        return self._left_ours_out(found[0]) or self._left_addopts_out(found[0].strip())

    def _left_ours_out(self, complaint: str) -> bool:
        """For a plugin that the repository's own configuration switches off."""
        names = [name for name, options in TAMED.items() if options[0] in complaint]
        self._untamed += names
        return bool(names)

    def _left_addopts_out(self, complaint: str) -> bool:
        """For plugins that the repository counts on and that are not installed."""
        if self._overrides:
            return False
        self._overrides = _WITHOUT_ADDOPTS
        self._said.append(
            f"pytest refused the repository's own options ({complaint}), so its addopts were left"
            " out"
        )
        return True

    def _require_begun(self, process: _Process) -> None:
        notes, python = process.notes, self._session.target.python
        if notes.why == "no pytest":
            raise TestsUnusable(
                f"{python} has no pytest ({notes.refused}): install it with"
                f" `{python} -m pip install pytest`, or pass --python"
            )
        if notes.refused or notes.exit_code == _USAGE_ERROR:
            raise TestsUnusable(
                f"pytest refuses to run in {self._session.worktree.name}: {notes.refused}\n"
                f"{tail(process.completed)}"
            )
        if not notes.begun:
            raise TestsUnusable(
                f"{python} ended with code {process.completed.exit_code} before pytest began"
                f" (limit: {process.completed.struck})\n{tail(process.completed)}"
            )

    def _keep(self, process: _Process) -> None:
        notes = process.notes
        self._collected = self._collected or len(notes.collected or ())
        self._fast = self._fast or notes.fast
        self._all.outcomes |= notes.outcomes
        self._all.failures |= notes.failures
        self._all.durations |= notes.durations

    def _blame(self, process: _Process) -> None:
        """Notes the test, or the file, that the process was lost with."""
        culprit = process.culprit
        if not culprit:
            return
        self._all.outcomes[culprit] = "error"
        self._all.failures[culprit] = Failure(type="", message=self._how_it_was_lost(process))
        if not process.notes.running:
            self._ignored.append(culprit)

    def _how_it_was_lost(self, process: _Process) -> str:
        if process.hung:
            return f"did not end within {self._session.bounds.test_seconds:.0f} s"
        if process.completed.struck:
            return f"passed the limit on {process.completed.struck}"
        return f"ended the whole test process, with code {process.completed.exit_code}"

    def _left(self, process: _Process, wanted: tuple[str, ...]) -> tuple[str, ...] | None:
        """What the next process has to run; None when nothing is left."""
        if process.notes.collected is None:
            if not process.culprit.endswith(".py"):
                raise TestsUnusable(
                    f"the test process was lost while it collected {process.culprit or 'tests'}:"
                    f" it {self._how_it_was_lost(process)}\n{tail(process.completed)}"
                )
            return wanted
        left = tuple(test for test in process.notes.collected if test not in self._all.outcomes)
        return left or None

    def _give_up(self, tests: tuple[str, ...]) -> None:
        why = f"not run: {_MOST_PROCESSES} test processes were lost before it"
        self._said.append(f"{len(tests)} tests were not run, because test processes were lost")
        for test in tests:
            self._all.outcomes[test] = "error"
            self._all.failures[test] = Failure(message=why)

    def _suite_run(self, process: _Process, tests: tuple[str, ...]) -> SuiteRun:
        return SuiteRun(
            outcomes=self._all.outcomes,
            failures=self._all.failures,
            durations=self._all.durations,
            seconds=time.monotonic() - self._began,
            exit_code=process.completed.exit_code or int(bool(failing(self._all.outcomes))),
            struck=None if process.ended_itself else process.spent,
            running=process.culprit if process.spent else "",
            command=self._command(tests),
            output=tail(process.completed),
            collected=self._collected,
            fast=self._fast,
            notes=tuple(self._said),
        )

    def _command(self, tests: tuple[str, ...]) -> str:
        """The run as a command that people can repeat, with the first few of many ids."""
        target = self._session.target
        addopts = _WITHOUT_ADDOPTS[:2] if self._overrides else ()
        shown = tests[:_SHOWN_IDS] or target.test_paths
        text = shlex.join(("python", "-m", "pytest", *target.options, *addopts, *shown))
        more = len(tests) - _SHOWN_IDS
        return f"{text} (and {more} more tests)" if more > 0 else text
