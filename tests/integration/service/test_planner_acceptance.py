"""PA-8: goals of every kind through the HTTP service, with a model that has good and bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle

import httpx
import pytest
from goals import CIRCULAR, GOALS, MALFORMED, TOO_LONG, good_cut
from scripted_model import HttpModel, Reply, Script, scripted_endpoint

from selfheal.circuit import Circuit
from selfheal.contracts.decomposition import PlanResponse
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from tests.integration.serving import Service

GOOD = Reply(good_cut(4))
DAYS: dict[str, tuple[list[Reply], int, str]] = {
    "good": ([GOOD], 200, ""),
    "short": ([Reply(good_cut(3))], 200, ""),
    "long": ([Reply(good_cut(7))], 200, ""),
    "fenced": ([Reply(f"```json\n{good_cut(5)}\n```")], 200, ""),
    "malformed once": ([Reply(MALFORMED), GOOD], 200, ""),
    "circular once": ([Reply(CIRCULAR), GOOD], 200, ""),
    "too long, then cut": ([Reply(TOO_LONG), Reply("{", finish_reason="length"), GOOD], 200, ""),
    "malformed for good": ([Reply(MALFORMED)], 502, "InvalidAnswer"),
    "circular for good": ([Reply(CIRCULAR)], 502, "InvalidAnswer"),
    "busy": ([Reply(status=429)], 502, "ModelUnavailable"),
    "broken": ([Reply(status=503)], 502, "ModelUnavailable"),
    "late": ([Reply(late=True)], 502, "ModelUnavailable"),
}
"""What the model does on such a day, and what the service makes of it."""


@contextmanager
def arm_asking(script: Script, *, circuit: Circuit | None = None) -> Iterator[PlannerArm]:
    """A Planner Arm whose model is the script behind a real socket."""
    with scripted_endpoint(script) as endpoint:
        model = HttpModel(endpoint)
        yield PlannerArm(
            PlannerSettings(timeout_seconds=3.0),
            load_roster(),
            model_for=lambda _: model,
            circuit=circuit,
            first_pause=0.01,
        )
        model.close()


def test_every_goal_gets_a_valid_plan_or_a_named_error(
    service_with: Callable[..., Service],
) -> None:
    days = dict(zip(GOALS, cycle(DAYS), strict=False))
    script = Script({goal: [*DAYS[day][0]] for goal, day in days.items()})

    # The days are each goal's own, so failures in a row say nothing here.
    with (
        arm_asking(script, circuit=Circuit("the model", failures=1_000)) as arm,
        service_with(arm=arm).http() as http,
        ThreadPoolExecutor(4) as pool,
    ):
        answers = [*pool.map(lambda goal: http.post("/plan", json={"goal": goal}), days)]

    unlike = [
        f"{day}: {answer.status_code} {answer.text}"
        for day, answer in zip(days.values(), answers, strict=True)
        if not is_as_expected(answer, day)
    ]
    assert len(days) > 30
    assert not unlike


def is_as_expected(answer: httpx.Response, day: str) -> bool:
    _, status, error = DAYS[day]
    if answer.status_code != status or status != 200:
        return answer.status_code == status and answer.json()["error"] == error
    made = PlanResponse.from_json(answer.content)
    return 3 <= len(made.plan) <= 7 and made.confidence > 0.6


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal_is_planned_by_the_rules_too(goal: str) -> None:
    made = PlannerArm(PlannerSettings(), load_roster()).generate_plan(goal)

    assert PlanResponse.from_json(made.to_json()) == made
    assert made.confidence < 0.6


def test_a_model_that_keeps_failing_is_left_alone_and_the_caller_told_when_to_come_back(
    service_with: Callable[..., Service],
) -> None:
    script = Script({"fix it": [Reply(status=500)]})

    with arm_asking(script) as arm, service_with(arm=arm).http() as http:
        answers = [http.post("/plan", json={"goal": "fix it"}) for _ in range(6)]
        ready = http.get("/ready")

    assert [answer.status_code for answer in answers] == [502] * 5 + [503]
    assert answers[-1].json()["error"] == "CircuitOpen"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 30
    assert len(script.asked) == 5
    assert (ready.status_code, ready.json()["checks"]["model"]) == (503, False)
