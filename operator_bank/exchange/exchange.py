"""Exchanges money by a linked pair of records, one in each ledger: both are accepted or neither
is.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.exchange.deposits import Deposits, account_of
from operator_bank.exchange.receipts import Receipts, UsedReceipt
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import cannot_now, own_refusal_of, refusal_of
from operator_bank.limits import MAX_AMOUNT_FEN, MAX_ITEMS, MAX_REFUSED_AT_ONCE
from operator_bank.wallets.orders import Orders, VerifiedOrder
from operator_bank.wallets.refused import Refused
from runtime.checks import amount, at_most, invalid
from runtime.chunks import chunks, chunks_by_owner
from runtime.errors import Refusal
from settlement.builders import linked, records_of, transfer
from settlement.core import Answers, Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.payment_rows import PaymentRow
from settlement.records import RecordFlag, Records, Result

TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP
CASH_OUT = orders_pb2.EXCHANGE_DIRECTION_CASH_OUT
DEPOSIT = orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
CASH = orders_pb2.EXCHANGE_MEDIUM_CASH


@dataclass(frozen=True)
class Exchanged:
    """An exchange that took place."""

    repeated: bool


class Exchange:
    """The use-case behind ExchangeService."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        deposits: Deposits,
        receipts: Receipts,
        refused: Refused,
    ) -> None:
        self._ledger = context.ledger
        self._orders = orders
        self._deposits = deposits
        self._families = orders.families
        self._clock = context.clock
        self._receipts = receipts
        self._refused = refused
        # From the look whether a receipt was used until its use is written, one call at a time.
        self._using_receipts = threading.Lock()

    def exchange(self, envelope: SignedEnvelope) -> tuple[Exchanged, int]:
        """Performs one order; returns what came of it, and the wallet's available fen. Raises
        Refusal.
        """
        order = self._orders.open(orders_pb2.ExchangeOrder, envelope)
        answer = self._run([order])[0]
        if isinstance(answer, Refusal):
            raise answer
        available = int(self._ledger.read([order.wallet.account])[0]["available_fen"])
        return answer, available

    def settle_cash_out(self, question: SignedEnvelope) -> int:
        """What became of notes that a machine has ready: a CashOutState.

        If the question asks so, notes that no order has taken yet are given up for good.
        """
        with self._using_receipts:
            return self._receipts.settle(question)

    def exchange_many(self, envelopes: Sequence[SignedEnvelope]) -> list[Exchanged | Refusal]:
        """Performs many orders; returns an answer for each, in order."""
        at_most(envelopes, "orders", MAX_ITEMS)
        opened = self._orders.open_many(orders_pb2.ExchangeOrder, envelopes)
        answers: list[Exchanged | Refusal] = [
            order if isinstance(order, Refusal) else Exchanged(False) for order in opened
        ]
        good = [i for i, order in enumerate(opened) if not isinstance(order, Refusal)]
        orders: list[VerifiedOrder[orders_pb2.ExchangeOrder]] = [opened[i] for i in good]  # type: ignore[misc]
        ran = [
            answer
            for chunk in chunks_by_owner(orders, _account, MAX_REFUSED_AT_ONCE)
            for portion in chunks(chunk, MAX_BATCH_RECORDS // 2)
            for answer in self._run(portion)
        ]
        for index, answer in zip(good, ran, strict=True):
            answers[index] = answer
        return answers

    def _run(
        self, orders: Sequence[VerifiedOrder[orders_pb2.ExchangeOrder]]
    ) -> list[Exchanged | Refusal]:
        """An answer for each order. Orders that were decided before do not take the lock for
        receipts.
        """
        with self._refused.deciding(orders) as rows:
            answers = {index: self._again(orders[index], row) for index, row in rows.items()}
            left = [index for index in range(len(orders)) if index not in answers]
            decided = self._decide([orders[index] for index in left])
        answers |= dict(zip(left, decided, strict=True))
        return [answers[index] for index in range(len(orders))]

    def _decide(
        self, orders: Sequence[VerifiedOrder[orders_pb2.ExchangeOrder]]
    ) -> list[Exchanged | Refusal]:
        if not any(_by_cash(order.content) for order in orders):
            return self._settle(orders, {})
        with self._using_receipts:
            cash = [index for index, order in enumerate(orders) if _by_cash(order.content)]
            found = self._receipts.check_many([orders[index] for index in cash])
            return self._settle(orders, dict(zip(cash, found, strict=True)))

    def _settle(
        self,
        orders: Sequence[VerifiedOrder[orders_pb2.ExchangeOrder]],
        receipts: Mapping[int, UsedReceipt | Refusal],
    ) -> list[Exchanged | Refusal]:
        """Submits new orders; returns an answer for each.

        Args:
            receipts: for exchanges by cash their receipt or why it is refused, by the order's
                index.
        """
        answers: list[Exchanged | Refusal] = [Exchanged(False)] * len(orders)
        pairs: list[Records] = []
        notes: list[bytes] = []
        signatures: list[bytes] = []
        places: list[int] = []
        now_ms = self._clock.now_ms()
        for index, order in enumerate(orders):
            receipt = receipts.get(index)
            try:
                if isinstance(receipt, Refusal):
                    raise receipt
                self._refused.check_room(order.wallet.account)
                pairs.append(self._pair(order, now_ms))
                places.append(index)
                # The order is kept with the first record of the pair.
                notes += (order.payload, b"")
                signatures += (order.signature, b"")
            except Refusal as refusal:
                answers[index] = refusal
        if pairs:

            def use(connection: Connection, answers: Answers) -> None:
                new = (answers.results[::2] == Result.ACCEPTED) & ~answers.repeated[::2]
                used = [receipts.get(places[place]) for place in np.flatnonzero(new).tolist()]
                self._receipts.use(
                    connection, [one for one in used if isinstance(one, UsedReceipt)]
                )

            in_transaction = use if receipts else None
            batch = Batch(np.concatenate(pairs), notes, in_transaction, signatures=signatures)
            decided = self._ledger.submit(batch)
            self._refused.count(batch, decided)
            for place, index in enumerate(places):
                result = decided.result(2 * place)
                repeated = bool(decided.repeated[2 * place])
                answers[index] = Exchanged(repeated)
                if not result.accepted:
                    answers[index] = self._refusal(orders[index], result, repeated=repeated)
        return answers

    def _again(
        self, order: VerifiedOrder[orders_pb2.ExchangeOrder], row: PaymentRow
    ) -> Exchanged | Refusal:
        """The answer to an order for which the journal has a record with the same wallet and
        sequence.
        """
        try:
            first = self._pair(order, row.time_ms)[0].item()
        except Refusal as refusal:  # as it would be refused if it were new
            return refusal
        same = row.is_repeated_by(first)
        if same and bytes(row.note) != order.payload:
            # The second record of the pair, in the bank's own books, depends on the medium.
            earlier = orders_pb2.ExchangeOrder.FromString(bytes(row.note))
            same = earlier.medium == order.content.medium
        result = Result(row.result) if same else Result.ID_REUSED
        return Exchanged(True) if result.accepted else self._refusal(order, result, repeated=True)

    def _pair(self, order: VerifiedOrder[orders_pb2.ExchangeOrder], now_ms: int) -> Records:
        content, wallet = order.content, order.wallet
        # Cash and deposits are the parent's; else a sub-wallet would pass its limits by them.
        self._families.check_is_none(wallet)
        amount(content.amount_fen, largest=MAX_AMOUNT_FEN)
        if content.direction not in (TOP_UP, CASH_OUT):
            raise invalid("direction", "is TOP_UP or CASH_OUT")
        if content.HasField("cash_receipt") and not _by_cash(content):
            raise invalid("cash_receipt", "goes with an exchange by cash")
        own = self._own_side(order)
        currency = (accounts.VAULT, wallet.account)
        purpose = purposes_pb2.PURPOSE_TOP_UP
        if content.direction == CASH_OUT:
            own, currency = own[::-1], currency[::-1]
            purpose = purposes_pb2.PURPOSE_CASH_OUT
        sides = ((content.sequence, currency), (0, own))
        return records_of(
            linked(
                [
                    transfer(
                        origin=wallet.account,
                        sequence=sequence,
                        debit=debit,
                        credit=credit,
                        amount_fen=content.amount_fen,
                        purpose=purpose,
                        time_ms=now_ms,
                        expires_ms=content.expires_time_ms,
                        flags=RecordFlag.NO_LIMIT,
                        digest=order.digest,
                    )
                    for sequence, (debit, credit) in sides
                ]
            )
        )

    def _own_side(self, order: VerifiedOrder[orders_pb2.ExchangeOrder]) -> tuple[int, int]:
        """(debit, credit) in the bank's own books for a top-up; reversed for a cash-out."""
        if order.content.medium == DEPOSIT:
            return account_of(order.wallet, "medium"), accounts.CONTROL
        if order.content.medium == CASH:
            return accounts.CONTROL, accounts.TILL
        raise invalid("medium", "is DEPOSIT or CASH")

    def _refusal(
        self, order: VerifiedOrder[orders_pb2.ExchangeOrder], result: Result, *, repeated: bool
    ) -> Refusal:
        """The refusal, by whose money was short: the deposit's, the wallet's, or the bank's, which
        the holder is not told.
        """
        content = order.content
        if result == Result.LINKED_FAILED or result != Result.INSUFFICIENT_FUNDS:
            return own_refusal_of(result)
        if content.direction == TOP_UP:
            wanted = content.amount_fen
            short = None
            if content.medium == DEPOSIT:
                short = self._deposits.short(order.wallet, wanted)
            return short or self._deposits.bank_is_short(order, wanted, repeated=repeated)
        if content.medium == CASH and self._available(order.wallet.account) >= content.amount_fen:
            return cannot_now()
        missing = content.amount_fen - self._available(order.wallet.account)
        return refusal_of(result, missing_fen=str(max(missing, 0)))

    def _available(self, account: int) -> int:
        return int(self._ledger.read([account])[0]["available_fen"])


def _account(order: VerifiedOrder[orders_pb2.ExchangeOrder]) -> int:
    return order.wallet.account


def _by_cash(content: orders_pb2.ExchangeOrder) -> bool:
    return content.medium == CASH
