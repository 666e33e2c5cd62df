"""Fixed strings that cross process borders: task names and pools.

Clients send by task name, so a name never changes once it has shipped.
"""

from __future__ import annotations

from typing import Literal, get_args

Pool = Literal[
    "intake",
    "planning",
    "retrieval",
    "coding",
    "checking",
    "landing",
    "executing",
    "guarding",
    "sweeping",
]
POOLS: tuple[Pool, ...] = get_args(Pool)

SUBMIT = "selfheal.submit"
CANCEL = "selfheal.cancel"
PLAN = "selfheal.plan"
DECOMPOSE = "selfheal.decompose"
SUBTASK = "selfheal.subtask"
CODE_PLAN = "selfheal.code_plan"
CODE = "selfheal.code"
LAND = "selfheal.land"
TIDY = "selfheal.tidy"
SET_ASIDE = "selfheal.set_aside"
PRUNE = "selfheal.prune"
REFRESH = "selfheal.refresh"
RETENTION = "selfheal.retention"
SCAN = "selfheal.scan"
EVOLVE = "selfheal.evolve"
SWEEP = "selfheal.sweep"

ROUTES: dict[str, Pool] = {
    SUBMIT: "intake",
    CANCEL: "intake",
    PLAN: "planning",
    DECOMPOSE: "planning",
    SUBTASK: "executing",  # where no row says otherwise: each goes to the pool of its arm
    CODE_PLAN: "planning",
    CODE: "coding",
    LAND: "landing",
    TIDY: "sweeping",
    SET_ASIDE: "sweeping",
    PRUNE: "checking",  # where worktrees and mirrors are
    REFRESH: "checking",
    RETENTION: "sweeping",
    SCAN: "checking",
    EVOLVE: "planning",
    SWEEP: "sweeping",
}
"""The pool that each task goes to."""

PURPOSE_HEADER = "x-selfheal-purpose"
"""Says to an endpoint what an answer is for; endpoints ignore a header they do not know."""

ALONE: frozenset[str] = frozenset({SUBMIT, CANCEL, SET_ASIDE})
"""Tasks whose message is all there is of their matter: no row stands behind it."""

Job = Literal["evolve", "prune", "refresh", "retention", "scan", "sweep"]
JOBS: tuple[Job, ...] = get_args(Job)
"""What can be scheduled."""

TASK_OF: dict[Job, str] = {
    "evolve": EVOLVE,
    "prune": PRUNE,
    "refresh": REFRESH,
    "retention": RETENTION,
    "scan": SCAN,
    "sweep": SWEEP,
}
"""The task that does a job. Its argument is the schedule's id."""

OF_REPOSITORY: frozenset[Job] = frozenset({"evolve", "refresh", "scan"})
"""Jobs that are done to one registered repository; the others are the farm's own."""
