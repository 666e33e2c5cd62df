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
CODE_PLAN = "selfheal.code_plan"
CODE = "selfheal.code"
LAND = "selfheal.land"
TIDY = "selfheal.tidy"

ROUTES: dict[str, Pool] = {
    SUBMIT: "intake",
    CANCEL: "intake",
    PLAN: "planning",
    CODE_PLAN: "planning",
    CODE: "coding",
    LAND: "landing",
    TIDY: "sweeping",
}
"""The pool that each task goes to."""
