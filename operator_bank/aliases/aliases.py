"""Takes aliases for wallets and gives them up, as their holders order, and lists them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from currency.aliases import Alias, AliasError, AliasKind, read_alias
from currency.days import DAY_MS
from dcep.bank.v1 import aliases_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.aliases import rows
from operator_bank.aliases.rows import AliasTexts
from operator_bank.aliases.secret import AliasSecret
from operator_bank.aliases.tables import aliases
from operator_bank.context import Context
from operator_bank.customers.checks import IdentityChecks
from operator_bank.customers.codes import PhoneCodes
from operator_bank.keys.in_force import check_in_force
from operator_bank.limits import (
    ALIASES_EACH,
    ALIASES_KEPT_MS,
    ALIASES_PER_DAY,
    ALIASES_SHOWN,
    MAX_OPENING_VALIDITY_MS,
)
from operator_bank.wallets.directory import Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.wallet import check_may_order
from runtime.checks import invalid, of_item
from runtime.errors import Refusal
from runtime.messages import read_payload
from runtime.one_call_each import OneCallEach

AliasOrder = VerifiedOrder[orders_pb2.AliasOrder]
REMOVE = orders_pb2.ALIAS_WISH_REMOVE
PRIVATE = orders_pb2.ALIAS_WISH_ADD_PRIVATE
_OF = aliases.c


class Aliases:
    """The use-cases behind AddAlias, RemoveAlias and ListAliases."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        secret: AliasSecret,
        texts: AliasTexts,
        codes: PhoneCodes,
        checks: IdentityChecks,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._orders = orders
        self._secret = secret
        self._texts = texts
        self._codes = codes
        self._checks = checks
        # What one wallet has, and who gets a label, is decided by one call at a time. Anybody can
        # name a label: so each wallet has one call at a time there.
        self._deciding, self._giving = OneCallEach(), OneCallEach()
        self.on_work: Callable[[], None] = lambda: None

    def add(self, asked: aliases_pb2.AddAliasRequest) -> aliases_pb2.Alias:
        """Takes an alias for a wallet, or what it has of it anew.

        Raises:
            Refusal: nothing has changed.
        """
        order, now_ms = self._opened(asked.order)
        if order.content.wish == REMOVE:
            raise invalid("wish", "is to add it")
        alias = _read(asked.alias_text, order.content.alias_digest)
        self._check_may_add(order.wallet)
        if alias.kind == AliasKind.PHONE and self._checks.wants_codes:
            self._codes.check(alias.shown, order.wallet.public_key, asked.code)
        label, text = self._secret.label(alias), asked.alias_text

        def body(connection: Connection) -> Row[Any]:
            check_in_force(connection, order.wallet)
            return self._put(connection, order, alias, label, text, now_ms)

        with self._deciding.holding({order.wallet.number}), self._giving.holding({label}):
            row = self._database.transaction(body)
        self.on_work()
        return self._texts.shown(row)

    def remove(self, envelope: SignedEnvelope) -> aliases_pb2.Alias:
        """Gives an alias up; nobody is found by it from then on.

        Raises:
            Refusal: ALIAS_UNKNOWN.
        """
        order, _ = self._opened(envelope)
        if order.content.wish != REMOVE:
            raise invalid("wish", "is to remove it")

        def body(connection: Connection) -> Row[Any]:
            check_in_force(connection, order.wallet)
            row = _of(connection, order)
            if row is None:
                raise rows.unknown()
            is_newer = _created_ms(row.payload) <= order.content.created_time_ms
            if row.live and row.state != rows.REMOVING and is_newer:
                rows.change(
                    connection,
                    row,
                    **rows.given_up(),
                    end_payload=order.payload,
                    end_signature=order.signature,
                )
            return _again(connection, row)

        with self._deciding.holding({order.wallet.number}):
            row = self._database.transaction(body)
        self.on_work()
        return self._texts.shown(row)

    def closed(self, number: str) -> None:
        """Gives up the aliases of a wallet that has been closed."""

        def body(connection: Connection) -> None:
            query = select(aliases).where(_OF.wallet == number, _OF.live == 1).with_for_update()
            for row in connection.execute(query).all():
                rows.change(connection, row, **rows.given_up())

        with self._deciding.holding({number}):
            self._database.transaction(body)
        self.on_work()

    def listed(self, wallet: Wallet) -> list[aliases_pb2.Alias]:
        """The aliases of a wallet, and those that it had lately, newest first."""
        query = select(aliases).where(_OF.wallet == wallet.number)
        query = query.order_by(_OF.live.desc(), _OF.number.desc()).limit(ALIASES_SHOWN)
        found = self._database.read(lambda c: c.execute(query).all())
        return [self._texts.shown(row) for row in found]

    def _opened(self, envelope: SignedEnvelope) -> tuple[AliasOrder, int]:
        order = self._orders.open(orders_pb2.AliasOrder, envelope)
        now_ms = self._clock.now_ms()
        check_times(order.content, now_ms, longest_ms=MAX_OPENING_VALIDITY_MS)
        check_bank(order.content.bank, self._bank)
        return order, now_ms

    def _check_may_add(self, wallet: Wallet) -> None:
        check_may_order(int(self._ledger.read([wallet.account])[0]["flags"]))

    def _put(
        self,
        connection: Connection,
        order: AliasOrder,
        alias: Alias,
        label: bytes,
        text: bytes,
        now_ms: int,
    ) -> Row[Any]:
        """Writes an alias down; returns its row. Raises Refusal."""
        before, number = rows.live(connection, label), order.wallet.number
        values: dict[str, Any] = {
            **self._texts.sealed(order.content.alias_digest, text),
            "digest": order.content.alias_digest,
            "private": int(order.content.wish == PRIVATE),
            "key": order.wallet.public_key,
            "payload": order.payload,
            "signature": order.signature,
        }
        is_phone = alias.kind == AliasKind.PHONE
        # A newer order stands against one that comes late, or once more.
        given_up = _given_up(connection, number, label)
        if given_up is not None and (
            _created_ms(given_up.end_payload) > order.content.created_time_ms
        ):
            return given_up
        if before is not None and before.wallet == number and before.state != rows.REMOVING:
            if _created_ms(before.payload) <= order.content.created_time_ms:
                again = _kept(before) if is_phone else {}
                rows.change(connection, before, **values, **again)
            return _again(connection, before)
        if before is not None and before.wallet != number and not is_phone:
            raise rows.taken()
        _check_room(connection, number, now_ms)
        goes_on: dict[str, Any] = {"state": int(rows.REGISTERING), "until_time_ms": 0}
        goes_on["to_tell"] = int(rows.CLAIM if is_phone else rows.REGISTER)
        if before is not None:
            ended = rows.MOVED if before.wallet != number else rows.REMOVED
            rows.change(connection, before, **rows.over(ended))
            if before.state not in (rows.REMOVING, rows.REGISTERING):
                # The directory has it for this bank already.
                goes_on = {name: getattr(before, name) for name in goes_on} | _kept(before)
        new = {
            **values,
            **goes_on,
            "wallet": number,
            "kind": int(alias.kind),
            "label": label,
            "live": 1,
            "since_time_ms": now_ms,
            "asked_day": before.asked_day if before is not None else 0,
            "asked_count": before.asked_count if before is not None else 0,
            "end_payload": b"",
            "end_signature": b"",
        }
        connection.execute(insert(aliases).values(new))
        row = rows.live(connection, label)
        assert row is not None
        return row


