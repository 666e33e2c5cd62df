"""Farms to be hurt, one per module: a test brings its own repository and request."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selfheal.settings import Settings
from tests.faults.harness import Arena, arena
from tests.faults.invariants import processes_in

QUICK_LIVENESS = {"heartbeat_seconds": 0.25, "dead_after_seconds": 1.5}
"""Enough for a busy machine: six heartbeats may be missed."""


@contextmanager
def fresh_arena(
    place: Path, *, broker_url: str | None = None, **settings: object
) -> Iterator[Arena]:
    """A farm in a folder of its own, which leaves no process behind."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        run_folder = Path(folder) / "run"
        farm = {"run_folder": run_folder, "broker_url": broker_url}
        with arena(Settings(farm=farm, **settings)) as made:
            yield made
        assert processes_in(run_folder) == []


@pytest.fixture(scope="module")
def quick_arena(quick_disk: Path) -> Iterator[Arena]:
    """Notices a death after a second or two, so that tests are quick."""
    with fresh_arena(
        quick_disk,
        attempts=QUICK_LIVENESS,
        sweep={"interval_seconds": 0.25},
        broker={"resend_after_seconds": 1.0, "give_back_after_seconds": 2.0},
        safety={"allow_repos": ("/*",)},
    ) as made:
        yield made


@pytest.fixture(scope="module")
def default_arena(quick_disk: Path) -> Iterator[Arena]:
    """As it is shipped."""
    with fresh_arena(quick_disk) as made:
        yield made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs an installed RabbitMQ runs when it is asked for, and then fails without one."""
    if "rabbitmq" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("rabbitmq")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
