"""`selfheal code-plan` on repositories as people have them: checked out, and bare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfheal.contracts.bundle import TaskBundle
from tests.acceptance.projects import SHOP, Project

NO_SHA = "0" * 40


def plan(**fields: Any) -> dict[str, Any]:
    step = {"order": 1, "goal": "Say what `cheapest()` is of", "kind": "EDIT"}
    return {
        "id": "00000000-0000-0000-0000-000000000001",
        "parent_request_id": "00000000-0000-0000-0000-000000000002",
        "steps": [{**step, "path": "shop/cart.py"}],
        "base_commit_sha": NO_SHA,
        "planner": "by hand",
        **fields,
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(document: object) -> Path:
        path = tmp_path / "plan.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


def test_a_plan_becomes_the_same_bundle_of_a_checkout_and_of_a_bare_clone(
    terminal, project: Callable[..., Project], written, tmp_path: Path
) -> None:
    shop = project(SHOP)
    shop.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    arguments = ("--plan", written(plan()), "--rev", "main", "--json")

    said = [
        terminal.run("code-plan", *arguments, "--repo", repo)
        for repo in (shop.folder, tmp_path / "bare.git")
    ]

    assert [one.status for one in said] == [0, 0], said[0].err
    assert said[0].out == said[1].out
    bundle = TaskBundle.from_json(said[0].out)
    assert bundle.base_commit_sha == shop.git("rev-parse", "main")
    (task,) = bundle.tasks
    assert [symbol.fq_name for symbol in task.symbols] == ["shop.cart.cheapest"]
    assert task.test_ids == ("tests/test_cart.py::test_cheapest",)


def test_a_step_whose_path_is_not_there_gets_the_file_that_its_words_are_about(
    terminal, project: Callable[..., Project], written
) -> None:
    step = {"order": 1, "goal": "the cheapest price of a cart", "kind": "EDIT", "path": "src/x.py"}

    said = terminal.run(
        *("code-plan", "--plan", written(plan(steps=[step])), "--rev", "main"),
        *("--repo", project(SHOP).folder, "--json"),
    )

    bundle = TaskBundle.from_json(said.out)
    assert [task.paths for task in bundle.tasks] == [("shop/cart.py",)]
    (warning,) = bundle.warnings
    assert (warning.code, warning.path) == ("UNRESOLVED_PATH", "src/x.py")
    assert "shop/cart.py is what the step's words are about most" in warning.message


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "is no Plan: the document: Invalid JSON"),
        (plan(steps=[{"order": 2, "goal": "x", "kind": "EDIT", "path": "a.py"}]), "step orders"),
        (plan(), f"has no commit '{NO_SHA}'"),
    ],
)
def test_what_cannot_be_planned_is_named(
    terminal, project: Callable[..., Project], written, document: object, complaint: str
) -> None:
    said = terminal.run("code-plan", "--plan", written(document), "--repo", project(SHOP).folder)

    assert said.status in (2, 5)
    assert complaint in said.complaint
