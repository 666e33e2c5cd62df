"""Whether what a door needs can be reached, each thing by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import text

from selfheal.flows.farm import Farm
from selfheal.planning.arm import PlannerArm

Probe = Callable[[], str]
"""Says what it found; raises a SelfhealError when it is not there."""

Readiness = Mapping[str, Probe]


def readiness_of(farm: Farm, arm: PlannerArm) -> Readiness:
    """Database, broker and model, as this process reaches them."""
    return {
        "database": lambda: _database(farm),
        "broker": lambda: _broker(farm),
        "model": lambda: _model(farm, arm),
    }


def _database(farm: Farm) -> str:
    with farm.database.statement() as connection:
        return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"


def _broker(farm: Farm) -> str:
    return f"{farm.sender.ready('planning')} messages wait for planning"


def _model(farm: Farm, arm: PlannerArm) -> str:
    """Whether one would be asked: a probe that asked it would cost money."""
    if farm.arm_models:
        farm.arm_models.check_reachable()
    return arm.planner
