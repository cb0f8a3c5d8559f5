"""Follows payments of requests to pay through a bank's journal: each answers a request that its
asker has signed, as its payer has seen it, and all of a request together are no more than it.

The table of these payments is what a bank decides by. A row that is missing lets a request be paid
twice, and a row too many leaves it unpaid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, Row, column, inspect, select, table

from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.rows import unlike
from dcep.bank.v1 import asking_pb2, orders_pb2, sub_wallets_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from runtime.ed25519 import verified
from runtime.envelope import signed_bytes
from settlement.records import record_digest

OutboundPayment = registration_pb2.OutboundPayment
_asked = table(
    "asked",
    *map(column, ("id", "asker", "payer", "amount_fen", "partial", "due_time_ms", "state")),
    *map(column, ("key", "payload", "signature")),
    *map(column, ("change_key", "change_payload", "change_signature")),
)
_payments = table("asked_payments", *map(column, ("position", "request", "amount_fen")))
_orders = table("sub_wallet_orders", column("wallet"), column("order_payload"))
_wallets = table("wallets", column("id"), column("number"))
_WITHDRAWN = (asking_pb2.ASKED_STATE_WITHDRAWING, asking_pb2.ASKED_STATE_WITHDRAWN)


class _Row(NamedTuple):
    request: str
    amount_fen: int


class _Request(NamedTuple):
    """What a row says of a request, the SHA-256 of what its asker signed, and the asker's key."""

    asker: str
    payer: str
    amount_fen: int
    partial: bool
    due_time_ms: int
    digest: bytes
    key: bytes


class RequestWalk:
    """The paid requests in one bank's journal, and the rows as they were before it was read."""

    def __init__(self, engine: Engine) -> None:
        self._problems: list[str] = []
        self._requests: dict[str, _Request] = {}
        with engine.connect() as connection:
            givers = _givers(connection)
            for row in connection.execute(select(_asked)):
                try:
                    self._requests[row.id] = _request(row, givers)
                except Wrong as wrong:
                    where = _("table asked, row id={id}").format(id=row.id)
                    self._problems.append(f"{where}: {wrong}")
            rows = connection.execute(select(_payments)).all()
        self._rows = {row.position: _Row(row.request, row.amount_fen) for row in rows}
        self._made: dict[int, _Row] = {}
        self._fen: dict[str, int] = {}
        """What was paid here on a request and has not ended otherwise."""

    def take(self, line: Line, order: orders_pb2.PaymentOrder) -> None:
        """Takes an accepted payment, if it answers a request.

        Args:
            line: its record.
            order: what its wallet has signed.

        Raises:
            Wrong: there is no such request, or it is for something else.
        """
        name = order.request_to_pay_id
        if not name:
            return
        self._made[line.position] = _Row(name, line.amount_fen)
        asked = self._requests.get(name)
        if asked is None:
            raise Wrong(_("it pays a request that nobody has made"))
        same("payer", order.wallet_number, asked.payer)
        same("payee", order.payee_number, asked.asker)
        same("request", order.request_to_pay_digest.hex(), asked.digest.hex())
        if line.time_ms > asked.due_time_ms:
            raise Wrong(_("it pays a request after it was due"))
        paid_fen = self._count(name, line.amount_fen)
        whole = asked.partial or line.amount_fen == asked.amount_fen
        if paid_fen > asked.amount_fen or not whole:
            raise Wrong(
                _("with it {fen} fen are paid on a request for {asked} fen").format(
                    fen=paid_fen, asked=asked.amount_fen
                )
            )

    def asked(self, line: Line, number: str, known: AbstractSet[bytes]) -> orders_pb2.PaymentOrder:
        """Takes an accepted payment by a mandate; returns what its bank has made of the request.

        Args:
            line: its record.
            number: the mandate's.
            known: the keys that the asker's wallet has had, if it is one of this bank; else none.

        Raises:
            Wrong: nobody has asked for it.
        """
        request = read(orders_pb2.RequestToPay, line.note)
        name = f"{request.wallet_number}-{request.nonce.hex()}"
        same("digest", record_digest(line.note), line.digest)
        order = orders_pb2.PaymentOrder(
            wallet_number=number,
            payee_number=request.wallet_number,
            request_to_pay_id=name,
            request_to_pay_digest=hashlib.sha256(line.note).digest(),
        )
        self.take(line, order)
        key = self._requests[name].key
        if known and key not in known:
            raise Wrong(_("the request is not signed by its asker's key"))
        _signed(orders_pb2.RequestToPay, key, line.note, line.signature)
        return order

    def came(self, line: Line, payment: OutboundPayment) -> None:
        """Takes a payment of another bank's wallet that a wallet here got."""
        if payment.request_to_pay_id:
            self._made[line.position] = _Row(payment.request_to_pay_id, line.amount_fen)

    def not_paid(self, position: int) -> None:
        """Takes the end of a hold that did not settle, or the return of what had settled."""
        row = self._made.get(position)
        if row is not None and row.request in self._fen:
            self._fen[row.request] -= row.amount_fen

    def lost(self, payment: OutboundPayment) -> None:
        """Takes a payment that settled and that the bank's database has lost since."""
        if payment.request_to_pay_id:
            self._count(payment.request_to_pay_id, payment.amount_fen)

    def check(self, until_position: int) -> Iterator[str]:
        """A sentence for each row, up to a position of the journal, that is wrong or missing."""
        yield from self._problems
        yield from unlike("asked_payments", self._made, self._rows, until_position, _said)

    def _count(self, name: str, amount_fen: int) -> int:
        self._fen[name] = self._fen.get(name, 0) + amount_fen
        return self._fen[name]


