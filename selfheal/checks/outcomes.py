"""What tests did: outcomes by node id, and how one id covers others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]

Outcomes = Mapping[str, Outcome]

FAILING: frozenset[Outcome] = frozenset({"failed", "error"})
PASSING: frozenset[Outcome] = frozenset({"passed", "xpassed"})

COMMAND_ID = "<command>"
"""Stands for the whole of a test command that is not pytest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a test did not pass. `path` and `line` are the innermost place in the repository's own
    files, relative; `missing` is the module that could not be imported; any may be empty."""

    type: str = ""
    message: str = ""
    detail: str = ""
    path: str = ""
    line: int = 0
    missing: str = ""


def failing(outcomes: Outcomes) -> tuple[str, ...]:
    """Ids that failed or could not be run, sorted."""
    return tuple(sorted(test for test, outcome in outcomes.items() if outcome in FAILING))


def function_of(test: str) -> str:
    """The id without its parameters."""
    file, separator, rest = test.partition("::")
    return file + separator + rest.partition("[")[0]


def parents(test: str) -> tuple[str, ...]:
    """The ids of the classes and the file that a test is in, innermost first."""
    parts = function_of(test).split("::")
    return tuple("::".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))


def covering(test: str) -> tuple[str, ...]:
    """The ids that select this test when they are asked for: itself, its function, class, file."""
    return tuple(dict.fromkeys((test, function_of(test), *parents(test))))


def covered(test: str, by: Collection[str]) -> bool:
    """True when asking for the ids in `by` asks for this test too."""
    return any(name in by for name in covering(test))
