"""Every shape of canvas gives the same value on Celery's Redis backend and on ours.

The workers are real, one per backend for the whole module.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from canvas_project import make_app
from canvas_workers import workers
from celery import Celery, chain, chord, group
from celery.canvas import Signature
from celery.exceptions import ChordError
from celery.result import AsyncResult, GroupResult

from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.results.backend import PostgresBackend

SECONDS = 20.0


@dataclass(frozen=True)
class Canvas:
    """Signatures of the project's tasks, bound to its app."""

    app: Celery

    def task(self, name: str, *args: Any) -> Signature:
        return self.app.tasks[name].s(*args)

    def add(self, *args: int) -> Signature:
        return self.task("add", *args)

    @property
    def ident(self) -> Signature:
        return self.task("ident")

    @property
    def total(self) -> Signature:
        return self.task("total")

    def chord(self, header: Any, body: Signature) -> Signature:
        return chord(header, body, app=self.app)

    def chain(self, *tasks: Signature) -> Signature:
        return chain(*tasks, app=self.app)

    def group(self, *tasks: Signature) -> Signature:
        return group(tasks, app=self.app)


@pytest.fixture(scope="module")
def canvases(
    fresh_database: Callable[..., str],
    result_tables: str,
    run_folder: RunFolder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Canvas]]:
    valkey = Valkey(run_folder)
    ours = f"selfheal+{fresh_database(template=result_tables)}"
    # Without a cache that would keep children alive longer than the sockets they unsubscribe on.
    urls = {"stock redis": (13, valkey.virtual_host_url(11)), "ours": (12, ours)}
    apps = {
        name: make_app(valkey.virtual_host_url(number), url, result_cache_max=-1)
        for name, (number, url) in urls.items()
    }
    with workers(list(apps.values()), tmp_path_factory.mktemp("canvas") / "workers.log"):
        yield {name: Canvas(app) for name, app in apps.items()}
        for app in apps.values():
            close(app)


@pytest.fixture(params=["stock redis", "ours"])
def canvas(request: pytest.FixtureRequest, canvases: dict[str, Canvas]) -> Canvas:
    chosen: Canvas = canvases[request.param]
    return chosen


def close(app: Celery) -> None:
    """Celery leaves a backend's sockets to the garbage collector."""
    backend: Any = app.backend
    if isinstance(backend, PostgresBackend):
        backend.pool.discard_idle()
    else:
        # Results unsubscribe when they are collected, which needs the sockets.
        backend._pending_results.concrete.clear()
        gc.collect()
        backend.result_consumer.stop()
        backend.client.close()
        backend.client.connection_pool.disconnect()
    app.close()


def value_of(signature: Signature) -> Any:
    return signature.apply_async().get(timeout=SECONDS, interval=0.02)


def error_of(result: AsyncResult) -> BaseException:
    """What a failing task itself ended with; its parents' errors are left alone."""
    return cast("BaseException", result.get(timeout=SECONDS, interval=0.02, propagate=False))


EVIL = {"b": 1, "a": [None, True, 1e16, -0.0, 1e300, float("inf"), "\0", "😀", "\ud83d"]}

