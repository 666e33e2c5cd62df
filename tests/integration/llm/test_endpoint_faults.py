"""Every way in which an endpoint fails ends in a named outcome, and in another's answer or none."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asked_questions import SECRET, question
from scripted_endpoint import (
    Endpoint,
    answers,
    answers_in_html,
    babbles,
    breaks_off,
    drips,
    drops,
    ends_early,
    fails_in_the_stream,
    falls_silent,
    is_silent,
    says,
)
from sqlalchemy import text

from selfheal.errors import Cancelled, ModelUnavailable
from selfheal.store.database import Database


def outcomes(calls: Callable) -> list[tuple[str, str]]:
    return [(row.provider, row.outcome) for row in calls()]


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (answers(429), "busy"),
        (answers(500), "failed"),
        (answers(408), "failed"),
        (answers_in_html, "failed"),
        (drops, "dropped"),
        (breaks_off, "broken_off"),
        (ends_early, "broken_off"),
        (fails_in_the_stream, "broken_off"),
        (babbles, "garbled"),
        (is_silent, "slow"),
        (falls_silent, "slow"),
    ],
)
def test_what_may_pass_is_tried_again_at_the_same_provider(
    step: Callable, outcome: str, endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(step, says("fine"))

    answer = gateway_to(endpoint, silence_seconds=1.0).on_behalf_of(None).ask(question())

    assert answer.text == "fine"
    assert outcomes(calls) == [("primary", outcome), ("primary", "answered")]
    assert [row.number for row in calls()] == [1, 2]
    assert calls()[1].messages is None  # it stands on the first call's row


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (answers(401), "denied"),
        (answers(403), "denied"),
        (answers(404), "not_found"),
        (answers(400), "bad_request"),
        (answers(302, location="http://elsewhere/"), "bad_request"),
    ],
)
def test_what_will_not_pass_is_left_to_the_next_provider(
    step: Callable,
    outcome: str,
    endpoint: Endpoint,
    fallback: Endpoint,
    gateway_to: Callable,
    calls: Callable,
) -> None:
    endpoint.will(step)
    fallback.will(says("fine"))

    answer = gateway_to(endpoint, fallback).on_behalf_of(None).ask(question())

    assert (answer.provider, answer.model) == ("fallback1", "small")
    assert outcomes(calls) == [("primary", outcome), ("fallback1", "answered")]


def test_an_exhausted_quota_is_not_waited_for(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    spent = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    endpoint.will(lambda exchange: exchange.json(429, spent, retry_after="3600"))
    fallback.will(says("fine"))

    gateway_to(endpoint, fallback).on_behalf_of(None).ask(question())

    assert outcomes(calls) == [("primary", "denied"), ("fallback1", "answered")]


def test_a_silent_provider_leaves_the_next_one_its_share_of_the_time(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.always = is_silent
    fallback.will(says("fine"))
    model = gateway_to(endpoint, fallback).on_behalf_of(None)

    answer = model.ask(question(deadline_seconds=4.0))

    assert answer.provider == "fallback1"
    assert outcomes(calls) == [("primary", "slow"), ("fallback1", "answered")]


def test_a_server_that_drips_does_not_outlast_the_deadline(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(says("fine"), drips)
    model = gateway_to(endpoint).on_behalf_of(None)
    model.ask(question())

    with pytest.raises(ModelUnavailable, match="late"):
        model.ask(question(deadline_seconds=1.0))

    assert outcomes(calls) == [("primary", "answered"), ("primary", "late")]


def test_a_provider_that_is_not_there_is_named(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.url = "http://127.0.0.1:9/v1"

    with pytest.raises(ModelUnavailable, match="primary: unreachable"):
        gateway_to(endpoint, tries=2).on_behalf_of(None).ask(question())

    assert outcomes(calls) == [("primary", "unreachable")] * 2


def test_what_an_endpoint_says_of_a_failure_is_redacted(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(answers(401, f"wrong key: {SECRET}"))

    with pytest.raises(ModelUnavailable) as raised:
        gateway_to(endpoint).on_behalf_of(None).ask(question())

    assert "wrong key: <secret:LLM_API_KEY" in str(raised.value)
    assert SECRET not in str(calls()[0])


@pytest.mark.parametrize(
    ("header", "value", "pause"),
    [
        ("retry_after", "1", timedelta(seconds=1)),
        ("retry_after_ms", "150", timedelta(milliseconds=150)),
    ],
)
def test_a_provider_that_wants_to_be_left_alone_is_left_alone_by_everybody(
    header: str,
    value: str,
    pause: timedelta,
    endpoint: Endpoint,
    gateway_to: Callable,
    calls: Callable,
    database: Database,
) -> None:
    endpoint.will(answers(429, **{header: value}), says("fine"))

    answer = gateway_to(endpoint).on_behalf_of(None).ask(question())

    assert answer.text == "fine"
    first, second = calls()
    paused_until = provider_of(database).paused_until
    assert first.begun_at + pause <= paused_until <= second.begun_at


def test_a_pause_that_the_deadline_does_not_allow_leads_to_the_next_provider_at_once(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(answers(429, retry_after="100"))
    fallback.always = says("fine")
    gateway = gateway_to(endpoint, fallback)

    gateway.on_behalf_of(None).ask(question())
    gateway.on_behalf_of(None).ask(question())

    # The second question did not even try it.
    assert outcomes(calls) == [
        ("primary", "busy"),
        ("fallback1", "answered"),
        ("fallback1", "answered"),
    ]
    assert [(row.number, row.messages is None) for row in calls()] == [
        (1, False),
        (2, True),
        (1, False),
    ]


def test_the_circuit_opens_falls_back_and_closes_again(
    endpoint: Endpoint,
    fallback: Endpoint,
    gateway_to: Callable,
    calls: Callable,
    database: Database,
) -> None:
    endpoint.will(*[answers(500)] * 3, says("well again"))
    endpoint.always = says("well")
    fallback.always = says("second best")
    chosen = {"tries": 1, "circuit_failures": 2, "circuit_open_seconds": 60}
    model = gateway_to(endpoint, fallback, **chosen).on_behalf_of(None)

    told = [model.ask(question()).text for _ in range(3)]

    assert told == ["second best"] * 3
    assert len(endpoint.asked) == 2  # the third question left it alone
    lapse(database)
    assert model.ask(question()).text == "second best"  # the probe failed
    assert model.ask(question()).text == "second best"  # so it is open again
    assert len(endpoint.asked) == 3
    lapse(database)
    assert model.ask(question()).text == "well again"
    assert model.ask(question()).text == "well"
    assert provider_of(database).failures == 0


def test_only_one_call_tries_whether_a_provider_is_well_again(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable, database: Database
) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slowly(exchange: Any) -> None:
        arrived.set()
        go_on.wait(20)
        says("well again")(exchange)

    endpoint.will(answers(500), slowly)
    fallback.always = says("second best")
    model = gateway_to(endpoint, fallback, tries=1, circuit_failures=1).on_behalf_of(None)
    model.ask(question())
    lapse(database)

    probe = threading.Thread(target=model.ask, args=(question(),))
    probe.start()
    assert arrived.wait(20)
    meanwhile = model.ask(question())
    go_on.set()
    probe.join()

    assert meanwhile.text == "second best"
    assert len(endpoint.asked) == 2
    assert provider_of(database).open_until is None


def test_a_call_that_is_told_to_stop_ends_and_frees_its_slot(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    arrived = threading.Event()

    def silent(exchange: Any) -> None:
        arrived.set()
        is_silent(exchange)

    endpoint.will(silent)

    def check() -> None:
        if arrived.is_set():
            raise Cancelled("the ChangeRequest was cancelled")

    with pytest.raises(Cancelled):
        gateway_to(endpoint).on_behalf_of(None, check=check).ask(question())

    assert outcomes(calls) == [("primary", "stopped")]
    assert calls()[0].ended_at is not None


def test_a_gateway_that_was_forked_asks_with_connections_of_its_own(
    endpoint: Endpoint, database: Database, calls: Callable
) -> None:
    endpoint.always = says("fine")

    ran = subprocess.run(
        [sys.executable, "-c", FORKING, database.url, endpoint.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert outcomes(calls) == [("primary", "answered")] * 3


FORKING = """
import os, sys
from selfheal.llm.gateway import Gateway
from selfheal.llm.model import Message, Question
from selfheal.redaction import Redactor
from selfheal.settings import LlmSettings
from selfheal.store.database import Database

database = Database(sys.argv[1])
gateway = Gateway(LlmSettings(base_url=sys.argv[2], model="m"), database, Redactor())

def ask():
    question = Question(purpose="plan", messages=(Message("user", "hi"),), prompt="test@1")
    assert gateway.on_behalf_of(None).ask(question).text == "fine"

ask()
child = os.fork()
ask()
if child:
    sys.exit(os.waitpid(child, 0)[1])  # with all the cleaning up that an interpreter does
"""


def lapse(database: Database) -> None:
    """What the circuit waits for is over."""
    with database.begin() as connection:
        connection.execute(text("UPDATE llm_providers SET open_until = now() WHERE failures > 0"))


def provider_of(database: Database) -> Any:
    with database.begin() as connection:
        return connection.execute(text("SELECT * FROM llm_providers WHERE name = 'primary'")).one()
