"""Checks sub-wallets: each was opened, changed and closed by the wallet that it belongs to, has the
limits that were ordered, and its money went home only when its time was over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, column, table

from auditor.signatures.acts import ActsDone
from auditor.signatures.orders import Line, Wrong, purposed, read, same
from auditor.signatures.rows import rows_if_there
from auditor.signatures.signer_lists import Holder
from auditor.signatures.verifying import Problems, Verifying
from currency.sub_limits import CHOICES, limit_set_of
from dcep.bank.v1 import sub_wallets_pb2
from dcep.purposes.v1 import purposes_pb2
from language import _
from settlement.records import Kind, Limit, RecordFlag, record_digest

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
AT_ONCE_MS = 600_000
"""So long after a change of terms a payment may have been looked at before it: the bank looks at an
order before the rule decides it."""

_COLUMNS = ("position", "wallet", "parent", "order_payload", "order_signature")
_orders = table("sub_wallet_orders", *map(column, _COLUMNS))
_LIMITS = {
    Limit.BALANCE_CAP: "balance_cap_fen",
    Limit.SINGLE: "single_fen",
    Limit.DAY: "day_fen",
}


class _Term(NamedTuple):
    """What held for a sub-wallet by an order of this digest, until a time; None: it holds."""

    terms: sub_wallets_pb2.SubWalletTerms
    closing: bool
    digest: int
    until_ms: int | None = None

    def may_hold(self, time_ms: int) -> bool:
        """Whether what happened at a time may have been looked at while it held."""
        late = self.until_ms is not None and time_ms > self.until_ms + AT_ONCE_MS
        return not (late or self.closing)


class SubWallet(NamedTuple):
    """A sub-wallet, as the tables have it: its account, its parent's, and the order for it."""

    account: int
    parent: int
    payload: bytes
    limit_set: int


