"""A question in fewer and fewer of the protocol's words."""

from __future__ import annotations

from dataclasses import replace

from selfheal.contracts.document import Value
from selfheal.llm.dialect import Dialect, Wanted
from selfheal.llm.model import Message


class Colour(Value):
    name: str


WANTED = Wanted(
    purpose="plan",
    model="m",
    messages=(Message("user", "hi"),),
    form=Colour,
    temperature=0.1,
    max_tokens=9,
)


def test_a_free_answer_is_asked_for_without_a_format() -> None:
    free = replace(WANTED, form=None)

    assert "response_format" not in Dialect().arguments(free)


def test_json_is_asked_for_in_the_strictest_way_that_is_left() -> None:
    refused = "response_format: unknown"
    dialects = [Dialect()]
    while (simpler := dialects[-1].simpler(refused)) is not None:
        dialects.append(simpler)

    assert [dialect.structured for dialect in dialects] == ["schema", "json_mode", "prompt"]
    turns = [len(dialect.arguments(WANTED)["messages"]) for dialect in dialects]
    assert turns == [1, 2, 2]


def test_a_way_that_was_chosen_is_kept() -> None:
    assert Dialect(fixed=True).simpler("response_format is not supported") is None


def test_each_word_is_left_out_once() -> None:
    dialect: Dialect | None = Dialect()
    for refused in ("use max_completion_tokens", "no temperature here", "stream_options?"):
        assert dialect is not None
        dialect = dialect.simpler(refused)
        assert dialect is not None
        assert dialect.simpler(refused) is None

    assert dialect is not None
    arguments = dialect.arguments(WANTED)
    assert arguments["max_completion_tokens"] == 9
    assert not {"max_tokens", "temperature", "stream_options"} & set(arguments)


def test_a_bad_request_about_something_else_stays_one() -> None:
    assert Dialect().simpler("messages: role 'robot' is unknown") is None
