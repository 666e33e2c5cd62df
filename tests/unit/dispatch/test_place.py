"""Which task of a round goes first: the one with the most effort on its way to the end."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.dispatch.release import place

PLAN = uuid4()
SHA = "a" * 40


def _task(number: int, *parents: CodingTask, score: float = 0.0) -> CodingTask:
    return CodingTask(
        id=UUID(int=number),
        parent_plan_id=PLAN,
        step_number=number,
        goal="g",
        kind="EDIT",
        paths=("a.py",),
        depends_on=tuple(parent.id for parent in parents),
        complexity_score=score,
        base_commit_sha=SHA,
    )


def _ways(*tasks: CodingTask) -> dict[UUID, int]:
    bundle = TaskBundle(plan_id=PLAN, tasks=tasks, base_commit_sha=SHA)
    return {new.task.id: new.depth_below for new in place(bundle, {})}


def test_without_any_knowledge_the_longest_way_in_tasks_counts() -> None:
    first = _task(1)
    second = _task(2, first)
    alone = _task(3)

    ways = _ways(first, second, alone)

    assert ways[first.id] == 2 * ways[second.id] == 2 * ways[alone.id]


def test_one_hard_task_outweighs_a_chain_of_trivial_ones() -> None:
    hard = _task(1, score=0.9)
    first = _task(2)
    second = _task(3, first)

    ways = _ways(hard, first, second)

    assert ways[hard.id] > ways[first.id] > ways[second.id]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_every_task_of_a_chain_goes_before_what_waits_for_it(scores: list[float]) -> None:
    chain: list[CodingTask] = []
    for number, score in enumerate(scores, start=1):
        chain.append(_task(number, *chain[-1:], score=score))

    ways = _ways(*chain)

    order = [ways[task.id] for task in chain]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == len(order)
