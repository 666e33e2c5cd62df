"""The judge's SubTask: the suite at the head, compared with the baseline."""

from __future__ import annotations

from selfheal.checks.baseline import Baseline
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.decomposition import SubTaskResult
from selfheal.flows import evidence
from selfheal.flows.arms.place import Place


def judge(place: Place) -> SubTaskResult:
    """No test newly fails, none is gone, and those that were wanted pass."""
    base, head = _measured(place)
    wrong = [
        *(f"newly fails: {test}" for test in sorted({*head.failing} - {*base.failing})),
        *(f"is gone: {test}" for test in sorted({*base.passing} - {*head.outcomes})),
        *(f"still fails: {test}" for test in _still_failing(place.request, base, head)),
    ]
    shown = head.evidence
    counted = f"{shown.passed} pass, {shown.failed} fail at {head.sha[:10]}"
    if wrong:
        return place.result(
            "HARD_FAIL",
            f"the suite speaks against it: {counted}",
            findings=wrong,
            next_step="look at the tests named",
        )
    return place.result("SUCCESS", f"no test newly fails: {counted}")


def _measured(place: Place) -> tuple[Baseline, Baseline]:
    """The suite at base and at head; one measurement where they are the same commit."""
    running = place.running
    place.sandbox()  # noted before anything runs in it
    name = f"subtask-{running.attempt.id}"
    with running.farm.worktree(place.mirror(), place.base_sha, name) as tree:
        measured = []
        for sha in (place.base_sha, place.head_sha):
            tree.reset(sha)
            target = evidence.target_of(running, place.request, tree.folder)
            measured.append(
                evidence.baseline_at(running, place.request, tree, sha=sha, target=target)
            )
            running.check()
    return measured[0], measured[1]


def _still_failing(request: ChangeRequest, base: Baseline, head: Baseline) -> tuple[str, ...]:
    """Tests that somebody asked for; a suite that was red before need not be mended here."""
    if not (request.failing_tests or SUITE_PASSES in request.acceptance_criteria):
        return ()
    wanted = set(evidence.wanted_tests(request, base))
    return tuple(sorted(wanted.intersection(head.failing)))