class SubWalletWalk:
    """Follows sub-wallets through a bank's journal."""

    def __init__(
        self,
        bank: str,
        connection: Connection,
        verifying: Verifying,
        problems: Problems,
        keys_of: Callable[[Holder], list[bytes]],
    ) -> None:
        """Reads what was ordered, in the transaction in which the wallets are read.

        Args:
            bank: its name.
            keys_of: the keys each of which orders alone for a wallet where the walk stands.
        """
        self._bank = bank
        self._verifying = verifying
        self._problems = problems
        self._keys_of = keys_of
        rows = rows_if_there(connection, _orders, "position")
        self._by_position = {row.position: row for row in rows}
        self._openings: dict[int, Row[Any]] = {}
        for row in self._by_position.values():
            self._openings.setdefault(row.wallet, row)
        self._subs: dict[int, SubWallet] = {}
        self._row_ids: dict[int, int] = {}
        self._held: dict[int, list[_Term]] = defaultdict(list)

    def is_one(self, row_id: int) -> bool:
        """Whether a wallet is a sub-wallet, as the table of their orders says."""
        return row_id in self._openings

    def read(self, row: Row[Any], parent: int | None) -> SubWallet:
        """Takes a wallet that is one.

        Args:
            row: of the wallet, with its account.
            parent: the account of the wallet that its opening names.

        Raises:
            Wrong: its opening says something else.
        """
        opening = self._openings[row.id]
        payload = bytes(opening.order_payload)
        order = read(sub_wallets_pb2.SubWalletOrder, payload)
        if parent is None or opening.parent >= row.id:
            raise Wrong(_("there is no wallet that it belongs to"))
        same("key", order.public_key.hex(), bytes(row.public_key).hex())
        sub = SubWallet(row.account, parent, payload, _limit_set(order.terms))
        self._subs[row.account] = sub
        self._row_ids[row.account] = row.id
        return sub

    def parent_row(self, row_id: int) -> int:
        """The id of the wallet that a sub-wallet belongs to."""
        return int(self._openings[row_id].parent)

    def parent(self, account: int) -> int:
        """The account that a sub-wallet's belongs to; 0 for any other account."""
        sub = self._subs.get(account)
        return 0 if sub is None else sub.parent

    def are_kin(self, one: int, other: int) -> bool:
        """Whether one of two accounts is the other's parent."""
        return other == self.parent(one) != 0 or one == self.parent(other) != 0

    def opened(self, line: Line, parent: Holder) -> None:
        """Takes the record that opened one. Raises Wrong."""
        order = self._ordered(line, line.credit, parent, record_digest_too=False)
        same("action", order.action, OPEN)
        digest = record_digest(self._subs[line.credit].payload)
        self._held[line.credit].append(_Term(order.terms, False, digest))

    def limits(self, line: Line) -> None:
        """Checks a record that sets a limit of sub-wallets. Raises Wrong."""
        name = _LIMITS.get(line.ref)  # type: ignore[call-overload]
        if line.accepted and (
            name is None or line.amount_fen != getattr(CHOICES[line.credit], name)
        ):
            raise Wrong(_("sub-wallets have other limits than are offered"))

    def ordered(self, line: Line, number: str, parent: Holder) -> None:
        """Takes a record that gave one its limits: it was changed or closed. Raises Wrong."""
        order = self._ordered(line, line.credit, parent)
        same("wallet", order.sub_wallet_number, number)
        held = self._now(line.credit)
        if order.action == CHANGE:
            if order.terms.ends_time_ms < held.terms.ends_time_ms:
                raise Wrong(_("its end was brought forward"))
            terms = order.terms
            if terms.HasField("mandate") != held.terms.HasField("mandate"):
                raise Wrong(_("a mandate stays one, and no other sub-wallet becomes one"))
        else:
            same("action", order.action, CLOSE)
            terms = held.terms
        same("limits", _limit_set(terms), line.ref)
        self._held[line.credit][-1] = held._replace(until_ms=line.time_ms)
        self._held[line.credit].append(_Term(terms, order.action == CLOSE, line.digest))

    def closed(self, line: Line) -> None:
        """Checks a record that closed one without an order of its own. Raises Wrong."""
        if line.accepted and not self._is_over(line.credit, line.time_ms):
            raise Wrong(_("nobody ordered to close it, and it has not ended"))

    def frozen(self, line: Line, parent: Holder, acts: ActsDone) -> bool:
        """Whether one was frozen along with its parent, by an act of two officers."""
        return acts.along(line, "freeze_wallet", wallet_number=parent.number)

    def home(self, line: Line) -> None:
        """Checks what went home from one. Raises Wrong."""
        if not line.accepted:
            return
        sub = self._subs.get(line.debit)
        if line.kind != Kind.TRANSFER or sub is None or line.credit != sub.parent:
            raise Wrong(_("no money of a sub-wallet goes home so"))
        purposed(line, purposes_pb2.PURPOSE_SUB_WALLET)
        is_mandate = self._now(line.debit).terms.HasField("mandate")
        if not is_mandate and not self._is_over(line.debit, line.time_ms):
            raise Wrong(_("nobody ordered to close it, and it has not ended"))

    def asked(self, payment: Line, money: Line, payee: str) -> list[sub_wallets_pb2.SubWalletTerms]:
        """Checks an accepted payment by a mandate, and the record that brings its money.

        Args:
            payment: the record that pays.
            money: the one that is linked to it.
            payee: who has asked for it.

        Returns:
            What the mandate may have allowed when it was paid.

        Raises:
            Wrong: nobody has given such a mandate.
        """
        sub = self._subs.get(payment.debit)
        if sub is None:
            raise Wrong(_("it is no mandate that this was paid by"))
        self._lives(payment)
        held = [
            each
            for each in self._held[payment.debit]
            if each.may_hold(payment.time_ms)
            and each.terms.HasField("mandate")
            and list(each.terms.payees) == [payee]
        ]
        if not held:
            raise Wrong(_("its holder has given no mandate to whoever was paid, or has ended it"))
        moved = (money.kind, money.origin, money.sequence, money.debit, money.credit)
        if moved != (Kind.TRANSFER, sub.account, 0, sub.parent, sub.account):
            raise Wrong(_("it moves something else than its order says"))
        same("amount", payment.amount_fen, money.amount_fen)
        purposed(money, purposes_pb2.PURPOSE_MANDATE)
        if not money.flags & RecordFlag.NO_LIMIT:
            raise Wrong(_("it was counted, though it stays with its holder"))
        if money.digest not in [each.digest for each in held]:
            raise Wrong(_("its money is not for the mandate that was given"))
        return [each.terms for each in held]

    def spent(self, line: Line, payee: str) -> bool:
        """Checks what a wallet spends, if it is a sub-wallet; `payee` is "" for offline money.

        Returns:
            Whether the payment stays in the family, and so need not count against limits.

        Raises:
            Wrong: it may not.
        """
        if line.kind == Kind.TRANSFER and self.are_kin(line.debit, line.credit):
            if not line.flags & RecordFlag.NO_LIMIT:
                raise Wrong(_("it was counted, though it stays with its holder"))
            self._lives(line)
            return True
        if line.debit not in self._subs:
            return False
        self._lives(line)
        if not any(_allows(each, line, payee) for each in self._held[line.debit]):
            raise Wrong(_("the sub-wallet was opened to pay others, or is closed"))
        return False

    def _lives(self, line: Line) -> None:
        if line.debit not in self._subs:
            return
        if not line.expires_ms or line.expires_ms > self._now(line.debit).terms.ends_time_ms:
            raise Wrong(_("its order outlives the sub-wallet"))

    def finish(self, position: int) -> None:
        """Names the rows up to a place in the journal that no record stands for."""
        for place in sorted(self._by_position):
            if place <= position:
                self._problems.say(
                    _("table sub_wallet_orders, row position={place}: no record did this").format(
                        place=place
                    )
                )

    def _ordered(
        self, line: Line, account: int, parent: Holder, *, record_digest_too: bool = True
    ) -> sub_wallets_pb2.SubWalletOrder:
        """What a parent has signed for a record about its sub-wallet. Raises Wrong."""
        row = self._by_position.pop(line.position, None)
        if row is None or row.wallet != self._row_ids.get(account):
            raise Wrong(_("nobody ordered this of the sub-wallet"))
        payload = bytes(row.order_payload)
        order = read(sub_wallets_pb2.SubWalletOrder, payload)
        same("wallet", order.wallet_number, parent.number)
        same("bank", order.bank, self._bank)
        if record_digest_too:
            same("digest", record_digest(payload), line.digest)
        kinds, signature = [sub_wallets_pb2.SubWalletOrder], bytes(row.order_signature)
        if not self._verifying.now(self._keys_of(parent), kinds, payload, signature):
            raise Wrong(_("the signature is not by the wallet's key"))
        return order

    def _now(self, account: int) -> _Term:
        held = self._held.get(account)
        if not held:
            raise Wrong(_("the sub-wallet was not opened by then"))
        return held[-1]

    def _is_over(self, account: int, time_ms: int) -> bool:
        now = self._now(account) if account in self._subs else None
        return now is not None and (now.closing or time_ms > now.terms.ends_time_ms)


def _allows(term: _Term, line: Line, payee: str) -> bool:
    """Whether a payment may be of a time when a term held."""
    if not term.may_hold(line.time_ms) or term.terms.HasField("mandate"):
        return False  # nobody orders with the key of a mandate
    return not term.terms.payees or payee in term.terms.payees


def _limit_set(terms: sub_wallets_pb2.SubWalletTerms) -> int:
    try:
        return limit_set_of(terms.balance_cap_fen, terms.single_fen, terms.day_fen)
    except ValueError:
        raise Wrong(_("sub-wallets have other limits than are offered")) from None
