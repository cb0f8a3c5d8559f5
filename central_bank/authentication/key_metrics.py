"""Shows in the metrics how long banks' keys, and replaced roots, are still good for offline
money, and which banks do not follow what was announced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from central_bank.authentication.banks import Registry
from central_bank.authentication.offline_roots import OfflineRoots
from currency.days import DAY_MS
from offline_token.formats import BANK, Certificate
from runtime.clock import Clock


class _DaysLeft(Collector):
    def __init__(self, banks: Registry, clock: Clock) -> None:
        self._banks = banks
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "dcep_bank_key_days_left",
            "Days until the certificate of a bank's newest business key ends",
            labels=["bank"],
        )
        now_ms = self._clock.now_ms()
        for bank in self._banks.all():
            ends_ms = Certificate.decode(bank.offline_certificate, BANK).expires_time_ms
            gauge.add_metric([bank.name], round((ends_ms - now_ms) / DAY_MS, 3))
        yield gauge


def watch_bank_keys(banks: Registry, clock: Clock, metrics: CollectorRegistry) -> None:
    """Shows how many days are left of each bank's newest key."""
    metrics.register(_DaysLeft(banks, clock))


class _RootsLeft(Collector):
    def __init__(self, roots: OfflineRoots, clock: Clock) -> None:
        self._roots = roots
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "dcep_offline_root_days_left",
            "Days until a root of offline money that was replaced ends",
            labels=["root"],
        )
        now_ms = self._clock.now_ms()
        for root in self._roots.all():
            if root.until_time_ms and root.good(now_ms):
                left_ms = root.until_time_ms - now_ms
                gauge.add_metric([root.key.hex()[:16]], round(left_ms / DAY_MS, 3))
        yield gauge


def watch_offline_roots(roots: OfflineRoots, clock: Clock, metrics: CollectorRegistry) -> None:
    """Shows how many days are left of roots that were replaced."""
    metrics.register(_RootsLeft(roots, clock))


class _Unfollowed(Collector):
    def __init__(
        self, banks: Registry, last: Callable[[], int], follows: Callable[[], Mapping[int, int]]
    ) -> None:
        self._banks = banks
        self._last = last
        self._follows = follows

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "dcep_bank_behind_announcements",
            "1 while a bank has not signed that it follows what was announced to banks",
            labels=["bank"],
        )
        last, follows = self._last(), self._follows()
        for bank in self._banks.all():
            if bank.suspended:
                continue  # it is told nothing
            gauge.add_metric([bank.name], follows.get(bank.index, 0) < last)
        yield gauge


def watch_followers(
    banks: Registry,
    last: Callable[[], int],
    follows: Callable[[], Mapping[int, int]],
    metrics: CollectorRegistry,
) -> None:
    """Shows which banks do not follow the newest announcement.

    Args:
        banks: all of them; those that are suspended are left out.
        last: gives the number of the newest announcement.
        follows: gives the number of the one that each bank follows, by its index.
        metrics: where it is shown.
    """
    metrics.register(_Unfollowed(banks, last, follows))
