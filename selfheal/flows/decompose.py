"""Planner Arm: ChangeRequest -> SubTasks, stored, and those sent that wait for nothing."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.decomposition import PlanResponse
from selfheal.dispatch.subtasks import open_subtasks
from selfheal.flows import report
from selfheal.flows.attempting import Ended, Running, attempt
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.plan import fail_request
from selfheal.store import decompositions, requests
from selfheal.store.attempts import Work
from selfheal.store.decompositions import DecompositionRow

MOST_LINES, LONGEST_LINE, LONGEST_GOAL = 50, 2_000, 20_000
"""What the Planner Arm reads of a request, which may be longer."""


def decompose(farm: Farm, decomposition_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Cut the request into SubTasks, or end it with what kept the arm from it."""
    with farm.database.begin() as connection:
        row = decompositions.load(connection, decomposition_id)
    work = Work(names.DECOMPOSE, decomposition_id, row.request_id)
    return attempt(farm, work, message_id, body=partial(_decompose, row=row), fail=fail_request)


def _decompose(running: Running, *, row: DecompositionRow) -> None:
    farm = running.farm
    with running.step() as connection:
        request = requests.load(connection, row.request_id).request
        requests.advance(
            connection,
            request.id,
            "PLANNING",
            who=farm.worker,
            why=f"cutting it into SubTasks: {farm.arm.planner}",
        )
    mirror = farm.mirror(repository_url(request.repo))
    revision = str(request.context.get("base_sha") or request.branch)
    mirror.fetch()
    sha = mirror.resolve(revision)
    response = farm.arm.generate_plan(
        request.description[:LONGEST_GOAL],
        [line[:LONGEST_LINE] for line in request.constraints if line][:MOST_LINES],
        _context(request),
        request_id=request.id,
    )
    running.check()
    _store(running, row, request, response, sha=sha)


def _context(request: ChangeRequest) -> dict[str, Any]:
    """What may help to cut it, as long as it is short."""
    return {
        "acceptance_criteria": [
            line[:LONGEST_LINE] for line in request.acceptance_criteria[:MOST_LINES]
        ],
        "affected_paths": [*request.affected_paths[:MOST_LINES]],
        "failing_tests": [*request.failing_tests[:MOST_LINES]],
        "traceback": request.traceback[-LONGEST_LINE:],
    }


def _store(
    running: Running,
    row: DecompositionRow,
    request: ChangeRequest,
    response: PlanResponse,
    *,
    sha: str,
) -> None:
    arm, who = running.farm.arm, running.farm.worker
    with running.effect(f"{len(response.plan)} SubTasks") as connection:
        decompositions.store(connection, row.id, response, planner=arm.planner, base_sha=sha)
        pools = {name: entry.pool for name, entry in arm.roster.entries.items()}
        open_subtasks(connection, row, response, pools=pools)
        requests.advance(
            connection,
            request.id,
            "PLANNED",
            who=who,
            why=f"{len(response.plan)} SubTasks, confidence {response.confidence:g}",
        )
        if request.stop_after == "plan":
            report.end_stopped(connection, request, who=who)
