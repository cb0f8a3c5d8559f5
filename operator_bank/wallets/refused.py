"""Keeps refusals: a refused authentic order has used up its sequence, whatever the reason was.

An order that the rule refuses has used up its sequence already. This is for orders that are refused
before the rule is asked, for reasons that may pass. Otherwise somebody who kept such an order could
send it again after the reason has passed.

What is refused is kept for ever. So only so much is kept for each wallet; beyond that its orders
are not decided for a while. A payment that another bank did not take counts only against payments
to that bank, so that no bank can hold up what a wallet does elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from google.protobuf.message import Message

from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import (
    MAX_LOOKED_UP,
    REFUSED_BYTES,
    REFUSED_BYTES_PER_HOUR,
    REFUSED_PAYMENT_BYTES,
)
from operator_bank.wallets.orders import VerifiedOrder, WalletOrder
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.kept_bytes import KeptBytes
from runtime.one_call_each import OneCallEach
from settlement import builders
from settlement.builders import records_of
from settlement.core import Answers, Batch
from settlement.ledger import Overloaded
from settlement.payment_rows import PaymentRow
from settlement.records import Kind, Result

_DECIDES_NOTHING = frozenset(
    (
        errors_pb2.REASON_OVERLOADED,
        errors_pb2.REASON_STOPPING,
        errors_pb2.REASON_NOT_SERVING,
        errors_pb2.REASON_PEER_UNAVAILABLE,
        errors_pb2.REASON_INTERNAL,
    )
)

_PURPOSES: dict[type[Message], int] = {
    orders_pb2.LoadOrder: purposes_pb2.PURPOSE_TOKEN_LOAD,
    orders_pb2.DepositOrder: purposes_pb2.PURPOSE_TOKEN_DEPOSIT,
    orders_pb2.PaymentOrder: purposes_pb2.PURPOSE_PAYMENT,
    orders_pb2.RefundOrder: purposes_pb2.PURPOSE_REFUND,
}
"""The purpose for which an order would have moved money; other orders move none."""


def check_room(room: KeptBytes, caller: Hashable, clock: Clock) -> None:
    """Raises Refusal: TOO_MANY_REFUSALS, if too much is kept of a wallet's refused orders."""
    wait_ms = room.wait_ms(caller)
    if wait_ms:
        raise Refusal(
            errors_pb2.REASON_TOO_MANY_REFUSALS,
            "too much is kept of this wallet's orders that were refused; it can order again later",
            retry_time_ms=str(clock.now_ms() + wait_ms),
        )


