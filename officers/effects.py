"""Defines what an act does: the interface between the two signatures and a tier's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, update

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.chain import after_end, put_link, read_place
from officers.contents import kind_of, message_of
from officers.tables import OfficerTables
from runtime.database import Database
from runtime.errors import Refusal


@dataclass(frozen=True)
class Act:
    """An act as it was proposed, and what became of it."""

    number: int
    content: office_pb2.OfficerAct
    digest: bytes
    state: int
    proposal: SignedEnvelope
    proposed_time_ms: int
    decider: str
    decision: SignedEnvelope | None
    decided_time_ms: int
    position: int
    reason: int

    @property
    def proposer(self) -> str:
        """The name of the officer who proposed it."""
        return self.content.officer

    @property
    def asked(self) -> Any:
        """The act's own message, such as an `office_pb2.Issue`."""
        return message_of(self.content)

    @property
    def kind(self) -> str:
        """The name of its kind, such as "issue"."""
        return kind_of(self.content)

    @property
    def record_digest(self) -> int:
        """The digest field of the act's record in the journal."""
        return int.from_bytes(self.digest[:8], "little")


@dataclass(frozen=True)
class Decision:
    """How an act ends; it is written in the transaction of what the act does."""

    act: Act
    state: int
    decider: str
    envelope: SignedEnvelope | None
    time_ms: int
    tables: OfficerTables
    reason: int = 0

    def mark(self, connection: Connection, *, position: int = 0, reason: int = 0) -> bool:
        """Marks the act as decided; returns False if it was decided before.

        Args:
            connection: of the transaction in which the act takes effect.
            position: of its record in the journal; 0 for none.
            reason: why it could not be performed after all; 0 if it was.
        """
        table, envelope = self.tables.acts, self.envelope or SignedEnvelope()
        reason = reason or self.reason
        state = office_pb2.ACT_STATE_REFUSED if reason else self.state
        end = {
            "state": state,
            "decider": self.decider,
            "decision": envelope.payload,
            "decision_signature": envelope.signature,
            "decided_time_ms": self.time_ms,
            "position": position,
            "reason": reason,
        }
        number = self.act.number
        done = connection.execute(
            update(table)
            .where(table.c.id == number, table.c.state == office_pb2.ACT_STATE_OPEN)
            .values(end)
        )
        if done.rowcount:
            before = read_place(connection, self.tables)
            after = after_end(before, number, SimpleNamespace(**end))
            put_link(connection, self.tables, number, state, after)
        return bool(done.rowcount)


class Effect:
    """What acts of one kind do. `perform` and `end` are called one at a time, the rest at any
    time.
    """

    right: int
    """The Right that proposer and approver need."""

    def concerns(self, act: Act) -> str:
        """The officer whose keys or rights the act changes; "" if it changes nobody's."""
        return ""

    def check(self, act: Act) -> None:
        """Raises Refusal if an act could not be performed now. It only reads."""

    def ready(self, act: Act) -> None:
        """Arranges with other parties what the act needs, when a second officer approves it.

        It does not wait for a party that hangs: `perform` refuses an act for which this is not done
        yet.

        Raises:
            Refusal: another party's final refusal, which ends the act.
        """

    def perform(self, act: Act, decision: Decision) -> None:
        """Performs the act, with `decision.mark` in the same transaction.

        Raises:
            Refusal: it cannot be performed. The act stays open unless it was marked.
        """
        raise NotImplementedError

    def end(self, act: Act, decision: Decision) -> None:
        """Ends an act that was rejected or has expired: `decision.mark`, and what belongs to
        that.
        """
        raise NotImplementedError


class SqlEffect(Effect):
    """An effect that is a change of rows, in one transaction with the mark."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        """What changes the rows. A Refusal is raised here, and not in the returned function."""
        raise NotImplementedError

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        self.check(act)
        change = self.change(act, decision)

        def body(connection: Connection) -> None:
            if decision.mark(connection):
                change(connection)

        self.database.transaction(body)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self.database.transaction(decision.mark)


def same_officer() -> Refusal:
    """The refusal if the second signature is not another officer's."""
    return Refusal(
        errors_pb2.REASON_SAME_OFFICER, "it takes another officer than that", field="officer"
    )
