"""Shows the state of the feed in the metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from operator_bank.feed.follower import FeedFollower


def watch_feed(follower: FeedFollower, registry: CollectorRegistry) -> None:
    """Shows how far the feed has been applied, and whether it has stopped."""
    number = Gauge("dcep_feed_number", "Last entry of the feed that was applied", registry=registry)
    number.set_function(lambda: follower.place.number)
    stopped = Gauge("dcep_feed_stopped", "1 while the feed has stopped", registry=registry)
    stopped.set_function(lambda: float(follower.stopped is not None))