class Refused:
    """Keeps refusals in the journal, and finds them there."""

    def __init__(self, context: Context) -> None:
        self._ledger = context.ledger
        self._history = context.history
        self._clock = context.clock
        self._deciding = OneCallEach()
        self._room = KeptBytes(
            context.clock, at_once=REFUSED_BYTES, per_hour=REFUSED_BYTES_PER_HOUR
        )
        # By account, and prefix of the payee's bank.
        self._elsewhere = KeptBytes(
            context.clock, at_once=REFUSED_BYTES, per_hour=REFUSED_BYTES_PER_HOUR
        )

    def check_room(self, account: int) -> None:
        """Checks that an order of a wallet may be decided.

        Raises:
            Refusal: TOO_MANY_REFUSALS, with retry_time_ms.
        """
        check_room(self._room, account, self._clock)

    def check_room_at(self, account: int, payee_number: str) -> None:
        """Checks that a payment to another bank's wallet may be decided. Raises as `check_room`."""
        check_room(self._elsewhere, (account, prefix_of(payee_number)), self._clock)

    def count(self, batch: Batch, answers: Answers) -> None:
        """Counts the bytes that were written for orders in a batch that the rule has refused."""
        batch = answers.made or batch
        for place in answers.refused_now():
            self._room.count(int(batch.records[place]["origin"]), batch.bytes_of(place))

    def count_ended(self, account: int) -> None:
        """Counts a payment that the central bank has recorded as refused."""
        self._room.count(account, REFUSED_PAYMENT_BYTES)

    def count_not_taken(self, account: int, payee_number: str) -> None:
        """Counts a payment that the payee's bank did not take."""
        self._elsewhere.count((account, prefix_of(payee_number)), REFUSED_PAYMENT_BYTES)

    def check(self, order: VerifiedOrder[WalletOrder]) -> None:
        """Checks that an order was not refused before, and may be decided if it is new.

        Raises:
            Refusal: for the reason for which it was refused before; or ID_REUSED; or
                TOO_MANY_REFUSALS.
        """
        row = self.earlier(order)
        if row is None:
            self.check_room(order.wallet.account)
        elif row.kind == Kind.REFUSAL:
            raise Refusal(row.reason, "it was refused for this before; make it anew")

    def earlier(self, order: VerifiedOrder[WalletOrder]) -> PaymentRow | None:
        """The journal's row of this order; None if there is none. Raises Refusal: ID_REUSED if the
        sequence belongs to another order.
        """
        row = self._history.row(order.wallet.account, order.content.sequence)
        if row is not None and int.from_bytes(bytes(row.digest), "little") != order.digest:
            raise refusal_of(Result.ID_REUSED)
        return row

    @contextmanager
    def deciding(
        self, orders: Sequence[VerifiedOrder[WalletOrder] | Refusal]
    ) -> Iterator[dict[int, PaymentRow]]:
        """A context with what `decided` finds for one caller's orders, in which the caller decides
        the rest.

        Other calls with some of the same orders wait meanwhile. Otherwise each of them would find
        nothing, and the writer would have to look up all but the first.
        """
        given = [order for order in orders if not isinstance(order, Refusal)]
        if len(given) <= MAX_LOOKED_UP:
            yield {}
            return
        with self._deciding.holding({(o.wallet.account, o.content.sequence) for o in given}):
            yield self.decided(orders)

    def decided(
        self, orders: Sequence[VerifiedOrder[WalletOrder] | Refusal]
    ) -> dict[int, PaymentRow]:
        """The journal's rows of those orders that were decided before, by their places.

        They are looked up in the call that repeats them, because for each of them the writer, for
        which all payments wait, would need longer than for a new order. For a few orders nothing is
        looked up here; the writer may do it.
        """
        places = [place for place, one in enumerate(orders) if not isinstance(one, Refusal)]
        if len(places) <= MAX_LOOKED_UP:
            return {}
        these: list[VerifiedOrder[WalletOrder]] = [orders[place] for place in places]  # type: ignore[misc]
        accounts = [order.wallet.account for order in these]
        sequences = [order.content.sequence for order in these]
        late = {
            places[at]: (accounts[at], sequences[at])
            for at in np.flatnonzero(
                np.array(sequences, np.uint64) <= self._ledger.read(accounts)["last_sequence"]
            ).tolist()
        }
        if not late:
            return {}
        try:
            rows = self._history.rows(set(late.values()))
        except Overloaded:  # the past cannot be looked up now, so the ledger will answer that
            return {}
        return {place: rows[identity] for place, identity in late.items() if identity in rows}

    def keep(self, order: VerifiedOrder[WalletOrder], refusal: Refusal) -> Refusal:
        """Keeps a refusal durably and returns it; ID_REUSED instead if the sequence was used
        before.
        """
        if refusal.reason in _DECIDES_NOTHING:
            return refusal
        row = builders.refusal(
            origin=order.wallet.account,
            sequence=order.content.sequence,
            debit=order.wallet.account,
            reason=refusal.reason,
            purpose=_PURPOSES.get(type(order.content), 0),
            time_ms=self._clock.now_ms(),
            digest=order.digest,
        )
        kept = Batch(records_of([row]), [order.payload], signatures=[order.signature])
        answers = self._ledger.submit(kept)
        self.count(kept, answers)
        result = answers.result(0)
        return refusal_of(result) if result == Result.ID_REUSED else refusal
