"""Finds wallets by aliases for the holders of this bank, and answers for its own."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from currency.days import DAY_MS
from dcep.bank.v1 import aliases_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.aliases import rows
from operator_bank.aliases.aliases import parsed
from operator_bank.aliases.masking import masked
from operator_bank.aliases.secret import ANSWER_BYTES, AliasSecret, nothing
from operator_bank.aliases.tables import alias_lookups
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.customers.person import Person
from operator_bank.limits import ALIAS_ASKED_PER_DAY, ALIAS_LOOKUPS_EACH
from operator_bank.wallets.acceptance import Inbound
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.tables import wallets
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach

_NONCE_BYTES = 16
_FOUND = (int(rows.ACTIVE), int(rows.CONTESTED))
_OF = alias_lookups.c


class AliasFinding:
    """The use-cases behind FindAlias and AnswerAlias."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        inbound: Inbound,
        customers: Customers,
        secret: AliasSecret,
    ) -> None:
        self._database = context.database
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._prefix = context.prefix
        self._directory = directory
        self._inbound = inbound
        self._customers = customers
        self._secret = secret
        self._counting = OneCallEach()

    def find(self, wallet: Wallet, text: str) -> aliases_pb2.AliasPayee:
        """Whom an alias stands for; it is asked for at the central bank, whosever it is.

        Args:
            wallet: whose holder asks.
            text: the alias.

        Raises:
            Refusal: ALIAS_NOT_FOUND, in one way whatever the cause; TOO_MANY_LOOKUPS.
            NoAnswer: of the central bank.
        """
        label = self._secret.label(parsed(text))
        holder, now_ms = self._holder(wallet), self._clock.now_ms()
        with self._counting.holding({holder}):
            self._database.transaction(lambda c: _count(c, holder, now_ms))
        nonce = os.urandom(_NONCE_BYTES)
        answer = self._central_bank.find_alias(label, nonce)
        payee = None
        if len(answer) == ANSWER_BYTES:
            payee = self._secret.open(answer, label, nonce, self._prefix)
        if payee is None:
            raise rows.not_found()
        return payee

    def left(self, wallet: Wallet) -> int:
        """How many aliases a holder may still look for today."""
        holder, day = self._holder(wallet), self._clock.now_ms() // DAY_MS
        row = self._database.read(lambda c: _counted(c, holder))
        return ALIAS_LOOKUPS_EACH - (row.lookups if row is not None and row.day >= day else 0)

    def answer(self, label: bytes, nonce: bytes, prefix: str) -> bytes:
        """Whom an alias of this bank stands for, sealed for the bank that asks; or random bytes.

        Args:
            label: of the alias.
            nonce: of the question.
            prefix: of the bank that asks.
        """
        now_ms = self._clock.now_ms()
        row = self._database.transaction(lambda c: _asked(c, label, now_ms))
        number = row.wallet if row is not None else ""
        found = row is not None and self._inbound.can_be_paid([number])[0]
        if not found:
            return nothing()
        person = self._person(self._directory.get(number)) or Person()
        payee = aliases_pb2.AliasPayee(wallet_number=number, masked_name=masked(person.name))
        return self._secret.seal(label, payee, nonce, prefix)

    def _holder(self, wallet: Wallet) -> bytes:
        """Who looks for aliases: all wallets of one telephone together."""
        person = self._person(wallet)
        known = self._customers.phone_key(person.phone) if person is not None else None
        return known or wallet.row_id.to_bytes(16, "big")

    def _person(self, wallet: Wallet) -> Person | None:
        query = select(wallets.c.customer).where(wallets.c.id == wallet.row_id)
        customer = self._database.read(lambda c: c.execute(query).scalar())
        return None if customer is None else self._customers.person(customer)


def _counted(connection: Connection, holder: bytes, *, locked: bool = False) -> Row[Any] | None:
    query = select(alias_lookups).where(_OF.holder == holder)
    return connection.execute(query.with_for_update() if locked else query).first()


def _count(connection: Connection, holder: bytes, now_ms: int) -> None:
    """Counts a question, whatever comes of it. Raises Refusal: TOO_MANY_LOOKUPS, for today."""
    day, row = now_ms // DAY_MS, _counted(connection, holder, locked=True)
    if row is None:
        connection.execute(insert(alias_lookups).values(holder=holder, day=day, lookups=1))
        return
    before = row.lookups if row.day >= day else 0
    if before >= ALIAS_LOOKUPS_EACH:
        raise Refusal(
            errors_pb2.REASON_TOO_MANY_LOOKUPS,
            f"a holder looks for {ALIAS_LOOKUPS_EACH} aliases a day at most",
            retry_time_ms=str((row.day + 1) * DAY_MS),
        )
    values = {"day": max(day, row.day), "lookups": before + 1}
    connection.execute(update(alias_lookups).where(_OF.holder == holder).values(values))


def _asked(connection: Connection, label: bytes, now_ms: int) -> Row[Any] | None:
    """The row of a label by which its wallet may be found, once this question is counted."""
    day, row = now_ms // DAY_MS, rows.live(connection, label)
    if row is None or row.state not in _FOUND or row.private:
        return None
    before = row.asked_count if row.asked_day >= day else 0
    if before >= ALIAS_ASKED_PER_DAY:
        return None
    rows.change(connection, row, asked_day=max(day, row.asked_day), asked_count=before + 1)
    return row
