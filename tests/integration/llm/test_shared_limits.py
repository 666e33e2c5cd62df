"""What the whole farm keeps to: budgets, slots, rates; and answers that are used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asked_questions import SECRET, question
from scripted_endpoint import Endpoint, answers, breaks_off, says
from sqlalchemy import text

from selfheal.errors import BudgetSpent, ModelUnavailable
from selfheal.llm.model import Answer, Model
from selfheal.store import budgets, retention
from selfheal.store.budgets import Spend
from selfheal.store.database import Database

DAYS = 86_400


def used(database: Database, request_id: UUID) -> Spend:
    with database.begin() as connection:
        return budgets.used(connection, request_id)


def age_calls(database: Database, **ago: float) -> None:
    with database.begin() as connection:
        connection.execute(
            text(
                "UPDATE llm_calls SET begun_at = begun_at - CAST(:ago AS interval),"
                " deadline_at = deadline_at - CAST(:ago AS interval)"
            ),
            {"ago": timedelta(**ago)},
        )


def test_sixteen_that_race_on_one_request_stay_below_its_caps(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, database: Database
) -> None:
    endpoint.always = says("fine", tokens=(10, 90))
    request_id = request_with(tokens=1000)
    model = gateway_to(endpoint, max_concurrent=16).on_behalf_of(request_id)

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(lambda _: try_to_ask(model), range(32)))

    given = [one for one in said if isinstance(one, Answer)]
    refused = [one for one in said if isinstance(one, BudgetSpent)]
    assert len(given) + len(refused) == 32
    assert used(database, request_id).tokens == 100 * len(given) <= 1000
    assert given
    assert refused
    assert {(one.what, one.cap) for one in refused} == {("tokens", 1000.0)}


def try_to_ask(model: Model) -> Answer | BudgetSpent:
    try:
        return model.ask(question())
    except BudgetSpent as error:
        return error


def test_a_call_that_could_pass_the_cap_in_dollars_is_not_made(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, database: Database
) -> None:
    request_id = request_with(usd=0.0005, tokens=10**6)
    gateway = gateway_to(endpoint, prices={"big": (1.0, 10.0)})

    with pytest.raises(BudgetSpent, match=r"0\.0005 usd"):
        gateway.on_behalf_of(request_id).ask(question())

    assert endpoint.asked == []
    assert used(database, request_id) == Spend()


def test_failures_that_cost_nothing_are_given_back_and_others_stay_spent(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, calls: Callable, database: Any
) -> None:
    endpoint.will(answers(500), breaks_off, says("fine", tokens=(10, 5)))
    request_id = request_with()

    gateway_to(endpoint).on_behalf_of(request_id).ask(question())

    failed, broken_off, answered = calls()
    assert (failed.prompt_tokens, failed.usd) == (0, 0)
    assert broken_off.prompt_tokens is None
    assert answered.prompt_tokens == 10
    assert used(database, request_id).tokens == broken_off.reserved_tokens + 15


def test_a_full_provider_is_waited_for(endpoint: Endpoint, gateway_to: Callable) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    at_once: list[int] = []
    counting = threading.Lock()
    inside = 0

    def slowly(exchange: Any) -> None:
        nonlocal inside
        with counting:
            inside += 1
            at_once.append(inside)
            if inside == 2:
                arrived.set()
        go_on.wait(20)
        with counting:
            inside -= 1
        says("fine")(exchange)

    endpoint.always = slowly
    model = gateway_to(endpoint, max_concurrent=2).on_behalf_of(None)

    with ThreadPoolExecutor(6) as pool:
        told = [pool.submit(model.ask, question()) for _ in range(6)]
        assert arrived.wait(20)
        go_on.set()

    assert [one.result().text for one in told] == ["fine"] * 6
    assert max(at_once) == 2


def test_a_worker_that_died_keeps_its_slot_no_longer_than_its_call_could_take(
    endpoint: Endpoint, gateway_to: Callable, database: Database, calls: Callable
) -> None:
    endpoint.always = says("fine")
    model = gateway_to(endpoint, max_concurrent=1).on_behalf_of(None)
    model.ask(question())
    with database.begin() as connection:
        connection.execute(text("UPDATE llm_calls SET ended_at = NULL, outcome = NULL"))

    with pytest.raises(ModelUnavailable, match="as many calls as it may have at once"):
        model.ask(question(deadline_seconds=0.3))
    age_calls(database, minutes=5)

    assert model.ask(question()).text == "fine"


@pytest.mark.parametrize("limit", [{"requests_per_minute": 2}, {"tokens_per_minute": 130}])
def test_what_a_minute_allows_is_not_exceeded_and_the_next_provider_is_asked(
    limit: dict[str, int],
    endpoint: Endpoint,
    fallback: Endpoint,
    gateway_to: Callable,
    database: Database,
) -> None:
    endpoint.always = says("first", tokens=(10, 5))
    fallback.always = says("second")
    model = gateway_to(endpoint, fallback, **limit).on_behalf_of(None)

    told = [model.ask(question()).text for _ in range(3)]
    age_calls(database, seconds=61)

    assert told == ["first", "first", "second"]
    assert model.ask(question()).text == "first"


def test_equal_questions_are_answered_once_where_that_is_wanted(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, calls: Callable, database: Any
) -> None:
    endpoint.will(says("first"), says("other"), says("warmer"))
    request_id = request_with()
    model = gateway_to(endpoint, cache="read-write").on_behalf_of(request_id)

    told = [
        model.ask(asked)
        for asked in (
            question("a"),
            question("a"),
            question("b"),
            question("a", temperature=0.9),
        )
    ]

    assert [one.text for one in told] == ["first", "first", "other", "warmer"]
    assert (told[1].provider, told[1].usd, told[1].usage.tokens) == ("cache", 0, 0)
    assert [row.outcome for row in calls()] == ["answered", "cached", "answered", "answered"]
    assert used(database, request_id).tokens == 45


def test_who_only_reads_leaves_nothing_for_others_and_who_is_off_reads_nothing(
    endpoint: Endpoint, gateway_to: Callable
) -> None:
    endpoint.will(says("1"), says("2"), says("3"), says("4"))

    told = [
        gateway_to(endpoint, cache=cache).on_behalf_of(None).ask(question()).text
        for cache in ("read", "read", "read-write", "read", "off")
    ]

    assert told == ["1", "2", "3", "3", "4"]


def test_an_answer_that_had_to_be_redacted_is_not_used_again(
    endpoint: Endpoint, gateway_to: Callable
) -> None:
    endpoint.will(says(f"it is {SECRET}"), says("another"))
    model = gateway_to(endpoint, cache="read-write").on_behalf_of(None)

    assert model.ask(question()).text == f"it is {SECRET}"
    assert model.ask(question()).text == "another"


def test_estimates_of_prompts_are_put_right_by_what_the_provider_counts(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    prompt = "x" * 7000
    endpoint.always = says("fine", tokens=(4000, 5))

    gateway_to(endpoint).on_behalf_of(None).ask(question(prompt))
    gateway_to(endpoint).on_behalf_of(None).ask(question(prompt))

    first, second = calls()
    assert first.estimated_tokens == second.estimated_tokens == 2004
    assert second.reserved_tokens == pytest.approx(4000 * 1.2 + 100, abs=2)


def test_texts_go_before_the_rows_of_calls_do(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable, database: Database
) -> None:
    endpoint.always = says("fine")
    model = gateway_to(endpoint, cache="read-write").on_behalf_of(None)
    model.ask(question("old"))
    age_calls(database, days=15)
    model.ask(question("young"))

    with database.begin() as connection:
        cleared = retention.clear_prompts(connection, age=14 * DAYS, batch=10)

    assert cleared == 1
    assert [(row.messages is None, row.answer, row.reusable) for row in calls()] == [
        (True, None, False),
        (False, "fine", True),
    ]
    with database.begin() as connection:
        assert retention.delete_calls(connection, age=14 * DAYS, batch=10) == 1
    assert [row.answer for row in calls()] == ["fine"]
