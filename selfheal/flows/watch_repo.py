"""Watching a repository: registered, with a schedule that scans it and one that refreshes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selfheal.errors import GitFailed, InvalidRepository
from selfheal.flows.connect import refuse_secrets, repository_url
from selfheal.flows.farm import Farm
from selfheal.store import repositories, schedules
from selfheal.store.repositories import RepositoryRow
from selfheal.store.schedules import NewSchedule
from selfheal.timing import Crontab, Timing

NIGHTLY = "30 3 * * *"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A repository as somebody wants it watched."""

    repo: str
    branch: str
    scans: Timing
    zone: str = "UTC"
    name: str | None = None
    test_command: str | None = None


def watch(farm: Farm, wanted: Wanted, *, by: str) -> RepositoryRow:
    """Register the branch with its schedules; raises InvalidRepository or InvalidInput.

    The branch is looked up first, for a mistake is better told now than by every scan.
    """
    refuse_secrets(farm, repo=wanted.repo, branch=wanted.branch, test=wanted.test_command or "")
    url = repository_url(wanted.repo)
    name = wanted.name or _name_of(url)
    schedules.check_name(name)
    _check_branch(farm, url, wanted.branch)
    with farm.database.begin() as connection:
        row = repositories.add(
            connection,
            name=name,
            url=url,
            branch=wanted.branch,
            test_command=wanted.test_command,
            by=by,
        )
        for new in _schedules(row, wanted):
            schedules.add(connection, new, by=by)
    return row


def unwatch(farm: Farm, name: str) -> RepositoryRow:
    """Forget the repository and its schedules; requests that were made for it go on."""
    with farm.database.begin() as connection:
        row = repositories.load(connection, name)
        for schedule in schedules.of_repository(connection, row.id):
            schedules.remove(connection, schedule.name)
        repositories.remove(connection, row.id)
    return row


def _schedules(row: RepositoryRow, wanted: Wanted) -> tuple[NewSchedule, ...]:
    """Spread a little, so that many repositories are not all scanned at the same moment."""
    nightly = Crontab(NIGHTLY, wanted.zone)
    return (
        NewSchedule(
            name=f"scan:{row.name}",
            job="scan",
            timing=wanted.scans,
            repository_id=row.id,
            jitter_seconds=_spread(wanted.scans),
        ),
        NewSchedule(
            name=f"refresh:{row.name}",
            job="refresh",
            timing=nightly,
            repository_id=row.id,
            jitter_seconds=_spread(nightly),
        ),
    )


def _spread(timing: Timing) -> int:
    return min(600, timing.shortest_gap // 10)


def _check_branch(farm: Farm, url: str, branch: str) -> None:
    mirror = farm.mirror(url)
    try:
        mirror.fetch()
    except GitFailed as error:
        raise InvalidRepository(f"{url} does not answer as a git repository: {error}") from error
    mirror.resolve(branch)
    if branch not in mirror.branches():
        raise InvalidRepository(f"{branch} is a commit of {url}, which never moves: name a branch")


def _name_of(url: str) -> str:
    last = url.rstrip("/").removesuffix("/.git").removesuffix(".git")
    last = re.split(r"[/:]", last)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "-", last).lstrip("._-") or "repository"
