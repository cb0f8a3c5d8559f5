"""Looks up which orders the signers of a wallet have released to the one who has prepared them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, Message
from sqlalchemy import Connection, Row, Select, select, update

from dcep.bank.v1 import orders_pb2, signers_pb2
from operator_bank.context import Context
from operator_bank.lost.tables import lost_moves
from operator_bank.signers.tables import pending_orders, released_orders, releases
from operator_bank.wallets.known import Wallet, id_of
from operator_bank.wallets.signers import RELEASE, Release
from runtime.chunks import chunks
from settlement.errors import Overloaded
from settlement.records import key_of, record_digest

KINDS: Mapping[int, type[Message]] = {
    signers_pb2.RELEASED_KIND_PAYMENT: orders_pb2.PaymentOrder,
    signers_pb2.RELEASED_KIND_REFUND: orders_pb2.RefundOrder,
    signers_pb2.RELEASED_KIND_EXCHANGE: orders_pb2.ExchangeOrder,
    signers_pb2.RELEASED_KIND_CLOSE: orders_pb2.CloseOrder,
}
"""What may be released: nothing that would let one signer order alone later."""

PAYMENT, LIST, RELEASED = 1, 2, 3
"""What waits for signatures."""

OPEN, WITHDRAWN = 1, 2
"""States of what waits."""

_FEW = 64
"""Orders of one signer that are looked for one by one in what waits."""

_KIND_OF = {message: kind for kind, message in KINDS.items()}
_OF, _IN, _WAITS = releases.c, released_orders.c, pending_orders.c
_LOST = lost_moves.c


class _Order(NamedTuple):
    """An order that a signer may not send alone.

    Attributes:
        at: its place in the call.
        place: the signer's.
        digest: SHA-256 of its bytes.
    """

    at: int
    wallet: Wallet
    place: int
    sequence: int
    payload: bytes
    digest: bytes

    @property
    def needed(self) -> tuple[str, int, int, bytes]:
        """What a release that lets it through says: wallet, list, preparer and bytes."""
        return self.wallet.number, self.wallet.key_number, self.place, self.digest


class Released:
    """What enough signers have released."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._history = context.history
        self._clock = context.clock

    def of(
        self, kind: type[Message], orders: Iterable[tuple[Wallet | None, bytes]]
    ) -> Mapping[int, Release]:
        """How far orders of one kind have come, by their places: those that have to be released.

        A release that is found is written down as used first, and kept for good from then on.

        Args:
            kind: the orders' message.
            orders: of each the wallet with the signer that has signed it, and its bytes; none
                without a wallet.
        """
        these = _to_release(kind, orders)
        if not these:
            return {}
        before = [one for one in these if key_of(one.sequence) < one.wallet.key_number]
        now = [one for one in these if key_of(one.sequence) >= one.wallet.key_number]
        released = self._released(_KIND_OF[kind], now)
        done = {one.at: Release.DONE for one in now if one.needed in released}
        left = [one for one in now if one.at not in done]
        said = {**done, **self._waiting(_KIND_OF[kind], left), **self._of_before(before)}
        if kind is orders_pb2.PaymentOrder:
            said |= self._lost([one for one in these if said[one.at] is not Release.DONE])
        return said

    def _lost(self, orders: Sequence[_Order]) -> dict[int, Release]:
        """Those under whose ids a payment was settled that this database has lost, with its
        release: whoever opens them answers how they ended, and makes none.
        """
        found: dict[int, Release] = {}
        for part in chunks(orders):
            ids = {one.at: id_of(one.wallet.number, one.sequence) for one in part}
            query = select(_LOST.payment_id).where(_LOST.payment_id.in_(set(ids.values())))
            lost = {row.payment_id for row in self._rows(query)}
            found |= {at: Release.DONE for at, one in ids.items() if one in lost}
        return found

    def _of_before(self, orders: Sequence[_Order]) -> dict[int, Release]:
        """Those that were signed under another list: what was decided is repeated, nothing else."""
        try:
            rows = self._history.rows({(one.wallet.account, one.sequence) for one in orders})
        except Overloaded:  # nothing is said of them now
            return {one.at: Release.WAITS for one in orders}
        found: dict[int, Release] = {}
        for one in orders:
            row = rows.get((one.wallet.account, one.sequence))
            digest = record_digest(one.payload)
            is_it = row is not None and int.from_bytes(bytes(row.digest), "little") == digest
            found[one.at] = Release.DONE if is_it else Release.OVER
        return found

    def _released(self, kind: int, orders: Sequence[_Order]) -> set[tuple[str, int, int, bytes]]:
        """Which orders were released: of what wallet, under which list, to whom."""
        found: set[tuple[str, int, int, bytes]] = set()
        unused: set[tuple[str, bytes]] = set()
        for part in chunks(orders):
            query = select(_IN.order_digest, _OF.digest, _OF.used).where(
                _IN.number.in_({one.wallet.number for one in part}),
                _IN.order_digest.in_({one.digest for one in part}),
                _IN.kind == kind,
                _OF.number == _IN.number,
                _OF.digest == _IN.release_digest,
            )
            query = query.add_columns(_OF.number, _OF.list_number, _OF.place)
            wanted = {one.needed for one in part}
            for row in self._rows(query):
                one = row.number, row.list_number, row.place, bytes(row.order_digest)
                if one in wanted:
                    found.add(one)
                    if not row.used:
                        unused.add((row.number, bytes(row.digest)))
        if unused:
            self._database.transaction(lambda c: _use(c, unused))
        return found

    def _waiting(self, kind: int, orders: Sequence[_Order]) -> dict[int, Release]:
        """The rest: whether each waits for others where its preparer has put it before them."""
        waits: set[tuple[str, int, int, bytes]] = set()
        for part in chunks(orders):
            query = select(_IN.order_digest, _WAITS.number, _WAITS.list_number, _WAITS.place).where(
                _IN.number.in_({one.wallet.number for one in part}),
                _IN.order_digest.in_({one.digest for one in part}),
                _IN.kind == kind,
                _WAITS.number == _IN.number,
                _WAITS.digest == _IN.release_digest,
                _WAITS.state == OPEN,
                _WAITS.expires_time_ms >= self._clock.now_ms(),
            )
            waits |= {
                (row.number, row.list_number, row.place, bytes(row.order_digest))
                for row in self._rows(query)
            }
        return {one.at: Release.WAITS if one.needed in waits else Release.NONE for one in orders}

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._database.read(lambda c: c.execute(query).all())


def _to_release(kind: type[Message], orders: Iterable[tuple[Wallet | None, bytes]]) -> list[_Order]:
    """Those orders that their signers may not send alone.

    Who only looks by now may have sent some before: they are repeated. Who heard that they may not
    be sent would take them for never carried out.
    """
    if kind not in _KIND_OF:
        return []
    found: list[_Order] = []
    for at, (wallet, payload) in enumerate(orders):
        if wallet is None or wallet.signer is None or wallet.signers is None:
            continue
        signer, threshold = wallet.signer, wallet.signers.threshold
        if signer.role == RELEASE and threshold == 1:
            continue
        try:
            content: Any = kind.FromString(payload)
        except DecodeError:
            continue  # which it is refused for
        digest = hashlib.sha256(payload).digest()
        found.append(_Order(at, wallet, signer.place, content.sequence, payload, digest))
    return found


def _use(connection: Connection, which: Iterable[tuple[str, bytes]]) -> None:
    for number, digest in sorted(which):
        statement = update(releases).where(_OF.number == number, _OF.digest == digest)
        connection.execute(statement.values(used=True))
