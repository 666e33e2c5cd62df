"""What a linter finds in the files of a patch that it did not find at base."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from selfheal.checks.change import Change
from selfheal.checks.session import tail
from selfheal.checks.tool import Tool
from selfheal.checks.tool_run import ToolBench

# The form of ruff's concise output, which flake8, pylint, mypy and others share.
_FINDING = re.compile(r"^(?P<path>[^:\n]+):\d+:(?:\d+:)?\s*(?P<text>\S.*)$", re.MULTILINE)
_LINE_NUMBER = re.compile(r"\bline \d+")
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark of a linter. `path` and `text` make it the same wherever it stands; `shown` is
    the linter's own line."""

    path: str
    text: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Linting:
    """New findings as the linter shows them, and what kept it from looking."""

    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def lint_change(change: Change, tool: Tool, bench: ToolBench) -> Linting:
    """Lints the changed files now and, where there is something to find, at base.

    The configuration is base's both times. Lines are not compared: a patch moves them.
    """
    if not change.python:
        return Linting()
    with change.at_base(*change.configuration):
        completed = bench.run(tool, change.python)
    if completed.exit_code == 0:
        return Linting()
    now = read_findings(completed.stdout)
    if not now:
        return Linting(notes=(f"{tool} could not be used: {tail(completed)[-_SHOWN:]}",))
    return Linting(findings=new_findings(_at_base(change, tool, bench), now))


def read_findings(output: str) -> list[Finding]:
    """The findings in a linter's output, line numbers inside of their texts left out."""
    return [
        Finding(found["path"], _LINE_NUMBER.sub("line", found["text"]), found[0])
        for found in _FINDING.finditer(output)
    ]


def new_findings(old: list[Finding], now: list[Finding]) -> tuple[str, ...]:
    """What occurs more often now than it did; of equal findings the last ones are new."""
    left = Counter((finding.path, finding.text) for finding in old)
    new = []
    for finding in now:
        key = (finding.path, finding.text)
        if left[key] > 0:
            left[key] -= 1
        else:
            new.append(finding.shown)
    return tuple(new)


def _at_base(change: Change, tool: Tool, bench: ToolBench) -> list[Finding]:
    known = tuple(path for path in change.python if change.base_file(path) is not None)
    if not known:
        return []
    with change.at_base(*known, *change.configuration):
        return read_findings(bench.run(tool, known).stdout)
