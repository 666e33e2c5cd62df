"""What an arm has to work with: a SubTask, its request, a commit, what the steps before came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import Status
from selfheal.contracts.decomposition import SubTask, SubTaskResult
from selfheal.flows.attempting import Running
from selfheal.flows.connect import repository_url
from selfheal.sandbox.jail import Sandbox
from selfheal.store import requests
from selfheal.store.decompositions import SubTaskRow
from selfheal.workspace.mirror import Mirror

MOST_FINDINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`before` are the results there are so far, in the order of the plan."""

    running: Running
    request: ChangeRequest
    row: SubTaskRow
    base_sha: str
    before: tuple[SubTaskResult, ...]

    @property
    def subtask(self) -> SubTask:
        """What is to be done."""
        return self.row.subtask

    @property
    def head_sha(self) -> str:
        """The newest commit that a step before this one has landed, else the base."""
        landed = (result.landed_sha for result in reversed(self.before) if result.landed_sha)
        return next(landed, self.base_sha)

    def mirror(self) -> Mirror:
        """This host's mirror, with base and head in it."""
        mirror = self.running.farm.mirror(repository_url(self.request.repo))
        mirror.fetch([self.base_sha, self.head_sha])
        return mirror

    def sandbox(self) -> Sandbox:
        """Where the repository's code runs; the request's report will name it."""
        found = self.running.farm.sandbox
        with self.running.step() as connection:
            requests.note_sandbox(connection, self.row.request_id, found.name)
        return found

    def result(
        self, status: Status, summary: str, *, findings: Iterable[str] = (), next_step: str = ""
    ) -> SubTaskResult:
        """What this SubTask came to, redacted."""
        redact = self.running.farm.redactor.redact
        told = [redact(finding) for finding in findings]
        more = len(told) - MOST_FINDINGS
        return SubTaskResult(
            step=self.row.step,
            arm=self.subtask.required_arm,
            status=status,
            summary=redact(summary),
            findings=(*told[:MOST_FINDINGS], *([f"and {more} more"] if more > 0 else [])),
            next_step=next_step,
        )
