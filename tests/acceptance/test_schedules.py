"""`selfheal schedule` and `selfheal watch-repo` beside a farm whose beat runs."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from selfheal.embedded.provider import attach
from selfheal.embedded.run_folder import RunFolder
from tests.acceptance.projects import BROKEN_CART, SHOP
from tests.acceptance.terminal import Terminal, await_that


def listed(farm: Terminal) -> dict[str, dict[str, Any]]:
    said = farm.run("schedule", "list", "--json")
    assert said.status == 0, said.err
    return {row["name"]: row for row in json.loads(said.out)}


def await_done(farm: Terminal, name: str) -> None:
    """Until a firing of it is done; asked in the database, for a command takes a second."""
    servers = attach(RunFolder(farm.run_folder))
    assert servers is not None
    done = (
        "SELECT 1 FROM firings JOIN schedules s ON s.id = schedule_id"
        " WHERE s.name = %s AND state = 'done'"
    )
    with psycopg.connect(
        servers.database_url.replace("+psycopg", "", 1), autocommit=True
    ) as connection:
        await_that(
            lambda: connection.execute(done, (name,)).fetchone(), what=f"{name} has been done"
        )


@pytest.mark.slow
def test_a_schedule_is_added_fired_by_the_beat_paused_and_removed(farm) -> None:
    added = farm.run("schedule", "add", "often", "--job", "retention", "--every", "1s")
    await_done(farm, "often")
    paused = farm.run("schedule", "pause", "often", "--json")
    removed = farm.run("schedule", "rm", "often")

    assert [said.status for said in (added, paused, removed)] == [0, 0, 0]
    assert added.out.startswith("often: retention, every 1 s, next ")
    assert json.loads(paused.out)["paused"] is True
    left = listed(farm)
    assert set(left) == {"prune", "retention", "sweep"}
    assert not any(row["paused"] for row in left.values())


@pytest.mark.slow
def test_a_run_asked_for_comes_at_once(farm) -> None:
    before = listed(farm)["prune"]

    said = farm.run("schedule", "run", "prune", "--json")
    await_done(farm, "prune")

    after = listed(farm)["prune"]
    assert json.loads(said.out)["message_id"] == after["last"]["message_id"]
    assert (after["last"]["cause"], after["next_run"]) == ("asked", before["next_run"])
    assert "worktrees removed" in after["last"]["note"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ("--job", "prune", "--crontab", "61 * * * *"),
            "crontab: minute is '61'; expected numbers from 0 to 59",
        ),
        (
            ("--job", "dust", "--every", "1h"),
            "jobs are evolve, prune, refresh, retention, scan, sweep",
        ),
    ],
)
def test_a_schedule_that_cannot_be_read_is_told_where_it_enters(
    terminal, arguments: tuple[str, ...], complaint: str
) -> None:
    said = terminal.run("schedule", "add", "x", *arguments)

    assert said.status == 2
    assert complaint in said.complaint
    assert not terminal.run_folder.exists()


@pytest.mark.slow
def test_a_schedule_that_is_not_there_and_one_that_is_there_already(farm) -> None:
    unknown = farm.run("schedule", "pause", "dusting")
    taken = farm.run("schedule", "add", "prune", "--job", "prune", "--every", "1h")

    assert (unknown.status, taken.status) == (2, 2)
    assert "there are: prune, retention, sweep" in unknown.complaint
    assert "there is a schedule prune already" in taken.complaint


@pytest.mark.slow
def test_what_newly_fails_in_a_watched_repository_is_healed(farm, project) -> None:
    shop = project(SHOP)
    watched = farm.run("watch-repo", "add", shop.folder, "--name", "shop", "--every", "1h")
    assert watched.status == 0, watched.err
    farm.run("schedule", "run", "scan:shop")
    await_done(farm, "scan:shop")

    shop.write({"shop/cart.py": BROKEN_CART})
    shop.commit()
    farm.run("schedule", "run", "scan:shop")
    await_that(lambda: asked(farm, str(shop.folder)), what="a request of the scan")
    watched = farm.run("watch", asked(farm, str(shop.folder))[0]["id"], "--json")

    assert watched.report.state == "DONE", watched.report.reason
    (seen,) = json.loads(farm.run("watch-repo", "list", "--json").out)
    assert (seen["name"], seen["failing"]) == ("shop", ["tests/test_cart.py::test_cheapest"])
    assert farm.run("watch-repo", "rm", "shop").out == "shop is watched no more\n"
    assert "scan:shop" not in listed(farm)


def asked(farm: Terminal, repo: str) -> list[dict[str, Any]]:
    rows = json.loads(farm.run("status", "--json").out)
    return [row for row in rows if row["repo"] == repo]
