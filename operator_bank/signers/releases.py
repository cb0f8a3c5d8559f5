"""Releases of orders: what enough signers have signed, its preparer may send, each order once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select

from currency.days import DAY_MS
from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import MAX_ORDER_VALIDITY_MS, RELEASES_PER_DAY
from operator_bank.signers.pending import digest_of, forget_items, no_longer_wait
from operator_bank.signers.tables import release_signatures, releases
from operator_bank.wallets.orders import (
    Orders,
    VerifiedOrder,
    check_bank,
    check_prepared,
    check_times,
)
from operator_bank.wallets.per_day import check_per_day
from operator_bank.wallets.released import KINDS
from operator_bank.wallets.signers import PLACES, distinct
from runtime.checks import invalid, of_item
from runtime.errors import Refusal
from runtime.messages import read_payload
from settlement.records import Result, key_of

Order = VerifiedOrder[signers_pb2.ReleaseOrder]
_OF = releases.c


class Releases:
    """What enough signers have released, as it is checked and kept."""

    def __init__(self, context: Context, orders: Orders) -> None:
        self._database = context.database
        self._clock = context.clock
        self._bank = context.bank
        self._orders = orders

    def is_done(self, order: Order) -> bool:
        """Whether enough have signed it before."""
        its = (_OF.number == order.wallet.number, _OF.digest == digest_of(order))
        query = select(_OF.digest).where(*its)
        return self._database.read(lambda c: c.execute(query).first()) is not None

    def check(self, order: Order) -> None:
        """Checks a release that is to be signed: its orders are its preparer's, under this list.

        Raises:
            Refusal: it may not be; one of an order names the field.
        """
        content, wallet, now_ms = order.content, order.wallet, self._clock.now_ms()
        check_bank(content.bank, self._bank)
        check_times(content, now_ms, longest_ms=MAX_ORDER_VALIDITY_MS)
        if content.list_number != wallet.key_number:
            raise refusal_of(Result.KEY_REPLACED)
        last = self._orders.last_sequence(wallet)
        sequences: list[int] = []
        for index, item in enumerate(content.items):
            try:
                sequences.append(self._check_item(order, item, last, now_ms))
            except Refusal as refusal:
                raise of_item(f"items[{index}]", refusal) from None
        if not distinct(sequences):
            raise invalid("items", "has a sequence twice")
        self._check_often(wallet.number, now_ms)

    def put(self, order: Order, signatures: Mapping[int, bytes]) -> None:
        """Keeps what enough have signed: from now on its preparer may send its orders.

        Args:
            order: that `check` has found good; nobody else changes the wallet meanwhile.
            signatures: by the places of the signers.
        """
        number, digest, now_ms = order.wallet.number, digest_of(order), self._clock.now_ms()
        content = order.content
        its = {"number": number, "digest": digest}
        row = {
            **its,
            "list_number": content.list_number,
            "place": content.place,
            "payload": order.payload,
            "released_time_ms": now_ms,
            "expires_time_ms": max(_order_in(item).expires_time_ms for item in content.items),
            "used": False,
        }
        signed = [
            {**its, "place": place, "signature": signature}
            for place, signature in sorted(signatures.items())
        ]

        def body(connection: Connection) -> None:
            _forget_unused(connection, number, order.wallet.key_number, now_ms)
            connection.execute(insert(releases), row)
            connection.execute(insert(release_signatures), signed)
            no_longer_wait(connection, number, [digest])

        self._database.transaction(body)

    def _check_item(
        self, order: Order, item: signers_pb2.ReleaseItem, last: int, now_ms: int
    ) -> int:
        """Checks one of its orders; returns its sequence. Raises Refusal."""
        content: Any = read_payload(KINDS[item.kind], item.payload)
        if content.wallet_number != order.wallet.number:
            raise Refusal(
                errors_pb2.REASON_WRONG_WALLET,
                "the order is another wallet's than its release",
                field="wallet_number",
            )
        check_times(content, now_ms, longest_ms=MAX_ORDER_VALIDITY_MS)
        check_prepared(order.wallet, content.sequence, last)
        if key_of(content.sequence) < order.wallet.key_number:
            raise refusal_of(Result.KEY_REPLACED)
        its = key_of(content.sequence), content.sequence % PLACES
        if its != (order.wallet.key_number, order.content.place):
            raise invalid("sequence", "is not one of who has prepared it, under this list")
        if item.kind == signers_pb2.RELEASED_KIND_EXCHANGE and (
            content.medium != orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
        ):
            raise invalid("medium", "is cash, which is not released by others")
        return int(content.sequence)

    def _check_often(self, number: str, now_ms: int) -> None:
        check_per_day(
            self._database,
            _OF.released_time_ms,
            _OF.number == number,
            most=RELEASES_PER_DAY,
            what="releases",
            now_ms=now_ms,
        )


def _order_in(item: signers_pb2.ReleaseItem) -> Any:
    return KINDS[item.kind].FromString(item.payload)


def _forget_unused(connection: Connection, number: str, list_number: int, now_ms: int) -> None:
    """Deletes releases of a wallet of which nothing was sent, and nothing can be any more."""
    over = or_(_OF.list_number < list_number, _OF.expires_time_ms < now_ms - DAY_MS)
    old = select(_OF.digest).where(_OF.number == number, _OF.used.is_(False), over)
    digests = connection.execute(old).scalars().all()
    if not digests:
        return
    forget_items(connection, number, digests)
    for of in (releases, release_signatures):
        connection.execute(delete(of).where(of.c.number == number, of.c.digest.in_(digests)))
