"""A Plan by a model: the rules it is held to, and what is made of its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import InvalidAnswer
from selfheal.llm.model import Answer, Question
from selfheal.llm.packing import Piece
from selfheal.planning.request import Matter, plan_by_model
from selfheal.repair.faults import Fault
from selfheal.repair.task import SuspectFunction

TREE = LoadedTree(
    {
        "shop/cart.py": b"class Cart:\n    def total(self):\n        return 0\n",
        "shop/api.py": b"def serve():\n    return 1\n",
        "tests/test_cart.py": b"def test_total(): ...\n",
    }
)
PLAN_ID = UUID(int=7)


@dataclass
class Scripted:
    says: list[str]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        return Answer(text=self.says.pop(0), provider="script", model="m-1")


def step(**fields: object) -> dict[str, object]:
    return {
        "goal": "mend the total",
        "kind": "EDIT",
        "path": "shop/cart.py",
        "symbols": ["Cart.total"],
        "depends_on": [],
        "acceptance_criteria": ["the total is right"],
        "tests": [],
        **fields,
    }


def answer(*steps: dict[str, object], rationale: tuple[str, ...] = ("so",)) -> str:
    return json.dumps({"steps": steps, "rationale": rationale})


def matter(**fields: object) -> Matter:
    request = ChangeRequest.model_validate(
        {"repo": "r", "description": "the total is wrong", **fields.pop("request", {})}
    )
    return Matter(request=request, tree=TREE, base_sha="a" * 40, **fields)


def planned(*says: str, **fields: object):
    return plan_by_model(matter(**fields), Scripted(list(says)), plan_id=PLAN_ID).value


def test_names_become_symbols_of_their_file() -> None:
    plan = planned(answer(step(), step(path="shop/api.py", symbols=["serve"], depends_on=[1])))

    names = [(symbol.fq_name, symbol.kind) for one in plan.steps for symbol in one.symbols]
    assert names == [("shop.cart.Cart.total", "method"), ("shop.api.serve", "function")]
    assert [one.depends_on for one in plan.steps] == [(), (1,)]
    assert plan.affected_paths == ("shop/api.py", "shop/cart.py")
    assert plan.planner.startswith("model m-1 (plan@")
    assert plan.warnings == ()


def test_what_is_to_be_added_has_a_symbol_before_it_is_there() -> None:
    new = step(kind="ADD", path="shop/greeting.py", symbols=["greet", "Greeter", "Greeter.hail"])

    (made,) = planned(answer(new)).steps

    assert [(one.fq_name, one.kind) for one in made.symbols] == [
        ("shop.greeting.greet", "function"),
        ("shop.greeting.Greeter", "class"),
        ("shop.greeting.Greeter.hail", "method"),
    ]


def test_a_name_that_is_not_there_reserves_the_whole_file_with_a_warning() -> None:
    plan = planned(answer(step(symbols=["Cart.sum"])))

    assert [symbol.fq_name for symbol in plan.steps[0].symbols] == ["shop.cart"]
    assert [warning.code for warning in plan.warnings] == ["UNRESOLVED_REFERENCE"]
    assert "Cart.sum" in plan.warnings[0].message


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("sure!", "JSON"),
        (answer(step(kind="IMPROVE")), "steps.0.kind"),
        (answer(step(path="shop/basket.py")), "there is no file 'shop/basket.py'"),
        (answer(step(path="old/cart.py")), "there is shop/cart.py"),
        (answer(step(path="shop", kind="ADD")), "is a folder"),
        (answer(step(path="../x.py", kind="ADD")), "step 1: path"),
        (answer(step(path="/etc/passwd", kind="ADD")), "step 1: path"),
        (answer(step(path=".git/hooks/x", kind="ADD")), "step 1: path"),
        (answer(step(depends_on=[2]), step()), "step 1: depends_on names 2"),
        (answer(step(depends_on=[1])), "step 1: depends_on names 1"),
        (answer(step(), step(depends_on=[0])), "step 2: depends_on names 0"),
        (answer(*[step()] * 31), "at most 30 steps"),
        (answer(rationale=()), "says in its rationale why"),
        (answer(step(tests=["tests/x.py::t"])), "'tests/x.py::t' is none of the failing tests"),
    ],
)
def test_an_answer_against_the_rules_goes_back_with_what_is_wrong(bad: str, told: str) -> None:
    model = Scripted([bad, answer(step())])

    heard = plan_by_model(matter(), model, plan_id=PLAN_ID)

    assert len(heard.value.steps) == 1
    assert len(heard.faults) == 1
    assert model.asked[1].messages[-2].content == bad
    assert told in model.asked[1].messages[-1].content


def test_the_planner_gives_up_after_three_answers_and_names_what_was_wrong() -> None:
    bad = answer(step(depends_on=[1]))

    with pytest.raises(InvalidAnswer, match="depends_on names 1"):
        planned(bad, bad, bad)


def test_a_plan_without_steps_keeps_the_reason() -> None:
    plan = planned(answer(rationale=("the request names no product",)))

    assert plan.steps == ()
    assert plan.rationale == ("the request names no product",)


def test_failing_tests_go_to_the_last_step_in_a_suspected_file() -> None:
    suspect = SuspectFunction(path="shop/cart.py", qualname="Cart.total", line=2, score=1, why="w")
    fault = Fault(failing=("tests/test_cart.py::test_total",), suspects=(suspect,))
    steps = (step(), step(depends_on=[1]), step(path="shop/api.py", symbols=["serve"]))

    plan = planned(
        answer(*steps),
        wanted=("tests/test_cart.py::test_total", "tests/test_api.py::test_serve"),
        faults=(fault,),
        shown_by_tests=True,
    )

    assert [one.test_ids for one in plan.steps] == [
        (),
        ("tests/test_cart.py::test_total",),
        ("tests/test_api.py::test_serve",),
    ]


def test_a_step_has_the_failing_tests_that_the_model_gives_to_it() -> None:
    test = "tests/test_cart.py::test_total"

    plan = planned(answer(step(tests=[test]), step()), wanted=(test, "tests/test_a.py::test_b"))

    assert [one.test_ids for one in plan.steps] == [(test,), ()]
    assert plan.wanted_tests == (test,)


def test_tests_that_no_step_is_about_are_left_where_tests_do_not_show_the_wish() -> None:
    plan = planned(answer(step()), wanted=("tests/test_api.py::test_serve",))

    assert plan.steps[0].test_ids == ()
    assert plan.wanted_tests == ()


def test_what_no_step_speaks_of_is_a_warning() -> None:
    plan = planned(
        answer(step()),
        request={
            "acceptance_criteria": ("the total is right", "invoices are archived monthly"),
            "affected_paths": ("shop/api.py",),
        },
    )

    assert [warning.code for warning in plan.warnings] == ["UNCOVERED_CRITERION"] * 2
    assert "archived" in plan.warnings[0].message
    assert plan.warnings[1].path == "shop/api.py"


def test_the_model_is_told_the_request_its_tests_and_the_context() -> None:
    model = Scripted([answer(step())])
    told = matter(
        wanted=("tests/test_cart.py::test_total",),
        pieces=(Piece(title="File shop/cart.py", text="class Cart"),),
    )

    plan_by_model(told, model, plan_id=PLAN_ID)

    said = "\n".join(message.content for message in model.asked[0].messages)
    for part in ("the total is wrong", "test_total", "class Cart", "depends_on"):
        assert part in said
    assert model.asked[0].form is not None
