"""Whole runs, from ChangeRequest to branch, in one process."""

from __future__ import annotations

from uuid import UUID

import pytest

from selfheal.errors import InvalidRequest
from selfheal.flows import cancel, submit
from selfheal.store import attempts, requests
from selfheal.store.attempts import Work
from selfheal.store.code_plan_figures import code_plan_figures
from selfheal.workspace.git import Git
from tests.integration.collector import Collector
from tests.integration.flows.conftest import commit_all, refs_of
from tests.integration.qdrant_front import QdrantFront

SHOP = {
    "shop/__init__.py": "",
    "shop/tax.py": '"""Tax."""\n\n\ndef tax(net: int) -> int:\n    return net * 20 // 100\n',
    "shop/cart.py": (
        '"""Carts."""\n\nfrom shop.tax import tax\n\n\n'
        "def total(prices: list[int]) -> int:\n"
        "    net = sum(prices)\n    return net + tax(net)\n\n\n"
        "def cheapest(prices: list[int]) -> int:\n    return min(prices)\n"
    ),
    "tests/test_tax.py": (
        "from shop.tax import tax\n\n\n"
        "def test_a_fifth():\n    assert tax(1000) == 200\n\n\n"
        "def test_of_nothing():\n    assert tax(0) == 0\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import cheapest, total\n\n\n"
        "def test_total():\n    assert total([1000, 500]) == 1800\n\n\n"
        "def test_of_an_empty_cart():\n    assert total([]) == 0\n\n\n"
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == 1\n"
    ),
}


def _with(path: str, right: str, wrong: str, files=SHOP):
    assert right in files[path]
    return {**files, path: files[path].replace(right, wrong)}


def test_one_defect_lands_on_a_branch_of_its_own(one_process_farm, repository) -> None:
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))
    main = Git(origin).text("rev-parse", "refs/heads/main")

    report = one_process_farm.heal(origin)

    assert (report.state, report.cause) == ("DONE", "landed")
    assert report.before.failing == ("tests/test_cart.py::test_cheapest",)
    assert report.after.failing == ()
    assert report.landed_branch == f"selfheal/{report.request_id}"
    git = Git(origin)
    assert git.text("rev-parse", report.landed_branch) == report.landed_sha
    assert "min(prices)" in git.text("show", f"{report.landed_sha}:shop/cart.py")
    message = git.text("log", "-1", "--format=%B", report.landed_sha)
    assert f"ChangeRequest: {report.request_id}" in message
    assert "Fencing-Token: " in message
    assert git.text("rev-parse", "refs/heads/main") == main
    assert refs_of(origin) == {"refs/heads/main", f"refs/heads/{report.landed_branch}"}
    result = report.results[0]
    assert (result.status, result.verdict) == ("SUCCESS", "fixes")
    assert result.touched_symbols == ("shop.cart.cheapest",)
    with one_process_farm.farm.database.begin() as connection:
        figures = code_plan_figures(connection)
    assert sum(figures.tasks.values()) == 1
    assert figures.waits_ms["EDIT"].count == figures.read_seconds.count == 1
    assert figures.hits["files"] + figures.misses["files"] > 0
    assert figures.docs > 0


@pytest.mark.slow
def test_a_defect_that_another_one_hides_is_mended_too(one_process_farm, repository) -> None:
    files = _with("shop/tax.py", "net * 20 // 100", "net * 21 // 100")
    files = _with("shop/cart.py", "net + tax(net)", "net - tax(net)", files)
    origin = repository(files)

    report = one_process_farm.heal(origin)

    assert report.state == "DONE", report.reason
    tree = Git(origin)
    assert "* 20" in tree.text("show", f"{report.landed_sha}:shop/tax.py")
    assert "net + tax" in tree.text("show", f"{report.landed_sha}:shop/cart.py")


def test_green_tests_are_nothing_to_do(one_process_farm, repository) -> None:
    origin = repository(SHOP)

    report = one_process_farm.heal(origin)

    assert (report.state, report.cause) == ("DONE", "nothing_to_do")
    assert "nothing to do" in report.reason
    assert refs_of(origin) == {"refs/heads/main"}


