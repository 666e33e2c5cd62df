"""The planner's SubTask: a smaller goal cut further, as a note that nobody carries out."""

from __future__ import annotations

from selfheal.contracts.decomposition import SubTaskResult
from selfheal.flows.arms.place import Place


def note(place: Place) -> SubTaskResult:
    """The steps of the smaller goal, for the people who read the report."""
    arm = place.running.farm.arm
    made = arm.generate_plan(
        place.subtask.action,
        place.subtask.acceptance_criteria,
        {"part_of": place.request.description[:2_000]},
        request_id=place.row.request_id,
    )
    return place.result(
        "SUCCESS",
        f"written down in {len(made.plan)} steps, confidence {made.confidence:g}",
        findings=(
            *(f"{task.step}. {task.required_arm}: {task.action}" for task in made.plan),
            made.rationale,
        ),
    )
