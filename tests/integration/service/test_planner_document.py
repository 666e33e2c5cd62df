"""What the service's OpenAPI document says, against what it does."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.service.planner import router

ENDPOINTS = 5
FEW = 20
"""Calls of an endpoint that takes nothing."""


def _no_surprise(calls: int) -> None:
    """All endpoints together answer so many generated calls, good or bad, as the document says."""
    app = FastAPI()
    app.include_router(router(PlannerArm(PlannerSettings(), load_roster()), {}))
    operations = [
        found.ok()
        for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()
    ]
    assert len(operations) == ENDPOINTS
    for operation in operations:
        rest = calls - FEW * (ENDPOINTS - 1)
        cases = st.one_of(*(operation.as_strategy(mode) for mode in GenerationMode))
        _call(cases, examples=rest if operation.body else FEW)


def _call(cases: st.SearchStrategy[schemathesis.Case], *, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate],
    )
    @given(cases)
    def answers_as_documented(case: schemathesis.Case) -> None:
        # Pydantic reads `true` as 1 where a version is wanted: lenient, and no surprise.
        case.call_and_validate(excluded_checks=[negative_data_rejection])

    answers_as_documented()


def test_no_generated_call_is_a_surprise() -> None:
    _no_surprise(150)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_two_thousand_generated_calls_are_no_surprise() -> None:
    _no_surprise(2_000)
