"""What Prometheus reads of the Planner Arm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram


class PlannerMetrics:
    """Counters and a histogram in a registry of their own: two arms in a process do not clash."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "planner_http_requests", "answered requests", ("path", "status"), registry=self.registry
        )
        self._plans = Counter(
            "planner_plans", "goals by what became of them", ("result",), registry=self.registry
        )
        self._seconds = Histogram(
            "planner_plan_seconds", "time for one goal, model included", registry=self.registry
        )

    def answered(self, path: str, status: int) -> None:
        """Count one answered request."""
        self._requests.labels(path, str(status)).inc()

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
