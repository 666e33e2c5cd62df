"""Questions that are answered, over HTTP: what is sent, what comes back, what is written down."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from asked_questions import SECRET, question
from scripted_endpoint import Endpoint, answers, refuses, says

from selfheal.contracts.document import Value
from selfheal.errors import InvalidAnswer
from selfheal.llm.conversation import ask_until_read
from selfheal.llm.form import read_form
from selfheal.llm.model import Usage


class Colour(Value):
    name: str
    strength: int = 1


def test_an_answer_comes_with_its_tokens_its_price_and_its_row(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, calls: Callable
) -> None:
    endpoint.will(says("fine, thänks 🌱", tokens=(1000, 200)))
    gateway = gateway_to(endpoint, prices={"big": (2.0, 10.0)})
    request_id, attempt_id = request_with(), uuid4()

    answer = gateway.on_behalf_of(request_id, attempt_id=attempt_id).ask(question())

    assert answer.text == "fine, thänks 🌱"
    assert (answer.provider, answer.model) == ("primary", "big")
    assert answer.usage == Usage(prompt_tokens=1000, completion_tokens=200)
    assert answer.usd == pytest.approx(0.004)
    (row,) = calls()
    assert (row.outcome, row.purpose, row.prompt, row.number) == ("answered", "plan", "test@1", 1)
    assert (row.request_id, row.attempt_id) == (request_id, attempt_id)
    assert (row.prompt_tokens, row.completion_tokens) == (1000, 200)
    assert row.usd == pytest.approx(0.004)
    assert row.messages == [{"role": "user", "content": "how are you?"}]
    assert row.answer == "fine, thänks 🌱"


def test_secrets_leave_neither_for_the_model_nor_for_the_store(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(says(f"you said {SECRET}"))

    answer = gateway_to(endpoint).on_behalf_of(None).ask(question(f"key = {SECRET}"))

    assert endpoint.headers[0]["authorization"] == f"Bearer {SECRET}"
    assert "<secret:LLM_API_KEY:" in endpoint.said()
    assert SECRET not in str(endpoint.asked)
    assert SECRET in answer.text  # whoever asked redacts what it writes, as everybody does
    (row,) = calls()
    assert SECRET not in str(row)


def test_texts_with_characters_that_do_not_exist_are_sent_and_stored(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    endpoint.will(says("a\0b"))

    gateway_to(endpoint).on_behalf_of(None).ask(question("broken \udcff and \0"))

    assert endpoint.said() == "broken ? and �"
    assert calls()[0].answer == "a�b"


def test_an_answer_with_a_form_is_asked_for_strictly(
    endpoint: Endpoint, gateway_to: Callable
) -> None:
    endpoint.will(says('{"name": "red", "strength": 3}'))

    answer = gateway_to(endpoint).on_behalf_of(None).ask(question(form=Colour))

    assert read_form(Colour, answer.text) == Colour(name="red", strength=3)
    (asked,) = endpoint.asked
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["name", "strength"]
    assert len(asked["messages"]) == 1


def test_an_endpoint_without_structured_output_is_asked_in_words_from_then_on(
    endpoint: Endpoint, gateway_to: Callable, calls: Callable
) -> None:
    told = says('{"name": "red", "strength": 3}')
    endpoint.will(
        answers(400, "response_format json_schema is unavailable"),
        answers(400, "unknown field response_format"),
        told,
        told,
    )
    model = gateway_to(endpoint, tries=1).on_behalf_of(None)

    model.ask(question(form=Colour))
    model.ask(question(form=Colour))

    kinds = [asked.get("response_format", {}).get("type") for asked in endpoint.asked]
    assert kinds == ["json_schema", "json_object", None, None]
    assert '"additionalProperties": false' in endpoint.asked[2]["messages"][0]["content"]
    outcomes = [row.outcome for row in calls()]
    assert outcomes == ["not_offered", "not_offered", "answered", "answered"]
    assert [row.number for row in calls()] == [1, 2, 3, 1]


def test_words_that_an_endpoint_does_not_know_are_left_out(
    endpoint: Endpoint, gateway_to: Callable
) -> None:
    endpoint.will(
        answers(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        answers(400, "Unsupported value: 'temperature' does not support 0.1"),
        answers(422, "stream_options: extra fields not permitted"),
        says("fine", tokens=None),
    )

    answer = gateway_to(endpoint).on_behalf_of(None).ask(question())

    asked = endpoint.asked[-1]
    assert asked["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature", "stream_options"} & set(asked)
    assert answer.usage.tokens > 0  # estimated


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (refuses("I cannot help with that"), "refusal"),
        (says("", finish="content_filter"), "refusal"),
        (says("half an ans", finish="length"), "cut"),
        (says("  "), "empty"),
    ],
)
def test_an_answer_in_vain_has_a_name_and_is_paid_for(
    step: Callable,
    kind: str,
    endpoint: Endpoint,
    fallback: Endpoint,
    gateway_to: Callable,
    calls: Callable,
) -> None:
    endpoint.will(step)

    with pytest.raises(InvalidAnswer) as raised:
        gateway_to(endpoint, fallback).on_behalf_of(None).ask(question())

    assert raised.value.kind == kind
    assert [row.outcome for row in calls()] == [kind]
    assert calls()[0].prompt_tokens > 0
    assert fallback.asked == []


def test_a_question_that_is_too_long_for_all_is_not_asked_again(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable
) -> None:
    too_long = answers(400, "This model's maximum context length is 8192 tokens.")
    endpoint.will(too_long)
    fallback.will(answers(413, "payload too large"))
    model = gateway_to(endpoint, fallback).on_behalf_of(None)

    with pytest.raises(InvalidAnswer) as raised:
        ask_until_read(model, question("x" * 10_000), read=str)

    assert raised.value.kind == "too_long"
    assert len(endpoint.asked) == len(fallback.asked) == 1


def test_an_answer_of_the_wrong_shape_goes_back_with_what_is_wrong(
    endpoint: Endpoint, gateway_to: Callable
) -> None:
    endpoint.will(says('{"name": 3}'), says("no JSON"), says('{"name": "red", "strength": 2}'))
    model = gateway_to(endpoint).on_behalf_of(None)

    heard = ask_until_read(model, question(form=Colour), lambda text: read_form(Colour, text))

    assert heard.value == Colour(name="red", strength=2)
    assert "name: Input should be a valid string" in endpoint.said(1)


def test_models_are_chosen_by_purpose_and_tier(endpoint: Endpoint, gateway_to: Callable) -> None:
    endpoint.always = says("fine")
    gateway = gateway_to(
        endpoint,
        planner_model="planner",
        coding_model="coder",
        tier_models={"complex": "strong"},
    )

    for fields in (
        {"purpose": "plan"},
        {"purpose": "decompose", "tier": "complex"},
        {"purpose": "draft"},
        {"purpose": "draft", "tier": "complex"},
    ):
        gateway.on_behalf_of(None).ask(question(**fields))

    assert [asked["model"] for asked in endpoint.asked] == ["planner", "planner", "coder", "strong"]


def test_the_environment_of_the_sdk_is_not_sent_along(
    endpoint: Endpoint, gateway_to: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    endpoint.will(says("fine"))

    gateway_to(endpoint).on_behalf_of(None).ask(question())

    assert "from-the-environment" not in str(endpoint.headers)
