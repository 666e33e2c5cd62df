"""What a caller asks of the repair engine, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from selfheal.sandbox.jail import Sandbox

Status = Literal["fixed", "no_fix", "nothing_to_do", "cannot_run"]
Stage = Literal["collect", "baseline", "localise", "search", "confirm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairProgress:
    """Where a running repair is; `seconds` since it began."""

    stage: Stage
    message: str
    validations: int
    plausible: int
    seconds: float


def _never() -> bool:
    return False


def _silent(progress: RepairProgress) -> None:
    del progress


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTask:
    """One work tree with failing tests.

    `failing` are node ids (empty: run the tests to find them); `passing` are the tests that must
    not break (None: whatever passes now). `paths` are the only files that may change (empty: every
    Python file of the tree that is no test). `confirmations` are whole runs in fresh processes that
    the chosen patch has to hold in. The work tree is left as it was found.
    """

    worktree: Path
    python: Path
    sandbox: Sandbox
    pytest_args: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    passing: tuple[str, ...] | None = None
    paths: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    budget_seconds: float = 60.0
    max_candidates: int = 5000
    confirmations: int = 2
    stop: Callable[[], bool] = _never
    progress: Callable[[RepairProgress], None] = _silent


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectFunction:
    """A function (or a module's own level) that may hold the defect; `score` is 0..1."""

    path: str
    qualname: str
    line: int
    score: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPatch:
    """A plausible patch: the tests named in `fixes` pass with it and `guards` tests stay green.

    `diff` is unified with a/ and b/ prefixes. `confidence` (0..1) is explained in `ranking`.
    """

    path: str
    new_text: str
    diff: str
    template: str
    tier: int
    fixes: tuple[str, ...]
    verdict: str
    confidence: float
    qualname: str
    line: int
    guards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOutcome:
    """How a repair ended. `reason` says why there is no patch; it is empty only when fixed.

    `patches` holds the chosen patch first, then the alternatives. `not_tried` lists in plain
    words what this search left out.
    """

    status: Status
    reason: str
    patches: tuple[RepairPatch, ...] = ()
    validations: int = 0
    plausible: int = 0
    seconds: Mapping[Stage, float] = field(default_factory=dict)
    looked_at: tuple[SuspectFunction, ...] = ()
    not_tried: tuple[str, ...] = ()
