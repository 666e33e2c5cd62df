"""Honesty about JSON schemas: what a strict endpoint refuses, and what an answer breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator

# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
_NOT_PERMITTED: Final = (
    "allOf",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "oneOf",
    "patternProperties",
    "then",
)
_NAMED: Final = ("properties", "$defs", "definitions")
"""Keywords whose value maps names that somebody chose to schemas."""


def refusal_of_schema(name: str, schema: Mapping[str, Any]) -> str | None:
    """Why strict mode refuses this schema, in the words of the real API; None if it takes it."""
    if schema.get("type") != "object":
        fault = (
            f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {schema.get('type')}'."
        )
        return f"Invalid schema for response_format '{name}': {fault}"
    where, fault = next(_faults(schema, ()), ((), ""))
    if not fault:
        return None
    return f"Invalid schema for response_format '{name}': In context={where!r}, {fault}"


def fault_of_answer(schema: Mapping[str, Any], text: str) -> str | None:
    """What is wrong with `text` as an answer of this form; None if nothing is."""
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"it is no JSON ({error})"
    faults = Draft202012Validator(schema).iter_errors(value)
    told = [f"{fault.json_path}: {fault.message}" for fault in faults]
    return "; ".join(told[:5]) or None


def _faults(node: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each fault, with the path to the schema that has it."""
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from _faults(one, (*where, number))
    if not isinstance(node, Mapping):
        return
    yield from ((where, fault) for fault in _faults_here(node))
    for key, value in node.items():
        if key in _NAMED and isinstance(value, Mapping):
            for name, one in value.items():
                yield from _faults(one, (*where, key, name))
        elif key not in ("enum", "const", "examples"):
            yield from _faults(value, (*where, key))


def _faults_here(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"'{key}' is not permitted." for key in _NOT_PERMITTED if key in schema)
    if schema.get("type") != "object" and "properties" not in schema:
        return
    if schema.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    names = set(schema.get("properties", ()))
    missing = sorted(names - set(schema.get("required", ())))
    if missing:
        yield (
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing '{missing[0]}'."
        )
