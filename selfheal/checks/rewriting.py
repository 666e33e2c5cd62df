"""Lets a tool rewrite files of a clean work tree in the sandbox, and gives what it made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.session import tail
from selfheal.checks.tool import Tool
from selfheal.checks.tool_run import ToolBench
from selfheal.errors import EnvironmentUnusable

UNUSED_IMPORTS = "ruff check --select F401 --fix --exit-zero --force-exclude"

# These look for files themselves, and leave out what the repository configures to be left out.
_FINDS_FILES = frozenset({"black", "ruff"})
_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """New contents of the files that the tool has changed, and what it printed."""

    texts: tuple[tuple[str, bytes], ...]
    output: str


def rewritten(
    tool: Tool, bench: ToolBench, *, among: Iterable[str], named: tuple[str, ...] = ()
) -> Rewritten:
    """Runs the tool on the `named` files, or on all of them; only those `among` may count.

    The work tree is left rewritten. Raises EnvironmentUnusable when the tool fails and has changed
    nothing: a single file that it cannot read makes it fail too.
    """
    known = tuple(path for path in among if _is_file(bench.worktree / path))
    before = {path: (bench.worktree / path).read_bytes() for path in known}
    finds = tool.name.split()[0] in _FINDS_FILES
    completed = bench.run(tool, named or ((".",) if finds else known))
    texts = tuple(
        (path, text)
        for path, old in before.items()
        if _is_file(bench.worktree / path)
        if (text := (bench.worktree / path).read_bytes()) != old
    )
    if completed.exit_code != 0 and not texts:
        raise EnvironmentUnusable(f"{tool} failed: {tail(completed)[-_SHOWN:]}")
    return Rewritten(texts=texts, output=completed.stdout)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
