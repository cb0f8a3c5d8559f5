"""Prometheus metrics of calls and certificates; services add their own to the same registry."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from runtime.errors import Refusal
from runtime.settings import SettingsError

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class CallMetrics:
    """Counts calls by method and reason, and measures how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "grpc_calls_total",
            "Calls by method and reason",
            ["method", "reason"],
            registry=registry,
        )
        self._seconds = Histogram(
            "grpc_call_seconds",
            "Duration of calls",
            ["method"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def observe(self, method: str, reason: str, seconds: float) -> None:
        """Counts one finished call; `reason` is OK, or why it was refused."""
        self._calls.labels(method, reason).inc()
        self._seconds.labels(method).observe(seconds)

    def count(self, method: str, reason: str, calls: int) -> None:
        """Counts finished calls that were served together, so that each one's time is unknown."""
        self._calls.labels(method, reason).inc(calls)


def watch_days_left(days_left: Callable[[], float], registry: CollectorRegistry) -> None:
    """Adds ``certificate_days_left``: days until the own TLS certificate ends.

    `days_left` is called each time the metric is read.
    """
    gauge = Gauge(
        "certificate_days_left", "Days until the own TLS certificate ends", registry=registry
    )
    gauge.set_function(days_left)


def watch_serving(may_answer: Callable[[], None], registry: CollectorRegistry) -> None:
    """Adds ``dcep_serving``: 1 while calls are answered, 0 while each is refused.

    `may_answer` raises Refusal where they are; it is called each time the metric is read.
    """

    def serves() -> float:
        try:
            may_answer()
        except Refusal:
            return 0.0
        return 1.0

    gauge = Gauge(
        "dcep_serving", "1 while the service answers, 0 while it may not", registry=registry
    )
    gauge.set_function(serves)


def serve_metrics(registry: CollectorRegistry, port: int) -> None:
    """Serves /metrics on loopback, in a thread of its own; with port 0 it serves nothing.

    Raises:
        SettingsError: the port cannot be used.
    """
    if not port:
        return
    try:
        start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise SettingsError(f"metrics cannot be served at port {port}: {error.strerror}") from error
