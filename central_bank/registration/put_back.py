"""Lets a bank's feed continue from an older copy of its database, by an act of two officers here.

The bank's receipt for more is kept. What the bank signed before has no effect any more: each of its
signed statements names its incarnation, which is the number of the act by which it was last put
back.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.registration.feed_book import LEDGER_BYTES, Link
from central_bank.registration.tables import feed_ledger, feed_receipts, put_backs
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act, Decision, Effect
from runtime.checks import exact_bytes, invalid
from runtime.hash_chain import HASH_BYTES

FeedPlace = registration_pb2.FeedPlace


class PuttingBack(Effect):
    """The effect of the act PutBack.

    Attributes:
        known: gives the link of a place in a bank's feed, or raises Refusal.
    """

    right = office_pb2.RIGHT_BANKS

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._registry = context.registry
        self.known: Callable[[AdmittedBank, FeedPlace], Link] = _not_yet

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        asked = act.asked
        bank = self._registry.get(asked.name, "name")
        exact_bytes(asked.acts_hash, "acts_hash", HASH_BYTES)
        if not asked.after_number:
            if asked.after_hash:
                raise invalid("after_hash", "is unset before the first entry")
            return
        exact_bytes(asked.after_hash, "after_hash", HASH_BYTES)
        ledger = self._database.read(lambda c: c.execute(select(feed_ledger.c.ledger)).scalar())
        ledger = bytes(ledger or bytes(LEDGER_BYTES))
        place = FeedPlace(ledger=ledger, number=asked.after_number, hash=asked.after_hash)
        self.known(bank, place)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        self.check(act)
        asked = act.asked
        bank = self._registry.get(asked.name, "name")
        mine = feed_receipts.c.bank == bank.index

        def write(connection: Connection) -> None:
            if not decision.mark(connection):
                return
            receipt = connection.execute(select(feed_receipts).where(mine)).first()
            row = {
                "act": act.number,
                "bank": bank.index,
                "number": asked.after_number,
                "hash": asked.after_hash,
                "acts_number": asked.acts_number,
                "acts_hash": asked.acts_hash,
                "receipt": bytes(receipt.receipt) if receipt is not None else b"",
                "time_ms": decision.time_ms,
            }
            connection.execute(insert(put_backs), row)
            connection.execute(delete(feed_receipts).where(mine))

        self._registry.change(write)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self._database.transaction(decision.mark)


def _not_yet(_: AdmittedBank, __: FeedPlace) -> Link:
    raise RuntimeError("there is no feed yet")
