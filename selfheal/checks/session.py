"""One visit of a target's tests to the sandbox: the jail, its bounds, and an opaque command."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from selfheal.checks.outcomes import COMMAND_ID, Failure, Outcome
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.errors import Cancelled
from selfheal.sandbox.jail import Completed, Jail, Limits, Sandbox

TAIL_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a run has to end; `deadline` is on the monotonic clock."""

    deadline: float
    test_seconds: float
    stop: Callable[[], bool]
    limits: Limits

    @property
    def left(self) -> float:
        """Seconds until the deadline, never less than a little."""
        return max(self.deadline - time.monotonic(), 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A target at a work tree, in a sandbox, with bounds."""

    target: Target
    worktree: Path
    sandbox: Sandbox
    bounds: Bounds

    def jail(self, argv: tuple[str, ...], *readable: Path) -> Jail:
        """The jail for one command of this session, with the time that is left."""
        limits = self.bounds.limits
        left = self.bounds.left
        return Jail(
            argv=argv,
            workdir=self.worktree,
            readable=(*self.target.readable, *readable),
            environment=self.target.environment_in(self.worktree),
            limits=replace(
                limits, wall_seconds=left, cpu_seconds=max(limits.cpu_seconds, 4 * left)
            ),
        )

    def run_command(self) -> SuiteRun:
        """Runs the opaque test command: one outcome, by its exit code."""
        assert self.target.command is not None
        completed = self.sandbox.run(self.jail(self.target.command), stop=self.bounds.stop)
        if completed.struck == "stopped":
            raise Cancelled("the test run was told to stop")
        passed = completed.exit_code == 0 and completed.struck is None
        outcome: Outcome = "passed" if passed else "failed"
        text = tail(completed)
        failure = Failure(message=f"exit code {completed.exit_code}", detail=text)
        return SuiteRun(
            outcomes={COMMAND_ID: outcome},
            failures={} if passed else {COMMAND_ID: failure},
            durations={COMMAND_ID: completed.wall_seconds},
            seconds=completed.wall_seconds,
            exit_code=completed.exit_code,
            struck=completed.struck,
            running=COMMAND_ID if completed.struck else "",
            command=shlex.join(self.target.command),
            output=text,
            collected=1,
        )

    def owns_module(self, name: str) -> bool:
        """Whether the repository itself has a place for this top-level module."""
        folders = dict(self.target.environment).get("PYTHONPATH", "").split(":")
        places = (self.worktree / folder for folder in ("", *folders))
        return any((place / name).is_dir() or (place / f"{name}.py").exists() for place in places)


def tail(completed: Completed) -> str:
    """The end of what a command printed, its errors last."""
    text = "\n".join(part.strip() for part in (completed.stdout, completed.stderr) if part.strip())
    return text[-TAIL_CHARACTERS:]
