"""Chords whose worker died between the last part and the body."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from celery.app.task import Context

from selfheal.results.backend import PostgresBackend
from selfheal.results.sweep import Swept

Backends = Callable[..., PostgresBackend]
Sent = Callable[[], dict[str, list[object]]]

QUICK = {"result_backend_transport_options": {"claim_seconds": 0.001}}
AWAY = {
    "broker_url": "redis://localhost:1/0",
    "task_publish_retry": False,
    "broker_transport_options": {"max_retries": 1, "interval_start": 0, "interval_step": 0},
}

DYING = """
import os, signal, sys
from celery import Celery
from celery.app.task import Context

broker, url, group_id, body_id = sys.argv[1:]
app = Celery("dying", broker=broker, backend=url)
app.conf.result_backend_transport_options = {"claim_seconds": 0.001}
body = app.signature("body", task_id=body_id)
app.backend.apply_chord((group_id, []), body)
app.backend.set_chord_size(group_id, 1)
request = Context(id=group_id + "-0", group=group_id, group_index=0, chord=body, task="header")
app.amqp._retry_publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
app.backend.mark_as_done(request.id, {"answer": 42}, request=request)
"""


@pytest.fixture
def dead(backend_for: Backends) -> tuple[PostgresBackend, str]:
    """A backend, and the body id of a chord whose worker was killed while it was to send it."""
    backend = backend_for(**QUICK)
    group_id, body_id = str(uuid4()), str(uuid4())
    arguments = (backend.app.conf.broker_url, backend.app.conf.result_backend, group_id, body_id)
    died = subprocess.run([sys.executable, "-c", DYING, *arguments], timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    assert backend.get_result(f"{group_id}-0") == {"answer": 42}
    return backend, body_id


def test_a_sweep_sends_what_a_killed_worker_had_claimed(
    dead: tuple[PostgresBackend, str], sent: Sent
) -> None:
    backend, body_id = dead

    assert backend.sweep() == Swept(published=1)
    assert list(sent()) == [body_id]

    assert backend.sweep() == Swept()
    assert sent() == {}


def test_a_body_that_has_begun_is_not_sent_again(
    dead: tuple[PostgresBackend, str], sent: Sent
) -> None:
    backend, body_id = dead
    backend.mark_as_started(body_id)

    assert backend.sweep() == Swept(begun=1)
    assert sent() == {}


def test_the_command_sweeps_a_project(
    dead: tuple[PostgresBackend, str], tmp_path: Path, sent: Sent
) -> None:
    backend, body_id = dead
    urls = (backend.app.conf.broker_url, backend.app.conf.result_backend)
    (tmp_path / "project.py").write_text(
        f"from celery import Celery\napp = Celery('p', broker={urls[0]!r}, backend={urls[1]!r})\n"
    )

    swept = subprocess.run(
        [sys.executable, "-m", "selfheal.results", "sweep", "--app", "project"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert swept.stdout == "chords: 1 sent, 0 failed, 0 closed\n"
    assert list(sent()) == [body_id]


def test_a_claim_that_has_not_lapsed_is_left_to_its_holder(
    backend_for: Backends, sent: Sent
) -> None:
    claimed(backend_for(**AWAY))
    backend = backend_for()

    assert backend.sweep() == Swept()
    assert sent() == {}


def test_a_broker_that_is_away_costs_no_chord(backend_for: Backends, sent: Sent) -> None:
    body_id = claimed(backend_for(**AWAY, **QUICK))
    backend = backend_for(**QUICK)

    assert backend.get_state(body_id) == "PENDING"
    assert backend.sweep() == Swept(published=1)
    assert list(sent()) == [body_id]


def test_a_sweep_stops_while_the_broker_is_away(backend_for: Backends) -> None:
    away = backend_for(**AWAY, **QUICK)
    claimed(away)

    assert away.sweep() == Swept()
    assert backend_for(**QUICK).sweep() == Swept(published=1)


def test_a_body_that_cannot_be_sent_fails(backend_for: Backends) -> None:
    backend = backend_for(**QUICK, task_create_missing_queues=False)

    body_id = claimed(backend, queue="nowhere")

    assert backend.get_state(body_id) == "FAILURE"
    assert "nowhere" in str(backend.get_result(body_id))
    assert backend.sweep() == Swept()


def test_a_chord_that_nothing_is_heard_of_fails_with_a_count(backend_for: Backends) -> None:
    backend = backend_for(result_chord_expires=1e-6)
    body_id, group_id = str(uuid4()), str(uuid4())
    backend.apply_chord((group_id, []), backend.app.signature("body", task_id=body_id))

    assert backend.sweep() == Swept(failed=1)
    assert "0 of an unknown number of header tasks" in str(backend.get_result(body_id))


def claimed(backend: PostgresBackend, **options: str) -> str:
    """The body id of a chord that has all its parts; its body is sent with `options`."""
    group_id, body_id = str(uuid4()), str(uuid4())
    body = backend.app.signature("body", task_id=body_id, **options)
    backend.apply_chord((group_id, []), body)
    backend.set_chord_size(group_id, 1)
    request = Context(id=f"{group_id}-0", group=group_id, group_index=0, chord=body, task="header")
    backend.mark_as_done(request.id, 1, request=request)
    return body_id
