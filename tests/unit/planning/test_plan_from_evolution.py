"""EV-5: a PlanningPlan as a Plan: one Step per file, dependencies kept, all of them backward."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import PlanningPlan, PlanStep
from selfheal.contracts.plan import Plan
from selfheal.planning.evolution_plan import plan_from_evolution

REQUEST = ChangeRequest(repo="https://example.org/shop", description="evolve")
PATHS = ("a.py", "b.py", "c.py", "docs/d.md")


def converted(
    *steps: PlanStep, known: tuple[str, ...] = PATHS, failing: tuple[str, ...] = ()
) -> Plan:
    return plan_from_evolution(
        REQUEST,
        PlanningPlan(summary="the summary", steps=steps, guardrails=("keep it fast",)),
        plan_id=uuid4(),
        base_sha="a" * 40,
        paths=known,
        failing=failing,
    )


def step(step_id: str, *dependencies: str, files: tuple[str, ...], **fields: object) -> PlanStep:
    return PlanStep.model_validate(
        {
            "step_id": step_id,
            "title": f"title {step_id}",
            "intent": "the intent",
            "files": files,
            "dependencies": dependencies,
            **fields,
        }
    )


@st.composite
def plans(draw: st.DrawFn) -> tuple[PlanStep, ...]:
    """Steps without a cycle, listed in any order, some without files."""
    ids = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    steps = [
        step(
            step_id,
            *draw(st.lists(st.sampled_from(ids[:number]), unique=True) if number else st.just([])),
            files=tuple(draw(st.lists(st.sampled_from([*PATHS, "new.py"]), max_size=3))),
            validation=draw(st.sampled_from([[], ["t.py::test_a passes"], ["all of t.py"]])),
        )
        for number, step_id in enumerate(ids)
    ]
    return tuple(draw(st.permutations(steps)))


@given(plans())
def test_a_plan_is_closed_backward_and_keeps_every_dependency(steps: tuple[PlanStep, ...]) -> None:
    plan = converted(*steps, failing=("t.py::test_a", "t.py::test_b"))

    orders = [one.order for one in plan.steps]
    assert orders == list(range(1, len(orders) + 1))
    assert all(set(one.depends_on) <= set(range(1, one.order)) for one in plan.steps)
    by_id = {one.step_id: one for one in steps}
    own = {
        step_id: [one for one in plan.steps if one.goal.startswith(f"title {step_id}:")]
        for step_id in by_id
    }
    for planned in steps:
        assert [one.path for one in own[planned.step_id]] == list(dict.fromkeys(planned.files))
        before = {one.order for up in _with_files(planned, by_id) for one in own[up]}
        for one in own[planned.step_id]:
            siblings = {other.order for other in own[planned.step_id]}
            assert before <= set(one.depends_on) <= before | siblings
    assert Plan.from_json(plan.to_json()) == plan


@given(plans())
def test_the_code_planner_takes_every_such_plan(steps: tuple[PlanStep, ...]) -> None:
    plan = converted(*steps)

    bundle = CodePlanner(LoadedTree(dict.fromkeys(PATHS, b"x = 1\n"))).run(plan)

    assert len(bundle.tasks) == len(plan.steps)
    assert not bundle.force_sequential


def test_a_file_of_the_base_is_edited_and_another_one_added() -> None:
    plan = converted(step("one", files=("a.py", "new.py", "docs/d.md"), actions=["do", "it"]))

    assert [one.kind for one in plan.steps] == ["EDIT", "ADD", "EDIT"]
    assert [one.depends_on for one in plan.steps] == [(), (), ()]
    assert plan.steps[0].goal == "title one: the intent\n- do\n- it"
    assert [symbol.fq_name for one in plan.steps for symbol in one.symbols] == ["a", "new"]
    assert plan.affected_paths == ("a.py", "docs/d.md", "new.py")
    assert plan.rationale == ("the summary", "guardrail: keep it fast")


def test_the_last_file_of_a_step_is_judged_by_the_failing_tests_that_its_words_name() -> None:
    failing = ("t/test_a.py::test_1", "t/test_a.py::test_2", "t/test_b.py::test_3")
    plan = converted(
        step("one", files=("a.py", "b.py"), validation=["t/test_a.py::test_1 passes"]),
        step("two", "one", files=("c.py",), actions=["make t/test_b.py pass"]),
        failing=failing,
    )

    assert [one.test_ids for one in plan.steps] == [(), (failing[0],), (failing[2],)]
    assert [one.depends_on for one in plan.steps] == [(), (1,), (1, 2)]


def test_a_step_without_files_is_left_out_and_its_dependencies_are_not() -> None:
    plan = converted(
        step("one", files=("a.py",)),
        step("look", "one", files=()),
        step("two", "look", files=("b.py",)),
    )

    assert [(one.path, one.depends_on) for one in plan.steps] == [("a.py", ()), ("b.py", (1,))]
    assert [warning.code for warning in plan.warnings] == ["LEFT_ALONE"]
    assert "look" in plan.warnings[0].message


def _with_files(planned: PlanStep, by_id: dict[str, PlanStep]) -> set[str]:
    """What it depends on; instead of steps without files, what those depend on."""
    found: set[str] = set()
    for up in planned.dependencies:
        found |= {up} if by_id[up].files else _with_files(by_id[up], by_id)
    return found
