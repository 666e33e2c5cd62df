"""Tidy: what a finished request leaves in the repository beside its result branch goes away."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import structlog

from selfheal.errors import Fenced, SelfhealError
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.store import outbox, requests, rounds
from selfheal.workspace.refs import ATTEMPTS, Refs, result_ref, task_ref


def tidy(farm: Farm, request_id: UUID, *, message_id: UUID) -> None:
    """Delete the attempts' refs, and the branches that the report does not name.

    Repeating it does no harm. What cannot be deleted stays and is logged: it is in nobody's way.
    """
    with farm.database.begin() as connection:
        row = requests.load(connection, request_id)
        tasks = tuple(task.id for task in rounds.tasks_of_request(connection, request_id))
        subjects = (*rounds.ids_of_request(connection, request_id), *tasks)
        landed = rounds.last_landed(connection, request_id)
    try:
        if tasks:
            refs = Refs(farm.mirror(repository_url(row.request.repo)))
            _delete_attempts(refs, subjects)
            if row.request.stop_after != "code":
                _delete_task_branches(refs, tasks)
            if landed and row.report and not row.report.landed_branch:
                refs.delete(result_ref(str(request_id)), expect=landed)
    except SelfhealError as error:
        structlog.get_logger().warning(str(error), action="tidy.left", request=str(request_id))
    with farm.database.begin() as connection:
        outbox.mark_received(connection, message_id)
    farm.flush()


def _delete_attempts(refs: Refs, subjects: tuple[UUID, ...]) -> None:
    for subject in subjects:
        for ref, sha in refs.list(f"{ATTEMPTS}{subject}/").items():
            _delete(refs, ref, sha)


def _delete_task_branches(refs: Refs, tasks: tuple[UUID, ...]) -> None:
    for task in tasks:
        ref = task_ref(str(task))
        if found := refs.read(ref):
            _delete(refs, ref, found)


def _delete(refs: Refs, ref: str, sha: str) -> None:
    """Another process may be at the same tidying: then the ref is gone already."""
    with suppress(Fenced):
        refs.delete(ref, expect=sha)
