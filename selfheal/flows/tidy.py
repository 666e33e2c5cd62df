"""Tidy: what a finished request leaves in the repository beside its result branch goes away."""

from __future__ import annotations

from uuid import UUID

import structlog

from selfheal.errors import SelfhealError
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.store import outbox, requests, rounds
from selfheal.workspace.refs import ATTEMPTS, Refs, task_ref


def tidy(farm: Farm, request_id: UUID, *, message_id: UUID) -> None:
    """Delete the attempts' refs and the task branches of the request. Repeating it does no harm.

    What cannot be deleted stays and is logged: it is in nobody's way.
    """
    with farm.database.begin() as connection:
        row = requests.load(connection, request_id)
        tasks = tuple(task.id for task in rounds.tasks_of_request(connection, request_id))
        subjects = (*rounds.ids_of_request(connection, request_id), *tasks)
    try:
        if tasks:
            _delete_refs(Refs(farm.mirror(repository_url(row.request.repo))), subjects, tasks)
    except SelfhealError as error:
        structlog.get_logger().warning(str(error), action="tidy.left", request=str(request_id))
    with farm.database.begin() as connection:
        outbox.mark_received(connection, message_id)


def _delete_refs(refs: Refs, subjects: tuple[UUID, ...], tasks: tuple[UUID, ...]) -> None:
    for subject in subjects:
        for ref, sha in refs.list(f"{ATTEMPTS}{subject}/").items():
            refs.delete(ref, expect=sha)
    for task in tasks:
        ref = task_ref(str(task))
        if found := refs.read(ref):
            refs.delete(ref, expect=found)
