"""Evolution through the whole farm in one process: plans that come with requests, iterations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.planning_answer import PlanningAnswer
from selfheal.errors import InvalidInput
from selfheal.flows import evolve, watch_repo
from selfheal.flows.evolve import request_context
from selfheal.flows.fire import fire_now
from selfheal.flows.watch_repo import Wanted
from selfheal.settings import EvolutionSettings
from selfheal.store import commit_metrics, firings, requests, schedules
from selfheal.store.firings import FiringRow
from selfheal.store.schedules import NewSchedule
from selfheal.timing import Interval
from selfheal.workspace.git import Git
from tests.acceptance.projects import BROKEN, SHOP
from tests.integration.flows.conftest import OneProcessFarm, commit_all
from tests.integration.planning.scripted import ANSWER, PROGRAM, ScriptedCodex, answer


def planned(origin: Path, **changes: object) -> dict[str, object]:
    """Fields of a request that carries this plan, at the head of the origin."""
    plan = PlanningAnswer.model_validate({**ANSWER, **changes}).plan()
    head = Git(origin).text("rev-parse", "refs/heads/main")
    return {
        "description": "the cheapest price is right",
        "acceptance_criteria": (),
        "context": request_context(plan, base_sha=head),
    }


@pytest.mark.slow
def test_a_plan_that_came_with_the_request_lands_and_its_commit_is_measured(
    one_process_farm: OneProcessFarm, repository: Callable[..., Path]
) -> None:
    origin = repository(BROKEN)

    report = one_process_farm.heal(origin, **planned(origin))

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    assert report.reason.startswith("every test that was wanted passes, none newly fails: 3")
    assert "min(prices)" in Git(origin).text("show", f"{report.landed_sha}:shop/cart.py")
    (task,) = report.bundle.tasks
    assert task.paths == ("shop/cart.py",)
    assert task.failing_tests == ("tests/test_cart.py::test_cheapest",)
    with one_process_farm.farm.database.begin() as connection:
        found = commit_metrics.of_commit(connection, str(origin), report.landed_sha)
    figures = {metric.name: metric.value for metric in found}
    assert (figures["tests_passed"], figures["tests_failed"]) == (3, 0)


def test_a_plan_that_no_failing_test_shows_is_no_success_without_a_model(
    one_process_farm: OneProcessFarm, repository: Callable[..., Path]
) -> None:
    origin = repository(SHOP)

    report = one_process_farm.heal(origin, **planned(origin))

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "no step of the plan came to a change: " in report.reason
    assert report.landed_branch == ""


def test_a_plan_whose_steps_name_no_file_ends_with_that_reason(
    one_process_farm: OneProcessFarm, repository: Callable[..., Path]
) -> None:
    origin = repository(SHOP)
    steps = [{**ANSWER["steps"][0], "files": []}]

    report = one_process_farm.heal(origin, **planned(origin, steps=steps))

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "names no file" in report.reason


class Evolving:
    """A watched repository with a schedule that evolves it."""

    def __init__(self, farm: OneProcessFarm, origin: Path, codex: ScriptedCodex) -> None:
        chosen = EvolutionSettings(
            codex_bin=str(PROGRAM), extra_env=codex.environment, max_attempts=2
        )
        farm.farm.settings = farm.farm.settings.model_copy(update={"evolution": chosen})
        self.farm, self.origin = farm, origin
        wanted = Wanted(repo=str(origin), branch="main", scans=Interval(3600), name="shop")
        watched = watch_repo.watch(farm.farm, wanted, by="test")
        new = NewSchedule(
            name="evolve:shop",
            job="evolve",
            timing=Interval(3600),
            repository_id=watched.id,
            goal="the cheapest price is right",
        )
        with farm.farm.database.begin() as connection:
            self.schedule = schedules.add(connection, new, by="test")

    def iterate(self) -> FiringRow:
        message_id = fire_now(self.farm.farm, "evolve:shop")
        self.farm.turns.waiting.clear()
        self._work(message_id)
        # What Celery may do with any message: it comes a second time.
        self._work(message_id)
        with self.farm.farm.database.begin() as connection:
            return firings.newest(connection)[self.schedule.id]

    def asked(self) -> list[ChangeRequest]:
        with self.farm.farm.database.begin() as connection:
            rows = requests.recent(connection, 100)
        return [row.request for row in reversed(rows)]

    def _work(self, message_id: UUID) -> None:
        evolve.evolve(self.farm.farm, self.schedule.id, message_id=message_id)


@pytest.fixture
def evolving(one_process_farm, repository, tmp_path) -> tuple[Evolving, ScriptedCodex]:
    folder = tmp_path / "codex"
    folder.mkdir()
    codex = ScriptedCodex(folder)
    return Evolving(one_process_farm, repository(BROKEN), codex), codex


@pytest.mark.slow
def test_an_iteration_is_asked_for_once_and_the_next_one_learns_from_what_landed(evolving) -> None:
    shop, codex = evolving
    codex.says({"final": answer()}, {"final": answer(plan_summary="further")})

    first = shop.iterate()

    assert first.state == "done"
    assert "1 steps planned at" in str(first.note)
    (asked,) = shop.asked()
    assert (asked.source, asked.evolution.summary) == ("schedule", ANSWER["plan_summary"])
    assert asked.description.startswith("the cheapest price is right\n")
    assert "first iteration" in codex.calls[0]["prompt"]
    assert "tests_failed = 1 tests (lower is better)" in codex.calls[0]["prompt"]

    shop.farm.run()
    landed = shop.farm.report(asked.id).landed_sha
    files = shop.origin.parent / "origin-files"
    (files / "README").write_text("on the way\n")
    commit_all(shop.origin, files)
    shop.iterate()

    assert len(shop.asked()) == 2
    prompt = codex.calls[1]["prompt"]
    assert "first iteration" not in prompt
    best, other = prompt.partition("best first.")[2].split("\n<<commit ")[1:]
    assert f"commit {landed}" in best
    assert "tests_passed = 3 tests (higher is better)" in best
    assert f"commit {asked.context['base_sha']}" in other


def test_an_iteration_without_a_plan_is_a_failed_firing_and_nothing_is_asked_for(evolving) -> None:
    shop, codex = evolving
    codex.says({"final": "no"}, {"final": json.dumps({})})

    row = shop.iterate()

    assert row.state == "failed"
    assert "codex gave no plan that can be used (1: " in str(row.note)
    assert shop.asked() == []


def test_only_evolving_has_a_goal() -> None:
    with pytest.raises(InvalidInput, match="goal: job prune has none"):
        NewSchedule(name="x", job="prune", timing=Interval(60), goal="better")
