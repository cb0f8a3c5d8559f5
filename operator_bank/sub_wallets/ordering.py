"""Opens, changes and closes sub-wallets, as the wallet orders that they belong to."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from currency.amount import format_yuan
from currency.days import DAY_MS, month_of
from currency.number import NumberError
from currency.number import check as check_number
from currency.sub_limits import LADDER_FEN, limit_set_of
from dcep.bank.v1 import sub_wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.in_force import check_in_force
from operator_bank.ledger.accounts import CURRENCY, Purpose
from operator_bank.ledger.reasons import refusal_of
from operator_bank.ledger.tables import accounts
from operator_bank.limits import (
    MAX_OPEN_SUB_WALLETS,
    MAX_OPENING_VALIDITY_MS,
    MAX_SUB_WALLET_TERM_MS,
    MAX_SUB_WALLETS,
    SUB_WALLET_ORDERS_PER_DAY,
)
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.families import CHANGE, CLOSE, OPEN, SubWallet, Terms
from operator_bank.sub_wallets.homecoming import Homecoming
from operator_bank.sub_wallets.tables import sub_wallet_orders
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.known import Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.tables import wallets
from operator_bank.wallets.wallet import check_may_order
from runtime.checks import invalid, public_key, request_id, required
from runtime.errors import Refusal
from runtime.shares import overloaded
from settlement.accounts import opening_digest
from settlement.builders import opening, records_of, setting_limit_set
from settlement.core import Answers, Batch
from settlement.records import AccountFlag, Result
from settlement.rule import spent_fen

_OF = sub_wallet_orders.c
Order = VerifiedOrder[sub_wallets_pb2.SubWalletOrder]


class SubWalletOrders:
    """The use-cases behind OrderSubWallet and ListSubWallets.

    Attributes:
        families: which wallets belong to which.
    """

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        policy: Policy,
        homecoming: Homecoming,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._directory = directory
        self._orders = orders
        self._policy = policy
        self.families = orders.families
        self._homecoming = homecoming

    def order(self, envelope: SignedEnvelope) -> sub_wallets_pb2.SubWallet:
        """Does what a wallet orders about one of its sub-wallets; again, it is the first answer.

        Raises:
            Refusal: nothing has changed.
        """
        order = self._orders.open(sub_wallets_pb2.SubWalletOrder, envelope)
        content, now_ms = order.content, self._clock.now_ms()
        request_id(content.request_id)
        check_bank(content.bank, self._bank)
        check_times(content, now_ms, longest_ms=MAX_OPENING_VALIDITY_MS)
        self.families.check_is_none(order.wallet)
        with self._directory.one_at_a_time([order.wallet.number]):
            done = self._done(order)
            sub = done if done is not None else self._new(order, now_ms)
        if content.action == CLOSE:
            self._homecoming.bring(sub.account)
        return self._shown([sub])[0]

    def page(self, wallet: Wallet) -> list[sub_wallets_pb2.SubWallet]:
        """All sub-wallets of a wallet, the oldest first."""
        return self._shown(self.families.of(wallet.account))

    def _new(self, order: Order, now_ms: int) -> SubWallet:
        """Carries out an order that was not before. Raises Refusal."""
        check_may_order(int(self._ledger.read([order.wallet.account])[0]["flags"]))
        content = order.content
        if content.action == OPEN:
            return self._open(order, now_ms)
        sub = self._named(order)
        if content.action == CHANGE:
            return self._change(order, sub, now_ms)
        if content.action == CLOSE:
            return sub if sub.closing else self._limited(order, sub, sub.limit_set)
        raise invalid("action", "is to open, to change or to close")

    def _open(self, order: Order, now_ms: int) -> SubWallet:
        content, parent = order.content, order.wallet
        if content.sub_wallet_number:
            raise invalid("sub_wallet_number", "is the bank's to give")
        key = public_key(content.public_key, "public_key")
        if key in parent.all_keys:
            raise invalid("public_key", "is another one than the parent's")
        self._check_new(content.request_id, key)
        limit_set = self._checked(content, now_ms)
        if len(self.families.of(parent.account)) >= MAX_SUB_WALLETS:
            raise _too_many(f"a wallet has {MAX_SUB_WALLETS} sub-wallets in all, closed ones too")
        if len(self.families.open_ones(parent.account)) >= MAX_OPEN_SUB_WALLETS:
            raise _too_many(f"a wallet has {MAX_OPEN_SUB_WALLETS} open sub-wallets at most")
        self._check_together(parent, content.terms, 0)
        account = self._write(order, key, limit_set, now_ms)
        return self.families.take(account, parent.account, content, order.digest, now_ms)

    def _check_new(self, request_id: str, key: bytes) -> None:
        """Raises Refusal: ID_REUSED, if a key has had a wallet by a request with this id."""
        same = (wallets.c.request_id == request_id) & (wallets.c.public_key == key)
        if self._database.read(lambda c: c.execute(select(wallets.c.id).where(same)).first()):
            raise Refusal(
                errors_pb2.REASON_ID_REUSED,
                "this key has had a wallet by a request with this id",
                field="request_id",
            )

    def _write(self, order: Order, key: bytes, limit_set: int, now_ms: int) -> int:
        """Opens the account and writes the rows of a sub-wallet; returns the account."""
        parent = order.wallet
        child = self._directory.allocate(key, parent.wallet_class, [Purpose.WALLET])
        rows = self._policy.of_sub_wallets(limit_set, order.digest)
        rows.append(
            opening(
                child.account,
                ledger=CURRENCY,
                limit_set=limit_set,
                parent=parent.account,
                time_ms=now_ms,
                digest=opening_digest(order.payload, Purpose.WALLET),
            )
        )
        keep = self._keeping(order, now_ms)
        holder = select(wallets.c.customer).where(wallets.c.id == parent.row_id)

        def in_transaction(connection: Connection, answers: Answers) -> None:
            if not answers.result(len(rows) - 1).accepted:
                raise refusal_of(answers.result(len(rows) - 1))
            values = {
                "id": child.row_id,
                "number": child.number,
                "public_key": key,
                "wallet_class": child.wallet_class,
                "customer": connection.execute(holder).scalar_one(),
                "request_id": order.content.request_id,
                "opened_time_ms": now_ms,
            }
            connection.execute(insert(wallets).values(values))
            keep(connection, int(answers.positions[-1]), child.row_id)

        self._directory.write([child], records_of(rows), in_transaction)
        self._policy.look_again()
        return child.account

    def _change(self, order: Order, sub: SubWallet, now_ms: int) -> SubWallet:
        with self._homecoming.not_meanwhile(sub.account):
            return self._changed(order, sub, now_ms)

    def _changed(self, order: Order, sub: SubWallet, now_ms: int) -> SubWallet:
        content = order.content
        if self._is_closed(sub) or sub.is_over(self._clock.now_ms()):
            raise Refusal(
                errors_pb2.REASON_WALLET_CLOSED,
                "the sub-wallet is closed or has ended",
                field="sub_wallet_number",
            )
        limit_set = self._checked(content, now_ms)
        if content.terms.HasField("mandate") != sub.is_mandate:
            raise invalid("terms.mandate", "is given when a sub-wallet is opened, and stays")
        if content.terms.ends_time_ms < sub.terms.ends_time_ms:
            # Orders that were taken are good until then. Whoever wants it to end now closes it.
            raise invalid("terms.ends_time_ms", "can only be put off; close the sub-wallet instead")
        self._check_together(order.wallet, content.terms, sub.terms.balance_cap_fen)
        return self._limited(order, sub, limit_set)

    def _limited(self, order: Order, sub: SubWallet, limit_set: int) -> SubWallet:
        """Journals an order about a sub-wallet that exists, with the limits that it has then."""
        now_ms = self._clock.now_ms()
        rows = self._policy.of_sub_wallets(limit_set, order.digest)
        rows.append(setting_limit_set(sub.account, limit_set, time_ms=now_ms, digest=order.digest))
        keep = self._keeping(order, now_ms)
        row_id = self._directory.get(self._directory.number_of(sub.account)).row_id

        def in_transaction(connection: Connection, answers: Answers) -> None:
            if (answers.results >= Result.MALFORMED).any():
                raise Refusal(errors_pb2.REASON_INTERNAL, "the rule refused the limits")
            keep(connection, int(answers.positions[-1]), row_id)

        self._ledger.submit(Batch(records_of(rows), None, in_transaction))
        self._policy.look_again()
        return self.families.take(sub.account, sub.parent, order.content, order.digest, now_ms)

    def _keeping(self, order: Order, now_ms: int) -> Callable[[Connection, int, int], None]:
        """What keeps an order, in the transaction of its record: called with the record's position
        and the sub-wallet's id.
        """

        def keep(connection: Connection, position: int, wallet: int) -> None:
            check_in_force(connection, order.wallet)
            values = {
                "position": position,
                "wallet": wallet,
                "parent": order.wallet.row_id,
                "time_ms": now_ms,
                "request_id": order.content.request_id,
                "order_payload": order.payload,
                "order_signature": order.signature,
            }
            connection.execute(insert(sub_wallet_orders).values(values))

        return keep

    def _done(self, order: Order) -> SubWallet | None:
        """The sub-wallet, if this very order was carried out; and holds the bounds on further ones.

        Raises:
            Refusal: ID_REUSED; EXPIRED, a later order about the same one was carried out;
                OVERLOADED.
        """
        query = (
            select(sub_wallet_orders, accounts.c.number.label("account"))
            .join(
                accounts, (accounts.c.owner == _OF.wallet) & (accounts.c.purpose == Purpose.WALLET)
            )
            .where(_OF.parent == order.wallet.row_id)
        )
        query = query.order_by(_OF.position.desc()).limit(SUB_WALLET_ORDERS_PER_DAY)
        rows = self._database.read(lambda c: c.execute(query).all())
        content = order.content
        for row in rows:
            before = sub_wallets_pb2.SubWalletOrder.FromString(bytes(row.order_payload))
            if row.request_id == content.request_id:
                if _but_for_times(before) != _but_for_times(content):
                    raise Refusal(
                        errors_pb2.REASON_ID_REUSED,
                        "this wallet ordered something else with this request_id",
                        field="request_id",
                    )
                return self.families.find(row.account)
            number = before.sub_wallet_number
            later = before.created_time_ms > content.created_time_ms
            if number and number == content.sub_wallet_number and later:
                raise Refusal(
                    errors_pb2.REASON_EXPIRED, "a later order about it was carried out before"
                )
        again_ms = rows[-1].time_ms + DAY_MS - self._clock.now_ms() if rows else 0
        if len(rows) == SUB_WALLET_ORDERS_PER_DAY and again_ms > 0:
            raise overloaded(
                f"{SUB_WALLET_ORDERS_PER_DAY} orders about sub-wallets a day is all", again_ms
            )
        return None

    def _named(self, order: Order) -> SubWallet:
        """The sub-wallet that an order names. Raises Refusal: WALLET_UNKNOWN."""
        content = order.content
        required(content.sub_wallet_number, "sub_wallet_number")
        if content.public_key:
            raise invalid("public_key", "is named when a sub-wallet is opened, and stays")
        sub = self.families.find(self._directory.account(content.sub_wallet_number))
        if sub is None or sub.parent != order.wallet.account:
            raise Refusal(
                errors_pb2.REASON_WALLET_UNKNOWN,
                "this wallet has no such sub-wallet",
                field="sub_wallet_number",
            )
        return sub

    def _checked(self, content: sub_wallets_pb2.SubWalletOrder, now_ms: int) -> int:
        """The limit set of what an order wants. Raises Refusal, if no sub-wallet can have that."""
        if not content.HasField("terms"):
            raise Refusal(errors_pb2.REASON_FIELD_MISSING, "terms are missing", field="terms")
        terms = content.terms
        if not now_ms < terms.ends_time_ms <= now_ms + MAX_SUB_WALLET_TERM_MS:
            raise invalid("terms.ends_time_ms", "lies between now and ten years from now")
        for number in terms.payees:
            try:
                check_number(number)
            except NumberError as error:
                raise invalid("terms.payees", f"has a number that is none: {error}") from None
        if terms.HasField("mandate"):
            _check_mandate(content.wallet_number, terms)
        try:
            return limit_set_of(terms.balance_cap_fen, terms.single_fen, terms.day_fen)
        except ValueError:
            choices = ", ".join(format_yuan(fen) for fen in LADDER_FEN)
            raise Refusal(
                errors_pb2.REASON_LIMIT_NOT_OFFERED,
                f"a limit is one of {choices} yuan",
                field="terms",
                choices_fen=",".join(map(str, LADDER_FEN)),
            ) from None

    def _check_together(self, parent: Wallet, terms: Terms, before_fen: int) -> None:
        """Raises Refusal if sub-wallets would have more together than their parent's class allows,
        and one of them more than `before_fen`, which it may have now.
        """
        cap_fen = self._policy.cap_fen(self._ledger.read([parent.account]), 0)
        given_fen = self.families.caps_fen(parent.account) - before_fen
        left_fen = max(0, cap_fen - given_fen)
        wanted_fen = terms.balance_cap_fen
        if cap_fen and wanted_fen > max(left_fen, before_fen):
            raise Refusal(
                errors_pb2.REASON_OVER_BALANCE_CAP,
                f"sub-wallets together may have {format_yuan(cap_fen)} yuan, of which "
                f"{format_yuan(left_fen)} are left",
                field="terms.balance_cap_fen",
                left_fen=str(left_fen),
            )

    def _is_closed(self, sub: SubWallet) -> bool:
        return bool(self._ledger.read([sub.account])[0]["flags"] & AccountFlag.CLOSED)

    def _shown(self, family: list[SubWallet]) -> list[sub_wallets_pb2.SubWallet]:
        rows, now_ms = self._ledger.read([each.account for each in family]), self._clock.now_ms()
        mandates = [each.account for each in family if each.is_mandate]
        spent = self._database.read(lambda c: tries.spent_fen(c, mandates, month_of(now_ms)))
        return [
            sub_wallets_pb2.SubWallet(
                wallet_number=self._directory.number_of(each.account),
                terms=each.terms,
                state=_state(each, int(rows[at]["flags"]), now_ms),  # type: ignore[arg-type]
                available_fen=int(rows[at]["available_fen"]),
                held_fen=int(rows[at]["held_fen"]),
                day_spent_fen=spent_fen(rows, at, now_ms)[0],
                opened_time_ms=each.opened_ms,
                month_spent_fen=spent.get(each.account, 0),
            )
            for at, each in enumerate(family)
        ]


def _check_mandate(giver: str, terms: Terms) -> None:
    """Raises Refusal: FIELD_INVALID, if nobody could be paid by it."""
    if len(terms.payees) != 1 or terms.payees[0] == giver:
        raise invalid("terms.payees", "has whoever asks by the mandate, and nobody else")
    if terms.mandate.each_fen > terms.balance_cap_fen:
        raise invalid("terms.mandate.each_fen", "is at most what the sub-wallet may hold")
    if terms.mandate.month_fen < terms.mandate.each_fen:
        raise invalid("terms.mandate.month_fen", "is at least that of one request")


def _but_for_times(order: sub_wallets_pb2.SubWalletOrder) -> bytes:
    """What an order wants: who repeats it, having had no answer, signs it anew."""
    wanted = sub_wallets_pb2.SubWalletOrder()
    wanted.CopyFrom(order)
    wanted.ClearField("created_time_ms")
    wanted.ClearField("expires_time_ms")
    return bytes(wanted.SerializeToString(deterministic=True))


def _state(sub: SubWallet, flags: int, now_ms: int) -> int:
    if flags & AccountFlag.CLOSED:
        return sub_wallets_pb2.SUB_WALLET_STATE_CLOSED
    if flags & AccountFlag.FROZEN:
        return sub_wallets_pb2.SUB_WALLET_STATE_FROZEN
    if sub.is_over(now_ms):
        return sub_wallets_pb2.SUB_WALLET_STATE_CLOSING
    return sub_wallets_pb2.SUB_WALLET_STATE_OPEN


def _too_many(message: str) -> Refusal:
    return Refusal(errors_pb2.REASON_TOO_MANY_SUB_WALLETS, message)
