"""PA-8: goals of every kind through the HTTP service, with a model that has good and bad days."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import httpx
import pytest
from goals import CIRCULAR, GOALS, MALFORMED, TOO_LONG, good_cut

from selfheal.contracts.decomposition import PlanResponse
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.settings import LlmSettings
from selfheal.testing.script import Step, When
from selfheal.testing.server import ReplayServer, replay_server
from tests.integration.serving import Service

Replies = Sequence[dict[str, Any]]
"""What the model says or does wrong, in turn; the last of it for ever."""

GOOD = {"answer": good_cut(4)}
DAYS: dict[str, tuple[Replies, int, str]] = {
    "good": ([GOOD], 200, ""),
    "short": ([{"answer": good_cut(3)}], 200, ""),
    "long": ([{"answer": good_cut(7)}], 200, ""),
    "fenced": ([{"answer": f"```json\n{good_cut(5)}\n```"}], 200, ""),
    "malformed once": ([{"answer": MALFORMED}, GOOD], 200, ""),
    "circular once": ([{"answer": CIRCULAR}, GOOD], 200, ""),
    "too long, then cut": ([{"answer": TOO_LONG}, {**GOOD, "fault": "length_stop"}, GOOD], 200, ""),
    "malformed for good": ([{"answer": MALFORMED}], 502, "InvalidAnswer"),
    "circular for good": ([{"answer": CIRCULAR}], 502, "InvalidAnswer"),
    "busy": ([{"fault": "rate_limited"}], 502, "ModelUnavailable"),
    "broken": ([{"fault": "server_error"}], 502, "ModelUnavailable"),
    "late": ([{"fault": "silence"}], 502, "ModelUnavailable"),
}
"""What the model does on such a day, and what the service makes of it."""


def steps_of(goal: str, replies: Replies) -> Iterator[Step]:
    """The steps that answer this goal, which stands in the prompt as JSON, and no other."""
    when = When(user=f'"goal": {json.dumps(goal, ensure_ascii=False)[:30]}')
    for reply in replies[:-1]:
        yield Step(when=when, **reply)
    yield Step(when=when, times="any", **replies[-1])


def asking(server: ReplayServer, **settings: Any) -> dict[str, Any]:
    """Settings of a service whose Planner Arm asks this model, through the gateway."""
    llm = {"base_url": server.url, "model": "replay", "structured": "prompt", "tries": 2}
    return {
        "llm": LlmSettings.model_validate({**llm, **settings}),
        "planner": PlannerSettings(timeout_seconds=3.0),
    }


def test_every_goal_gets_a_valid_plan_or_a_named_error(
    service_with: Callable[..., Service],
) -> None:
    days = dict(zip(GOALS, cycle(DAYS), strict=False))
    steps = [step for goal, day in days.items() for step in steps_of(goal, DAYS[day][0])]

    # The days are each goal's own, so failures in a row say nothing here.
    with (
        replay_server(steps) as server,
        service_with(**asking(server, circuit_failures=1_000)).http() as http,
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
    broken = Step(fault="server_error", times="any")

    with (
        replay_server([broken]) as server,
        service_with(**asking(server, tries=1, circuit_failures=5)).http() as http,
    ):
        answers = [http.post("/plan", json={"goal": "fix it"}) for _ in range(6)]
        ready = http.get("/ready")

    assert [answer.status_code for answer in answers] == [502] * 5 + [503]
    assert answers[-1].json()["error"] == "ModelLeftAlone"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 30
    assert len(server.journal) == 5
    assert (ready.status_code, ready.json()["checks"]["model"]) == (503, False)
