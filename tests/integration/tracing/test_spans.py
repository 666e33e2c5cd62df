"""Spans that a collector takes, as OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from selfheal.tracing import Spans
from tests.integration.collector import Collector

REQUEST = uuid4()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


def test_parts_of_the_work_are_below_the_part_that_they_are_in(collector: Collector) -> None:
    spans = Spans("code-planner", collector.url)
    whole, part = spans.span("whole", request=REQUEST, steps=3), spans.span("part", request=REQUEST)
    with closing(spans), whole, part:
        pass

    came = collector.spans
    assert collector.services == {"code-planner"}
    assert came["part"].parent_span_id == came["whole"].span_id
    (steps,) = came["whole"].attributes
    assert (steps.key, steps.value.int_value) == ("selfheal.steps", 3)


def test_whoever_works_at_a_request_joins_its_trace(collector: Collector) -> None:
    for name, request in (("first", REQUEST), ("takeover", REQUEST), ("another", uuid4())):
        with (
            closing(Spans("code-planner", collector.url)) as spans,
            spans.span(name, request=request),
        ):
            pass

    first, takeover, another = (collector.spans[n] for n in ("first", "takeover", "another"))
    assert UUID(bytes=first.trace_id) == UUID(bytes=takeover.trace_id) == REQUEST
    assert first.parent_span_id == takeover.parent_span_id
    assert another.trace_id != first.trace_id


def test_an_error_is_named_and_what_it_says_is_not(collector: Collector) -> None:
    spans = Spans("code-planner", collector.url)
    with pytest.raises(ValueError), closing(spans), spans.span("cut", request=REQUEST):
        raise ValueError("the password is correct horse")

    assert collector.spans["cut"].status.message == "ValueError"
    assert "horse" not in str(collector.came)


def test_a_collector_that_is_away_is_no_harm(collector: Collector) -> None:
    with Collector() as gone:
        pass

    with closing(Spans("code-planner", gone.url)) as spans, spans.span("cut", request=REQUEST):
        done = True

    assert done


def test_without_an_endpoint_nothing_is_loaded() -> None:
    spans = Spans("code-planner", None)

    with spans.span("cut", request=REQUEST):
        done = True

    spans.close()
    assert done
    assert "_provider" not in vars(spans)
