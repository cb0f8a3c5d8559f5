"""Records when the central bank contradicts what it said before; the later statement is never
taken.

Whether it is a fork, a step back or an older copy: this bank goes on with what it heard first, and
keeps both statements as they came, for whoever investigates.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection, func, insert, select

from currency.contract_words import subject_word
from dcep.bank.v1 import officers_pb2
from operator_bank.peers.tables import contradictions
from runtime.clock import Clock
from runtime.database import Database
from runtime.logs import logger

KEYS = officers_pb2.SUBJECT_CENTRAL_KEYS
BUNDLE = officers_pb2.SUBJECT_TRUST_BUNDLE
ACTS = officers_pb2.SUBJECT_OFFICERS_ACTS
MAX_KEPT = 200
"""Pairs of statements that are kept; further ones are logged only."""


class Contradiction(NamedTuple):
    """A contradiction, and since when it has been there."""

    cause: str
    since_ms: int


class Contradictions:
    """Contradictions that are there now, by subject, and in the database those that ever were. Any
    thread may call this.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._now: dict[officers_pb2.Subject, Contradiction] = {}

    def now(self) -> Mapping[officers_pb2.Subject, Contradiction]:
        """The contradictions that are there now, by subject."""
        return dict(self._now)

    def found(self, about: officers_pb2.Subject, cause: str, kept: bytes, shown: bytes) -> None:
        """Records a contradiction, once until it changes; both statements are kept.

        Args:
            about: `KEYS`, `BUNDLE` or `ACTS`.
            cause: a sentence for a person.
            kept: what was said before, as it came.
            shown: what is said now, as it came.
        """
        with self._lock:
            before = self._now.get(about)
            if before is not None and before.cause == cause:
                return
            self._keep(about, cause, kept, shown)
            self._now[about] = Contradiction(cause, self._clock.now_ms())
        logger("contradictions").error(
            "the central bank contradicts what it said before",
            about=subject_word(about),
            cause=cause,
        )

    def gone(self, about: officers_pb2.Subject) -> None:
        """Records that the central bank agrees again with what was kept."""
        if about in self._now:
            with self._lock:
                self._now.pop(about, None)
            logger("contradictions").info("the contradiction has gone", about=subject_word(about))

    def _keep(self, about: officers_pb2.Subject, cause: str, kept: bytes, shown: bytes) -> None:
        digest = hashlib.sha256(len(kept).to_bytes(8, "big") + kept + shown).digest()
        row = {
            "digest": digest,
            "subject": about,
            "cause": cause,
            "kept": kept,
            "shown": shown,
            "time_ms": self._clock.now_ms(),
        }
        count = select(func.count()).select_from(contradictions)
        same = select(contradictions.c.subject).where(contradictions.c.digest == digest)

        def body(connection: Connection) -> None:
            known = connection.execute(same).first() is not None
            if not known and connection.execute(count).scalar_one() < MAX_KEPT:
                connection.execute(insert(contradictions), row)

        self._database.transaction(body)


def watch_contradictions(found: Contradictions, registry: CollectorRegistry) -> None:
    """Shows in the metrics whether the central bank contradicts itself."""
    gauge = Gauge(
        "dcep_central_bank_contradicts",
        "1 while the central bank contradicts what it said before",
        ["about"],
        registry=registry,
    )
    for about in (KEYS, BUNDLE, ACTS):
        gauge.labels(subject_word(about)).set_function(partial(_stands, found, about))


def _stands(found: Contradictions, about: officers_pb2.Subject) -> float:
    return float(about in found.now())
