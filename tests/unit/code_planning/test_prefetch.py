"""CP-7: chunks for each task, within eight calls, whatever the search does."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from selfheal.code_planning.prefetch import MOST_CALLS, with_chunks
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.plan import Symbol
from selfheal.errors import TimedOut
from selfheal.retrieval.chunk import Chunk, Found
from selfheal.retrieval.search import Filter


class Shelf:
    """A search that finds one chunk per query, and does not answer the first `silent` calls."""

    def __init__(self, *, silent: int = 0) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.expected: set[str] = set()
        self._silent = silent

    def hybrid_search(self, query: str, *, k: int, alpha: float, within: Filter) -> Found:
        self.asked.append((query, tuple(within.paths)))
        if len(self.asked) <= self._silent:
            raise TimedOut("it sleeps")
        (path,) = within.paths
        return Found((Chunk(f"{path}/{query}", path, query, "function", 1, 2),))

    def expect(self, queries: Iterable[str]) -> None:
        self.expected = set(queries)

    def raw_slice(self, path: str) -> tuple[str, ...]:
        return (f"{path}/raw",)


def planned(search: Shelf, *, paths: tuple[str, ...] = ("a.py",), symbols: int = 2) -> CodingTask:
    task = CodingTask(
        id=UUID(int=1),
        parent_plan_id=UUID(int=2),
        step_number=1,
        goal="make it fast",
        kind="EDIT",
        paths=paths,
        base_commit_sha="b" * 40,
        symbols=tuple(
            Symbol(fq_name=f"a.f{number}", kind="function", file_path="a.py")
            for number in range(symbols)
        ),
    )
    bundle = TaskBundle(plan_id=UUID(int=2), tasks=(task,), base_commit_sha="b" * 40)
    return with_chunks(bundle, search).tasks[0]


def test_a_task_carries_the_ids_for_its_symbols_in_its_files() -> None:
    task = planned(Shelf())

    assert task.blob_ids == ("a.py/f0", "a.py/f1")
    assert not task.partial_context


def test_the_queries_of_a_plan_are_announced_together() -> None:
    search = Shelf()

    planned(search)

    assert search.expected == {"f0", "f1"}


def test_a_task_without_symbols_is_looked_up_by_its_goal() -> None:
    assert planned(Shelf(), symbols=0).blob_ids == ("a.py/make it fast",)


def test_no_task_takes_more_than_eight_calls() -> None:
    many = tuple(f"{number}.py" for number in range(20))
    answering, silent = Shelf(), Shelf(silent=1000)

    planned(answering, paths=many, symbols=5)
    task = planned(silent, paths=many, symbols=5)

    assert len(answering.asked) == MOST_CALLS
    assert len(silent.asked) == MOST_CALLS
    assert task.partial_context


def test_one_that_does_not_answer_is_asked_once_more() -> None:
    task = planned(Shelf(silent=1))

    assert task.blob_ids == ("a.py/f0", "a.py/f1")
    assert not task.partial_context


def test_where_nobody_answers_the_file_itself_stands_for_it() -> None:
    task = planned(Shelf(silent=2))

    assert task.blob_ids == ("a.py/raw", "a.py/f1")
    assert task.partial_context
