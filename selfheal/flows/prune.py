"""Prune: what dead workers left on this host goes away, mirrors are packed or dropped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import structlog

from selfheal.errors import GitFailed, InvalidRepository, TimedOut
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.job import Job, work_at
from selfheal.store import repositories
from selfheal.workspace.mirror import Mirror, drop_mirror, mirror_folder
from selfheal.workspace.worktree import prune_worktrees


def prune(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Clear up the host of the worker that does this. Nothing that a living process holds goes."""
    work_at(farm, schedule_id, message_id, body=_prune)


def _prune(job: Job) -> str:
    farm = job.farm
    with farm.database.begin() as connection:
        days = farm.settings.retention.mirrors_days
        urls = repositories.urls_in_use(connection, days=days)
    wanted = dict(_placed(farm.mirrors, urls))
    worktrees = packed = dropped = 0
    for folder in sorted(farm.mirrors.glob("*.git")):
        job.check()
        if farm.worktrees.exists():
            worktrees += len(prune_worktrees(folder, farm.worktrees))
        if folder.resolve() in wanted:
            packed += _pack(Mirror.open(farm.mirrors, wanted[folder.resolve()]))
        else:
            dropped += drop_mirror(folder)
    return f"{worktrees} worktrees removed, {packed} mirrors packed, {dropped} dropped"


def _placed(mirrors: Path, urls: Iterable[str]) -> Iterable[tuple[Path, str]]:
    """Each URL that a mirror can be made of, by its mirror's folder."""
    for url in map(repository_url, urls):
        try:
            yield mirror_folder(mirrors, url), url
        except InvalidRepository:
            continue  # a request may name anything


def _pack(mirror: Mirror) -> bool:
    try:
        return mirror.pack()
    except TimedOut:  # busy: next time
        return False
    except GitFailed as error:
        structlog.get_logger().warning(str(error), action="prune.pack_failed")
        return False
