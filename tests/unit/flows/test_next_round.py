"""What goes round again after a landing."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from selfheal.contracts.bundle import CodingTask
from selfheal.contracts.commit_result import CommitResult, Status
from selfheal.contracts.run_report import SuiteEvidence
from selfheal.flows.merge_train import Built, Refusal
from selfheal.flows.next_round import next_round
from selfheal.store.rounds import TaskRow

PLAN, ROUND, REQUEST = uuid4(), uuid4(), uuid4()
ONTO, SHA = "a" * 40, "b" * 40
PAUSES = (0.0, 90.0, 300.0)


def _task(
    status: Status, *, needs: tuple[TaskRow, ...] = (), rerun_of: UUID | None = None
) -> TaskRow:
    task = CodingTask(
        id=uuid4(),
        parent_plan_id=PLAN,
        step_number=1,
        goal="make it pass",
        kind="EDIT",
        paths=("a.py",),
        depends_on=tuple(one.id for one in needs),
        base_commit_sha=ONTO,
    )
    good = status == "SUCCESS"
    reason, sha = ("", SHA) if good else ("the model did not answer", "")
    return TaskRow(
        id=task.id,
        round_id=ROUND,
        plan_id=PLAN,
        request_id=REQUEST,
        task=task,
        state="settled",
        rerun_of=rerun_of,
        base_commit_sha=ONTO,
        result=CommitResult(task_id=task.id, status=status, reason=reason, commit_sha=sha),
    )


def _built(*refused: TaskRow) -> Built:
    return Built(
        onto=ONTO,
        sha=SHA,
        refused=tuple(Refusal(task=task.id, why="conflicts in a.py") for task in refused),
        evidence=SuiteEvidence(commit_sha=SHA, passed=1, failed=0, seconds=1.0),
    )


@pytest.mark.parametrize("status", ["SUCCESS", "HARD_FAIL"])
def test_what_landed_or_cannot_succeed_goes_nowhere(status: Status) -> None:
    assert next_round(_built(), [_task(status)], number=1, pauses=PAUSES) is None


@pytest.mark.parametrize(("number", "pause"), [(1, 0.0), (2, 90.0), (3, 300.0)])
def test_what_may_succeed_later_is_tried_again_after_the_pause(number: int, pause: float) -> None:
    soft = _task("SOFT_FAIL")

    following = next_round(_built(), [soft, _task("HARD_FAIL")], number=number, pauses=PAUSES)

    assert following is not None
    assert following.delay_seconds == pause
    assert list(following.rerun_of.values()) == [soft.id]
    assert following.bundle.tasks[0].base_commit_sha == SHA


def test_after_the_last_pause_it_is_over() -> None:
    assert next_round(_built(), [_task("SOFT_FAIL")], number=4, pauses=PAUSES) is None


def test_what_was_refused_goes_back_once_at_once_and_one_by_one() -> None:
    refused = _task("SUCCESS")
    again = _task("SUCCESS", rerun_of=refused.id)

    following = next_round(_built(refused), [refused], number=3, pauses=PAUSES)

    assert following is not None
    assert (following.delay_seconds, following.bundle.force_sequential) == (0.0, True)
    assert "conflicts in a.py" in following.bundle.tasks[0].goal
    assert next_round(_built(again), [again], number=2, pauses=PAUSES) is None


def test_a_task_waits_for_what_goes_again_with_it_and_for_nothing_that_landed() -> None:
    landed, soft = _task("SUCCESS"), _task("SOFT_FAIL")
    child = _task("SOFT_FAIL", needs=(landed, soft))

    following = next_round(_built(), [landed, soft, child], number=1, pauses=PAUSES)

    assert following is not None
    ids = {old: new for new, old in following.rerun_of.items()}
    tasks = {task.id: task for task in following.bundle.tasks}
    assert tasks[ids[child.id]].depends_on == (ids[soft.id],)
    assert not following.bundle.force_sequential
