"""Redaction of what is no plain text: values of JSON, and a ChangeRequest at a door."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from selfheal.redaction.named_values import names_a_secret
from selfheal.redaction.placeholder import PLACEHOLDER, placeholder
from selfheal.redaction.redactor import Redactor

if TYPE_CHECKING:
    from selfheal.contracts.change_request import ChangeRequest

TEST_IDS = frozenset(
    {"failing_tests", "test_ids", "wanted_tests", "fixed_tests", "fixes", "fixed"}
    | {"failing", "still_failing", "flaky", "fast"}
)
"""Fields that hold ids of tests: by these the farm calls them, so they stay as they are."""


def redacted(redactor: Redactor, value: Any) -> Any:
    """A value of JSON without its secrets; a text under a name like `password` goes as a whole.

    Names stay as they are, and so do the ids of tests. A text that is JSON is redacted
    inside: otherwise it might be JSON no more, and secrets hide behind what is escaped in it.
    """
    return _walked(value, redactor, other=lambda odd: odd)


def redacted_shown(redactor: Redactor, value: Any) -> Any:
    """The same of any value, for showing: what JSON does not know is shown as Python would."""
    return _walked(value, redactor, other=lambda odd: redactor.redact(repr(odd)))


def redacted_request(redactor: Redactor, request: ChangeRequest) -> ChangeRequest:
    """The request without secrets in its texts, of the same meaning and id.

    Where it is, and which tests fail, are names: a door refuses those with a secret in them.
    """
    document = request.model_dump(mode="json")
    free = {name: text for name, text in document.items() if name not in ("repo", "branch")}
    clean = redacted(redactor, free)
    if clean == free:
        return request
    for name, field in type(request).model_fields.items():
        # A placeholder may be longer than what it stands for.
        longest = next((one.max_length for one in field.metadata if hasattr(one, "max_length")), 0)
        if longest and isinstance(clean.get(name), str):
            clean[name] = clean[name][:longest]
    return type(request).model_validate({**document, **clean})


def _walked(value: Any, redactor: Redactor, *, other: Callable[[Any], Any]) -> Any:
    match value:
        case str():
            return _text(value, redactor)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {
                name: _field(name, inside, redactor, other=other) for name, inside in value.items()
            }
        case [str(), *_] if all(map(_is_a_line, value)):
            # Lines of one text, as far as anybody knows: a key is recognised over several.
            lines = [_text(line, redactor) for line in value]
            return redactor.redact("\n".join(lines)).split("\n")
        case list() | tuple():
            return [_walked(one, redactor, other=other) for one in value]
    return other(value)


def _is_a_line(value: Any) -> bool:
    return isinstance(value, str) and "\n" not in value


def _text(text: str, redactor: Redactor) -> str:
    if text[:1] not in ("{", "["):
        return redactor.redact(text)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return redactor.redact(text)
    clean = redacted(redactor, document)
    return text if clean == document else json.dumps(clean)


def _field(name: Any, value: Any, redactor: Redactor, *, other: Callable[[Any], Any]) -> Any:
    if name in TEST_IDS:
        return value
    if isinstance(value, str) and value and isinstance(name, str) and names_a_secret(name):
        return value if PLACEHOLDER.fullmatch(value) else placeholder(name, value)
    return _walked(value, redactor, other=other)
