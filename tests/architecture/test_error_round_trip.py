"""Every error survives the ways it travels between processes."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest
from celery import Celery
from celery.backends.base import Backend

from selfheal import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.SelfhealError)
]


def example(kind: type[errors.SelfhealError]) -> errors.SelfhealError:
    """An instance with as many arguments as its own constructor takes, one message otherwise."""
    own = inspect.signature(kind.__init__).parameters.values()
    names = [
        one.name for one in own if one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "self"
    ]
    return kind(*(f"the {name}" for name in names or ["message"]))


def assert_same(found: BaseException, expected: errors.SelfhealError) -> None:
    assert type(found) is type(expected)
    assert found.args == expected.args
    assert str(found) == str(expected)
    assert vars(found) == vars(expected)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_rebuilt_by_pickle(kind: type[errors.SelfhealError]) -> None:
    error = example(kind)

    assert_same(pickle.loads(pickle.dumps(error)), error)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_rebuilt_from_a_celery_result(kind: type[errors.SelfhealError]) -> None:
    error = example(kind)
    with Celery("round-trip", broker="memory://", set_as_current=False) as app:
        backend = Backend(app, serializer="json")

        sent = json.dumps(backend.prepare_exception(error, serializer="json"))
        found = backend.exception_to_python(json.loads(sent))

    assert_same(found, error)


def test_the_drawing_names_every_error_and_no_other() -> None:
    drawing = (errors.__doc__ or "").split("\n\n")[1]
    drawn = [line.strip(" │├└─").split()[0] for line in drawing.splitlines()]

    assert sorted(drawn) == sorted(kind.__name__ for kind in CLASSES)
