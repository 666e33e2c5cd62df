"""`selfheal up` as a foreground process, and the commands that talk to it from another terminal."""

from __future__ import annotations

import json
import signal
import uuid
from pathlib import Path

import pytest

from tests.acceptance.projects import BROKEN, hanging
from tests.acceptance.terminal import Terminal, await_that, end, processes_with

ONLY_MAIN = {"refs/heads/main"}


def await_running(mark: str) -> None:
    """Until a test of a hanging project runs: its request is in flight then."""
    await_that(lambda: processes_with(mark), what="the repository's tests run")


def await_gone(mark: str | Path) -> None:
    """Until no process with this text is left."""
    await_that(lambda: not processes_with(mark), what=f"no process with {mark} is left")


def test_a_request_is_submitted_watched_and_listed(farm, project) -> None:
    shop = project(BROKEN)

    submitted = farm.run("submit", shop.folder, "--json")
    request_id = json.loads(submitted.out)["id"]
    watched = farm.run("watch", request_id, "--json")
    one = farm.run("status", request_id, "--json")
    listed = farm.run("status", "--json")
    drawn = farm.run("graph", request_id, "--format", "svg")

    assert [said.status for said in (submitted, watched, one, listed, drawn)] == [0, 0, 0, 0, 0]
    report = watched.report
    assert (str(report.request_id), report.state, report.cause) == (request_id, "DONE", "landed")
    assert "min(prices)" in shop.git("show", f"{report.landed_branch}:shop/cart.py")
    assert shop.refs() == {*ONLY_MAIN, f"refs/heads/{report.landed_branch}"}
    shown = json.loads(one.out)
    assert "SUCCESS" in shown.pop("graph")
    assert "SUCCESS" in drawn.out
    assert shown == next(row for row in json.loads(listed.out) if row["id"] == request_id)
    assert (shown["state"], shown["repo"]) == ("DONE", str(shop.folder))
    assert shown["report"] == json.loads(watched.out)


def test_a_cancelled_request_ends_and_nothing_of_it_lands(farm, project) -> None:
    mark = uuid.uuid4().hex
    waiting = project(hanging(mark))
    request_id = farm.run("submit", waiting.folder).out.strip()
    await_running(mark)

    cancelled = farm.run("cancel", request_id)
    watched = farm.run("watch", request_id, "--json")

    assert cancelled.status == 0
    assert f"{request_id} CANCELLED: cancelled by cli" in cancelled.out
    assert watched.status == 6
    assert watched.report.cause == "cancelled"
    await_gone(mark)
    await_that(
        lambda: not list((farm.run_folder / "worktrees").iterdir()), what="no work tree is left"
    )
    assert waiting.refs() == ONLY_MAIN
    again = farm.run("cancel", request_id)
    assert (again.status, again.out) == (0, cancelled.out)


def test_what_has_ended_is_asked_for_once_more_and_what_has_not_is_refused(farm, project) -> None:
    waiting = project(hanging(uuid.uuid4().hex))
    first = farm.run("submit", waiting.folder).out.strip()
    early = farm.run("retry", first)
    farm.run("cancel", first)

    second = farm.run("retry", first)

    assert early.status == 2
    assert "only what has ended can be retried" in early.complaint
    assert (second.status, second.out.strip() != first) == (0, True)
    ended = farm.run("cancel", second.out.strip())
    assert f"{second.out.strip()} CANCELLED" in ended.out


def test_the_doctor_finds_nothing_wrong_beside_a_farm(farm) -> None:
    said, plain = farm.run("doctor", "--json"), farm.run("doctor")

    assert said.status == plain.status == 0, said.out
    findings = {finding["what"]: finding for finding in json.loads(said.out)}
    assert set(findings) == {"python", "git", "sandbox", "run folder", "models", "servers"}
    assert all(finding["good"] for finding in findings.values())
    assert "answer" in findings["servers"]["found"]
    assert "fix" not in plain.out


@pytest.mark.slow
def test_up_ends_cleanly_with_a_request_in_flight(terminal, project) -> None:
    mark = uuid.uuid4().hex
    waiting = project(hanging(mark))

    with terminal.farm() as process:
        request_id = terminal.run("submit", waiting.folder).out.strip()
        await_running(mark)
        ended = end(process)

        assert request_id
        assert ended.status == 0, ended.err
        assert "ending: workers finish or hand back what they hold" in ended.err
        assert "Traceback" not in ended.err
        assert processes_with(terminal.run_folder) == []
        assert processes_with(mark) == []
    assert not (terminal.run_folder / "up.pid").exists()
    assert waiting.refs() == ONLY_MAIN


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGINT, id="SIGINT"),
    ],
)
@pytest.mark.slow
def test_a_heal_that_is_told_to_end_cancels_its_request(
    terminal: Terminal, project, how: signal.Signals
) -> None:
    mark = uuid.uuid4().hex
    waiting = project(hanging(mark))
    before = waiting.state()

    with terminal.started("heal", waiting.folder, "--json") as process:
        await_running(mark)
        process.send_signal(how)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 6, err
    assert json.loads(out)["cause"] == "cancelled"
    assert processes_with(terminal.run_folder) == []
    assert processes_with(mark) == []
    assert waiting.refs() == ONLY_MAIN
    assert waiting.state() == before
