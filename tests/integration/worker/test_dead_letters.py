"""Whatever is put into a queue, its worker goes on, and what was no good can be looked at."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.store import dead_letters
from selfheal.store.database import Database
from selfheal.store.dead_letters import DeadLetterRow
from tests.integration.worker.conftest import WorkerProcess, environment_of, running

LIMIT = 1 << 20


def envelope(
    body: bytes,
    headers: dict[str, Any],
    *,
    content_type: str = "application/json",
    queue: str = "coding",
) -> bytes:
    """What Celery puts into a list of Redis for a message."""
    document = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": headers,
        "properties": {
            "correlation_id": str(uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return json.dumps(document).encode()


def headers(task: str = names.CODE, **more: Any) -> dict[str, Any]:
    return {"lang": "py", "task": task, "id": str(uuid4()), **more}


def call(*args: Any, **kwargs: Any) -> bytes:
    return json.dumps([args, kwargs, {}]).encode()


GOOD = call(str(uuid4()))

BAD: dict[str, tuple[bytes, str]] = {
    "no JSON at all": (b"\x80garbage", "it is no message"),
    "JSON that is no message": (b"[1, 2]", "it is no message"),
    "a message without properties": (b'{"body": "", "headers": {}}', "it is no message"),
    "too large to be unpacked": (b"x" * (2 * LIMIT + 1), "too large to be unpacked"),
    "a body that is no JSON": (envelope(b"{", headers()), "cannot be read as JSON"),
    "a body that is no list": (envelope(b"5", headers()), "is not [arguments"),
    "an over-large body": (envelope(b" " * (LIMIT + 1), headers()), "broker.max_message_bytes"),
    "another content type": (envelope(GOOD, headers(), content_type="text/plain"), "text/plain"),
    "a pickle": (
        envelope(
            pickle.dumps(((), {}, {})), headers(), content_type="application/x-python-serialize"
        ),
        "application/x-python-serialize",
    ),
    "no headers": (envelope(GOOD, {}), "no header `task`"),
    "an unknown task": (envelope(GOOD, headers("selfheal.heel")), "no task called selfheal.heel"),
    "too few arguments": (envelope(call(), headers()), "missing a required argument"),
    "too many arguments": (envelope(call("a", "b"), headers()), "too many positional arguments"),
    "an argument that is no UUID": (envelope(call("7"), headers()), "task_id is no UUID"),
    "a time limit that is none": (envelope(GOOD, headers(timelimit="x")), "`timelimit`"),
    "an end that cannot be read": (envelope(GOOD, headers(expires="soon")), "cannot take it"),
    "a compression that is none": (
        envelope(b"plain", headers(compression="application/x-gzip")),
        "cannot be decoded",
    ),
    "a body that unpacks to garbage": (
        envelope(zlib.compress(b"{"), headers(compression="application/x-gzip")),
        "cannot be read as JSON",
    ),
    "an id that nothing has": (envelope(GOOD, headers()), "no CodingTask"),
    "a request that cannot be read": (
        envelope(call("{}"), headers(names.SUBMIT)),
        "repo: Field required",
    ),
    "a request that may not be": (
        envelope(
            call(ChangeRequest(repo="/etc", description="x").to_json()), headers(names.SUBMIT)
        ),
        "matches none of safety.allow_repos",
    ),
}


@dataclass(frozen=True)
class Post:
    """A queue with a worker behind it, and what was set aside."""

    worker: WorkerProcess
    broker: redis.Redis
    database: Database
    environment: dict[str, str]
    folder: Path

    def put(self, item: bytes) -> None:
        self.broker.lpush("coding", item)

    def touched_after(self) -> Path:
        """A good message behind what was put; gives the file once the worker has made it."""
        file = self.folder / f"{uuid4()}.touched"
        self.put(envelope(call(str(file)), headers("test.touch")))
        self.worker.await_that(file.exists, what="the good message behind the bad one")
        return file

    def letters(self) -> tuple[DeadLetterRow, ...]:
        with self.database.begin() as connection:
            return dead_letters.newest(connection, 1000)

    def letter(self, said: str, *, times: int = 1) -> DeadLetterRow:
        """The letter with that reason, once it has come so often."""
        found: list[DeadLetterRow] = []

        def is_there() -> bool:
            found[:] = [
                row for row in self.letters() if said in row.letter.reason and row.times == times
            ]
            return bool(found)

        self.worker.await_that(is_there, what=f"a letter that says {said!r}")
        return found[0]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "selfheal.cli", "dead", *arguments],
            cwd=self.folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )


@pytest.fixture(scope="module")
def post(
    tmp_path_factory: pytest.TempPathFactory,
    run_folder: RunFolder,
    servers: object,
    _virtual_hosts: Iterator[int],
    fresh_database: Callable[..., str],
    migrated_url: str,
) -> Iterator[Post]:
    """One worker for all messages of this module: that it lives on is what is tested."""
    valkey, host = Valkey(run_folder), next(_virtual_hosts)
    folder = tmp_path_factory.mktemp("post")
    database_url = fresh_database(template=migrated_url)
    environment = environment_of(
        folder, broker_url=valkey.virtual_host_url(host), database_url=database_url
    )
    database = Database(database_url)
    with redis.Redis(unix_socket_path=str(valkey.socket), db=host) as broker:
        broker.flushdb()
        with running(folder, environment, "--queues=coding,sweeping", "--concurrency=1") as worker:
            yield Post(worker, broker, database, environment, folder)
    database.close()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_message_is_set_aside_and_the_next_one_is_worked_at(kind: str, post: Post) -> None:
    item, said = BAD[kind]

    post.put(item)

    post.touched_after()
    row = post.letter(said)
    assert row.letter.queue == "coding"
    assert len(row.letter.body) <= 1 << 16
    post.worker.await_that(lambda: not post.broker.hlen("unacked"), what="all acknowledged")


def test_the_same_message_again_is_counted(post: Post) -> None:
    twice = envelope(call("twice"), headers())
    post.put(twice)
    post.put(twice)

    assert post.letter("task_id is no UUID", times=2).times == 2


def test_the_process_that_children_are_forked_from_opens_no_connection_for_it(post: Post) -> None:
    post.touched_after()
    before = post.worker.connections()

    for number in range(5):
        post.put(envelope(call(f"{number}"), headers("selfheal.of_five")))
    post.touched_after()

    assert post.worker.connections() == before


def test_secrets_are_not_kept(post: Post) -> None:
    token = "ghp_" + "a1B2" * 10
    post.put(envelope(call("x", token), headers("selfheal.lend", origin=token)))

    row = post.letter("no task called selfheal.lend")

    assert token not in row.letter.to_json()
    assert not row.letter.complete


def test_a_letter_is_listed_shown_and_dropped(post: Post) -> None:
    post.put(envelope(b"[]", headers("selfheal.of_the_list")))
    row = post.letter("no task called selfheal.of_the_list")

    listed = post.command("list")
    shown = post.command("show", str(row.id), "--json")

    assert (listed.returncode, shown.returncode) == (0, 0), listed.stderr + shown.stderr
    assert str(row.id) in listed.stdout
    assert json.loads(shown.stdout)["body"] == "[]"

    dropped = post.command("drop", str(row.id))

    assert dropped.returncode == 0, dropped.stderr
    assert row.id not in [one.id for one in post.letters()]
    assert post.command("show", str(row.id)).returncode == 2


def test_a_letter_that_is_no_better_now_is_not_sent_again(post: Post) -> None:
    post.put(envelope(call("no better"), headers("selfheal.tidy")))
    row = post.letter("request_id is no UUID")

    refused = post.command("requeue", str(row.id))

    assert refused.returncode == 2
    assert "request_id is no UUID" in refused.stderr
    assert post.letter("request_id is no UUID").requeued_at is None


def test_a_letter_that_could_be_taken_now_is_sent_again(post: Post) -> None:
    nobody = str(UUID(int=7))
    post.put(envelope(call(nobody), headers(), queue="coding"))
    row = post.letter(nobody)

    sent = post.command("requeue", str(row.id), "--json")

    # Still nothing has that id, so that it comes back: it was worked at again.
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout) == {"id": str(row.id), "done": "requeued"}
    assert post.letter(nobody, times=2).id == row.id
