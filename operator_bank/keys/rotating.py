"""Replaces a wallet's key at once, on the word of the key itself."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, insert

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.named import RecoveryKeys, name_key
from operator_bank.keys.replacing import IN_FORCE, KeyReplacements, key_of_wallet
from operator_bank.keys.requests import KeyRequests
from operator_bank.keys.tables import key_replacements
from operator_bank.ledger.reasons import own_refusal_of
from operator_bank.limits import KEYS_KEPT_BACK, MAX_KEY_VALIDITY_MS, ROTATIONS_PER_DAY
from operator_bank.wallets.directory import AskedBy, Directory
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.per_day import check_per_day
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import records_of, replacing_key
from settlement.core import Answers, Batch
from settlement.limits import MAX_KEYS

_OF = key_replacements.c
Order = VerifiedOrder[keys_pb2.RotateKeyOrder]


class KeyRotations:
    """The use-case behind RotateKey."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        requests: KeyRequests,
        replacements: KeyReplacements,
        named: RecoveryKeys,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._standing = context.standing
        self._directory = directory
        self._orders = orders
        self._requests = requests
        self._replacements = replacements
        self._named = named

    def rotate(self, envelope: SignedEnvelope) -> None:
        """Puts another key in force. What this one signs from then on is not verified any more.

        Raises:
            Refusal: nothing has changed.
        """
        order = self._orders.open(keys_pb2.RotateKeyOrder, envelope)
        content = order.content
        check_times(content, self._clock.now_ms(), longest_ms=MAX_KEY_VALIDITY_MS)
        check_bank(content.bank, self._bank)
        new = self._requests.new_key(content.request, order.wallet.number)
        # An older copy of the database may not know the key that holds.
        self._standing.check()
        alone: list[AskedBy | bytes | str] = [key_of_wallet(order.wallet.number)]
        if content.recovery_key:
            alone.append(content.recovery_key)
        with self._directory.one_at_a_time(alone):
            self._check(order, new)
            self._rotate(order, new)

    def _check(self, order: Order, new: bytes) -> None:
        wallet = self._directory.get(order.wallet.number)
        if wallet.key_number != order.wallet.key_number:
            raise Refusal(errors_pb2.REASON_KEY_REPLACED, "the wallet's key was replaced")
        self._replacements.check_key(wallet, new)
        if order.content.recovery_key:
            self._named.check_new(order.content.recovery_key)
        if wallet.key_number + 1 >= MAX_KEYS - KEYS_KEPT_BACK:
            raise invalid("wallet_number", f"has had {wallet.key_number + 1} keys")
        check_per_day(
            self._database,
            _OF.ended_time_ms,
            _OF.number == wallet.number,
            _OF.cause == keys_pb2.KEY_CAUSE_ROTATION,
            most=ROTATIONS_PER_DAY,
            what="keys",
            now_ms=self._clock.now_ms(),
        )

    def _rotate(self, order: Order, new: bytes) -> None:
        """One record, and all that says so, in one transaction; memory follows."""
        wallet, now_ms = order.wallet, self._clock.now_ms()
        key_number = wallet.key_number + 1
        record = replacing_key(wallet.account, key_number, time_ms=now_ms, digest=order.digest)
        values = {
            "cause": keys_pb2.KEY_CAUSE_ROTATION,
            "digest": hashlib.sha256(order.payload).digest(),
            "number": wallet.number,
            "public_key": new,
            "approved_time_ms": now_ms,
            "due_time_ms": now_ms,
            "state": IN_FORCE,
            "key_number": key_number,
            "ended_time_ms": now_ms,
            "payload": order.payload,
            "signature": order.signature,
        }

        def in_transaction(connection: Connection, answers: Answers) -> None:
            if not answers.result(0).accepted:
                return
            placed = {**values, "position": int(answers.positions[0])}
            connection.execute(insert(key_replacements), placed)
            if order.content.recovery_key:
                key = order.content.recovery_key
                name_key(connection, key, wallet.number, key_number, now_ms)

        batch = Batch(records_of([record]), None, in_transaction, urgent=True)
        result = self._ledger.submit(batch).result(0)
        if not result.accepted:
            raise own_refusal_of(result)
        self._directory.replace_key(wallet.number, new, key_number)
