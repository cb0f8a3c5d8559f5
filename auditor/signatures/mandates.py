"""Follows payments by mandates through a bank's journal: each is what its payee has signed to ask,
and within what the holder has signed, for a request and for a month; or the holder allowed it.

The table of tries is what a bank adds up a month by, so it is compared as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, column, inspect, select, table

from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.rows import unlike
from auditor.signatures.signer_lists import Holder
from auditor.signatures.verifying import Verifying
from currency.days import month_of
from dcep.bank.v1 import orders_pb2, sub_wallets_pb2
from language import _

Terms = sub_wallets_pb2.SubWalletTerms
_COLUMNS = ("request", "account", "state", "position", "month", "amount_fen", "allowed")
_ALLOWED = ("allow_payload", "allow_signature")
_tries = table("mandate_tries", *map(column, (*_COLUMNS, *_ALLOWED)))
_PAID = 2


class _Row(NamedTuple):
    """What a row says of a payment."""

    request: str
    account: int
    month: int
    amount_fen: int
    allowed: bool


class MandateWalk:
    """The payments by mandates in one bank's journal, and the rows as they were before it."""

    def __init__(
        self, engine: Engine, verifying: Verifying, keys_of: Callable[[Holder], list[bytes]]
    ) -> None:
        """`keys_of`: the keys each of which orders alone for a wallet where the walk stands."""
        self._verifying = verifying
        self._keys_of = keys_of
        self._rows: dict[int, _Row] = {}
        self._allowed: dict[int, tuple[bytes, bytes]] = {}
        self._made: dict[int, _Row] = {}
        self._months: dict[tuple[int, int], int] = defaultdict(int)
        self._newest: dict[int, int] = defaultdict(int)
        if not inspect(engine).has_table(_tries.name):
            return
        with engine.connect() as connection:
            for row in connection.execute(select(_tries).where(_tries.c.state == _PAID)):
                said = (row.request, row.account, row.month, row.amount_fen, bool(row.allowed))
                self._rows[row.position] = _Row(*said)
                if row.allowed:
                    pair = bytes(row.allow_payload), bytes(row.allow_signature)
                    self._allowed[row.position] = pair

    def take(self, line: Line, request: str, terms: Sequence[Terms], holder: Holder) -> None:
        """Takes an accepted payment.

        Args:
            line: its record.
            request: the id of the request that it pays.
            terms: what the mandate may have allowed when it was paid.
            holder: who has given the mandate.

        Raises:
            Wrong: it is more than was allowed.
        """
        if not self._keys_of(holder):
            raise Wrong(_("a mandate has paid for a wallet of which several sign together"))
        account, fen = line.debit, line.amount_fen
        allowed = line.position in self._allowed
        month = self._newest[account] = max(self._newest[account], month_of(line.time_ms))
        self._made[line.position] = _Row(request, account, month, fen, allowed)
        if allowed:
            self._check_allowed(line.position, request, holder)
            if not any(fen <= each.balance_cap_fen for each in terms):
                raise Wrong(_("it is for more than the mandate may ever pay"))
            return
        self._months[account, month] += fen
        so_far = self._months[account, month]
        within = [
            fen <= each.mandate.each_fen and so_far <= each.mandate.month_fen for each in terms
        ]
        if not any(within):
            raise Wrong(
                _(
                    "with it {fen} fen are paid by the mandate in its month, beyond what it allows"
                ).format(fen=so_far)
            )

    def not_paid(self, position: int) -> None:
        """Takes the end of a hold that did not settle, or the return of what had settled."""
        row = self._made.get(position)
        if row is not None and not row.allowed:
            self._months[row.account, row.month] -= row.amount_fen

    def check(self, until_position: int) -> Iterator[str]:
        """A sentence for each row, up to a position of the journal, that is wrong or missing."""
        yield from unlike(_tries.name, self._made, self._rows, until_position, _said)

    def _check_allowed(self, position: int, request: str, holder: Holder) -> None:
        payload, signature = self._allowed[position]
        order = read(orders_pb2.ChangeAskedOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("request", order.request_to_pay_id, request)
        same("change", order.change, orders_pb2.ASKED_CHANGE_ALLOW)
        kinds = [orders_pb2.ChangeAskedOrder]
        if not self._verifying.now(self._keys_of(holder), kinds, payload, signature):
            raise Wrong(_("the signature is not by the wallet's key"))


def _said(row: _Row | None) -> str:
    if row is None:
        return _("no payment by a mandate")
    words = _("{fen} fen on request {request} in {month}")
    if row.allowed:
        words = _("{fen} fen on request {request} in {month}, allowed beyond it")
    return words.format(fen=row.amount_fen, request=row.request, month=row.month)
