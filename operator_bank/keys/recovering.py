"""Replaces a wallet's key on the word of its recovery key, which its holder has written down.

The key in force can object, for as long as it can to what officers approve. Then the recovery key
decides nothing alone any more, and counts with two officers.
"""

from __future__ import annotations

import hashlib
from itertools import takewhile

from sqlalchemy import Connection, select, update

from currency.recovery import Named
from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.named import RecoveryKeys
from operator_bank.keys.replacing import (
    APPROVED,
    PHRASE,
    KeyReplacements,
    Replacement,
    key_of_wallet,
)
from operator_bank.keys.requests import KeyRequests
from operator_bank.keys.tables import key_replacements
from operator_bank.limits import (
    MAX_KEY_VALIDITY_MS,
    MAX_QUERY_VALIDITY_MS,
    RECOVERY_ORDERS_PER_DAY,
)
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import check_times
from operator_bank.wallets.per_day import check_per_day
from operator_bank.wallets.wallet import check_not_closed
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.limits import MAX_KEYS

_OF = key_replacements.c


class Recoveries:
    """The use-cases behind FindWallet and RecoverWallet."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        requests: KeyRequests,
        replacements: KeyReplacements,
        named: RecoveryKeys,
        *,
        wait_ms: int,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._standing = context.standing
        self._directory = directory
        self._requests = requests
        self._replacements = replacements
        self._named = named
        self._wait_ms = wait_ms

    def find(self, query: SignedEnvelope) -> str:
        """The number of the wallet that the recovery key that asks counts for.

        Raises:
            Refusal: the question is not good; REQUEST_UNKNOWN.
        """
        key, asked = self._requests.spoken(keys_pb2.RecoveryQuery, query)
        check_times(asked, self._clock.now_ms(), longest_ms=MAX_QUERY_VALIDITY_MS)
        number = self._named.wallet_of(key)
        if number is None:
            raise _unknown()
        return number

    def recover(self, order: SignedEnvelope) -> int:
        """Takes an order of a recovery key; returns the state of the new key, a KeyState.

        Raises:
            Refusal: nothing has changed.
        """
        key, asked = self._requests.spoken(keys_pb2.RecoveryOrder, order)
        check_times(asked, self._clock.now_ms(), longest_ms=MAX_KEY_VALIDITY_MS)
        if self._named.wallet_of(key) != asked.wallet_number:
            raise _unknown()
        new = self._requests.new_key(asked.request, asked.wallet_number)
        # An older copy of the database may not know the key that holds.
        self._standing.check()
        with self._directory.one_at_a_time([key_of_wallet(asked.wallet_number)]):
            state = self._recover(key, new, asked, order)
            self._replacements.follow(asked.wallet_number)
            return state

    def check_agrees(self, order: SignedEnvelope, number: str, new: bytes) -> None:
        """Checks an order of a recovery key that officers act on, however long ago it was signed:
        the request that is in it says when.

        Raises:
            Refusal: it is not of this wallet's recovery key, or not about this new key.
        """
        key, asked = self._requests.spoken(keys_pb2.RecoveryOrder, order)
        if self._named.wallet_of(key) != number or asked.wallet_number != number:
            raise Refusal(
                errors_pb2.REASON_WRONG_WALLET,
                "the recovery key does not count for this wallet",
                field="recovery",
            )
        if self._requests.new_key(asked.request, number) != new:
            raise invalid("recovery", "asks for another key")

    def _recover(
        self, key: bytes, new: bytes, asked: keys_pb2.RecoveryOrder, order: SignedEnvelope
    ) -> int:
        wallet = self._directory.get(asked.wallet_number)
        before = self._said_before(key, new, asked)
        if before is not None:
            return before
        self._check(wallet, new)
        if not self._named.decides_alone(key):
            self._requests.keep(asked.request, recovery=order)
            return keys_pb2.KEY_STATE_REQUESTED
        superseded = self._superseded(wallet.number, key)
        self._check_often(wallet.number, key)
        now_ms = self._clock.now_ms()
        approved = Replacement(
            row_id=0,
            cause=PHRASE,
            digest=hashlib.sha256(order.payload).digest(),
            number=wallet.number,
            key=new,
            recovery_key=key,
            approved_ms=now_ms,
            due_ms=now_ms + self._wait_ms,
        )

        def body(connection: Connection) -> None:
            if superseded is not None:
                its = (_OF.id == superseded.row_id, _OF.state == APPROVED)
                ended = {"state": keys_pb2.KEY_STATE_SUPERSEDED, "ended_time_ms": now_ms}
                connection.execute(update(key_replacements).where(*its).values(ended))
            self._replacements.write(connection, approved, order=order)

        self._database.transaction(body)
        return APPROVED

    def _said_before(self, key: bytes, new: bytes, asked: keys_pb2.RecoveryOrder) -> int | None:
        """The state of a key that this recovery key has asked for before; None if it has not.

        Raises:
            Refusal: EXPIRED, it is older than another order of the recovery key.
        """
        query = select(_OF.public_key, _OF.state, _OF.payload).where(
            _OF.recovery_key == key, _OF.cause == PHRASE
        )
        rows = self._database.read(lambda c: c.execute(query.order_by(_OF.id)).all())
        for row in rows:
            if bytes(row.public_key) == new:
                return int(row.state)
        newest = keys_pb2.RecoveryOrder.FromString(bytes(rows[-1].payload)) if rows else None
        if newest is not None and asked.created_time_ms <= newest.created_time_ms:
            raise Refusal(
                errors_pb2.REASON_EXPIRED,
                "a later order of this recovery key was taken since",
                field="created_time_ms",
            )
        return None

    def _check(self, wallet: Wallet, new: bytes) -> None:
        check_not_closed(int(self._ledger.read([wallet.account])[0]["flags"]))
        self._replacements.check_key(wallet, new)
        if wallet.key_number + 1 >= MAX_KEYS:
            raise invalid("wallet_number", f"has had as many as {MAX_KEYS} keys")

    def _superseded(self, number: str, key: bytes) -> Replacement | None:
        """What an order of a recovery key takes the place of. Raises Refusal if it cannot."""
        waiting = self._replacements.waiting_for(number)
        if waiting is None:
            return None
        of_phrase = waiting.cause == PHRASE
        if not of_phrase or _is_before(waiting.recovery_key, key, self._named.counting(number)):
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                "another key of this wallet is on its way",
                field="wallet_number",
            )
        return waiting

    def _check_often(self, number: str, key: bytes) -> None:
        """Raises Refusal: OVERLOADED. What was named after a recovery key uses up nothing of it: a
        thief who names another one with a stolen home would silence the holder's by that.
        """
        counting = (each.key for each in self._named.counting(number))
        before = takewhile(lambda each: each != key, counting)
        check_per_day(
            self._database,
            _OF.approved_time_ms,
            _OF.number == number,
            _OF.cause == PHRASE,
            _OF.recovery_key.in_([*before, key]),
            most=RECOVERY_ORDERS_PER_DAY,
            what="orders of recovery keys",
            now_ms=self._clock.now_ms(),
        )


def _is_before(one: bytes, other: bytes, counting: list[Named]) -> bool:
    """Whether a recovery key was named before another one, and counts."""
    keys = [each.key for each in counting]
    return one in keys and one != other and keys.index(one) < keys.index(other)


def _unknown() -> Refusal:
    return Refusal(
        errors_pb2.REASON_REQUEST_UNKNOWN,
        "this bank has no wallet that this recovery key counts for",
        field="key_id",
    )
