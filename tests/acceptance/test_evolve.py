"""`selfheal evolve`: planned by a scripted codex, carried out by the farm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfheal.contracts.evolution import PlanningAgentResponse
from selfheal.testing.script import Step, When
from selfheal.testing.server import replay_server
from tests.acceptance.projects import BROKEN, SHOP
from tests.integration.planning.scripted import PROGRAM, ScriptedCodex, answer


@pytest.fixture
def codex(tmp_path: Path) -> ScriptedCodex:
    folder = tmp_path / "codex"
    folder.mkdir()
    return ScriptedCodex(folder)


def variables(codex: ScriptedCodex) -> dict[str, str]:
    return {
        "WORKER_PLANNING_CODEX_BIN": str(PROGRAM),
        "WORKER_PLANNING_EXTRA_ENV": json.dumps(codex.environment),
        "WORKER_PLANNING_MAX_ATTEMPTS": "2",
    }


def test_a_plan_is_made_without_a_farm_and_changes_nothing(terminal, project, codex) -> None:
    shop = project(SHOP)
    before = shop.state()
    codex.says({"final": "not yet"}, {"final": answer()})
    goal = {"WORKER_EVOLUTION_GLOBAL_GOAL": "cheaper"}

    said = terminal.run(
        *("evolve", shop.folder / "shop", "--plan-only", "--json", "--accept", "fast"),
        **variables(codex),
        **goal,
    )

    assert said.status == 0, said.err
    response = PlanningAgentResponse.from_json(said.out)
    assert (response.attempts, response.plan.steps[0].files) == (2, ("shop/cart.py",))
    assert "codex plans, try 2 of 2" in said.err
    assert "cheaper" in response.prompt
    assert "- fast" in response.prompt
    assert shop.git("rev-parse", "HEAD") in response.prompt
    assert shop.state() == before
    assert not terminal.run_folder.exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "complaint"),
    [
        ((), {}, 2, "WORKER_EVOLUTION_GLOBAL_GOAL"),
        (("--goal", "x"), {"WORKER_PLANNING_CODEX_BIN": "no-codex"}, 5, "no program no-codex"),
        (("--goal", "x", "--backend", "oracle"), {}, 2, "expected codex or openai"),
        (("--goal", "x"), {"WORKER_PLANNING_MAX_ATTEMPTS": "1"}, 4, "codex gave no plan"),
    ],
)
def test_what_cannot_be_planned_is_told_with_its_status(
    terminal, project, codex, arguments, settings, status: int, complaint: str
) -> None:
    shop = project(SHOP)
    codex.says({"final": None})

    said = terminal.run("evolve", shop.folder, *arguments, **{**variables(codex), **settings})

    assert said.status == status, said.err
    assert complaint in said.complaint
    assert not terminal.run_folder.exists()


@pytest.mark.slow
def test_a_plan_is_carried_out_on_a_branch(farm, project, codex) -> None:
    shop = project(BROKEN)
    before = shop.state()
    codex.says({"final": answer()})

    said = farm.run(
        "evolve", shop.folder, "--goal", "the cheapest price", "--json", **variables(codex)
    )

    assert said.status == 0, said.err
    assert (said.report.state, said.report.cause) == ("DONE", "landed")
    branch = said.report.landed_branch
    assert "min(prices)" in shop.git("show", f"{branch}:shop/cart.py")
    assert "Take the smallest price" in said.err
    assert shop.state() == before


@pytest.mark.slow
def test_a_model_plans_and_drafts_what_no_test_shows(terminal, project) -> None:
    shop = project(SHOP)
    before = shop.state()
    draft = (
        "shop/cart.py\n<<<<<<< SEARCH\n    return min(prices)\n=======\n"
        "    return min(prices, default=0)\n>>>>>>> REPLACE\n"
    )
    script = [
        Step(answer=answer(steps=[]), when=When(contains="You plan the first iteration")),
        Step(answer=answer(), when=When(last="at least one step must name the files")),
        Step(answer=draft, when=When(contains="use min in cheapest")),
    ]

    with replay_server(script) as server:
        said = terminal.run(
            *("evolve", shop.folder, "--goal", "an empty cart costs nothing", "--json"),
            *("--backend", "openai"),
            SELFHEAL_LLM__BASE_URL=server.url,
            SELFHEAL_LLM__MODEL="replay",
        )

        assert server.complaints() == (), said.err
    assert said.status == 0, said.err
    assert (said.report.state, said.report.cause) == ("DONE", "landed")
    cart = shop.git("show", f"{said.report.landed_branch}:shop/cart.py")
    assert "min(prices, default=0)" in cart
    assert shop.state() == before
