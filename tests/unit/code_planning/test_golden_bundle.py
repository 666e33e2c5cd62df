"""One recorded bundle: any change of what a plan becomes shows here, on every Python."""

import json
from pathlib import Path

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.plan import Plan

DATA = Path(__file__).parents[2] / "data" / "code_planner"


def recorded_tree() -> LoadedTree:
    """`tree.json`: text by path, kept in one file so that pytest finds no tests in it."""
    texts = json.loads((DATA / "tree.json").read_text("utf-8"))
    return LoadedTree({path: "\n".join(lines).encode() for path, lines in texts.items()})


def test_the_recorded_plan_still_becomes_the_recorded_bundle():
    plan = Plan.from_json((DATA / "plan.json").read_text("utf-8"))

    bundle = CodePlanner(recorded_tree()).run(plan)

    assert json.loads(bundle.to_json()) == json.loads((DATA / "bundle.json").read_text("utf-8"))
    assert bundle.to_json() == TaskBundle.from_json((DATA / "bundle.json").read_bytes()).to_json()