def test_a_wish_that_no_test_shows_is_said_to_be_beyond_reach(one_process_farm, repository) -> None:
    report = one_process_farm.heal(
        repository(SHOP), description="add greet() to the API", acceptance_criteria=()
    )

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "no model is configured" in report.reason
    assert "test" in report.next_step


@pytest.mark.slow
def test_what_small_edits_cannot_mend_ends_with_where_was_looked(
    one_process_farm, repository
) -> None:
    wrong = {**SHOP, "shop/tax.py": "def tax(net):\n    return {}[object()]\n"}
    origin = repository(wrong)

    report = one_process_farm.heal(origin, budget={"seconds": 4})

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert report.looked_at
    assert report.next_step
    assert refs_of(origin) == {"refs/heads/main"}


@pytest.mark.parametrize(
    "stage", ["plan", "code_plan", pytest.param("code", marks=pytest.mark.slow)]
)
def test_a_request_stops_after_the_stage_it_names(one_process_farm, repository, stage) -> None:
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))

    report = one_process_farm.heal(origin, stop_after=stage)

    assert (report.state, report.cause) == ("DONE", "stopped_after")
    assert report.landed_branch == ""
    branches = {f"refs/heads/{result.branch_name}" for result in report.results}
    assert refs_of(origin) == {"refs/heads/main", *branches}
    assert bool(branches) == (stage == "code")


@pytest.mark.parametrize("broker", ["redis", "away", "amqp"])
def test_the_same_plan_again_links_no_graph_where_the_broker_keeps_it(
    farm_with, repository, broker_url, broker
) -> None:
    url = {"redis": broker_url, "away": "redis://127.0.0.1:1/0", "amqp": "amqp://127.0.0.1//"}
    farm = farm_with(broker_url=url[broker])
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))

    reports = [farm.heal(origin, stop_after="code_plan") for _ in range(2)]

    assert {report.cause for report in reports} == {"stopped_after"}
    with farm.farm.database.begin() as connection:
        figures = code_plan_figures(connection)
    graphs = figures.hits["graphs"], figures.misses["graphs"]
    assert graphs == {"redis": (1, 1), "away": (0, 2), "amqp": (0, 0)}[broker]


@pytest.mark.parametrize("key", ["right", "wrong"])
def test_a_request_is_planned_with_a_vector_engine_and_without_its_answer(
    farm_with, repository, tmp_path, key
) -> None:
    with QdrantFront(tmp_path / "qdrant", api_key="right") as front:
        chosen = {"qdrant_url": front.url, "qdrant_api_key": key}
        farm = farm_with(index=chosen)
        report = farm.heal(
            repository(_with("shop/cart.py", "min(prices)", "max(prices)")), stop_after="code_plan"
        )
        farm.farm.close()

    assert (report.state, report.cause) == ("DONE", "stopped_after")
    assert bool(front.sent) == (key == "right")
    assert front.asked


def test_the_code_planner_tells_what_it_does_in_the_trace_of_the_request(
    farm_with, repository
) -> None:
    with Collector() as collector:
        farm = farm_with(tracing={"endpoint": collector.url})
        report = farm.heal(
            repository(_with("shop/cart.py", "min(prices)", "max(prices)")), stop_after="code_plan"
        )
        farm.farm.close()

    assert collector.services == {"code-planner"}
    assert collector.spans.keys() == {"code_plan", "cut", "retrieve", "release"}
    assert {UUID(bytes=s.trace_id) for s in collector.spans.values()} == {report.request_id}


def test_a_test_that_does_not_exist_is_named(one_process_farm, repository) -> None:
    report = one_process_farm.heal(
        repository(SHOP), failing_tests=("tests/test_cart.py::test_nonsense",)
    )

    assert (report.state, report.cause) == ("FAILED", "environment")
    assert "test_nonsense" in report.reason


def test_an_unknown_branch_is_named_beside_those_that_exist(one_process_farm, repository) -> None:
    report = one_process_farm.heal(repository(SHOP), branch="release")

    assert (report.state, report.cause) == ("FAILED", "environment")
    assert "release" in report.reason
    assert "main" in report.reason


