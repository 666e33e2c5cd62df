"""The form of an answer: a JSON schema that strict endpoints take, and reading by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError

from selfheal.contracts.document import Value
from selfheal.errors import InvalidAnswer

V = TypeVar("V", bound=Value)

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(?P<inside>.*)\n\s*```\s*\Z", re.DOTALL)
_SHOWN_FAULTS = 5


@cache
def strict_schema(form: type[Value]) -> dict[str, Any]:
    """The JSON schema of `form` as strict structured output wants it; made once, not to be changed.

    Every object is closed and requires all its properties; defaults and titles, which endpoints
    refuse, are left out. What may be left out elsewhere is said by its empty value here.
    """
    schema: dict[str, Any] = _strict(form.model_json_schema())
    return schema


def read_form(form: type[V], text: str) -> V:
    """The value in `text`, JSON with or without a fence round it; raises InvalidAnswer.

    The error names each field that is wrong, as a model can use it.
    """
    fenced = _FENCED.match(text)
    try:
        return form.model_validate_json(fenced["inside"] if fenced else text)
    except ValidationError as error:
        told = "; ".join(_told(error))
        kind = "no_json" if error.errors()[0]["type"] == "json_invalid" else "schema"
        raise InvalidAnswer(kind, told) from error


def _told(error: ValidationError) -> Iterator[str]:
    found = error.errors(include_url=False)
    for one in found[:_SHOWN_FAULTS]:
        where = ".".join(map(str, one["loc"]))
        yield f"{where}: {one['msg']}" if where else one["msg"]
    if len(found) > _SHOWN_FAULTS:
        yield f"and {len(found) - _SHOWN_FAULTS} more faults"


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    strict = {key: _strict(value) for key, value in node.items() if key not in ("default", "title")}
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        # A property may itself be called "title": names are no keywords.
        strict["properties"] = {name: _strict(value) for name, value in properties.items()}
        strict["required"] = list(properties)
        strict["additionalProperties"] = False
    return strict