SHAPES: dict[str, tuple[Callable[[Canvas], Signature], Any]] = {
    "list": (lambda c: c.chord([c.add(i, i) for i in range(5)], c.ident), [0, 2, 4, 6, 8]),
    "generator": (lambda c: c.chord((c.add(i, i) for i in range(5)), c.ident), [0, 2, 4, 6, 8]),
    "empty": (lambda c: c.chord([], c.ident), []),
    "one": (lambda c: c.chord([c.add(1, 1)], c.ident), [2]),
    "chain in header": (
        lambda c: c.chord([c.chain(c.add(1, 1), c.add(10)), c.add(1, 2)], c.ident),
        [12, 3],
    ),
    "nested chord": (
        lambda c: c.chord([c.chord([c.add(1, 1), c.add(2, 2)], c.total), c.add(3, 3)], c.ident),
        [6, 6],
    ),
    "chain that ends in a group, in header": (
        lambda c: c.chord(
            [c.chain(c.add(1, 1), c.group(c.add(1), c.add(2))), c.add(0, 0)], c.ident
        ),
        [[3, 4], 0],
    ),
    "chain that begins with a group, in header": (
        lambda c: c.chord(
            [c.chain(c.group(c.add(1, 1), c.add(2, 2)), c.total), c.add(0, 0)], c.ident
        ),
        [6, 0],
    ),
    "group in body": (
        lambda c: c.chord([c.add(1, 1), c.add(2, 2)], c.group(c.total, c.ident)),
        [6, [2, 4]],
    ),
    "chain in body": (
        lambda c: c.chord([c.add(1, 1), c.add(2, 2)], c.chain(c.total, c.add(1))),
        7,
    ),
    "group | task | group": (
        lambda c: c.chain(c.group(c.add(1, 1), c.add(2, 2)), c.total, c.group(c.add(1), c.add(2))),
        [7, 8],
    ),
    "group | task | group | task": (
        lambda c: c.chain(
            c.group(c.add(1, 1), c.add(2, 2)), c.total, c.group(c.add(1), c.add(2)), c.total
        ),
        15,
    ),
    "replaced by a group": (
        lambda c: c.chord([c.task("replaced_by_group", 1), c.add(2, 2)], c.ident),
        [[2, 3], 4],
    ),
    "replaced by a chain": (
        lambda c: c.chord([c.task("replaced_by_chain", 1), c.add(2, 2)], c.ident),
        [12, 4],
    ),
    "retries": (lambda c: c.chord([c.task("again", 1), c.add(2, 2)], c.ident), [[1, 2], 4]),
    "results ignored": (lambda c: c.chord([c.task("unkept", 1), c.add(2, 2)], c.ident), [1, 4]),
    "one more part": (lambda c: c.chord([c.task("with_one_more", 1), c.add(2, 2)], c.total), 106),
    "values that JSONB would change": (
        lambda c: c.chord([c.task("ident", EVIL), c.task("ident", None)], c.ident),
        [EVIL, None],
    ),
    "plain chain": (lambda c: c.chain(c.add(1, 1), c.add(2)), 4),
    "plain group": (lambda c: c.group(c.add(1, 1), c.task("ident", EVIL)), [2, EVIL]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_its_value(canvas: Canvas, shape: str) -> None:
    build, expected = SHAPES[shape]

    assert value_of(build(canvas)) == expected


def test_groups_in_a_header_are_unrolled_in_no_promised_order(canvas: Canvas) -> None:
    header = [canvas.group(canvas.add(1, 1), canvas.add(2, 2)), canvas.add(3, 3)]

    assert sorted(value_of(canvas.chord(header, canvas.ident))) == [2, 4, 6]


def test_a_wide_header_comes_in_order(canvas: Canvas) -> None:
    wide = canvas.chord([canvas.task("ident", number) for number in range(40)], canvas.ident)

    assert value_of(wide) == list(range(40))


FAILING: dict[str, Callable[[Canvas], Signature]] = {
    "task": lambda c: c.task("boom"),
    "start of a chain": lambda c: c.chain(c.task("boom"), c.add(1)),
    "end of a chain": lambda c: c.chain(c.add(1, 1), c.task("boom")),
    "body of a nested chord": lambda c: c.chord([c.add(1, 1)], c.task("boom")),
    "rejected task": lambda c: c.task("rejected"),
    "task whose worker is lost": lambda c: c.task("lost"),
}


@pytest.mark.parametrize("failing", FAILING)
def test_a_failing_header_fails_the_body_and_calls_its_errback(
    canvas: Canvas, failing: str
) -> None:
    body_id, note_id = str(uuid4()), str(uuid4())
    body = canvas.ident.on_error(canvas.task("note").set(task_id=note_id))
    canvas.chord([FAILING[failing](canvas), canvas.add(2, 2)], body).apply_async(task_id=body_id)

    error = error_of(canvas.app.AsyncResult(body_id))

    assert isinstance(error, ChordError) and "raised" in str(error)
    assert canvas.app.AsyncResult(note_id).get(timeout=SECONDS) == body_id


NESTED: dict[str, Callable[[Canvas], Signature]] = {
    "task": lambda c: c.total,
    "chain": lambda c: c.chain(c.total, c.add(1)),
}


@pytest.mark.parametrize("canvas", ["ours"], indirect=True)
@pytest.mark.parametrize("inner", NESTED)
def test_a_failing_header_of_a_nested_chord_fails_the_outer_body(
    canvas: Canvas, inner: str
) -> None:
    """On the stock backends the outer chord waits for ever: no part says that the inner failed."""
    nested = canvas.chord([canvas.task("boom"), canvas.add(1, 1)], NESTED[inner](canvas))

    result = canvas.chord([nested, canvas.add(2, 2)], canvas.ident).apply_async()

    assert isinstance(error_of(result), ChordError)


@pytest.mark.parametrize("canvas", ["ours"], indirect=True)
def test_ignored_results_have_their_place_in_a_nested_header(canvas: Canvas) -> None:
    """On the stock Redis backend the body never runs: the join reads results nobody stored."""
    nested = canvas.chain(canvas.add(1, 1), canvas.group(canvas.task("unkept"), canvas.add(1)))

    assert value_of(canvas.chord([nested, canvas.add(0, 0)], canvas.ident)) == [[2, 3], 0]


@pytest.mark.parametrize("canvas", ["ours"], indirect=True)
def test_a_chord_with_an_ignored_header_fails_once_it_is_overdue(canvas: Canvas) -> None:
    """On the stock backends it waits for ever. `Ignore` says nothing, and must not: it is also how
    a second copy of a task ends, whose first copy returns the part."""
    canvas.app.conf.result_chord_expires = 0.2
    header = [canvas.task("ignored"), canvas.add(2, 2)]
    result = canvas.chord(header, canvas.ident).apply_async()

    deadline = time.monotonic() + SECONDS
    while result.state == "PENDING" and time.monotonic() < deadline:
        cast("PostgresBackend", canvas.app.backend).sweep()

    assert "1 of 2 header tasks returned within 0.2 s" in str(error_of(result))


@pytest.mark.parametrize("canvas", ["ours"], indirect=True)
def test_a_result_over_the_cap_fails_its_task_and_the_chord(canvas: Canvas) -> None:
    result = canvas.chord([canvas.task("large", 2_000_000), canvas.add(2, 2)], canvas.ident)

    error = error_of(result.apply_async())

    assert isinstance(error, ChordError)
    assert "takes 1,048,576: store it elsewhere and return where it is" in str(error)


def test_a_revoked_header_fails_the_body(canvas: Canvas) -> None:
    revoked = str(uuid4())
    canvas.app.control.revoke(revoked, reply=True, limit=1)
    header = [canvas.add(1, 1).set(task_id=revoked), canvas.add(2, 2)]

    result = canvas.chord(header, canvas.ident).apply_async()

    assert isinstance(error_of(result), ChordError)
    assert canvas.app.AsyncResult(revoked).state == "REVOKED"


def test_a_failing_header_fails_every_task_of_a_group_body(canvas: Canvas) -> None:
    body = canvas.group(canvas.total, canvas.ident)

    result = canvas.chord([canvas.task("boom"), canvas.add(1, 1)], body).apply_async()

    assert [type(error_of(one)) for one in cast("GroupResult", result).results] == [ValueError] * 2


def test_what_follows_a_failed_chord_fails_too(canvas: Canvas) -> None:
    tail = canvas.group(canvas.add(1), canvas.add(2))

    result = canvas.chain(
        canvas.group(canvas.task("boom"), canvas.add(1, 1)), canvas.total, tail, canvas.total
    ).apply_async()

    assert isinstance(error_of(result), ChordError)


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # by Celery's Redis backend
def test_saved_groups_come_back(canvas: Canvas) -> None:
    result = canvas.group(canvas.add(1, 1), canvas.add(2, 2)).apply_async()
    result.save()

    restored = GroupResult.restore(result.id, app=canvas.app)

    assert restored == result
    assert restored.join(timeout=SECONDS, interval=0.02) == [2, 4]
    result.delete()
    assert GroupResult.restore(result.id, app=canvas.app) is None


def test_children_and_parents_are_known(canvas: Canvas) -> None:
    result = canvas.chain(canvas.add(1, 1), canvas.add(2)).apply_async()
    result.get(timeout=SECONDS, interval=0.02)
    # A chain goes on before the result of its step is stored, so its end says nothing about that.
    result.parent.get(timeout=SECONDS, interval=0.02)

    assert [child.id for child in canvas.app.AsyncResult(result.parent.id).children] == [result.id]
