"""Verifies the signed receipts of machines and tellers for cash that goes in or out.

For cash that goes in, the receipt says that the machine has taken it. Cash that goes out lies
counted in a tray for one wallet. Whether it is given out is decided here, once: either an order
takes it, or the machine gives it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, insert, select, tuple_

from dcep.bank.v1 import exchange_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.exchange.machines import Machines
from operator_bank.exchange.tables import cash_receipts
from operator_bank.limits import CLOCK_SKEW_MS, MAX_READY_AGE_MS, MAX_RECEIPT_AGE_MS
from operator_bank.wallets.orders import VerifiedOrder
from runtime.bounds import too_long
from runtime.checks import invalid
from runtime.chunks import chunks
from runtime.envelope import begin_many
from runtime.errors import Refusal
from runtime.messages import read_payload
from runtime.signatures import SignatureVerifier

ExchangeOrder = orders_pb2.ExchangeOrder
_TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP
_NOBODY = (-1, 0)
"""Stands in place of the order for notes that were given up: no order took them, and none will."""
_FIELD = "cash_receipt"
_LONGEST = too_long(orders_pb2.CashReceipt.DESCRIPTOR)
_LONGEST_QUESTION = too_long(orders_pb2.CashQuestion.DESCRIPTOR)


class UsedReceipt(NamedTuple):
    """A receipt, by machine and number, and the order that uses it, by wallet and sequence."""

    machine: str
    number: int
    wallet: int
    sequence: int

    @property
    def name(self) -> tuple[str, int]:
        """Machine and number, which no two receipts share."""
        return self.machine, self.number

    @property
    def order(self) -> tuple[int, int]:
        """The order's wallet and sequence."""
        return self.wallet, self.sequence


