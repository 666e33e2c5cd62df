"""What a real worker shows to whoever watches Celery, as Flower does: no secret of any message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.store.database import Database
from tests.data.canaries import CANARIES, KNOWN
from tests.integration.flows.test_canaries import EVERYTHING, every_row, leaks
from tests.integration.worker.conftest import Start


@contextmanager
def watched(broker_url: str) -> Iterator[tuple[Celery, list[dict[str, Any]]]]:
    """A watcher of the broker, and every event that its workers send meanwhile."""
    app, seen, ended = Celery("watcher", broker=broker_url, set_as_current=False), [], False

    def watch() -> None:
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": seen.append})
            while not ended:
                try:
                    receiver.capture(limit=None, timeout=0.5, wakeup=False)
                except TimeoutError:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    yield app, seen
    ended = True
    thread.join()
    app.close()


@pytest.mark.parametrize(
    "repo",
    [
        "git://elsewhere.example.org/a.git",
        pytest.param("https://example.org/a.git", marks=pytest.mark.slow),
    ],
)
def test_a_message_of_a_strange_client_is_shown_without_its_secrets(
    repo: str, start: Start, environment: dict[str, str]
) -> None:
    """One that is taken, and one that is refused: neither its arguments nor its error tell."""
    request = ChangeRequest(
        repo=repo,
        description=EVERYTHING,
        traceback=EVERYTHING,
        constraints=tuple(EVERYTHING.split("\n")),
    )
    # Celery shows the first thousand characters of arguments that its client says nothing about.
    hidden = dict(KNOWN.values())
    broker_url = environment["SELFHEAL_FARM__BROKER_URL"]
    task_id = str(uuid4())

    with (
        watched(broker_url) as (app, seen),
        start("--queues=intake,sweeping", "-E", **hidden) as worker,
    ):
        for text in (canary.text for canary in CANARIES.values()):
            shown = ChangeRequest(repo=repo, description=text, traceback=text)
            app.send_task(names.SUBMIT, args=[shown.to_json()], queue="intake")
        app.send_task(names.SUBMIT, args=[request.to_json()], task_id=task_id, queue="intake")

        def ended() -> bool:
            return any(
                one["type"] in ("task-succeeded", "task-failed") and one.get("uuid") == task_id
                for one in seen
            )

        worker.await_that(ended, what="the last request is done with")
        inspected = app.control.inspect(timeout=2).active()
        log = worker.log.read_text()

    assert inspected
    received = [one for one in seen if one["type"] == "task-received"]
    assert {one["args"] for one in received if one["name"] == names.SUBMIT} == {"(...)"}
    assert leaks("\n".join(json.dumps(one, ensure_ascii=False) for one in seen)) == []
    assert leaks(log) == []
    database = Database(environment["SELFHEAL_FARM__DATABASE_URL"])
    rows = every_row(database)
    database.close()
    assert {table: found for table, content in rows.items() if (found := leaks(content))} == {}
