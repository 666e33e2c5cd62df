"""The guardian's SubTask: the change and the request, scanned."""

from __future__ import annotations

from collections.abc import Iterator

from selfheal.checks.leaks import Leak, leaks_in, leaks_in_diff
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.decomposition import SubTaskResult
from selfheal.flows.arms.place import Place
from selfheal.redaction import Redactor


def guard(place: Place) -> SubTaskResult:
    """Nothing in the added lines that must not be there, and no request that gives orders.

    Personal data and secrets in a request are told, and no reason to refuse: they are its
    writer's, and are redacted wherever they leave the farm.
    """
    redactor = place.running.farm.redactor
    diff = ""
    if place.head_sha != place.base_sha:
        diff = place.mirror().diff(place.base_sha, place.head_sha)
    in_change = tuple(leaks_in_diff(diff, redactor))
    in_request = tuple(_of_request(place.request, redactor))
    grave = [*in_change, *(leak for leak in in_request if leak.kind == "injected instruction")]
    findings = map(str, (*in_change, *in_request))
    if grave:
        return place.result(
            "HARD_FAIL",
            f"{len(grave)} findings that must not stay: {grave[0]}",
            findings=findings,
            next_step="look at the places named before the branch is merged",
        )
    looked_at = f"{len(diff.splitlines())} lines of the change and the request"
    return place.result("SUCCESS", f"nothing found in {looked_at}", findings=findings)


def _of_request(request: ChangeRequest, redactor: Redactor) -> Iterator[Leak]:
    texts = {
        "description": request.description,
        "constraints": "\n".join(request.constraints),
        "acceptance_criteria": "\n".join(request.acceptance_criteria),
        "traceback": request.traceback,
    }
    for name, text in texts.items():
        yield from leaks_in(text, where=f"the request's {name}", redactor=redactor)
