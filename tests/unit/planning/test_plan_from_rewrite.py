"""A plan from what a recipe comes to: one step for a rename, handfuls for the rest."""

from __future__ import annotations

from uuid import UUID

import pytest

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan, Symbol
from selfheal.contracts.recipe import Format, Recipe, RenameSymbol
from selfheal.planning.recipes import FILES_PER_STEP, plan_from_rewrite
from selfheal.recipes.rewrite import Rewrite

RENAME = RenameSymbol(symbol="m0.old", to="new")


def _plan(recipe: Recipe, *paths: str) -> Plan:
    return plan_from_rewrite(
        ChangeRequest(id=UUID(int=2), repo="/x", description="y"),
        recipe,
        Rewrite(
            texts=tuple((path, b"x = 1\n") for path in paths),
            symbols=tuple(
                Symbol(fq_name=path.removesuffix(".py"), kind="module", file_path=path)
                for path in paths
            ),
            found=("found",),
        ),
        plan_id=UUID(int=1),
        base_sha="a" * 40,
    )


@pytest.mark.parametrize("count", [1, FILES_PER_STEP * 2])
def test_a_rename_is_one_step_and_one_task_over_all_its_files(count: int) -> None:
    paths = [f"m{number}.py" for number in range(count)]

    plan = _plan(RENAME, *paths)
    bundle = CodePlanner(LoadedTree(dict.fromkeys(paths, b"y = 1\n"))).run(plan)

    assert len(plan.steps) == len(bundle.tasks) == 1
    assert set(bundle.tasks[0].paths) == set(paths)
    assert plan.planner == "recipe: rename_symbol, no model"
    assert plan.rationale == ("found",)


def test_files_that_do_not_need_each_other_go_in_handfuls_tests_last() -> None:
    paths = ["test_a.py", *(f"m{number:02}.py" for number in range(FILES_PER_STEP))]

    plan = _plan(Format(), *paths)

    assert [len(step.symbols) for step in plan.steps] == [FILES_PER_STEP, 1]
    assert plan.steps[-1].path == "test_a.py"
    assert all(not step.depends_on for step in plan.steps)


def test_nothing_to_change_is_a_plan_without_steps() -> None:
    assert _plan(Format()).steps == ()