def _givers(connection: Connection) -> Mapping[str, str]:
    """Whose each sub-wallet is, by their numbers: that one declines what is asked of a mandate."""
    if not inspect(connection).has_table(_orders.name):
        return {}
    joined = _orders.join(_wallets, _wallets.c.id == _orders.c.wallet)
    query = select(_wallets.c.number, _orders.c.order_payload).select_from(joined)
    return {
        row.number: read(sub_wallets_pb2.SubWalletOrder, bytes(row.order_payload)).wallet_number
        for row in connection.execute(query)
    }


def _request(of: Row[Any], givers: Mapping[str, str]) -> _Request:
    """What a row says, after comparing it with what its asker signed. Raises Wrong."""
    payload = bytes(of.payload)
    content = read(orders_pb2.RequestToPay, payload)
    _signed(orders_pb2.RequestToPay, bytes(of.key), payload, bytes(of.signature))
    for what, said, recorded in (
        ("id", f"{content.wallet_number}-{content.nonce.hex()}", of.id),
        ("asker", content.wallet_number, of.asker),
        ("payer", content.payer_number, of.payer),
        ("amount", content.amount_fen, of.amount_fen),
        ("parts", int(content.partial), of.partial),
        ("end", content.due_time_ms, of.due_time_ms),
    ):
        same(what, said, recorded)
    _check_change(of, content, givers)
    return _Request(
        of.asker,
        of.payer,
        of.amount_fen,
        bool(of.partial),
        of.due_time_ms,
        hashlib.sha256(payload).digest(),
        bytes(of.key),
    )


def _check_change(
    of: Row[Any], content: orders_pb2.RequestToPay, givers: Mapping[str, str]
) -> None:
    """Raises Wrong unless whoever may do so has ordered the state that a request is in."""
    payload = bytes(of.change_payload)
    change = read(orders_pb2.ChangeAskedOrder, payload)
    if payload:
        signature = bytes(of.change_signature)
        _signed(orders_pb2.ChangeAskedOrder, bytes(of.change_key), payload, signature)
        same("request", change.request_to_pay_id, of.id)
    ordered, by = 0, ""
    payer = content.payer_number
    if of.state == asking_pb2.ASKED_STATE_DECLINED:
        ordered, by = orders_pb2.ASKED_CHANGE_DECLINE, payer
        if change.wallet_number == givers.get(payer):
            by = change.wallet_number
    elif of.state in _WITHDRAWN:
        ordered, by = orders_pb2.ASKED_CHANGE_WITHDRAW, content.wallet_number
    if ordered and (change.change, change.wallet_number) != (ordered, by):
        raise Wrong(_("nobody who may do so has declined or withdrawn it"))


def _signed(kind: type[Message], key: bytes, payload: bytes, signature: bytes) -> None:
    if not verified(key, signed_bytes(kind, payload), signature):
        raise Wrong(_("the signature is not by the wallet's key"))


def _said(row: _Row | None) -> str:
    if row is None:
        return _("no payment of a request")
    return _("{fen} fen on request {request}").format(fen=row.amount_fen, request=row.request)
