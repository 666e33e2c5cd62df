"""Workers that die at the SubTasks of a request that was cut: each is settled once all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selfheal.contracts import names
from tests.faults.harness import Arena, Boundary
from tests.faults.invariants import check_all, check_rows
from tests.faults.project import plant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("blow", [Arena.kill_child, Arena.kill_worker])
def test_killed_at_a_subtask(
    blow: Callable[..., None], number: int, quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=("shop/stock.py",))
    request_id = quick_arena.submit(origin, context={"decompose": True})

    victim = quick_arena.strike(
        request_id,
        Boundary(names.SUBTASK, "begun"),
        lambda one: blow(quick_arena, one),
        passing=number - 1,
    )

    report = quick_arena.end_of(request_id).report
    assert report is not None and report.state == "DONE", quick_arena.story()
    assert [result.status for result in report.subtasks] == ["SUCCESS"] * 4
    (coded,) = {one.change_request_id for one in report.subtasks if one.change_request_id}
    check_all(quick_arena, coded, origin)
    check_rows(quick_arena, request_id)
    endings = quick_arena.endings(victim)
    assert (endings[0], endings[-1]) == ("lost", "accepted")