def _kept(row: Row[Any]) -> dict[str, Any]:
    """What a telephone that was shown once more does to another bank's claim."""
    if row.state != rows.CONTESTED:
        return {}
    return {"state": int(rows.CONTESTED), "to_tell": int(rows.KEEP)}


def _check_room(connection: Connection, number: str, now_ms: int) -> None:
    """Forgets what is over for long. Raises Refusal: TOO_MANY_ALIASES."""
    mine = _OF.wallet == number
    old = _OF.since_time_ms < now_ms - ALIASES_KEPT_MS
    connection.execute(delete(aliases).where(mine, _OF.live == 0, old))
    for most, also, when in (
        (ALIASES_EACH, _OF.live == 1, "at once"),
        (ALIASES_PER_DAY, _OF.since_time_ms > now_ms - DAY_MS, "a day"),
    ):
        count = select(func.count()).select_from(aliases).where(mine, also)
        if (connection.scalar(count) or 0) >= most:
            raise Refusal(
                errors_pb2.REASON_TOO_MANY_ALIASES,
                f"a wallet takes {most} aliases {when} at most",
                field="wallet_number",
            )


def _read(alias_text: bytes, digest: bytes) -> Alias:
    """The alias that is the order's. Raises Refusal."""
    if not hmac.compare_digest(hashlib.sha256(alias_text).digest(), digest):
        raise invalid("alias_text", "is not the one that the order has the digest of")
    try:
        text = read_payload(aliases_pb2.AliasText, alias_text)
    except Refusal as refusal:
        raise of_item("alias_text", refusal) from None
    return parsed(text.alias)


def parsed(text: str) -> Alias:
    """The alias that somebody typed. Raises Refusal: FIELD_INVALID."""
    try:
        return read_alias(text)
    except AliasError as error:
        raise invalid("alias", f"is none: {error}") from None


def _of(connection: Connection, order: AliasOrder) -> Row[Any] | None:
    """The newest row of a wallet with the digest that an order names."""
    this = _OF.wallet == order.wallet.number, _OF.digest == order.content.alias_digest
    query = select(aliases).where(*this).order_by(_OF.number.desc()).limit(1)
    return connection.execute(query.with_for_update()).first()


def _again(connection: Connection, row: Row[Any]) -> Row[Any]:
    return connection.execute(select(aliases).where(_OF.number == row.number)).one()


def _given_up(connection: Connection, number: str, label: bytes) -> Row[Any] | None:
    """The newest row of a label that a wallet has ordered to give up."""
    this = _OF.wallet == number, _OF.label == label, _OF.end_payload != b""
    query = select(aliases).where(*this).order_by(_OF.number.desc()).limit(1)
    return connection.execute(query).first()


def _created_ms(payload: bytes) -> int:
    """When an order was signed."""
    return int(orders_pb2.AliasOrder.FromString(bytes(payload)).created_time_ms)
