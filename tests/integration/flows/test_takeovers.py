"""Work that changes hands: what the one before had begun, and what it must not do any more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from selfheal.coding.draft import Draft, keep
from selfheal.contracts import names
from selfheal.dispatch.effect import effect
from selfheal.embedded.waiting import wait_until
from selfheal.errors import AttemptLost
from selfheal.flows import attempting, cancel, code
from selfheal.store import attempts, requests, rounds
from selfheal.store.attempts import Attempt, Work
from selfheal.store.database import Database
from selfheal.store.outbox import Message
from selfheal.workspace.git import Git
from tests.integration.flows.conftest import OneProcessFarm, refs_of

BROKEN = {
    "shop.py": "def cheapest(prices):\n    return max(prices)\n",
    "test_shop.py": (
        "from shop import cheapest\n\n\n"
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == 1\n\n\n"
        "def test_only_one():\n    assert cheapest([3]) == 3\n"
    ),
}


def _next(farm: OneProcessFarm, task_name: str) -> Message:
    """Work until the next message is one of this name; gives it."""
    farm.farm.flush()
    while farm.turns.waiting[0].task_name != task_name:
        assert farm.turn(), f"no message of {task_name} came"
        farm.farm.flush()
    return farm.turns.waiting[0]


def _work(message: Message, request_id: UUID) -> Work:
    return Work(message.task_name, message.subject_id, request_id)


def _begin(connection: Connection, message: Message, request_id: UUID) -> Attempt:
    work = _work(message, request_id)
    begun = attempts.begin(connection, work, worker="gone:1", message_id=None, dead_after=60)
    assert begun is not None
    return begun


def test_work_goes_on_from_the_state_in_which_its_worker_died(one_process_farm, repository) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(BROKEN))
    for task_name, states in (
        (names.PLAN, ("PLANNING",)),
        (names.CODE_PLAN, ("CODE_PLANNING",)),
        (names.LAND, ("LANDING", "BUILD1")),
    ):
        message = _next(farm, task_name)
        with farm.farm.database.begin() as connection:
            begun = _begin(connection, message, request_id)
            for state in states:
                requests.advance(connection, request_id, state, who="gone:1", why="begun")
            attempts.finish(connection, begun, "lost", note="in this test")

    farm.run()

    report = farm.report(request_id)
    assert (report.state, report.cause) == ("DONE", "landed"), report.reason


@pytest.mark.parametrize(
    "found", [pytest.param("nothing", marks=pytest.mark.slow), "the right draft"]
)
def test_what_a_dead_attempt_had_drafted_is_taken_up(one_process_farm, repository, found) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(BROKEN))
    message = _next(farm, names.CODE)
    mended = BROKEN["shop.py"].replace("max", "min")
    right = Draft(
        texts=(("shop.py", mended),), coder="repair", origin="the attempt before", confidence=1.0
    )
    drafts = keep([right] if found == "the right draft" else [])
    with farm.farm.database.begin() as connection:
        begun = _begin(connection, message, request_id)
        attempts.checkpoint(connection, begun, "drafted", {"drafts": {"repair": drafts}})
        attempts.finish(connection, begun, "lost", note="in this test")

    farm.turn()

    with farm.farm.database.begin() as connection:
        result = rounds.load_task(connection, message.subject_id).result
    assert result is not None
    assert (result.status, result.verdict) == ("SUCCESS", "fixes"), result.reason
    assert "min(prices)" in result.diff


def test_work_that_lost_touch_with_the_database_is_handed_back(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(BROKEN))
    message = _next(farm, names.PLAN)
    farm.turns.waiting.clear()

    def lose_touch(_: attempting.Running) -> None:
        raise AttemptLost("no heartbeat got through")

    _attempt(farm, message, request_id, lose_touch)

    assert [(one.task_name, one.subject_id) for one in farm.turns.waiting] == [
        (message.task_name, message.subject_id)
    ]


def test_an_attempt_that_was_taken_over_hands_nothing_back(one_process_farm, repository) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(BROKEN))
    message = _next(farm, names.PLAN)
    farm.turns.waiting.clear()

    def be_taken_over(running: attempting.Running) -> None:
        _lose(farm, running)
        raise AttemptLost("somebody else has it")

    _attempt(farm, message, request_id, be_taken_over)

    assert farm.turns.waiting == []


def test_an_attempt_that_was_taken_over_moves_its_request_no_more(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(BROKEN))
    message = _next(farm, names.PLAN)

    def come_late(running: attempting.Running) -> None:
        _lose(farm, running)
        with running.step() as connection:
            requests.advance(connection, request_id, "PLANNING", who="late", why="too late")

    _attempt(farm, message, request_id, come_late)

    with farm.farm.database.begin() as connection:
        assert requests.load(connection, request_id).state == "RECEIVED"


@pytest.mark.slow
def test_a_result_branch_that_somebody_else_made_ends_the_request_with_that_reason(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    request_id = farm.submit(origin)
    _next(farm, names.LAND)
    Git(origin).run("update-ref", f"refs/heads/selfheal/{request_id}", "refs/heads/main")

    farm.run()

    report = farm.report(request_id)
    assert report.state == "FAILED"
    assert f"refs/heads/selfheal/{request_id}" in report.reason


def test_a_commit_of_an_attempt_that_was_taken_over_stays_out_of_the_repository(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    request_id = farm.submit(origin)
    message = _next(farm, names.PLAN)
    mirror = farm.farm.mirror(str(origin))
    mirror.fetch()

    def commit_late(running: attempting.Running) -> None:
        _lose(farm, running)
        running.keep_commit(mirror, mirror.resolve("main"), "committed")

    _attempt(farm, message, request_id, commit_late)

    assert refs_of(origin) == {"refs/heads/main"}


def test_a_task_branch_that_is_pointed_after_the_end_goes_away_again(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    request_id = farm.submit(origin)
    message = _next(farm, names.CODE)
    mirror = farm.farm.mirror(str(origin))
    with farm.farm.database.begin() as connection:
        row = rounds.load_task(connection, message.subject_id)

    code.point_task_branch(farm.farm, mirror, row, mirror.resolve("main"))
    assert f"refs/heads/agt/{row.id}" in refs_of(origin)

    cancel.cancel(farm.farm, request_id, who="cli")
    code.point_task_branch(farm.farm, mirror, row, mirror.resolve("main"))
    assert refs_of(origin) == {"refs/heads/main"}


def test_a_cancel_waits_for_an_outcome_that_is_being_written(one_process_farm, repository) -> None:
    farm = one_process_farm
    database = farm.farm.database
    request_id = farm.submit(repository(BROKEN))
    message = _next(farm, names.PLAN)
    with database.begin() as connection:
        begun = _begin(connection, message, request_id)

    with ThreadPoolExecutor(1) as thread, effect(database, begun, note="planned") as connection:
        cancelling = thread.submit(cancel.cancel, farm.farm, request_id, who="cli")
        assert wait_until(lambda: _somebody_waits(database), seconds=20)
        requests.advance(connection, request_id, "PLANNING", who="here", why="the outcome")

    assert cancelling.result(timeout=20).state == "CANCELLED"


def _somebody_waits(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with database.begin() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())


def _attempt(
    farm: OneProcessFarm,
    message: Message,
    request_id: UUID,
    body: Callable[[attempting.Running], None],
) -> None:
    attempting.attempt(
        farm.farm, _work(message, request_id), message.message_id, body=body, fail=_fail
    )


def _fail(connection: Connection, attempt: Attempt, failure: attempting.Failure) -> None:
    raise AssertionError(f"this is no failure of the work: {failure}")


def _lose(farm: OneProcessFarm, running: attempting.Running) -> None:
    """As the sweeper does with a silent attempt."""
    with farm.farm.database.begin() as connection:
        attempts.finish(connection, running.attempt, "lost", note="in this test")
