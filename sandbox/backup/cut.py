"""Holds several databases at one moment, so that their copies fit together.

Copies of running parties that are made one after the other contradict each other. A bank's copy
that is newer than the central bank's has applied entries that the central bank's copy never sent.
One that is older does not know payments that the central bank has settled. So all databases are
held at one moment, the banks' first, each by a transaction that only reads, and copied from there:

* What a bank has heard, the central bank had written down before. The central bank is held last,
  so its copy has all of it.
* What the central bank has from a bank, the bank had written down before it sent it. That is
  checked: if something was sent between two of the holds, all are let go and held again.

Nobody waits for this: readers keep no writer waiting, neither on SQLite nor on PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, Select, column, func, select, table, text

from auditor.books import CIRCULATION, DEPOSITS, OFFICE, Owned
from deployment.databases import DatabaseMissing, reading_engine
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from sandbox.backup.refused import BackupRefused
from settlement.packing import unpack
from settlement.records import Result

ATTEMPTS = 40
_PAUSE_S = 0.05
_RESERVED_MS = 60_000
"""Only a redemption younger than this may be one that its bank is reserving just now."""

_journal = table(
    "journal", *map(column, ("seq", "first_position", "count", "hash", "body", "previous_hash"))
)
_place = table("feed_place", *map(column, ("ledger", "number", "position")))
_ledger = table("feed_ledger", column("ledger"))
_banks = table("banks", *map(column, ("id", "name")))
_receipts = table("feed_receipts", *map(column, ("bank", "number", "journal_position")))
_acts_told = table("acts_told", *map(column, ("bank", "incarnation", "number")))
_put_backs = table("put_backs", *map(column, ("act", "bank")))
_acts = table("officer_chain", column("number"))
_deposits = table("token_deposits", column("id"))
_revision = table("alembic_version", column("version_num"))
_founding = table("officer_founding", column("institution"))


@dataclass(frozen=True)
class Stands:
    """Where a party's journal and feed are, at the moment of a copy."""

    revision: str
    seq: int
    position: int
    hash: bytes
    ledger: bytes
    feed_number: int
    feed_position: int
    institution: str
    """The institution that the database names; "" before its service was started once."""


@dataclass(frozen=True)
class Held:
    """A party's database, held at one moment by a transaction."""

    name: str
    url: str
    connection: Connection
    stands: Stands


def stands(connection: Connection, name: str) -> Stands:
    """Reads where a party's journal and feed are.

    Args:
        connection: to its database.
        name: the party's.
    """
    of = _journal.c
    query = select(of.seq, of.first_position, of.count, of.hash).order_by(of.seq.desc()).limit(1)
    tip = connection.execute(query).first()
    revision = connection.execute(select(_revision)).scalar() or ""
    whose = connection.execute(select(_founding)).scalar() or ""
    seq, position, digest = 0, 0, b""
    if tip is not None:
        seq, position, digest = tip.seq, tip.first_position + tip.count - 1, bytes(tip.hash)
    if name == CENTRAL_BANK:
        ledger = connection.execute(select(_ledger)).scalar() or b""
        return Stands(revision, seq, position, digest, bytes(ledger), 0, 0, whose)
    place = connection.execute(select(_place)).first()
    if place is None:
        return Stands(revision, seq, position, digest, b"", 0, 0, whose)
    fed = bytes(place.ledger), place.number, place.position
    return Stands(revision, seq, position, digest, *fed, whose)


@contextmanager
def held(plan: StackPlan, names: Sequence[str]) -> Iterator[dict[str, Held]]:
    """Holds parties' databases at one moment.

    Raises:
        BackupRefused: a database is missing, or they contradict each other at every attempt.
    """
    order = sorted(names, key=lambda name: name == CENTRAL_BANK)
    wrong: list[str] = []
    with ExitStack() as ends:
        opened = {name: ends.enter_context(_opened(plan.database_url(name))) for name in order}
        for attempt in range(ATTEMPTS):
            time.sleep(attempt * _PAUSE_S)
            for connection in opened.values():
                # The first query holds it. The less time from the first database to the last, the
                # less is sent between them.
                connection.execute(select(func.max(_journal.c.seq))).scalar()
            found = {
                name: Held(name, plan.database_url(name), connection, stands(connection, name))
                for name, connection in opened.items()
            }
            wrong = contradictions(found)
            if not wrong:
                yield found
                return
            for connection in opened.values():
                connection.rollback()
    raise BackupRefused(
        "NOT_CONSISTENT",
        _("{wrong}; look with dcep audit whether one of them is an older copy").format(
            wrong=wrong[0]
        ),
    )


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    try:
        engine: Engine = reading_engine(url)
    except DatabaseMissing as missing:
        raise BackupRefused("NO_DATABASE", str(missing)) from None
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def contradictions(found: Mapping[str, Held]) -> list[str]:
    """Sentences on why these databases, as they are held, do not fit together."""
    central = found.get(CENTRAL_BANK)
    banks = [one for name, one in found.items() if name != CENTRAL_BANK]
    if central is None or not banks:
        return []
    query = select(_banks.c.name, _banks.c.id)
    indexes = {row.name: row.id for row in central.connection.execute(query)}
    known = [one for one in banks if one.name in indexes]
    accounts = Owned.read(central.connection)
    heard = {indexes[one.name]: one.stands.feed_position for one in known}
    last = _last_heard(central, accounts, heard)
    wrong: list[str] = []
    for bank in known:
        wrong += _between(bank, central, indexes[bank.name], accounts, last)
    return wrong