class Receipts:
    """Verifies receipts, and knows which have been used."""

    def __init__(self, context: Context, verifier: SignatureVerifier, machines: Machines) -> None:
        self._database = context.database
        self._clock = context.clock
        self._verifier = verifier
        self._machines = machines
        self._bank = context.bank

    def check_many(
        self, orders: Sequence[VerifiedOrder[ExchangeOrder]]
    ) -> list[UsedReceipt | Refusal]:
        """The receipt of each exchange by cash, or why it is refused; one that another order used
        is.
        """
        keys = [self._machines.key(_name(order.content.cash_receipt.key_id)) for order in orders]
        good = [False] * len(orders)
        for kind, directed in ((orders_pb2.CashReceipt, True), (orders_pb2.CashReady, False)):
            places = [
                place
                for place, order in enumerate(orders)
                if (order.content.direction == _TOP_UP) is directed
            ]
            envelopes = [orders[place].content.cash_receipt for place in places]
            its = [keys[place] for place in places]
            verified = begin_many(kind, envelopes, its, self._verifier, most=_LONGEST)()
            for place, valid in zip(places, verified.tolist(), strict=True):
                good[place] = valid
        found: list[UsedReceipt | Refusal] = []
        for order, key, valid in zip(orders, keys, good, strict=True):
            try:
                found.append(self._check(order, key, verified=valid))
            except Refusal as refusal:
                found.append(refusal)
        self._put_back_used(orders, found)
        users = self._users([one for one in found if not isinstance(one, Refusal)])
        return [
            one
            if isinstance(one, Refusal) or users.setdefault(one.name, one.order) == one.order
            else Refusal(
                errors_pb2.REASON_RECEIPT_USED,
                "this receipt has been used by another order, or the machine gave it up",
                field=_FIELD,
            )
            for one in found
        ]

    def _put_back_used(
        self, orders: Sequence[VerifiedOrder[ExchangeOrder]], found: list[UsedReceipt | Refusal]
    ) -> None:
        """Accepts a receipt again that its own order has used, even if it is too old by now or its
        machine was revoked.
        """
        shown: dict[int, UsedReceipt] = {}
        for place, (order, one) in enumerate(zip(orders, found, strict=True)):
            if isinstance(one, Refusal) and order.content.HasField(_FIELD):
                with suppress(Refusal):
                    its = read_payload(orders_pb2.CashReceipt, order.content.cash_receipt.payload)
                    wallet, sequence = order.wallet.row_id, order.content.sequence
                    shown[place] = UsedReceipt(its.machine, its.number, wallet, sequence)
        users = self._users(list(shown.values())) if shown else {}
        for place, receipt in shown.items():
            if users.get(receipt.name) == receipt.order:
                found[place] = receipt

    def settle(self, envelope: SignedEnvelope) -> int:
        """What became of notes that a machine has ready: a CashOutState.

        No order may be decided meanwhile. Raises Refusal if the question is not good.
        """
        machine = _name(envelope.key_id)
        known = self._machines.find(machine)
        if known is None:
            raise _no_machine("question")
        keys = [known.key]
        [good] = begin_many(
            orders_pb2.CashQuestion, [envelope], keys, self._verifier, most=_LONGEST_QUESTION
        )()
        if not good:
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                "the question is not signed with its machine's key",
                field="question",
            )
        asked = read_payload(orders_pb2.CashQuestion, envelope.payload)
        if (asked.bank, asked.machine) != (self._bank, machine):
            raise invalid("question", "is for another bank or of another machine")
        receipt = UsedReceipt(machine, asked.number, *_NOBODY)
        user = self._users([receipt]).get(receipt.name)
        if user is None and known.revoked:
            # No order takes notes of a revoked machine. So nothing has to be written down, and
            # whoever has its key cannot fill the table.
            return exchange_pb2.CASH_OUT_STATE_GIVEN_UP
        if user is None and not asked.give_up:
            return exchange_pb2.CASH_OUT_STATE_OPEN
        if user is None:
            self._database.transaction(lambda c: self.use(c, [receipt]))
        if user in (None, _NOBODY):
            return exchange_pb2.CASH_OUT_STATE_GIVEN_UP
        return exchange_pb2.CASH_OUT_STATE_TAKEN

    def use(self, connection: Connection, receipts: Sequence[UsedReceipt]) -> None:
        """Writes down that receipts are used, in the transaction that moves the money."""
        if receipts:
            connection.execute(insert(cash_receipts), [one._asdict() for one in receipts])

    def _check(
        self, order: VerifiedOrder[ExchangeOrder], key: bytes | None, *, verified: bool
    ) -> UsedReceipt:
        content = order.content
        if not content.HasField(_FIELD):
            raise Refusal(
                errors_pb2.REASON_FIELD_MISSING,
                "cash goes in and out at a machine; its receipt is missing",
                field=_FIELD,
            )
        if key is None:
            raise _no_machine(_FIELD)
        if not verified:
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                "the receipt is not signed with its machine's key",
                field=_FIELD,
            )
        receipt = read_payload(orders_pb2.CashReceipt, content.cash_receipt.payload)
        same = (
            (receipt.bank, self._bank),
            (receipt.machine, _name(content.cash_receipt.key_id)),
            (receipt.wallet_number, content.wallet_number),
            (receipt.amount_fen, content.amount_fen),
        )
        if any(said != wanted for said, wanted in same):
            raise invalid(_FIELD, "is for another bank, machine, wallet or amount")
        now_ms = self._clock.now_ms()
        if receipt.time_ms > now_ms + CLOCK_SKEW_MS:
            raise Refusal(
                errors_pb2.REASON_NOT_YET_VALID, "the receipt was made in the future", field=_FIELD
            )
        good_ms = MAX_RECEIPT_AGE_MS if content.direction == _TOP_UP else MAX_READY_AGE_MS
        if receipt.time_ms < now_ms - good_ms:
            raise Refusal(
                errors_pb2.REASON_EXPIRED,
                "the receipt is too old; begin anew at the machine, or bring it to a teller",
                field=_FIELD,
            )
        return UsedReceipt(receipt.machine, receipt.number, order.wallet.row_id, content.sequence)

    def _users(self, receipts: Sequence[UsedReceipt]) -> dict[tuple[str, int], tuple[int, int]]:
        """For each receipt that was used before, the order that used it."""
        columns = cash_receipts.c
        users: dict[tuple[str, int], tuple[int, int]] = {}
        for chunk in chunks([receipt.name for receipt in receipts]):
            query = select(cash_receipts).where(tuple_(columns.machine, columns.number).in_(chunk))
            for row in self._database.read(partial(_all, query)):
                users[row.machine, row.number] = row.wallet, row.sequence
        return users


def _all(query: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _no_machine(field: str) -> Refusal:
    return Refusal(
        errors_pb2.REASON_CASH_NOT_ACCEPTED,
        "this is of no cash machine that this bank has now; bring it to a teller",
        field=field,
    )


def _name(key_id: bytes) -> str:
    return key_id.decode("ascii", "replace")
