"""What is known of commits, for whoever plans the next one: git's log, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from selfheal.contracts.evolution import CommitMetric, CommitPlanningContext
from selfheal.contracts.run_report import SuiteEvidence
from selfheal.workspace.objects import Objects

NEWEST = 10
"""Subjects of this many commits up to a commit tell how it came about."""


def metrics_of(evidence: SuiteEvidence) -> tuple[CommitMetric, ...]:
    """What a run of the suite measures."""
    return (
        CommitMetric(name="tests_passed", value=evidence.passed, unit="tests"),
        CommitMetric(
            name="tests_failed", value=evidence.failed, unit="tests", higher_is_better=False
        ),
        CommitMetric(
            name="suite_seconds",
            value=evidence.seconds,
            unit="s",
            higher_is_better=False,
            summary="one run on this machine; small differences mean nothing",
        ),
    )


def context_of(
    objects: Objects, sha: str, metrics: Sequence[CommitMetric] = ()
) -> CommitPlanningContext:
    """The commit as the planning agent is told of it; raises GitFailed where it is not there."""
    newest, *before = objects.log(sha, limit=NEWEST)
    return CommitPlanningContext(
        commit_hash=sha,
        summary=newest.message,
        highlights=tuple(
            f"before it: {commit.sha[:10]} {commit.message.partition(chr(10))[0]}"
            for commit in before
        ),
        metrics=tuple(metrics),
    )
