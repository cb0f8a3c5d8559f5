"""Officers of a bank and their acts over a database, with one kind of act that counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from nacl.signing import SigningKey
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update

from dcep.office.v1 import office_pb2
from officers.acts import Acts
from officers.build import open_acts, open_officers
from officers.effects import Act, Decision, SqlEffect
from officers.tables import officer_tables
from runtime.clock import ManualClock
from runtime.database import Database, open_engine
from runtime.errors import Refusal
from tests.officers.people import Person, founding

NOW_MS = 1_750_000_000_000
BANK = "alpha"
BUSINESS_KEY = SigningKey(b"\x0a" * 32)
WANG, ZHOU, CHEN = (Person(BANK, name) for name in ("wang", "zhou", "chen"))
CLERK = Person(BANK, "clerk", (office_pb2.RIGHT_SUSPENSE,))


class Counting(SqlEffect):
    """Counts what was frozen, in a row; refuses or is not answered as it is told."""

    right = office_pb2.RIGHT_WALLETS

    def __init__(self, database: Database, table: Table) -> None:
        super().__init__(database)
        self.table = table
        self.no = 0
        self.peer = 0

    def check(self, act: Act) -> None:
        if self.no:
            raise Refusal(self.no, "cannot be done")

    def ready(self, act: Act) -> None:
        if self.peer:
            raise Refusal(self.peer, "the peer says no")

    def change(self, act: Act, decision: Decision):  # type: ignore[no-untyped-def]
        return lambda c: c.execute(update(self.table).values(done=self.table.c.done + 1))


class Office:
    """`restart` builds the room anew from the database."""

    def __init__(self, folder: Path, *first: Person) -> None:
        metadata = MetaData()
        self.tables = officer_tables(metadata)
        self.counted = Table("counted", metadata, Column("done", Integer))
        self.engine = open_engine(f"sqlite:///{folder / 'officers.db'}")
        metadata.create_all(self.engine)
        self.database = Database(self.engine)
        self.database.transaction(lambda c: c.execute(insert(self.counted).values(done=0)))
        self.clock = ManualClock(NOW_MS)
        self.first = first
        self.restart()

    def restart(self) -> None:
        founded = founding(BUSINESS_KEY, *self.first)
        self.officers = open_officers(self.database, self.tables, BANK, founded, self.clock)
        self.effect = Counting(self.database, self.counted)
        self.acts: Acts = open_acts(
            self.database, self.tables, self.officers, {"freeze_wallet": self.effect}, self.clock
        )

    @property
    def done(self) -> int:
        """How often something was frozen."""
        return self.database.read(lambda c: c.execute(select(self.counted.c.done)).scalar_one())

    def propose(self, who: Person, kind: Message | None = None, **more: Any) -> Act:
        kind = kind or office_pb2.FreezeWallet(wallet_number="6201000000000012")
        return self.acts.propose(who.identity, who.propose(kind, self.clock.now_ms(), **more))

    def approve(self, who: Person, act: Act) -> Act:
        signed = who.signer.approve(act.proposal.payload, self.clock.now_ms())
        return self.acts.approve(who.identity, signed)

    def reject(self, who: Person, act: Act) -> Act:
        signed = who.signer.reject(act.proposal.payload, self.clock.now_ms())
        return self.acts.reject(who.identity, signed)

    def both(self, kind: Message, first: Person = WANG, second: Person = ZHOU) -> Act:
        return self.approve(second, self.propose(first, kind))
