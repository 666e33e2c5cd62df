"""Formats the files of a patch, where that touches only lines that the patch is about."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.checks.change import Change
from selfheal.checks.session import tail
from selfheal.checks.tool import Tool
from selfheal.checks.tool_run import ToolBench

_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatting:
    """Files that the formatter has changed, with their new content, and what was left alone."""

    files: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()


def format_change(change: Change, tool: Tool, bench: ToolBench) -> Formatting:
    """Runs the formatter on the changed files, configured as at base, and keeps what it did.

    A file that it would have rewritten at base already is left as it is: formatting it would bury
    the patch in lines that have nothing to do with it.
    """
    known = tuple(path for path in change.python if change.base_file(path) is not None)
    unformatted = _rewritten_at_base(change, tool, bench, paths=known)
    notes = [
        f"{path} is not formatted by {tool} at base, so it was left as it is"
        for path in unformatted
    ]
    chosen = tuple(path for path in change.python if path not in unformatted)
    before = {path: change.read(path) for path in chosen}
    if chosen:
        with change.at_base(*change.configuration):
            completed = bench.run(tool, chosen)
        if completed.exit_code != 0:
            notes.append(f"{tool} failed on the changed files: {tail(completed)[-_SHOWN:]}")
    after = {path: change.read(path) for path in chosen}
    files = tuple(
        (path, content)
        for path, content in after.items()
        if content is not None and content != before[path]
    )
    return Formatting(files=files, notes=tuple(notes))


def _rewritten_at_base(
    change: Change, tool: Tool, bench: ToolBench, *, paths: tuple[str, ...]
) -> tuple[str, ...]:
    if not paths:
        return ()
    with change.at_base(*paths, *change.configuration):
        bench.run(tool, paths)
        return tuple(path for path in paths if change.read(path) != change.base_file(path))
