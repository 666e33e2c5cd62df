"""Runs a formatter or linter on files of a work tree, in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.target import Target
from selfheal.checks.tool import Tool
from selfheal.errors import Cancelled
from selfheal.sandbox.jail import Completed, Jail, Limits, Sandbox

TOOL_SECONDS = 60.0

_ENVIRONMENT = {
    "BLACK_CACHE_DIR": "/tmp/black",  # noqa: S108 - inside the jail
    "RUFF_NO_CACHE": "true",
    "RUFF_OUTPUT_FORMAT": "concise",
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolBench:
    """Where tools run."""

    target: Target
    worktree: Path
    sandbox: Sandbox
    stop: Callable[[], bool]

    def run(self, tool: Tool, files: tuple[str, ...]) -> Completed:
        """Runs the tool on these files; raises Cancelled when it is told to stop."""
        # A file whose name begins like an option is still a file.
        arguments = (f"./{name}" if name.startswith("-") else name for name in files)
        jail = Jail(
            argv=(*tool.argv, *arguments),
            workdir=self.worktree.resolve(),
            readable=(*self.target.readable, *tool.readable),
            environment={**self.target.environment_in(self.worktree), **_ENVIRONMENT},
            limits=Limits(wall_seconds=TOOL_SECONDS),
        )
        completed = self.sandbox.run(jail, stop=self.stop)
        if completed.struck == "stopped":
            raise Cancelled(f"{tool.name} was told to stop")
        return completed
