"""The retriever's SubTask: the places of the repository that a goal is about."""

from __future__ import annotations

from selfheal.codegraph.places import RankedFile, rank_files
from selfheal.codegraph.source import is_python
from selfheal.contracts.decomposition import SubTaskResult
from selfheal.flows.arms.place import Place
from selfheal.index.snapshot import Snapshot


def retrieve(place: Place) -> SubTaskResult:
    """Files ranked by the words of the request and of the step, best first."""
    asked = "\n".join((place.request.description, place.request.traceback, place.subtask.action))
    ranked = rank_files(Snapshot.at(place.mirror(), place.head_sha).holding(is_python), asked)
    if not ranked:
        return place.result("SUCCESS", "no file shares a word with what is asked for")
    return place.result(
        "SUCCESS",
        f"{len(ranked)} files may matter, first of all {ranked[0].path}",
        findings=map(_line, ranked),
    )


def _line(ranked: RankedFile) -> str:
    return f"{ranked.path}: {', '.join(ranked.symbols)}" if ranked.symbols else ranked.path
