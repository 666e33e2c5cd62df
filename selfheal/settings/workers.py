"""How many children a worker has, what each may use, and how it stops."""

from __future__ import annotations

from pydantic import Field

from selfheal.contracts.names import POOLS, Pool
from selfheal.settings.section import Section


class PoolProfile(Section):
    """How the workers of one pool run; a worker with several pools is wide enough for each."""

    processes: int = Field(default=2, ge=1, description="children of a worker, and the fewest")
    most_processes: int = Field(
        default=2, ge=1, description="children when work waits: beyond the fewest it autoscales"
    )
    prefetch: int = Field(default=1, ge=1, description="messages held for each child")
    memory_bytes: int = Field(
        default=1 << 30, ge=64 << 20, description="a child that used more is renewed after its task"
    )
    soft_time_limit: int = Field(default=1_500, gt=0, description="seconds until a task is asked")
    time_limit: int = Field(default=1_800, gt=0, description="seconds until a child is killed")
    light: bool = Field(
        default=False, description="work of milliseconds: kept on workers apart from heavy work"
    )


def default_pools() -> dict[Pool, PoolProfile]:
    """For each pool two children, or one where work takes milliseconds."""
    quick = PoolProfile(
        processes=1, most_processes=1, soft_time_limit=60, time_limit=90, light=True
    )
    return {pool: quick if pool in ("intake", "sweeping") else PoolProfile() for pool in POOLS}


class AutoscaleSettings(Section):
    """How a worker whose pool may grow decides on its children."""

    share: float = Field(
        default=1.0, gt=0, le=1, description="of a backlog, this worker's: with n of them 1/n"
    )
    quiet_seconds: float = Field(
        default=30.0, ge=0, description="children that nothing needs are kept this long"
    )
    reserve_bytes: int = Field(
        default=512 << 20, ge=0, description="memory of the machine that is left to others"
    )


class StopSettings(Section):
    """How a worker ends that is told to."""

    finish_seconds: float = Field(
        default=5.0, ge=0, description="what is not done after this is handed back to the others"
    )
