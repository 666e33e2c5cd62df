"""A request that is cut into SubTasks, by a farm of processes."""

from __future__ import annotations

import pytest

from tests.acceptance.projects import BROKEN


@pytest.mark.slow
def test_a_request_is_cut_and_every_arm_does_its_step(farm, project) -> None:
    shop = project(BROKEN)

    submitted = farm.run("submit", shop.folder, "--decompose", "--issue", "cheapest() is wrong")
    request_id = submitted.out.strip()
    watched = farm.run("watch", request_id, "--json")
    shown = farm.run("status", request_id)

    assert (submitted.status, watched.status, shown.status) == (0, 0, 0)
    report = watched.report
    assert (report.state, report.cause) == ("DONE", "landed")
    assert [(step.arm, step.status) for step in report.subtasks] == [
        ("retriever", "SUCCESS"),
        ("coder", "SUCCESS"),
        ("judge", "SUCCESS"),
        ("guardian", "SUCCESS"),
    ]
    assert "step: 3 judge: SUCCESS: no test newly fails" in shown.out
    assert "min(prices)" in shop.git("show", f"{report.landed_branch}:shop/cart.py")
