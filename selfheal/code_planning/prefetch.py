"""CP-7: what a CodingTask will want to read, found while it is planned; it carries ids only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, product
from typing import Final, Protocol

from selfheal import late_log
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.errors import TimedOut
from selfheal.retrieval.chunk import Found
from selfheal.retrieval.search import Filter

MOST_CALLS: Final = 8
"""Of retrieval, per task."""

CHUNKS, ALPHA = 6, 0.2
TRIES: Final = 2


class Search(Protocol):
    """What is asked: the retrieval of the commit, whatever engine is behind it."""

    def hybrid_search(self, query: str, *, k: int, alpha: float, within: Filter) -> Found:
        """Chunks, best first; raises TimedOut where an engine does not answer."""
        ...

    def expect(self, queries: Iterable[str]) -> None:
        """Prepare for queries that will be asked, all of them by one request."""
        ...

    def raw_slice(self, path: str) -> tuple[str, ...]:
        """The id of a file's first lines; nothing for a file the commit does not have."""
        ...


def with_chunks(bundle: TaskBundle, search: Search) -> TaskBundle:
    """The bundle with the chunks of each task, most useful first.

    A search that does not answer is asked once more; then the file's own beginning stands for what
    it would have found, and the task says `partial_context`.
    """
    search.expect({query for task in bundle.tasks for query in _queries(task)})
    tasks = tuple(_with_chunks(task, search) for task in bundle.tasks)
    return bundle.model_copy(update={"tasks": tasks})


def _with_chunks(task: CodingTask, search: Search) -> CodingTask:
    found: list[Sequence[str]] = []
    partial = False
    calls = 0
    for path, query in islice(product(task.paths, _queries(task)), MOST_CALLS):
        if calls >= MOST_CALLS:
            break
        ids, tries = _asked(search, query, path)
        calls += tries
        partial |= ids is None
        found.append(search.raw_slice(path) if ids is None else ids)
    blob_ids = tuple(dict.fromkeys(one for ids in found for one in ids))
    return task.model_copy(update={"blob_ids": blob_ids, "partial_context": partial})


def _queries(task: CodingTask) -> Iterable[str]:
    """The symbols of the task by their short names, else its goal."""
    names = [symbol.fq_name.rpartition(".")[2] for symbol in task.symbols]
    return tuple(dict.fromkeys(names)) or (task.goal,)


def _asked(search: Search, query: str, path: str) -> tuple[tuple[str, ...] | None, int]:
    """The ids, None where nobody answered, and how many calls that took."""
    for tries in range(1, TRIES + 1):
        try:
            found = search.hybrid_search(query, k=CHUNKS, alpha=ALPHA, within=Filter({path}))
        except TimedOut as error:
            late_log.info(
                f"Retrieval did not answer: {error}", action="retrieval.timed_out", path=path
            )
            continue
        return tuple(chunk.id for chunk in found.chunks), tries
    return None, TRIES
