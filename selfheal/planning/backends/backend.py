"""What a planning backend is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from selfheal.planning.evolution_prompt import Rendered

Check = Callable[[], None]
"""Called again and again while a backend waits; what it raises ends the wait."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that could not be used, empty where none came; and what was wrong."""

    said: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One try for a plan, with what was wrong with the tries before it."""

    prompt: Rendered
    working_dir: Path
    faults: tuple[Fault, ...] = ()
    check: Check = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was said. `command` is the program that was run for it, if one was."""

    text: str
    command: tuple[str, ...] = ()
    stderr: str = ""


class Backend(Protocol):
    """Somebody who plans."""

    @property
    def name(self) -> str: ...

    def ask(self, ask: Ask) -> Reply:
        """The answer to one try.

        Raises InvalidAnswer when none came and TimedOut when none came in time: another try may
        help. Raises EnvironmentUnusable, ModelUnavailable or BudgetSpent when none will.
        """
        ...


def wrong(fault: Fault) -> str:
    """What the next try is told of this one."""
    return f"That answer cannot be used: {fault.why}\nAnswer again, the whole of it."
