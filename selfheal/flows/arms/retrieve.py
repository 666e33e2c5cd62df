"""The retriever's SubTask: the places of the repository that a goal is about."""

from __future__ import annotations

from collections.abc import Iterator

from selfheal.contracts.decomposition import SubTaskResult
from selfheal.flows.arms.place import Place
from selfheal.retrieval.locate import Located

_FUNCTIONS_OF_A_FILE = 5


def retrieve(place: Place) -> SubTaskResult:
    """Files ranked for the request and the step, best first, each with its likely functions."""
    asked = "\n".join((place.request.description, place.request.traceback, place.subtask.action))
    farm = place.running.farm
    found = farm.retrieval(place.mirror(), place.head_sha).locate(asked)
    if not found.files:
        return place.result("SUCCESS", "no file shares a word with what is asked for")
    return place.result(
        "SUCCESS",
        f"{len(found.files)} files may matter, first of all {found.files[0].path}",
        findings=_lines(found),
    )


def _lines(found: Located) -> Iterator[str]:
    for file in found.files:
        names = [one.qualname for one in found.functions if one.path == file.path]
        yield ": ".join(filter(None, (file.path, ", ".join(names[:_FUNCTIONS_OF_A_FILE]))))
    if found.tests:
        yield f"tests of it: {', '.join(test.path for test in found.tests)}"
