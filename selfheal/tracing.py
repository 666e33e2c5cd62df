"""OpenTelemetry spans (OBS-2), where the settings name an endpoint; else nothing of it is loaded.

The trace of a request has the request's id. So whoever works at it joins its trace, in any process
and after any takeover, and nothing has to be carried along but the id that is in every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final
from uuid import UUID

from selfheal import late_log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

SENDING_SECONDS: Final = 2.0
"""A collector that is away must not hold a process that ends."""


class Spans:
    """Spans of one agent, by its service name; without an endpoint there are none.

    They are sent beside the work, and lost rather than waited for. They hold names and numbers: no
    goals, no prompts, no messages of errors.
    """

    def __init__(self, service: str, endpoint: str | None) -> None:
        self._service = service
        self._endpoint = endpoint

    @contextmanager
    def span(self, name: str, *, request: UUID, **attributes: str | int) -> Iterator[None]:
        """A part of the work at a request, below the part that it is in."""
        if self._endpoint is None or self._provider is None:
            yield
            return
        from opentelemetry import trace

        inside = trace.get_current_span().get_span_context().trace_id == request.int
        parent = trace.set_span_in_context(trace.NonRecordingSpan(_root(request)))
        with self._provider.get_tracer("selfheal").start_as_current_span(
            name,
            context=None if inside else parent,
            attributes={f"selfheal.{key}": value for key, value in attributes.items()},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    def close(self) -> None:
        """Send what was not sent yet."""
        if provider := vars(self).pop("_provider", None):
            provider.shutdown()

    @cached_property
    def _provider(self) -> TracerProvider | None:
        # Made by the process that works: the thread which sends does not live through a fork.
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            late_log.warning(
                "tracing.endpoint is set, but not the extra: pip install 'selfheal[otel]'",
                action="tracing.off",
            )
            return None
        url = f"{self._endpoint}".rstrip("/") + "/v1/traces"
        exporter = OTLPSpanExporter(url, timeout=SENDING_SECONDS)
        provider = TracerProvider(
            resource=Resource({SERVICE_NAME: self._service}), shutdown_on_exit=False
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider


def _root(request: UUID) -> SpanContext:
    """The request itself: a span that nobody sends."""
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        trace_id=request.int,
        span_id=request.int & (2**64 - 1) or 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
