"""A plan from evidence: one step per fault, the same evidence the same plan."""

from __future__ import annotations

from uuid import UUID

from selfheal.contracts.change_request import ChangeRequest
from selfheal.planning.evidence import MAX_STEPS, plan_from_faults
from selfheal.repair.faults import Fault
from selfheal.repair.task import SuspectFunction

PLAN = UUID(int=1)
REQUEST = ChangeRequest(id=UUID(int=2), repo="/x", description="y", spdx_tags=("MIT",))


def _fault(path: str, qualname: str, *tests: str) -> Fault:
    suspect = SuspectFunction(path=path, qualname=qualname, line=3, score=0.9, why="runs")
    return Fault(failing=tests, suspects=(suspect,))


def _plan(*faults: Fault, unexplained: tuple[str, ...] = ()):
    return plan_from_faults(
        REQUEST, faults, plan_id=PLAN, base_sha="a" * 40, unexplained=unexplained
    )


def test_each_fault_becomes_a_step_with_its_tests_and_its_symbol() -> None:
    plan = _plan(
        _fault("src/shop/tax.py", "rate", "t.py::a", "t.py::b"),
        _fault("shop/cart.py", "Cart.total", "t.py::c"),
    )

    assert [step.order for step in plan.steps] == [1, 2]
    first, second = plan.steps
    assert first.test_ids == ("t.py::a", "t.py::b")
    assert first.symbols[0].fq_name == "shop.tax.rate"
    assert (second.symbols[0].fq_name, second.symbols[0].kind) == ("shop.cart.Cart.total", "method")
    assert plan.affected_paths == ("shop/cart.py", "src/shop/tax.py")
    assert plan.spdx_tags == ("MIT",)
    assert len(plan.rationale) == 2


def test_code_outside_of_functions_is_the_module() -> None:
    step = _plan(_fault("a.py", "<module>", "t.py::a")).steps[0]

    assert (step.symbols[0].fq_name, step.symbols[0].kind) == ("a", "module")


def test_the_same_evidence_gives_the_same_plan() -> None:
    fault = _fault("a.py", "f", "t.py::a")

    assert _plan(fault).to_json() == _plan(fault).to_json()


def test_a_failure_that_nothing_explains_is_a_warning() -> None:
    plan = _plan(unexplained=("t.py::a",))

    assert plan.steps == ()
    assert [warning.code for warning in plan.warnings] == ["UNEXPLAINED_FAILURE"]


def test_more_faults_than_a_plan_may_have_are_told() -> None:
    plan = _plan(*(_fault("a.py", f"f{n}", f"t.py::t{n}") for n in range(MAX_STEPS + 3)))

    assert len(plan.steps) == MAX_STEPS
    assert "3 more faults" in plan.warnings[-1].message
