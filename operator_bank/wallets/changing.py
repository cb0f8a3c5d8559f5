"""Changes the class of wallets: a better one follows from more proofs, a lower one is given to
whoever wants it. No money moves: what a lower class does not allow can be paid out.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, insert, select

from currency.contract_words import class_name
from currency.days import DAY_MS
from currency.papers import one_document
from currency.phones import one_phone
from currency.proofs import ASKED, Proof, class_of
from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.customers.person import Person
from operator_bank.customers.proving import Claim, Proving
from operator_bank.customers.tables import class_changes
from operator_bank.keys.in_force import check_in_force
from operator_bank.limits import CLASS_CHANGES_PER_DAY, MAX_OPENING_VALIDITY_MS
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.counts import WalletCounts
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.tables import wallets
from operator_bank.wallets.wallet import check_not_closed
from runtime.checks import request_id
from runtime.errors import Refusal
from runtime.shares import overloaded
from settlement.records import Limit

_IV = wallets_pb2.WALLET_CLASS_IV
Order = VerifiedOrder[orders_pb2.ChangeClassOrder]


class ClassChanges:
    """The use-case behind ChangeClass."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        customers: Customers,
        proving: Proving,
        policy: Policy,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._directory = directory
        self._orders = orders
        self._customers = customers
        self._proving = proving
        self._policy = policy
        self._counts = WalletCounts(context, customers, policy)

    def change(self, asked: wallets_pb2.ChangeClassRequest) -> Wallet:
        """Gives a wallet the class that its holder ordered; again, it is the first answer.

        Raises:
            Refusal: nothing has changed.
        """
        order = self._orders.open(orders_pb2.ChangeClassOrder, asked.order)
        content, now_ms = order.content, self._clock.now_ms()
        self._orders.families.check_is_none(order.wallet)
        request_id(content.request_id)
        check_bank(content.bank, self._bank)
        check_times(content, now_ms, longest_ms=MAX_OPENING_VALIDITY_MS)
        claim = Claim.more(order.wallet.public_key, asked.holder, content.holder_digest, asked.code)
        keys = self._counts.keys_of([claim.person])
        with self._directory.one_at_a_time([order.wallet.number, *keys]):
            if self._is_done(order):
                return self._directory.get(order.wallet.number)
            return self._change(order, claim, now_ms)

    def _is_done(self, order: Order) -> bool:
        """Whether this very order was carried out; and holds the bounds on further ones.

        Raises:
            Refusal: ID_REUSED; EXPIRED, a later order was carried out; OVERLOADED.
        """
        of_wallet = class_changes.c.wallet == order.wallet.row_id
        query = select(class_changes).where(of_wallet).order_by(class_changes.c.position.desc())
        query = query.limit(CLASS_CHANGES_PER_DAY)
        rows = self._database.read(lambda c: c.execute(query).all())
        for row in rows:
            if row.request_id != order.content.request_id:
                continue
            if bytes(row.order_payload) != order.payload:
                raise Refusal(
                    errors_pb2.REASON_ID_REUSED,
                    "this wallet asked for something else with this request_id",
                    field="request_id",
                )
            return True
        if rows and rows[0].time_ms > order.content.created_time_ms:
            raise Refusal(errors_pb2.REASON_EXPIRED, "the class was changed since this was signed")
        again_ms = rows[-1].time_ms + DAY_MS - self._clock.now_ms() if rows else 0
        if len(rows) == CLASS_CHANGES_PER_DAY and again_ms > 0:
            raise overloaded(f"{CLASS_CHANGES_PER_DAY} changes of class a day is all", again_ms)
        return False

    def _change(self, order: Order, claim: Claim, now_ms: int) -> Wallet:
        wallet, wanted = self._directory.get(order.wallet.number), order.content.wallet_class
        customer, known = self._holder(wallet)
        person = self._proving.prove_more(known, claim)
        best = class_of(person.shown)
        if not best or wanted < best:
            raise missing(wanted, person.shown)
        self._counts.check([_without(known, person)])
        self._check_money(wallet, wanted, over_the_cap=order.content.over_the_cap)

        def in_transaction(connection: Connection, position: int) -> None:
            check_in_force(connection, order.wallet)
            self._customers.change(connection, customer, person)
            row = {
                "position": position,
                "wallet": wallet.row_id,
                "wallet_class": wanted,
                "shown": int(person.shown),
                "time_ms": now_ms,
                "request_id": order.content.request_id,
                "order_payload": order.payload,
                "order_signature": order.signature,
            }
            connection.execute(insert(class_changes).values(row))

        return self._directory.set_class(wallet, wanted, order.payload, in_transaction)

    def _holder(self, wallet: Wallet) -> tuple[int, Person]:
        """Whose a wallet is: the customer's id, and who that is. Raises Refusal."""
        query = select(wallets.c.customer).where(wallets.c.id == wallet.row_id)
        customer = self._database.read(lambda c: c.execute(query).scalar_one())
        person = None if customer is None else self._customers.person(customer)
        if person is None:
            raise Refusal(
                errors_pb2.REASON_IDENTITY_NOT_CONFIRMED, "nobody is known as this wallet's holder"
            )
        return customer, person

    def _check_money(self, wallet: Wallet, wanted: int, *, over_the_cap: bool) -> None:
        """Raises Refusal if the wallet is closed, or has more than the class allows and its holder
        does not say that they know. That is advice: what comes and goes meanwhile the rule judges.
        """
        row = self._ledger.read([wallet.account])[0]
        check_not_closed(int(row["flags"]))
        cap = int(self._policy.table[wanted, Limit.BALANCE_CAP])
        has = int(row["available_fen"]) + int(row["held_fen"])
        has = max(has, self._orders.families.caps_fen(wallet.account))
        if cap and has > cap and not over_the_cap:
            raise Refusal(
                errors_pb2.REASON_OVER_BALANCE_CAP,
                "the wallet has more than this class allows, or its sub-wallets may together, and "
                "its holder has to say that they know",
                field="over_the_cap",
            )


def missing(wanted: int, shown: Proof) -> Refusal:
    """The refusal for a class that asks for more than was shown; it says what."""
    lacking = ASKED[wanted] & ~shown  # type: ignore[index]
    words = [str(proof.name).lower() for proof in lacking]
    return Refusal(
        errors_pb2.REASON_IDENTITY_NOT_CONFIRMED,
        f"class {class_name(wanted)} asks for more: {', '.join(words)}",
        field="wallet_class",
    )


def _without(known: Person, person: Person) -> Person:
    """The person without a telephone or a document that the bank counts for them already."""
    phone, number = person.phone, person.document
    if phone and known.phone and one_phone(phone) == one_phone(known.phone):
        phone = ""
    if known.document and one_document(person.document_kind, number) == one_document(
        known.document_kind, known.document
    ):
        number = ""
    return replace(person, phone=phone, document=number)
