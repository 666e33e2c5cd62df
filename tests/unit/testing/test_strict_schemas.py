"""What a strict endpoint takes as a schema, and what an answer breaks."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.llm.form import strict_schema
from selfheal.testing.schema import fault_of_answer, refusal_of_schema
from tests.unit.testing.asking import NUMBER


class Leaf(Value):
    title: str
    kind: Literal["a", "b"] = "a"


class Tree(Value):
    leaves: tuple[Leaf, ...] = ()
    first: Leaf | None = None
    depth: int = Field(default=1, ge=1)


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def test_what_selfheal_makes_of_its_forms_is_taken() -> None:
    assert refusal_of_schema("tree", strict_schema(Tree)) is None


def test_what_pydantic_makes_of_them_is_not() -> None:
    assert refusal_of_schema("tree", Tree.model_json_schema())


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "array"}, """schema must be a JSON Schema of 'type: "object"'"""),
        (
            {"type": "object", "properties": {}},
            "In context=(), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            closed(inner={"type": "array", "items": {"type": "object"}}),
            "In context=('properties', 'inner', 'items'), 'additionalProperties' is required",
        ),
        ({**closed(a={}, b={}), "required": ["a"]}, "In context=(), 'required' is required"),
        (
            {**closed(), "$defs": {"Leaf": {"type": "object"}}},
            "In context=('$defs', 'Leaf'), 'additionalProperties' is required",
        ),
        (
            closed(one={"oneOf": [{"type": "string"}]}),
            "In context=('properties', 'one'), 'oneOf' is not permitted.",
        ),
        (closed(one={"type": "string", "default": ""}), "'default' is not permitted."),
        (
            closed(map={"type": "object", "additionalProperties": {"type": "string"}}),
            "'additionalProperties' is required",
        ),
    ],
)
def test_a_schema_that_the_real_api_refuses_is_refused(schema: Any, told: str) -> None:
    refusal = refusal_of_schema("form", schema)

    assert refusal is not None
    assert refusal.startswith("Invalid schema for response_format 'form': ")
    assert told in refusal


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    schema = closed(default={"type": "string"}, properties={"type": "string"}, oneOf=NUMBER)

    assert refusal_of_schema("form", schema) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"number": 3}', None),
        ("three", "it is no JSON"),
        ('{"number": "3"}', "$.number: '3' is not of type 'integer'"),
        ('{"number": 3, "more": 1}', "'more' was unexpected"),
        ("[]", "is not of type 'object'"),
    ],
)
def test_what_an_answer_breaks_is_told_by_place(text: str, told: str | None) -> None:
    fault = fault_of_answer(NUMBER, text)

    assert told in fault if fault and told else fault is told
