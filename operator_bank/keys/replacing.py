"""Replaces keys of wallets: two officers approve or the recovery key asks, the key before may
object, the journal decides where the one ends and the other begins.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Update, insert, select, update

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from operator_bank.context import Context
from operator_bank.keys.tables import key_replacements
from operator_bank.limits import MAX_KEY_VALIDITY_MS
from operator_bank.signers.keys import end_all, key_row
from operator_bank.wallets.directory import AskedBy, Directory, Wallet
from operator_bank.wallets.orders import Orders, check_bank, check_times
from operator_bank.wallets.tables import wallets
from runtime.errors import Refusal
from settlement.builders import records_of, replacing_key
from settlement.core import Answers, Batch

OFFICERS, PHRASE = keys_pb2.KEY_CAUSE_OFFICERS, keys_pb2.KEY_CAUSE_PHRASE
APPROVED, IN_FORCE = keys_pb2.KEY_STATE_APPROVED, keys_pb2.KEY_STATE_IN_FORCE
OBJECTED, REFUSED = keys_pb2.KEY_STATE_OBJECTED, keys_pb2.KEY_STATE_REFUSED
_OF = key_replacements.c


@dataclass(frozen=True)
class Replacement:
    """A key that was approved for a wallet, and whose time has not come.

    Attributes:
        row_id: of its row; 0 before that is written.
        cause: a KeyCause.
        digest: SHA-256 of what decided: the officers' act, or the recovery key's order.
        number: the wallet's.
        key: the new key.
        recovery_key: which has asked for it; empty if officers alone have approved it.
        approved_ms: when it was approved.
        due_ms: from when on it may count.
    """

    row_id: int
    cause: int
    digest: bytes
    number: str
    key: bytes
    recovery_key: bytes
    approved_ms: int
    due_ms: int

    @property
    def final(self) -> bool:
        """Whether no objection counts: officers and recovery key agree."""
        return self.cause == OFFICERS and bool(self.recovery_key)


def key_of_wallet(number: str) -> AskedBy:
    """What changes of one wallet's key wait for, one for the other; and for nothing else of the
    wallet, such as a check of its holder that somebody else has to answer.
    """
    return number, b"key"


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
        self._waiting = {row.number: _replacement(row) for row in rows}
        """By the wallet's number: one at a time."""

    def waiting_for(self, number: str) -> Replacement | None:
        """What is to take the place of a wallet's key; None for nothing."""
        with self._lock:
            return self._waiting.get(number)

    def rows(self, number: str) -> list[Row[Any]]:
        """All replacements of a wallet's key, oldest first."""
        query = select(key_replacements).where(_OF.number == number).order_by(_OF.id)
        return list(self._database.read(lambda c: c.execute(query).all()))

    def first_key(self, number: str) -> bytes | None:
        """The key that a wallet was opened with; None if there is no such wallet."""
        query = select(wallets.c.public_key).where(wallets.c.number == number)
        found = self._database.read(lambda c: c.execute(query).scalar())
        return None if found is None else bytes(found)

    def write(
        self,
        connection: Connection,
        approved: Replacement,
        *,
        act: int | None = None,
        order: SignedEnvelope | None = None,
    ) -> None:
        """Writes one down in the transaction in which it is approved; then call `follow`.

        Args:
            act: of the officers who approved it.
            order: of the recovery key.
        """
        values = {
            "cause": approved.cause,
            "act": act,
            "digest": approved.digest,
            "number": approved.number,
            "public_key": approved.key,
            "approved_time_ms": approved.approved_ms,
            "due_time_ms": approved.due_ms,
            "state": APPROVED,
            "key_number": 0,
            "position": 0,
            "ended_time_ms": 0,
            "payload": order.payload if order else None,
            "signature": order.signature if order else None,
            "recovery_key": approved.recovery_key or None,
        }
        connection.execute(insert(key_replacements), values)

    def follow(self, number: str) -> None:
        """Takes up what is written down of a wallet's key, and nothing that has ended."""
        query = select(key_replacements).where(_OF.number == number, _OF.state == APPROVED)
        with self._lock:
            row = self._database.read(lambda c: c.execute(query).first())
            if row is not None:
                self._waiting[number] = _replacement(row)
            else:
                self._waiting.pop(number, None)

    def check_key(self, wallet: Wallet, key: bytes) -> None:
        """Checks a key that is to be a wallet's only one.

        Raises:
            Refusal: ALREADY_DECIDED, it is or was the wallet's, or will never be.
        """
        before = {
            bytes(row.public_key)
            for row in self.rows(wallet.number)
            if row.state != keys_pb2.KEY_STATE_CANCELLED
        }
        before |= {*wallet.all_keys, self.first_key(wallet.number) or b""}
        signed = self._database.read(lambda c: key_row(c, wallet.number, key)) is not None
        if signed or key in before:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "this key is or was the wallet's, or was objected to; it takes a new one",
                field="request",
            )

    def object(self, envelope: SignedEnvelope) -> None:
        """Ends a replacement, on the word of the key that it would replace.

        Raises:
            Refusal: the objection is not good; REQUEST_UNKNOWN, there is nothing to object to.
        """
        order = self._orders.open(keys_pb2.KeyObjection, envelope)
        objection, now_ms = order.content, self._clock.now_ms()
        check_times(objection, now_ms, longest_ms=MAX_KEY_VALIDITY_MS)
        check_bank(objection.bank, self._bank)
        its = (_OF.number == order.wallet.number, _OF.public_key == objection.public_key)
        waiting = self.waiting_for(order.wallet.number)
        if waiting is not None and waiting.final and waiting.key == objection.public_key:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "the officers and the recovery phrase agree on this key",
                field="public_key",
            )
        values = {
            "state": OBJECTED,
            "ended_time_ms": now_ms,
            "objection": order.payload,
            "objection_signature": order.signature,
        }
        statement = update(key_replacements).where(*its, _OF.state == APPROVED).values(values)
        again = select(_OF.id).where(*its, _OF.state == OBJECTED)

        def body(connection: Connection) -> bool:
            ended = connection.execute(statement).rowcount
            return bool(ended or connection.execute(again).first())

        if not self._database.transaction(body):
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                "no such key is to take the place of this wallet's",
                field="public_key",
            )
        self.follow(order.wallet.number)

    def step(self) -> bool:
        """Puts keys in force whose time has come; returns False: nothing more is to be done now."""
        now_ms = self._clock.now_ms()
        with self._lock:
            due = [one for one in self._waiting.values() if one.due_ms <= now_ms]
        for one in due:
            with self._directory.one_at_a_time([key_of_wallet(one.number)]):
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
            digest=int.from_bytes(one.digest[:8], "little"),
        )
        is_waiting = (_OF.id == one.row_id, _OF.state == APPROVED)

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
            if accepted:
                end_all(connection, one.number, now_ms)

        batch = Batch(records_of([record]), None, in_transaction, urgent=True)
        try:
            result = self._ledger.submit(batch).result(0)
            if result.accepted:
                self._directory.replace_key(one.number, one.key, key_number)
        except _Ended:
            pass  # the objection was first; nothing was journaled
        self.follow(one.number)


def cancelling(asked: office_pb2.CancelKey, act: int, now_ms: int) -> Update:
    """Calls off what is to take the place of a wallet's key; it changes no row once that ended."""
    statement = update(key_replacements).where(
        _OF.number == asked.wallet_number,
        _OF.public_key == asked.public_key,
        _OF.state == APPROVED,
    )
    return statement.values(
        state=keys_pb2.KEY_STATE_CANCELLED, ended_time_ms=now_ms, cancelled_by=act
    )


def _replacement(row: Row[Any]) -> Replacement:
    return Replacement(
        row_id=row.id,
        cause=row.cause,
        digest=bytes(row.digest),
        number=row.number,
        key=bytes(row.public_key),
        recovery_key=bytes(row.recovery_key or b""),
        approved_ms=row.approved_time_ms,
        due_ms=row.due_time_ms,
    )