def test_a_repository_without_tests_is_told(one_process_farm, repository) -> None:
    report = one_process_farm.heal(repository({"shop.py": "x = 1\n"}))

    assert (report.state, report.cause) == ("FAILED", "environment")
    assert "no tests" in report.reason


def test_a_cancelled_request_has_no_further_effect(one_process_farm, repository) -> None:
    farm = one_process_farm
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))
    request_id = farm.submit(origin)
    farm.turn()

    row = cancel.cancel(farm.farm, request_id, who="cli")
    farm.run()

    assert row.state == "CANCELLED"
    assert farm.report(request_id).cause == "cancelled"
    assert refs_of(origin) == {"refs/heads/main"}
    again = cancel.cancel(farm.farm, request_id, who="cli")
    assert again.ended_at == row.ended_at


@pytest.mark.slow
def test_a_message_that_comes_twice_does_its_work_once(one_process_farm, repository) -> None:
    farm = one_process_farm
    request_id = farm.submit(repository(_with("shop/cart.py", "min(prices)", "max(prices)")))
    doubled: set[UUID] = set()
    while farm.turn():
        new = [one for one in farm.turns.waiting if one.message_id not in doubled]
        doubled |= {one.message_id for one in new}
        farm.turns.waiting += new

    report = farm.report(request_id)

    assert report.state == "DONE"
    assert len(report.results) == 1
    assert farm.worked.count("selfheal.code") == 2


@pytest.mark.slow
def test_the_target_branch_may_move_while_the_farm_works(
    one_process_farm, repository, tmp_path
) -> None:
    farm = one_process_farm
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))
    request_id = farm.submit(origin)
    for _ in range(3):
        farm.turn()
    (tmp_path / "origin-files" / "NEWS").write_text("moved\n")
    moved = commit_all(origin, tmp_path / "origin-files")

    farm.run()

    report = farm.report(request_id)
    assert report.state == "DONE", report.reason
    git = Git(origin)
    assert git.text("merge-base", moved, report.landed_sha) == moved
    assert "min(prices)" in git.text("show", f"{report.landed_sha}:shop/cart.py")


def test_a_repeat_of_an_open_failure_is_folded_and_counted(one_process_farm, repository) -> None:
    farm = one_process_farm
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))
    first = farm.submit(origin)

    second = farm.submit(origin)

    with farm.farm.database.begin() as connection:
        folded = requests.load(connection, second)
        followed = requests.follow(connection, second)
    assert folded.folded_into == first
    assert (followed.id, followed.repeats) == (first, 1)


def test_a_message_may_not_name_what_only_a_person_may(one_process_farm, repository) -> None:
    from selfheal.contracts.change_request import ChangeRequest

    farm = one_process_farm.farm
    local = ChangeRequest(repo=str(repository(SHOP)), description="x")
    with pytest.raises(InvalidRequest, match="allow_repos"):
        submit.submit(farm, local, door="broker")
    python = ChangeRequest(
        repo="https://example.org/x.git", description="x", context={"python": "/bin/sh"}
    )
    with pytest.raises(InvalidRequest, match="python"):
        submit.submit(farm, python, door="broker")
    with farm.database.begin() as connection:
        assert requests.recent(connection, 10) == ()


@pytest.mark.slow
def test_an_attempt_that_was_taken_over_lands_nothing(one_process_farm, repository) -> None:
    farm = one_process_farm
    origin = repository(_with("shop/cart.py", "min(prices)", "max(prices)"))
    request_id = farm.submit(origin)
    for _ in range(2):
        farm.turn()
    message = farm.turns.waiting[0] if farm.turns.waiting else None
    assert message is not None
    with farm.farm.database.begin() as connection:
        stale = attempts.begin(
            connection,
            Work(message.task_name, message.subject_id, request_id),
            worker="gone:1",
            message_id=None,
            dead_after=60,
        )
        attempts.finish(connection, stale, "lost", note="in this test")

    farm.run()

    report = farm.report(request_id)
    assert report.state == "DONE"
    assert report.results[0].commit_sha
    trailers = Git(origin).text("log", "-1", "--format=%B", report.landed_sha)
    assert f"Fencing-Token: {stale.token}" not in trailers
