"""SubTasks along their dependencies: what is sent when, and that each ends once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import Status
from selfheal.contracts.decomposition import Arm, PlanResponse, SubTask, SubTaskResult
from selfheal.contracts.names import SUBTASK
from selfheal.dispatch.subtasks import open_subtasks, settle_subtask
from selfheal.planning.roster import load_roster
from selfheal.store import decompositions, requests
from selfheal.store.database import Database
from selfheal.store.decompositions import SubTaskRow

Steps = Sequence[tuple[Arm, Sequence[int]]]


def opened(database: Database, steps: Steps) -> UUID:
    """A request that was cut into `steps`, numbered from 1."""
    plan = tuple(
        SubTask(
            step=number,
            action=f"do part {number}",
            required_arm=arm,
            acceptance_criteria=("it is done",),
            depends_on=tuple(after),
            estimated_cost_tier=1,
            estimated_duration_seconds=1,
        )
        for number, (arm, after) in enumerate(steps, 1)
    )
    response = PlanResponse(
        plan=plan, rationale="so", confidence=1, total_estimated_duration=1, complexity_score=0
    )
    request = ChangeRequest(repo="/x", description=str(uuid4()))
    pools = {arm: entry.pool for arm, entry in load_roster().entries.items()}
    with database.begin() as connection:
        requests.accept(connection, request)
        made = decompositions.ask_for(connection, request.id)
        decompositions.store(connection, made, response, planner="test", base_sha="a" * 40)
        open_subtasks(connection, decompositions.load(connection, made), response, pools=pools)
    return request.id


def rows(database: Database, request_id: UUID) -> dict[int, SubTaskRow]:
    with database.begin() as connection:
        return {row.step: row for row in decompositions.subtasks_of(connection, request_id)}


def sent(database: Database, request_id: UUID) -> dict[UUID, str]:
    """Pool by SubTask of whatever was put into the outbox."""
    with database.begin() as connection:
        found = connection.execute(
            text(
                "SELECT subject_id, pool FROM outbox WHERE request_id = :id AND task_name = :name"
            ),
            {"id": request_id, "name": SUBTASK},
        ).all()
    assert len({row.subject_id for row in found}) == len(found), "sent twice"
    return {row.subject_id: row.pool for row in found}


def settle(database: Database, row: SubTaskRow, status: Status = "SUCCESS") -> bool:
    result = SubTaskResult(
        step=row.step, arm=row.subtask.required_arm, status=status, summary="so it is"
    )
    with database.begin() as connection:
        return settle_subtask(connection, row, result, who="test")


def test_what_needs_nothing_is_sent_at_once_to_the_pool_of_its_arm(database: Database) -> None:
    request_id = opened(database, [("retriever", []), ("guardian", []), ("judge", [1, 2])])
    found = rows(database, request_id)

    assert sent(database, request_id) == {found[1].id: "retrieval", found[2].id: "guarding"}
    assert [found[step].state for step in (1, 2, 3)] == ["ready", "ready", "waiting"]


def test_a_coder_needs_the_coder_before_it(database: Database) -> None:
    request_id = opened(database, [("coder", []), ("judge", []), ("coder", [2]), ("coder", [])])
    found = rows(database, request_id)

    assert [found[step].needs for step in (1, 2, 3, 4)] == [(), (), (1, 2), (3,)]


def test_a_second_result_is_not_taken(database: Database) -> None:
    request_id = opened(database, [("judge", []), ("judge", [1])])
    first = rows(database, request_id)[1]

    settle(database, first)
    again = settle(database, first, "HARD_FAIL")

    assert again is False
    found = rows(database, request_id)
    assert found[1].result is not None
    assert found[1].result.status == "SUCCESS"
    assert found[2].waiting_on == 0


def test_two_that_settle_at_once_release_what_needs_both_once(database: Database) -> None:
    request_id = opened(database, [("judge", []), ("guardian", []), ("retriever", [1, 2])])
    found = rows(database, request_id)

    with ThreadPoolExecutor(2) as pool:
        last = list(pool.map(lambda step: settle(database, found[step]), (1, 2)))

    assert last == [False, False]
    assert found[3].id in sent(database, request_id)


@st.composite
def _runs(draw: st.DrawFn) -> tuple[Steps, list[Status], st.DataObject]:
    size = draw(st.integers(1, 7))
    arms: st.SearchStrategy[Arm] = st.sampled_from(["coder", "judge", "retriever"])
    steps = [
        (draw(arms), draw(st.lists(st.integers(1, number - 1), max_size=3, unique=True)))
        if number > 1
        else (draw(arms), [])
        for number in range(1, size + 1)
    ]
    statuses: st.SearchStrategy[Status] = st.sampled_from(["SUCCESS", "SUCCESS", "HARD_FAIL"])
    return steps, [draw(statuses) for _ in steps], draw(st.data())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_runs())
def test_every_run_ends_with_each_step_settled_once_and_none_begun_too_early(
    database: Database, run: tuple[Steps, list[Status], st.DataObject]
) -> None:
    steps, statuses, data = run
    request_id = opened(database, steps)
    done: set[int] = set()
    last: list[bool] = []

    while ready := [row for row in rows(database, request_id).values() if row.state == "ready"]:
        row = data.draw(st.sampled_from(ready))
        assert set(row.needs) <= done
        assert row.id in sent(database, request_id)
        last.append(settle(database, row, statuses[row.step - 1]))
        if statuses[row.step - 1] == "SUCCESS":
            done.add(row.step)

    found = rows(database, request_id)
    assert all(row.state == "settled" for row in found.values())
    assert last == [False] * (len(last) - 1) + [True]
    assert {step for step, row in found.items() if row.result.status == "SUCCESS"} == done
    assert len(sent(database, request_id)) == len(last), "what was never ready was sent"
