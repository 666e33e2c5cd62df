"""What Prometheus reads of one process of the service, and with it of the farm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector


class Metrics:
    """Counters and a histogram in a registry of their own: two services in a process do not clash.

    `farm` tells what is known of the whole farm.
    Label values come from closed sets: what a stranger sends makes no new series.
    """

    def __init__(self, farm: Collector) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(farm)
        self._requests = Counter(
            "selfheal_http_requests",
            "answered requests, by the path as the OpenAPI document has it",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self._plans = Counter(
            "planner_plans", "goals by what became of them", ("result",), registry=self._registry
        )
        self._seconds = Histogram(
            "planner_plan_seconds", "time for one goal, model included", registry=self._registry
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)

    def answered(self, method: str, path: str, *, status: int) -> None:
        """Count one answered request."""
        self._requests.labels(method, path, str(status)).inc()

    @contextmanager
    def plan(self) -> Iterator[None]:
        """Time one goal, and count it by the name of its error if it has one."""
        began = time.monotonic()
        result = "planned"
        try:
            yield
        except Exception as error:
            result = type(error).__name__
            raise
        finally:
            self._plans.labels(result).inc()
            self._seconds.observe(time.monotonic() - began)
