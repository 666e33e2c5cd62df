"""A worker's children come with what waits, and go when nothing needs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from tests.integration.worker.conftest import Start, command


@pytest.fixture
def app(broker_url: str) -> Iterator[Celery]:
    with Celery("sender", broker=broker_url, set_as_current=False) as sender:
        yield sender


def hold(app: Celery, folder: Path, name: str) -> tuple[Path, Path]:
    """A task that works until its second file is there; its first says that it works."""
    begun, until = folder / f"{name}.begun", folder / f"{name}.until"
    app.send_task("test.hold", args=[str(begun), str(until)], queue="coding", ignore_result=True)
    return begun, until


def test_children_come_with_the_backlog_and_idle_ones_go_while_another_one_works(
    start: Start, app: Celery, tmp_path: Path
) -> None:
    quick = {"SELFHEAL_AUTOSCALE__QUIET_SECONDS": "0.5", "SELFHEAL_AUTOSCALE__RESERVE_BYTES": "0"}
    with start("--queues=coding", "--autoscale=3,1", **quick) as worker:
        assert len(worker.children()) == 1

        held = [hold(app, tmp_path, f"work-{number}") for number in range(4)]
        worker.await_that(
            lambda: sum(begun.exists() for begun, _ in held) == 3, what="three at work"
        )
        assert len(worker.children()) == 3

        at_work = [until for begun, until in held if begun.exists()]
        for until in at_work[1:]:
            until.touch()
        worker.await_that(lambda: all(begun.exists() for begun, _ in held), what="the fourth")
        (last,) = (until for _, until in held if until not in at_work)
        last.touch()

        worker.await_that(lambda: len(worker.children()) == 1, what="one child left")
        at_work[0].touch()
        worker.await_that(
            lambda: worker.log.read_text().count("succeeded") == 4, what="nothing was lost"
        )


@pytest.mark.slow
def test_a_worker_takes_no_more_than_its_children_work_at(
    start: Start, app: Celery, tmp_path: Path
) -> None:
    no_memory = {"SELFHEAL_AUTOSCALE__RESERVE_BYTES": str(1 << 50)}
    with start("--queues=coding", "--autoscale=3,1", **no_memory) as worker:
        held = [hold(app, tmp_path, f"work-{number}") for number in range(3)]
        worker.await_that(lambda: any(begun.exists() for begun, _ in held), what="one at work")

        answers = app.control.inspect(timeout=1.0).reserved() or {}

        assert [len(reserved) for reserved in answers.values()] == [0]
        assert len(worker.children()) == 1
        for _, until in held:
            until.touch()
        worker.await_that(
            lambda: worker.log.read_text().count("succeeded") == 3, what="nothing was lost"
        )


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_autoscaling_is_refused_where_a_pool_cannot_grow(
    pool: str, environment: dict[str, str], tmp_path: Path
) -> None:
    run = subprocess.run(
        command(f"--pool={pool}", "--autoscale=3,1", "--queues=coding"),
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("Error: --autoscale needs the prefork pool")
    assert "Traceback" not in run.stderr
