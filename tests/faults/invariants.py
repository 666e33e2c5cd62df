"""What must hold after the end of a request, whatever was done to the farm meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from selfheal.contracts.run_report import TRANSITIONS
from selfheal.workspace.git import Git
from tests.faults.harness import Arena
from tests.faults.project import checkout


def check_all(arena: Arena, request_id: UUID, origin: Path) -> None:
    """Every invariant, in the order in which a reader would ask."""
    row = arena.end_of(request_id)
    assert row.state == "DONE", f"{row.state}: {row.reason}\n{arena.story()}"
    assert row.report is not None and row.report.cause == "landed", row.reason
    _one_branch_and_nothing_else(arena, request_id, origin)
    _its_suite_is_green(request_id, origin)
    _one_result_per_task(arena, request_id)
    check_rows(arena, request_id)


def check_rows(arena: Arena, request_id: UUID) -> None:
    """What holds for a request that has ended, whatever it asked for."""
    _attempts_are_in_order(arena, request_id)
    _states_follow_each_other(arena, request_id)
    _nothing_is_held(arena, request_id)
    _nothing_runs_in_a_worktree(arena)


def _one_branch_and_nothing_else(arena: Arena, request_id: UUID, origin: Path) -> None:
    """Tidying goes on after the end, so this has a deadline of its own."""
    wanted = {"refs/heads/main", f"refs/heads/selfheal/{request_id}"}

    arena.await_that(
        lambda: _refs(origin) == wanted and not _unreceived(arena, request_id),
        what=f"only {wanted} in the origin and nothing left to send, found {_refs(origin)}",
    )


def _its_suite_is_green(request_id: UUID, origin: Path) -> None:
    with checkout(origin, f"selfheal/{request_id}") as folder:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout


def _one_result_per_task(arena: Arena, request_id: UUID) -> None:
    rows = arena.rows(
        "SELECT t.id, t.state, count(r.task_id) AS results,"
        " count(a.id) FILTER (WHERE a.ending = 'accepted' AND a.token = r.token) AS accepted"
        " FROM coding_tasks t LEFT JOIN commit_results r ON r.task_id = t.id"
        " LEFT JOIN attempts a ON a.subject_id = t.id AND a.ending = 'accepted'"
        " WHERE t.request_id = %s GROUP BY t.id, t.state",
        request_id,
    )
    assert rows, "a request that landed something had tasks"
    for row in rows:
        assert tuple(row)[1:] == ("settled", 1, 1), f"{row}\n{arena.story()}"


def _attempts_are_in_order(arena: Arena, request_id: UUID) -> None:
    """All have ended, one is accepted, and each later one has the greater token."""
    rows = arena.rows(
        "SELECT work, subject_id, array_agg(token ORDER BY number) AS tokens,"
        " count(*) FILTER (WHERE ending = 'accepted') AS accepted,"
        " count(*) FILTER (WHERE ended_at IS NULL) AS alive"
        " FROM attempts WHERE request_id = %s GROUP BY work, subject_id",
        request_id,
    )
    for row in rows:
        assert all(one < other for one, other in pairwise(row.tokens)), row
        assert (row.accepted, row.alive) == (1, 0), f"{row}\n{arena.story()}"


def _states_follow_each_other(arena: Arena, request_id: UUID) -> None:
    """The events tell one unbroken way through the state machine."""
    moves = arena.rows(
        "SELECT old_state, new_state FROM events WHERE request_id = %s AND kind = 'state'"
        " ORDER BY id",
        request_id,
    )
    for (_, before), (old, new) in pairwise(moves):
        assert old == before and new in TRANSITIONS[old], f"{moves}"


def _nothing_is_held(arena: Arena, request_id: UUID) -> None:
    held = arena.rows(
        "SELECT fq_name FROM leases JOIN plans ON plans.id = plan_id"
        " WHERE request_id = %s AND state = 'held'",
        request_id,
    )
    assert not held, f"leases outlive their request: {held}"


def _nothing_runs_in_a_worktree(arena: Arena) -> None:
    """What a killed worker had started in a sandbox has ended with it."""
    folder = arena.settings.run_folder / "worktrees"
    arena.await_that(
        lambda: not processes_in(folder),
        what=f"no process in {folder}, found {processes_in(folder)}",
    )


def processes_in(folder: Path) -> list[str]:
    """Processes that name a place below `folder` on their command line or work there."""
    return [f"{pid} {command}" for pid, command in _processes() if f"{folder}/" in command]


def _processes() -> list[tuple[int, str]]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            place = (process / "cwd").readlink()
        except OSError:  # gone meanwhile, or another user's
            continue
        found.append((int(process.name), f"{command} in {place}/"))
    return found


def _refs(origin: Path) -> set[str]:
    return set(Git(origin).text("for-each-ref", "--format=%(refname)").split())


def _unreceived(arena: Arena, request_id: UUID) -> list[tuple[object, ...]]:
    return arena.rows(
        "SELECT task_name, sends FROM outbox WHERE request_id = %s AND received_at IS NULL",
        request_id,
    )
