"""Health scan: what newly fails at a branch's head becomes a ChangeRequest."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from selfheal.contracts.change_request import ChangeRequest
from selfheal.flows.farm import Farm
from selfheal.flows.health import baseline_at_head, repository_of
from selfheal.flows.job import Job, work_at
from selfheal.flows.submit import admit
from selfheal.store import repositories
from selfheal.store.repositories import RepositoryRow


def scan(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Run the suite at the head, and ask for a change where it fails as it did not before.

    The first scan only takes note: what fails then is no news. What fails and is asked for is
    written in one transaction, so one failure is asked for once, whatever dies; where the farm
    is too busy to accept it, nothing is noted and the next scan finds it again.
    """
    work_at(farm, schedule_id, message_id, body=_scan)


def _scan(job: Job) -> None:
    repository = repository_of(job)
    baseline = baseline_at_head(job, repository)
    job.check()
    with job.farm.database.begin() as connection:
        before = repositories.lock(connection, repository.id).failing
        new = _new(before, baseline.failing)
        repositories.note_scan(
            connection, repository.id, sha=baseline.sha, failing=baseline.failing
        )
        if new:
            request = _request(repository, baseline.sha, new)
            admit(connection, request, job.farm.settings.admission)
        job.end(connection, _said(baseline.sha, baseline.failing, new))


def _new(before: tuple[str, ...] | None, failing: tuple[str, ...]) -> tuple[str, ...]:
    if before is None:
        return ()
    known = set(before)
    return tuple(test for test in failing if test not in known)


def _request(repository: RepositoryRow, sha: str, new: Sequence[str]) -> ChangeRequest:
    """The commit is not named as its base: a repeat at the next head must fold into this one."""
    command = repository.test_command
    return ChangeRequest(
        id=uuid5(repository.id, f"{sha} {' '.join(new)}"),
        repo=repository.url,
        branch=repository.branch,
        description=f"{_counted(len(new))} newly at {sha[:10]}: {', '.join(new)}"[:50_000],
        acceptance_criteria=tuple(f"{test} passes" for test in new),
        failing_tests=tuple(new),
        context={"test_command": command} if command else {},
        source="schedule",
    )


def _said(sha: str, failing: Sequence[str], new: Sequence[str]) -> str:
    return f"{_counted(len(failing))} at {sha[:10]}, {len(new)} of them newly"


def _counted(tests: int) -> str:
    return "1 test fails" if tests == 1 else f"{tests} tests fail"
