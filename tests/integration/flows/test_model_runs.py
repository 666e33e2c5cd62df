"""Whole runs with a model, over real HTTP: bad answers go back, good ones land."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from selfheal.testing.faults import Overloaded
from selfheal.testing.script import Step, When
from selfheal.testing.server import ReplayServer, replay_server
from selfheal.workspace.git import Git
from tests.integration.flows.conftest import OneProcessFarm, refs_of

SHOP = {
    "shop/__init__.py": "",
    "shop/tax.py": '"""Tax."""\n\n\ndef tax(net: int) -> int:\n    return net * 20 // 100\n',
    "shop/cart.py": (
        '"""Carts."""\n\nfrom shop.tax import tax\n\n\n'
        "def total(prices: list[int]) -> int:\n    net = sum(prices)\n    return net + tax(net)\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import total\n\n\n"
        "def test_total():\n    assert total([1000, 500]) == 1800\n"
    ),
}
WISH = {
    "description": "carts know their average price: add average(prices) to shop/cart.py",
    "acceptance_criteria": ("average([1, 3]) is 2",),
}
PLANNER, CODER = When(purpose="plan"), When(purpose="draft")


def step(**fields: object) -> dict[str, object]:
    return {
        "goal": "add average(prices), the mean of the prices, 0 for none",
        "kind": "ADD",
        "path": "shop/cart.py",
        "symbols": ["average"],
        "depends_on": [],
        "acceptance_criteria": ["average([1, 3]) is 2"],
        "tests": [],
        **fields,
    }


def plan(*steps: dict[str, object], rationale: tuple[str, ...] = ("the cart has prices",)) -> str:
    return json.dumps({"steps": steps, "rationale": rationale})


def edit(new: str, *, path: str = "shop/cart.py", old: str = "    return net + tax(net)\n") -> str:
    return f"Here it is.\n\n{path}\n<<<<<<< SEARCH\n{old}=======\n{old}{new}>>>>>>> REPLACE\n"


RIGHT = edit(
    "\n\ndef average(prices: list[int]) -> float:\n"
    "    return sum(prices) / len(prices) if prices else 0\n"
)
BREAKS = edit("\n\ndef average(prices):\n    return 0\n").replace(
    "=======\n    return net + tax(net)\n", "=======\n    return net - tax(net)\n"
)
MISFIT = edit("x = 1\n", old="    return nothing_like_it\n")


@pytest.fixture
def scripted() -> Iterator[Callable[..., ReplayServer]]:
    """`scripted(steps)`: an endpoint that says these things in turn."""
    with ExitStack() as stack:
        yield lambda steps: stack.enter_context(replay_server(steps))


@pytest.fixture
def farm_of(
    farm_with: Callable[..., OneProcessFarm], scripted: Callable[..., ReplayServer]
) -> Callable[..., tuple[OneProcessFarm, ReplayServer]]:
    def make(steps: Sequence[Step], **sections: object) -> tuple[OneProcessFarm, ReplayServer]:
        server = scripted(steps)
        llm = {"base_url": server.url, "api_key": "key", "model": "replay", "tries": 1}
        return farm_with(llm={**llm, **sections.pop("llm", {})}, **sections), server

    return make


def plans(*says: str) -> list[Step]:
    return [Step(when=PLANNER, answer=said) for said in says]


def drafts(*says: str) -> list[Step]:
    return [Step(when=CODER, answer=said) for said in says]


def asked(server: ReplayServer) -> list[str]:
    """The last turn of each question."""
    return [entry.asked.turns[-1].text for entry in server.journal]


def test_bad_answers_go_back_until_a_good_one_lands(farm_of, repository) -> None:
    malformed = Step(when=PLANNER, answer=plan(step()), fault="bad_json")
    circular = plan(step(depends_on=[2]), step(path="shop/tax.py", kind="EDIT", symbols=["tax"]))
    farm, server = farm_of(
        [malformed, *plans(circular, plan(step())), *drafts(MISFIT, BREAKS, RIGHT)]
    )
    origin = repository(SHOP)

    report = farm.heal(origin, **WISH)

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    assert "def average" in Git(origin).text("show", f"{report.landed_sha}:shop/cart.py")
    (result,) = report.results
    assert (result.status, result.verdict) == ("SUCCESS", "passes")
    assert result.touched_symbols == ("shop.cart.average",)
    assert result.tokens > 0
    said = asked(server)
    assert "JSON" in said[1]
    assert "no cycles" in said[2]
    assert "+def average(prices):" in said[3]
    assert "not in the file" in said[4]
    assert "test_total" in said[5]
    assert [note.partition(":")[0] for note in result.notes if "model:" in note] == ["model"] * 2
    message = Git(origin).text("log", "-1", "--format=%B", report.landed_sha)
    assert "Coder: model replay (draft@" in message
    sent_back = [entry.why for entry in report.timeline if "sent back to the model" in entry.why]
    assert len(sent_back) == 2
    assert server.complaints() == ()


@pytest.mark.slow
def test_the_same_draft_twice_stops_early(farm_of, repository) -> None:
    farm, _ = farm_of([*plans(plan(step())), *drafts(BREAKS, BREAKS)])

    report = farm.heal(repository(SHOP), **WISH)

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "same change again" in report.reason
    assert report.results[0].attempts == 2


@pytest.mark.slow
def test_edits_that_change_nothing_are_fed_back(farm_of, repository) -> None:
    farm, server = farm_of([*plans(plan(step())), *drafts(edit(""), RIGHT)])

    report = farm.heal(repository(SHOP), **WISH)

    assert report.state == "DONE"
    assert "change nothing" in asked(server)[2]


def test_a_planner_that_sees_nothing_to_plan_says_why(farm_of, repository) -> None:
    farm, _ = farm_of(plans(plan(rationale=("there is no such product in the shop",))))
    origin = repository(SHOP)

    report = farm.heal(origin, **WISH)

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "there is no such product" in report.reason
    assert refs_of(origin) == {"refs/heads/main"}


def test_a_planner_that_never_keeps_the_rules_ends_with_what_was_wrong(farm_of, repository) -> None:
    bad = plan(step(path="shop/basket.py", kind="EDIT"))
    farm, _ = farm_of(plans(bad, bad, bad))

    report = farm.heal(repository(SHOP), **WISH)

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "shop/basket.py" in report.reason


@pytest.mark.slow
def test_a_draft_outside_its_task_is_refused_and_fed_back(farm_of, repository) -> None:
    elsewhere = edit("x = 1\n", path="shop/tax.py", old="    return net * 20 // 100\n")
    farm, server = farm_of([*plans(plan(step())), *drafts(elsewhere, RIGHT)])
    origin = repository(SHOP)

    report = farm.heal(origin, **WISH)

    assert report.state == "DONE"
    assert "outside_paths" in asked(server)[2]
    assert Git(origin).text("diff", "main", report.landed_sha, "--", "shop/tax.py") == ""


@pytest.mark.slow
def test_search_goes_first_and_the_model_is_not_asked_where_it_helps(farm_of, repository) -> None:
    farm, server = farm_of([])
    wrong = {**SHOP, "shop/tax.py": SHOP["shop/tax.py"].replace("20", "21")}

    report = farm.heal(repository(wrong))

    assert report.state == "DONE"
    assert server.journal == ()


def test_where_search_finds_nothing_the_model_mends_the_failing_test(farm_of, repository) -> None:
    wrong = {**SHOP, "shop/tax.py": "def tax(net):\n    return {}[object()]\n"}
    mended = "shop/tax.py\n```python\ndef tax(net: int) -> int:\n    return net * 20 // 100\n```\n"
    farm, server = farm_of(drafts(mended), coding={"max_candidates": 5})

    report = farm.heal(repository(wrong))

    assert report.state == "DONE", report.reason
    assert report.results[0].verdict == "fixes"
    assert "KeyError" in server.journal[0].asked.turns[1].text


@pytest.mark.slow
def test_a_model_that_is_away_is_no_end_while_tests_show_the_way(farm_of, repository) -> None:
    away = [Step(fault=Overloaded(), times="any")]
    wrong = {**SHOP, "shop/tax.py": SHOP["shop/tax.py"].replace("20", "21")}
    farm, _ = farm_of(away, planning={"planner": "model"})

    report = farm.heal(repository(wrong))

    assert report.state == "DONE", report.reason
    assert any("planned from evidence" in warning for warning in report.warnings)


def test_a_model_that_is_away_ends_softly_and_loses_nothing(farm_of, repository) -> None:
    away = Step(when=CODER, fault=Overloaded(), times="any")
    farm, _ = farm_of([*plans(plan(step())), away], coding={"rerun_after_seconds": (0.0,)})

    report = farm.heal(repository(SHOP), **WISH)

    assert [result.status for result in report.results] == ["SOFT_FAIL", "SOFT_FAIL"]
    assert report.state == "FAILED"
    assert "503" in report.reason or "overloaded" in report.reason


@pytest.mark.slow
def test_a_rerun_lands_what_the_model_could_not_draft_before(farm_of, repository) -> None:
    away = Step(when=CODER, fault=Overloaded(), times=1)
    farm, _ = farm_of(
        [*plans(plan(step())), away, *drafts(RIGHT)],
        coding={"rerun_after_seconds": (0.0,)},
        llm={"circuit_failures": 9},
    )

    report = farm.heal(repository(SHOP), **WISH)

    assert report.state == "DONE", report.reason
    assert [result.status for result in report.results] == ["SOFT_FAIL", "SUCCESS"]


@pytest.mark.slow
def test_red_tests_that_nobody_asked_about_are_left_as_they_are(farm_of, repository) -> None:
    red = {**SHOP, "tests/test_other.py": "def test_other():\n    assert False\n"}
    farm, _ = farm_of([*plans(plan(step())), *drafts(RIGHT)])

    report = farm.heal(repository(red), **WISH)

    assert report.state == "DONE", report.reason
    assert report.after.failing == ("tests/test_other.py::test_other",)


def test_a_request_that_may_spend_nothing_asks_nobody(farm_of, repository) -> None:
    farm, server = farm_of(plans(plan(step())))

    report = farm.heal(repository(SHOP), **WISH, budget={"tokens": 10})

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "budget" in report.reason
    assert server.journal == ()