@dataclass(frozen=True)
class _LastHeard:
    """What the central bank's journal has from banks, beyond what each of them has applied.

    What a bank has applied it knows, even where its own tables do not: it may have lost it, and
    come back.

    Attributes:
        numbers: the highest number, by the account that it came from.
        redeemed_ms: the time of the newest redemption, by the office's account for the bank.
    """

    numbers: dict[int, int]
    redeemed_ms: dict[int, int]


def _between(bank: Held, central: Held, index: int, accounts: Owned, last: _LastHeard) -> list[str]:
    name = bank.name
    has, says = bank.stands, central.stands
    if has.ledger and has.ledger != says.ledger:
        return [_("{name} follows another ledger than that of the central bank").format(name=name)]
    if has.feed_position > says.position:
        return [_("{name} has applied more than the central bank has").format(name=name)]

    def number(source: object, where: Held) -> int:
        return int(where.connection.execute(source).scalar() or 0)  # type: ignore[call-overload]

    of_bank = _receipts.c.bank == index
    for what, theirs, own in (
        ("payment", last.numbers.get(accounts.number(index, CIRCULATION), 0), has.position),
        (
            "deposit",
            last.numbers.get(accounts.number(index, DEPOSITS), 0),
            number(select(func.max(_deposits.c.id)), bank),
        ),
        (
            _("feed entry"),
            number(select(func.max(_receipts.c.number)).where(of_bank), central),
            has.feed_number,
        ),
        (
            _("journal position"),
            number(select(func.max(_receipts.c.journal_position)).where(of_bank), central),
            has.position,
        ),
        (
            _("officers' act"),
            number(_acts_of(index), central),
            number(select(func.max(_acts.c.number)), bank),
        ),
    ):
        if theirs > own:
            return [
                _(
                    "the central bank has heard of {what} {theirs} of {name}, which has {own}"
                ).format(what=what, theirs=theirs, name=name, own=own)
            ]
    if last.redeemed_ms.get(accounts.number(index, OFFICE), 0) > time.time() * 1_000 - _RESERVED_MS:
        return [_("a redemption of {name} is being made just now").format(name=name)]
    return []


def _acts_of(index: int) -> Select[tuple[int]]:
    """How many acts a bank has told of since it was last put back, which may have lost it some."""
    told, backs = _acts_told.c, _put_backs.c
    last = select(func.coalesce(func.max(backs.act), 0)).where(backs.bank == index)
    since = told.incarnation >= last.scalar_subquery()
    return select(func.max(told.number)).where(told.bank == index, since)


def _last_heard(central: Held, accounts: Owned, heard: Mapping[int, int]) -> _LastHeard:
    """What the central bank's journal has from banks after the position each has applied."""
    found = _LastHeard({}, {})
    after = min(heard.values(), default=0)
    of = _journal.c
    seq = central.connection.execute(
        select(func.max(of.seq)).where(of.first_position <= after + 1)
    ).scalar()
    at = (seq or 1) - 1
    while True:
        query = (
            select(of.seq, of.first_position, of.body).where(of.seq > at).order_by(of.seq).limit(16)
        )
        rows = central.connection.execute(query).all()
        for row in rows:
            _hear(bytes(row.body), row.first_position, accounts, heard, found)
            at = row.seq
        if len(rows) < 16:
            return found


def _hear(
    body: bytes, first: int, accounts: Owned, heard: Mapping[int, int], found: _LastHeard
) -> None:
    records, results = unpack(body, signed=False)[:2]
    positions = np.arange(first, first + len(records))
    for origin in set(records["origin"].tolist()):
        bank, purpose = accounts.place(origin)
        mine = (records["origin"] == origin) & (positions > heard.get(bank, 0))
        if purpose in (CIRCULATION, DEPOSITS) and mine.any():
            highest = int(records["sequence"][mine].max())
            found.numbers[origin] = max(found.numbers.get(origin, 0), highest)
        elif purpose == OFFICE:
            circulation = accounts.number(bank, CIRCULATION)
            mine &= (records["debit"] == circulation) & (results < Result.MALFORMED)
            if mine.any():
                newest = int(records["time_ms"][mine].max())
                found.redeemed_ms[origin] = max(found.redeemed_ms.get(origin, 0), newest)


def snapshot_of(one: Held) -> str:
    """Exports a held PostgreSQL database's snapshot; its name lets other connections read it."""
    return str(one.connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
