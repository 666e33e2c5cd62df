"""Whether what a door needs can be reached, each thing by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import text

from selfheal.errors import CircuitOpen
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
        "model": lambda: _model(arm),
    }


def _database(farm: Farm) -> str:
    with farm.database.statement() as connection:
        return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"


def _broker(farm: Farm) -> str:
    return f"{farm.sender.ready('planning')} messages wait for planning"


def _model(arm: PlannerArm) -> str:
    """A model that keeps failing is known by its circuit: a probe must cost nothing."""
    if arm.circuit.state == "open":
        raise CircuitOpen(arm.planner, arm.circuit.seconds_left)
    return arm.planner
