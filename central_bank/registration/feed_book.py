"""Keeps what the feeds need besides the journal: the ledger's name, marks, receipts."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from central_bank.limits import ACTS_TOLD_MS
from central_bank.registration.tables import (
    acts_told,
    feed_ledger,
    feed_marks,
    feed_receipts,
    put_backs,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from runtime.bounds import greatest_in
from runtime.database import Database

LEDGER_BYTES = greatest_in(registration_pb2.FeedPlace, "ledger")


class Link(NamedTuple):
    """A place in a bank's chain.

    Attributes:
        number: of the last entry.
        hash: of the chain up to and including that entry.
        position: up to which the journal has been read.
    """

    number: int
    hash: bytes
    position: int


class Told(NamedTuple):
    """What a bank has acknowledged, since it was last put back if it ever was.

    Attributes:
        number: of the last entry that it has applied.
        journal_position: where its own journal ended.
    """

    number: int
    journal_position: int


class FeedBook:
    """The SQL of the feeds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._follows = database.read(_follows)

    def ledger(self) -> bytes:
        """The name of this ledger, 16 random bytes, made when it is first asked for."""

        def draw(connection: Connection) -> bytes:
            found = connection.execute(select(feed_ledger.c.ledger)).scalar()
            if found is None:
                found = secrets.token_bytes(LEDGER_BYTES)
                connection.execute(insert(feed_ledger), {"id": 1, "ledger": found})
            return bytes(found)

        return self._database.transaction(draw)

    def mark(self, bank: int, number: int) -> Link | None:
        """The last mark up to that number; None if there is none."""
        table = feed_marks
        query = (
            select(table.c.number, table.c.hash, table.c.position)
            .where(table.c.bank == bank, table.c.number <= number)
            .order_by(table.c.number.desc())
            .limit(1)
        )
        row = self._database.read(lambda c: c.execute(query).first())
        return Link(row.number, bytes(row.hash), row.position) if row is not None else None

    def put_mark(self, bank: int, link: Link) -> None:
        """Writes a mark; one for the same entry is replaced, because more of the journal was
        read.
        """
        same = (feed_marks.c.bank == bank) & (feed_marks.c.number == link.number)

        def put(connection: Connection) -> None:
            connection.execute(delete(feed_marks).where(same))
            connection.execute(insert(feed_marks), {"bank": bank, **link._asdict()})

        self._database.transaction(put)

    def acknowledged(self, bank: int) -> int:
        """Number of the last entry that a bank has acknowledged; 0 if there is none."""
        return self.told(bank).number

    def told(self, bank: int) -> Told:
        """What a bank has acknowledged. A bank that was put back counts as having acknowledged that
        place.
        """
        return self._database.read(lambda c: _told(c, bank))

    def acts_told(self, bank: int) -> int:
        """Number of the last act of a bank's officers that it has told of, or of which two officers
        here decided that it goes on from there; 0 if there is none.
        """
        return self._database.read(lambda c: _acts_told(c, bank))

    def put_back_ms(self, bank: int) -> int:
        """When two officers last decided where a bank's feed continues; 0 for never."""
        newest = select(func.max(put_backs.c.time_ms)).where(put_backs.c.bank == bank)
        return int(self._database.read(lambda c: c.execute(newest).scalar()) or 0)

    def announced(self) -> dict[int, int]:
        """Number of the last announcement that each bank follows, by its newest receipt."""
        return dict(self._follows)

    def acknowledge(self, bank: int, told: Told, receipt: bytes) -> None:
        """Keeps a bank's newest receipt, as it was signed; an older one changes nothing."""
        follows, mine = _announced_in(receipt), feed_receipts.c.bank == bank

        def put(connection: Connection) -> bool:
            known = _told(connection, bank)
            if told.number < known.number or told.journal_position < known.journal_position:
                return False
            kept = connection.execute(select(feed_receipts.c.receipt).where(mine)).scalar()
            if told == known and kept is not None and _announced_in(kept) == follows:
                return True
            connection.execute(delete(feed_receipts).where(mine))
            values = {"bank": bank, **told._asdict(), "receipt": receipt}
            connection.execute(insert(feed_receipts), values)
            return True

        if self._database.transaction(put):
            self._follows[bank] = follows

    def keep_acts(
        self, bank: int, incarnation: int, number: int, receipt: bytes, now_ms: int
    ) -> None:
        """Keeps a bank's receipt for the end of its officers' acts, if there are more acts now.

        A receipt that is a minute old stays for ever. Until then the next one replaces it.
        """
        mine = (acts_told.c.bank == bank) & (acts_told.c.incarnation == incarnation)
        newest = select(acts_told).where(mine).order_by(acts_told.c.number.desc()).limit(1)
        values = {"receipt": receipt, "time_ms": now_ms}
        row = {"bank": bank, "incarnation": incarnation, "number": number, **values}

        def put(connection: Connection) -> None:
            last = connection.execute(newest).first()
            if last is not None and last.number >= number:
                return
            if last is not None and 0 <= now_ms - last.time_ms < ACTS_TOLD_MS:
                same = mine & (acts_told.c.number == last.number)
                connection.execute(delete(acts_told).where(same))
            connection.execute(insert(acts_told), row)

        self._database.transaction(put)


def _told(connection: Connection, bank: int) -> Told:
    receipt = select(feed_receipts.c.number, feed_receipts.c.journal_position).where(
        feed_receipts.c.bank == bank
    )
    row = connection.execute(receipt).first()
    if row is not None:
        return Told(row.number, row.journal_position)
    newest = select(put_backs.c.number).where(put_backs.c.bank == bank)
    back = connection.execute(newest.order_by(put_backs.c.act.desc()).limit(1)).scalar()
    return Told(back or 0, 0)


def _acts_told(connection: Connection, bank: int) -> int:
    newest = select(put_backs.c.act, put_backs.c.acts_number).where(put_backs.c.bank == bank)
    back = connection.execute(newest.order_by(put_backs.c.act.desc()).limit(1)).first()
    incarnation, known = (back.act, back.acts_number) if back is not None else (0, 0)
    last = select(func.max(acts_told.c.number)).where(
        acts_told.c.bank == bank, acts_told.c.incarnation == incarnation
    )
    return max(int(known), int(connection.execute(last).scalar() or 0))


def _follows(connection: Connection) -> dict[int, int]:
    rows = connection.execute(select(feed_receipts.c.bank, feed_receipts.c.receipt))
    return {row.bank: _announced_in(row.receipt) for row in rows}


def _announced_in(signed: bytes) -> int:
    payload = SignedEnvelope.FromString(bytes(signed)).payload
    return int(registration_pb2.FeedReceipt.FromString(payload).announced_number)
