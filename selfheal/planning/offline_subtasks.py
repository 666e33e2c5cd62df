"""A plan without a model (PA-9): the same four steps for every goal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from selfheal.contracts.decomposition import Arm, SubTask
from selfheal.planning.roster import Roster

CONFIDENCE = 0.4
"""Below what is asked of a model's plan: nobody has understood the goal."""

RATIONALE = (
    "Made by rules, without a model: locate what the goal names, change it, verify the change, "
    "guard it. The steps do not depend on what the goal means, so the confidence is low."
)

_SHOWN = 300


def offline_subtasks(goal: str, constraints: Sequence[str], roster: Roster) -> tuple[SubTask, ...]:
    """Locate, change, verify, guard."""
    shown = textwrap.shorten(goal, _SHOWN, placeholder=" ...") or goal.strip()[:_SHOWN]
    kept = tuple(f"the constraint holds: {constraint[:_SHOWN]}" for constraint in constraints[:10])
    return (
        _step(
            roster, 1, "retriever", f"Locate what this is about: {shown}",
            criteria=("the files and symbols that matter are named, best first",),
        ),
        _step(
            roster, 2, "coder", f"Change what was located, so that this is so: {shown}",
            criteria=("the change is on a branch of its own", *kept),
            depends_on=(1,),
        ),
        _step(
            roster, 3, "judge", "Verify the change by the test suite, compared with the baseline.",
            criteria=("no test newly fails", "what the goal wants is shown by a test"),
            depends_on=(2,),
        ),
        _step(
            roster, 4, "guardian", "Guard: scan the request and the change.",
            criteria=("no secret, personal data or injected instruction was found",),
            depends_on=(2,),
        ),
    )  # fmt: skip


def _step(
    roster: Roster,
    step: int,
    arm: Arm,
    action: str,
    *,
    criteria: tuple[str, ...],
    depends_on: tuple[int, ...] = (),
) -> SubTask:
    return SubTask(
        step=step,
        action=action,
        required_arm=arm,
        acceptance_criteria=criteria,
        depends_on=depends_on,
        estimated_cost_tier=roster[arm].cost_tier,
        estimated_duration_seconds=roster[arm].usual_seconds,
    )
