"""Chains an institution's acts from its founding on: each proposal and each end of an act is a
link.

A link is written in the transaction of what it records. Its hash covers the link before it and
everything that is kept of the proposal or the end. So an act that is removed, changed, moved or
inserted is noticed. The links are in the order in which things happened, whatever the clock said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, Row, insert, select

from dcep.office.v1 import office_pb2
from officers.tables import OfficerTables
from runtime.database import Database
from runtime.hash_chain import beginning, linked
from runtime.remembered import Remembered

ActRow: TypeAlias = Row[Any] | SimpleNamespace
"""An act's row, or what is about to become one."""


class Place(NamedTuple):
    """How far a chain goes.

    Attributes:
        number: of the last link; 0 before the first.
        hash: of the chain up to and including that link, 32 bytes.
    """

    number: int
    hash: bytes


def chain_beginning(institution: str, payload: bytes, signature: bytes) -> Place:
    """The place before the first act: it hashes the founding record, as it was signed."""
    return Place(0, beginning("officer-acts/v1", institution.encode(), payload, signature))


def after_proposal(place: Place, number: int, act: ActRow) -> Place:
    """The place after a proposal.

    Args:
        place: the place before.
        number: the act's.
        act: its row: proposer, proposal, proposal_signature, proposed_time_ms.
    """
    return _after(
        place,
        number,
        office_pb2.ACT_STATE_OPEN,
        act.proposer.encode(),
        bytes(act.proposal),
        bytes(act.proposal_signature),
        act.proposed_time_ms,
    )


def after_end(place: Place, number: int, act: ActRow) -> Place:
    """The place after the end of an act.

    Args:
        place: the place before.
        number: the act's.
        act: its row: state, decider, decision, decision_signature, decided_time_ms, position,
            reason.
    """
    return _after(
        place,
        number,
        act.state,
        act.decider.encode(),
        bytes(act.decision),
        bytes(act.decision_signature),
        act.decided_time_ms,
        act.position,
        act.reason,
    )


def _after(place: Place, act: int, state: int, *told: bytes | int) -> Place:
    number = place.number + 1
    parts = [_bytes(part) for part in (number, act, state, *told)]
    link = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return Place(number, linked(place.hash, link))


def _bytes(part: bytes | int) -> bytes:
    return part if isinstance(part, bytes) else part.to_bytes(8, "big", signed=True)


def read_place(connection: Connection, tables: OfficerTables) -> Place:
    """Where the chain ends now."""
    chain, founding = tables.chain, tables.founding
    newest = select(chain.c.number, chain.c.hash).order_by(chain.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is not None:
        return Place(row.number, bytes(row.hash))
    first = connection.execute(select(founding)).one()
    return chain_beginning(first.institution, bytes(first.payload), bytes(first.signature))


def put_link(
    connection: Connection, tables: OfficerTables, act: int, state: int, place: Place
) -> None:
    """Writes a link, in the transaction of what it records.

    Args:
        connection: of that transaction.
        tables: the officers'.
        act: the act's number.
        state: the state that the act comes into; OPEN for a proposal.
        place: after the link.
    """
    row = {"number": place.number, "act": act, "state": state, "hash": place.hash}
    connection.execute(insert(tables.chain), row)


class ActsChain:
    """Where the chain ends, kept in memory. Any thread may ask."""

    def __init__(self, database: Database, tables: OfficerTables) -> None:
        self._remembered = Remembered(database, lambda c: read_place(c, tables))

    def place(self) -> Place:
        """The place after the last link that was written."""
        return self._remembered.now()

    @contextmanager
    def change(self) -> Iterator[None]:
        """A context for whatever may write links."""
        with self._remembered.change():
            yield
