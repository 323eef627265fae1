"""The metrics in the text format of Prometheus: counters, and gauges read from the tables and the cache at that moment.

No process keeps a gauge of its own, so any of them may be scraped.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import DatabaseError, InterfaceError
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from integrations import registry
from integrations.operations import measures
from integrations.toolkit import counting
from integrations.toolkit.counting import Counted, CountsUnavailable, Field, Timed

logger = logging.getLogger(__name__)


def exposition() -> bytes:
    """Return all metrics as text. What cannot be read at the moment is left out, and `dependency_up` is 0 for it."""
    collectors = CollectorRegistry()
    collectors.register(_Collector())
    return generate_latest(collectors)


class _Collector(Collector):
    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("dependency_up", "Whether it answered just now (1) or not (0).", labels=["dependency"])
        parts: dict[str, Callable[[], list[Metric]]] = {"counts": _counts, "database": _tables}
        for name, read in parts.items():
            try:
                yield from read()
                up.add_metric([name], 1)
            except (CountsUnavailable, DatabaseError, InterfaceError) as error:
                logger.warning("metrics are incomplete: %s is away (%s)", name, type(error).__name__)
                up.add_metric([name], 0)
        yield from _limits()
        yield up


def _counts() -> list[Metric]:
    totals = counting.totals()
    # Clients count calls by the title of the provider; its key is used everywhere else.
    keys = {provider.title: provider.key for provider in registry.all_providers().values()}
    return [
        *(_counter(counted, totals, keys) for counted in counting.COUNTED),
        *(_histogram(timed, totals, keys) for timed in counting.TIMED),
    ]


def _counter(counted: Counted, totals: dict[Field, float], keys: dict[str, str]) -> Metric:
    family = CounterMetricFamily(counted.name, counted.documentation, labels=counted.labels)
    for (name, *values), number in sorted(totals.items()):
        if name == counted.name:
            family.add_metric([keys.get(value, value) for value in values], number)
    return family


def _histogram(timed: Timed, totals: dict[Field, float], keys: dict[str, str]) -> Metric:
    family = HistogramMetricFamily(timed.name, timed.documentation, labels=timed.labels)
    for *values, bound in sorted(field[1:] for field in totals if field[0] == timed.name):
        if bound != counting.SUM:
            continue
        buckets, number = [], 0.0
        for upper in (*map(str, counting.BOUNDS), counting.OVER):
            number += totals.get((timed.name, *values, upper), 0)
            buckets.append((upper, number))
        seconds = totals[timed.name, *values, counting.SUM]
        family.add_metric([keys.get(value, value) for value in values], buckets, seconds)
    return family


def _tables() -> list[Metric]:
    rows = GaugeMetricFamily(
        "queue_rows",
        "Rows of a queue: due now, waiting for their time or with a worker, or failed.",
        labels=["queue", "status"],
    )
    oldest = GaugeMetricFamily(
        "queue_oldest_due_seconds", "How long the oldest due row of a queue has been due.", labels=["queue"]
    )
    for queue in measures.queues():
        for status, number in (("due", queue.due), ("waiting", queue.waiting), ("failed", queue.failed)):
            rows.add_metric([queue.name, status], number)
        oldest.add_metric([queue.name], queue.oldest_due_seconds or 0)
    states = GaugeMetricFamily(
        "circuit_state", "1 for the state that a provider's circuit is in.", labels=["provider", "state"]
    )
    for provider, current in measures.circuits().items():
        for state in measures.CIRCUIT_STATES:
            states.add_metric([provider, state], int(state == current))
    return [rows, oldest, states]


def _limits() -> list[Metric]:
    left = GaugeMetricFamily(
        "rate_limit_remaining",
        "Calls that a provider's API has left, as it said last in the last 24 hours.",
        labels=["provider", "window"],
    )
    refused = GaugeMetricFamily(
        "rate_limited_calls_last_hour", "Calls that a provider's API refused as too many (429).", labels=["provider"]
    )
    for provider in registry.all_providers().values():
        for window, number in provider.calls_left().items():
            left.add_metric([provider.key, window], number)
    numbers = {
        refusals.subject: refusals.value for refusals in measures.refused_calls(measures.Reader(), timedelta(hours=1))
    }
    for key in registry.all_providers():
        refused.add_metric([key], numbers.get(key, 0))
    return [left, refused]
