"""The form of an answer."""

from __future__ import annotations

import pytest

from selfheal.contracts.document import Value
from selfheal.errors import InvalidAnswer
from selfheal.llm.form import read_form, strict_schema


class Part(Value):
    title: str
    weight: int = 1


class Whole(Value):
    parts: tuple[Part, ...]
    note: str = ""


def test_every_object_is_closed_and_asks_for_all_it_has() -> None:
    schema = strict_schema(Whole)

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["parts", "note"]
    part = schema["$defs"]["Part"]
    assert part["additionalProperties"] is False
    assert part["required"] == ["title", "weight"]


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    part = strict_schema(Whole)["$defs"]["Part"]

    assert part["properties"] == {"title": {"type": "string"}, "weight": {"type": "integer"}}


@pytest.mark.parametrize(
    "text", ['{"parts": []}', '```json\n{"parts": []}\n```', '```\n{"parts":[]}\n```\n']
)
def test_json_is_read_with_or_without_a_fence(text: str) -> None:
    assert read_form(Whole, text) == Whole(parts=())


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("sure, here it is", "no_json", "Invalid JSON"),
        ('{"parts": [', "no_json", "Invalid JSON"),
        ('{"parts": [{"title": 1}]}', "schema", "parts.0.title"),
        ('{"parts": [], "extra": 1}', "schema", "extra"),
        ("[]", "schema", "object"),
    ],
)
def test_what_is_wrong_is_told_by_field(text: str, kind: str, told: str) -> None:
    with pytest.raises(InvalidAnswer) as fault:
        read_form(Whole, text)

    assert fault.value.kind == kind
    assert told in fault.value.why


def test_of_many_faults_a_few_are_told() -> None:
    parts = ", ".join(['{"title": 1}'] * 9)

    with pytest.raises(InvalidAnswer, match="and 4 more faults"):
        read_form(Whole, f'{{"parts": [{parts}]}}')
