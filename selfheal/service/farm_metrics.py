"""What Prometheus reads of the whole farm: it is in rows, so every process says the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from selfheal.errors import StoreUnavailable
from selfheal.store.code_plan_figures import (
    READ_SECONDS,
    WAITS_MS,
    CodePlanFigures,
    Spread,
    code_plan_figures,
)
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
                plans, code_plans = plan_figures(connection), code_plan_figures(connection)
            yield from _of_plans(plans)
            yield from _of_code_plans(code_plans)

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering a collector must not open a connection."""
        return iter(())


def _of_plans(found: PlanFigures) -> Iterator[Metric]:
    plans = CounterMetricFamily("rp_plans", "plans by what came of them", labels=["result"])
    for result, count in found.results.items():
        plans.add_metric([result], count)
    yield plans
    seconds = Spread(found.within, found.count, found.seconds)
    yield HistogramMetricFamily(
        "rp_plan_seconds",
        "time of a plan, model included",
        buckets=_buckets(BUCKET_SECONDS, seconds),
        sum_value=found.seconds,
    )
    yield CounterMetricFamily("rp_plan_tokens", "tokens that plans took", value=found.tokens)
    yield CounterMetricFamily("rp_plan_usd", "US dollars that plans took", value=found.usd)


def _of_code_plans(found: CodePlanFigures) -> Iterator[Metric]:
    yield _by_label("codeplanner_tasks", "CodingTasks", "complexity_label", found.tasks.items())
    latency = HistogramMetricFamily(
        "codeplanner_latency_ms",
        "what a step waited from the begin of code planning until its tasks were released",
        labels=["step_kind"],
    )
    for kind, waits in found.waits_ms.items():
        latency.add_metric([kind], _buckets(WAITS_MS, waits), waits.total)
    yield latency
    yield CounterMetricFamily(
        "codeplanner_rag_docs_fetched", "chunks that retrieval gave to tasks", value=found.docs
    )
    yield HistogramMetricFamily(
        "codeplanner_graph_parse_sec",
        "time of a bundle for the facts of its files: looked up, and parsed where unknown",
        buckets=_buckets(READ_SECONDS, found.read_seconds),
        sum_value=found.read_seconds.total,
    )
    yield _by_label("codeplanner_cache_hits", "what was known", "cache", found.hits.items())
    yield _by_label(
        "codeplanner_cache_misses", "what was not known yet", "cache", found.misses.items()
    )


def _by_label(name: str, what: str, label: str, counts: Iterable[tuple[str, int]]) -> Metric:
    counter = CounterMetricFamily(name, what, labels=[label])
    for value, count in counts:
        counter.add_metric([value], count)
    return counter


def _buckets(bounds: Sequence[float], spread: Spread) -> list[tuple[str, float]]:
    return [*zip(map(str, bounds), spread.within, strict=True), ("+Inf", spread.count)]
