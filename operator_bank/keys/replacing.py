"""Replaces keys of wallets: two officers approve, the key before may object, the journal decides
where the one ends and the other begins.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.tables import key_replacements
from operator_bank.limits import MAX_KEY_VALIDITY_MS
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.orders import Orders, check_times
from operator_bank.wallets.tables import wallets
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import records_of, replacing_key
from settlement.core import Answers, Batch

APPROVED, IN_FORCE = keys_pb2.KEY_STATE_APPROVED, keys_pb2.KEY_STATE_IN_FORCE
OBJECTED, REFUSED = keys_pb2.KEY_STATE_OBJECTED, keys_pb2.KEY_STATE_REFUSED
_OF = key_replacements.c


@dataclass(frozen=True)
class Replacement:
    """A key that two officers have approved for a wallet, and whose time has not come.

    Attributes:
        act: number of their act.
        act_digest: SHA-256 of what they signed.
        number: the wallet's.
        key: the new key.
        approved_ms: when it was approved.
        due_ms: from when on it may count.
    """

    act: int
    act_digest: bytes
    number: str
    key: bytes
    approved_ms: int
    due_ms: int


class _Ended(Exception):
    """It was objected to in the same moment."""


class KeyReplacements:
    """The replacements of keys, from the approval on."""

    def __init__(self, context: Context, directory: Directory, orders: Orders) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._directory = directory
        self._orders = orders
        self._lock = threading.Lock()
        query = select(key_replacements).where(_OF.state == APPROVED)
        rows = context.database.read(lambda c: c.execute(query).all())
        self._waiting = {row.act: _replacement(row) for row in rows}

    def waiting_for(self, number: str) -> Replacement | None:
        """What is to take the place of a wallet's key; None for nothing."""
        with self._lock:
            return next((one for one in self._waiting.values() if one.number == number), None)

    def rows(self, number: str) -> list[Row[Any]]:
        """All replacements of a wallet's key, oldest first."""
        query = select(key_replacements).where(_OF.number == number).order_by(_OF.act)
        return list(self._database.read(lambda c: c.execute(query).all()))

    def first_key(self, number: str) -> bytes | None:
        """The key that a wallet was opened with; None if there is no such wallet."""
        query = select(wallets.c.public_key).where(wallets.c.number == number)
        found = self._database.read(lambda c: c.execute(query).scalar())
        return None if found is None else bytes(found)

    def write(self, connection: Connection, approved: Replacement) -> None:
        """Writes one down in the transaction in which it is approved; then call `follow`."""
        values = {
            "act": approved.act,
            "act_digest": approved.act_digest,
            "number": approved.number,
            "public_key": approved.key,
            "approved_time_ms": approved.approved_ms,
            "due_time_ms": approved.due_ms,
            "state": APPROVED,
            "key_number": 0,
            "position": 0,
            "ended_time_ms": 0,
        }
        connection.execute(insert(key_replacements), values)

    def follow(self, act: int) -> None:
        """Takes up what an act has written down, unless it has ended already."""
        query = select(key_replacements).where(_OF.act == act, _OF.state == APPROVED)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is not None:
            with self._lock:
                self._waiting[act] = _replacement(row)

    def object(self, envelope: SignedEnvelope) -> None:
        """Ends a replacement, on the word of the key that it would replace.

        Raises:
            Refusal: the objection is not good; REQUEST_UNKNOWN, there is nothing to object to.
        """
        order = self._orders.open(keys_pb2.KeyObjection, envelope)
        objection, now_ms = order.content, self._clock.now_ms()
        check_times(objection, now_ms, longest_ms=MAX_KEY_VALIDITY_MS)
        if objection.bank != self._bank:
            raise invalid("bank", f"is not this bank, {self._bank}")
        its = (_OF.number == order.wallet.number, _OF.public_key == objection.public_key)
        values = {
            "state": OBJECTED,
            "ended_time_ms": now_ms,
            "objection": order.payload,
            "objection_signature": order.signature,
        }
        statement = update(key_replacements).where(*its, _OF.state == APPROVED).values(values)
        again = select(_OF.act).where(*its, _OF.state == OBJECTED)

        def body(connection: Connection) -> bool:
            ended = connection.execute(statement).rowcount
            return bool(ended or connection.execute(again).first())

        if not self._database.transaction(body):
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                "no such key is to take the place of this wallet's",
                field="public_key",
            )
        with self._lock:
            for act, one in list(self._waiting.items()):
                if (one.number, one.key) == (order.wallet.number, objection.public_key):
                    del self._waiting[act]

    def step(self) -> bool:
        """Puts keys in force whose time has come; returns False: nothing more is to be done now."""
        now_ms = self._clock.now_ms()
        with self._lock:
            due = [one for one in self._waiting.values() if one.due_ms <= now_ms]
        for one in due:
            self._replace(one, now_ms)
        return False

    def _replace(self, one: Replacement, now_ms: int) -> None:
        """One record, and all that says so, in one transaction; memory follows."""
        wallet = self._directory.get(one.number)
        key_number = wallet.key_number + 1
        record = replacing_key(
            wallet.account,
            key_number,
            time_ms=now_ms,
            digest=int.from_bytes(one.act_digest[:8], "little"),
        )
        is_waiting = (_OF.act == one.act, _OF.state == APPROVED)

        def in_transaction(connection: Connection, answers: Answers) -> None:
            accepted = answers.result(0).accepted
            values = {
                "state": IN_FORCE if accepted else REFUSED,
                "key_number": key_number if accepted else 0,
                "position": int(answers.positions[0]),
                "ended_time_ms": now_ms,
            }
            statement = update(key_replacements).where(*is_waiting).values(values)
            if not connection.execute(statement).rowcount:
                raise _Ended

        batch = Batch(records_of([record]), None, in_transaction, urgent=True)
        try:
            result = self._ledger.submit(batch).result(0)
            if result.accepted:
                self._directory.replace_key(one.number, one.key, key_number)
        except _Ended:
            pass  # the objection was first; nothing was journaled
        with self._lock:
            self._waiting.pop(one.act, None)


def _replacement(row: Row[Any]) -> Replacement:
    return Replacement(
        row.act,
        bytes(row.act_digest),
        row.number,
        bytes(row.public_key),
        row.approved_time_ms,
        row.due_time_ms,
    )
