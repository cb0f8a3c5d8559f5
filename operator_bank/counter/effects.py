"""What two officers decide about a wallet's holder: that they were at a counter, and that something
which they have shown counts no more.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from currency.contract_words import class_name
from currency.papers import seen_digest
from currency.proofs import ASKED, Proof, class_of
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect, SqlEffect
from operator_bank.context import Context
from operator_bank.counter.tables import presences
from operator_bank.customers.customers import Customers
from operator_bank.customers.person import Person
from operator_bank.customers.tables import class_changes
from operator_bank.sub_wallets.families import Families
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.tables import wallets
from operator_bank.wallets.wallet import check_not_closed
from runtime.checks import invalid
from runtime.errors import Refusal


class Holders:
    """Whose a wallet is, as far as officers decide about it."""

    def __init__(
        self, context: Context, directory: Directory, customers: Customers, families: Families
    ) -> None:
        self._families = families
        self.database = context.database
        self.directory = directory
        self.customers = customers
        self._ledger = context.ledger
        self._standing = context.standing

    def check(self, number: str) -> Wallet:
        """The wallet with a number, as far as any officer may know. Raises Refusal."""
        # An older copy of the database may not know what was shown, or withdrawn, since.
        self._standing.check()
        wallet = self.directory.get(number)
        check_not_closed(int(self._ledger.read([wallet.account])[0]["flags"]))
        return wallet

    def check_classed(self, number: str) -> Wallet:
        """As `check`; and the wallet has a class of its own. Raises Refusal."""
        wallet = self.check(number)
        self._families.check_is_none(wallet)
        return wallet

    def of(self, wallet: Wallet) -> tuple[int, Person]:
        """The customer's id, and who that is. Raises Refusal: HOLDER_DIFFERS, nobody is known."""
        query = select(wallets.c.customer).where(wallets.c.id == wallet.row_id)
        customer = self.database.read(lambda c: c.execute(query).scalar())
        person = None if customer is None else self.customers.person(customer)
        if customer is None or person is None:
            raise Refusal(
                errors_pb2.REASON_HOLDER_DIFFERS,
                "nobody is known as this wallet's holder",
                field="wallet_number",
            )
        return customer, person


class PresenceConfirmation(SqlEffect):
    """The act `confirm_presence`."""

    right = office_pb2.RIGHT_CUSTOMERS

    def __init__(self, holders: Holders) -> None:
        super().__init__(holders.database)
        self._holders = holders

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        self._holders.check_classed(act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        with self._holders.directory.one_at_a_time([act.asked.wallet_number]):
            super().perform(act, decision)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        """See `SqlEffect.change`."""
        wallet = self._holders.check_classed(act.asked.wallet_number)
        customer, known = self._holders.of(wallet)
        # Not before: an officer alone is not told whether a guess is right.
        _check_seen(act.asked, known)
        by = f"counter: {act.proposer}, {decision.decider}"
        seen = known.showing(Proof.DOCUMENT | Proof.PRESENCE, decision.time_ms, by)
        row = {
            "act": act.number,
            "wallet": wallet.row_id,
            "shown": int(seen.shown),
            "time_ms": decision.time_ms,
        }

        def body(connection: Connection) -> None:
            self._holders.customers.change(connection, customer, seen)
            connection.execute(insert(presences), row)

        return body


def _check_seen(asked: office_pb2.ConfirmPresence, known: Person) -> None:
    """Raises Refusal unless the officers saw the document that the bank knows of the holder."""
    seen = seen_digest(
        asked.salt, asked.wallet_number, known.name, known.document_kind, known.document
    )
    if not known.document or not hmac.compare_digest(seen, asked.shown_digest):
        raise Refusal(
            errors_pb2.REASON_HOLDER_DIFFERS,
            "what was shown at the counter is not what the bank knows of this wallet's holder",
            field="shown_digest",
        )


class WalletDowngrade(Effect):
    """The act `downgrade_wallet`."""

    right = office_pb2.RIGHT_CUSTOMERS

    def __init__(self, holders: Holders) -> None:
        self._holders = holders

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        self._holders.check_classed(act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        with self._holders.directory.one_at_a_time([act.asked.wallet_number]):
            self._perform(act, decision)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self._holders.database.transaction(decision.mark)

    def _perform(self, act: Act, decision: Decision) -> None:
        wallet, most = self._holders.check_classed(act.asked.wallet_number), act.asked.wallet_class
        customer, known = self._holders.of(wallet)
        left = known.keeping(ASKED[most])
        if (
            left.shown == known.shown
            or class_of(left.shown) != most
            or Proof.NAME_ALONE in known.shown
        ):
            raise invalid(
                "wallet_class",
                f"is {class_name(most)}, and the holder has shown nothing beyond it, or not even "
                "what it asks for",
            )
        # Its holder may have wanted an even lower one.
        wanted = max(wallet.wallet_class, most)

        def in_transaction(connection: Connection, position: int) -> None:
            decision.mark(connection, position=position)
            self._holders.customers.change(connection, customer, left)
            row = {
                "position": position,
                "wallet": wallet.row_id,
                "wallet_class": wanted,
                "shown": int(left.shown),
                "time_ms": decision.time_ms,
                "act": act.number,
            }
            connection.execute(insert(class_changes).values(row))

        self._holders.directory.set_class(wallet, wanted, act.proposal.payload, in_transaction)


def counter_effects(holders: Holders) -> dict[str, Effect]:
    """The effects of these acts, by the kind of act."""
    return {
        "confirm_presence": PresenceConfirmation(holders),
        "downgrade_wallet": WalletDowngrade(holders),
    }
