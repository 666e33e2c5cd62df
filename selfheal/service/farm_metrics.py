"""What Prometheus reads of the whole farm: it is in rows, so every process says the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from selfheal.errors import StoreUnavailable
from selfheal.store.database import Database
from selfheal.store.plan_figures import BUCKET_SECONDS, PlanFigures, plan_figures


class FarmMetrics(Collector):
    """Reads when it is asked. While the database is away there is nothing to say of the farm.

    Rows that retention takes away are counted no more: to Prometheus that is a restart.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        with suppress(StoreUnavailable):
            with self._database.begin() as connection:
                found = plan_figures(connection)
            yield from _of_plans(found)

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering a collector must not open a connection."""
        return iter(())


def _of_plans(found: PlanFigures) -> Iterator[Metric]:
    plans = CounterMetricFamily("rp_plans", "plans by what came of them", labels=["result"])
    for result, count in found.results.items():
        plans.add_metric([result], count)
    yield plans
    counts = [*zip(map(str, BUCKET_SECONDS), found.within, strict=True), ("+Inf", found.count)]
    yield HistogramMetricFamily(
        "rp_plan_seconds", "time of a plan, model included", buckets=counts, sum_value=found.seconds
    )
    yield CounterMetricFamily("rp_plan_tokens", "tokens that plans took", value=found.tokens)
    yield CounterMetricFamily("rp_plan_usd", "US dollars that plans took", value=found.usd)
