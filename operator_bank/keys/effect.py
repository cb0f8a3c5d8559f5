"""What it does that two officers approve another key for a wallet whose holder has lost the old."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from dcep.bank.v1 import keys_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, SqlEffect
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.keys.recovering import Recoveries
from operator_bank.keys.replacing import (
    OFFICERS,
    KeyReplacements,
    Replacement,
    cancelling,
    key_of_wallet,
)
from operator_bank.keys.requests import KeyRequests
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.tables import wallets
from operator_bank.wallets.wallet import check_not_closed
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.limits import MAX_KEYS


class KeyReplacement(SqlEffect):
    """The act `replace_key`. The key changes later, unless the one before objects."""

    right = office_pb2.RIGHT_WALLETS

    def __init__(
        self,
        context: Context,
        directory: Directory,
        customers: Customers,
        requests: KeyRequests,
        replacements: KeyReplacements,
        recoveries: Recoveries,
        *,
        least_wait_ms: int,
    ) -> None:
        super().__init__(context.database)
        self._ledger = context.ledger
        self._standing = context.standing
        self._directory = directory
        self._customers = customers
        self._requests = requests
        self._replacements = replacements
        self._recoveries = recoveries
        self._least_wait_ms = least_wait_ms

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        # An older copy of the database may not know the key that holds.
        self._standing.check()
        asked: office_pb2.ReplaceKey = act.asked
        wallet = self._directory.get(asked.wallet_number)
        check_not_closed(int(self._ledger.read([wallet.account])[0]["flags"]))
        if asked.wait_ms < self._least_wait_ms:
            raise invalid("wait_ms", f"is at least {self._least_wait_ms} at this bank")
        key = self._asked_for(asked)
        self._check_key(wallet, key)
        if asked.HasField("recovery"):
            self._recoveries.check_agrees(asked.recovery, wallet.number, key)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        number = act.asked.wallet_number
        with self._directory.one_at_a_time([key_of_wallet(number)]):
            super().perform(act, decision)
            self._replacements.follow(number)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        """See `SqlEffect.change`."""
        # Not before: an officer alone is not told whether a guess is right.
        self._check_holder(act.asked)
        approved = _approved(act, decision)
        order = act.asked.recovery if act.asked.HasField("recovery") else None

        def body(connection: Connection) -> None:
            self._replacements.write(connection, approved, act=act.number, order=order)

        return body

    def _asked_for(self, asked: office_pb2.ReplaceKey) -> bytes:
        """The new key, which has itself signed that it is to be this wallet's. Raises Refusal."""
        return self._requests.new_key(asked.request, asked.wallet_number)

    def _check_key(self, wallet: Wallet, key: bytes) -> None:
        """Raises Refusal unless a key is none that the wallet has, had, or did not want, and no
        other one is on its way.
        """
        if self._replacements.waiting_for(wallet.number) is not None:
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                "another key of this wallet is on its way",
                field="wallet_number",
            )
        self._replacements.check_key(wallet, key)
        if wallet.key_number + 1 >= MAX_KEYS:
            raise invalid("wallet_number", f"has had as many as {MAX_KEYS} keys")

    def _check_holder(self, asked: office_pb2.ReplaceKey) -> None:
        """Raises Refusal unless what was shown is what the bank knows of the wallet's holder."""
        query = select(wallets.c.customer).where(wallets.c.number == asked.wallet_number)
        customer = self.database.read(lambda c: c.execute(query).scalar())
        known = None if customer is None else self._customers.person(customer)
        if known is None or not known.is_named(asked.holder_name, asked.phone):
            raise Refusal(
                errors_pb2.REASON_HOLDER_DIFFERS,
                "the wallet was not opened with this name and this telephone number",
                field="holder_name",
            )


class KeyCancelling(SqlEffect):
    """The act `cancel_key`: a key that was on its way will not be the wallet's."""

    right = office_pb2.RIGHT_WALLETS

    def __init__(
        self, context: Context, directory: Directory, replacements: KeyReplacements
    ) -> None:
        super().__init__(context.database)
        self._directory = directory
        self._replacements = replacements

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        number = self._directory.get(act.asked.wallet_number).number
        waiting = self._replacements.waiting_for(number)
        if waiting is None or waiting.key != act.asked.public_key:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                "no such key is to take the place of this wallet's",
                field="public_key",
            )

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        number = act.asked.wallet_number
        with self._directory.one_at_a_time([key_of_wallet(number)]):
            super().perform(act, decision)
            self._replacements.follow(number)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        """See `SqlEffect.change`."""
        statement = cancelling(act.asked, act.number, decision.time_ms)

        def body(connection: Connection) -> None:
            if not connection.execute(statement).rowcount:
                raise Refusal(
                    errors_pb2.REASON_REQUEST_UNKNOWN,
                    "the wallet's key has objected to it just now",
                )

        return body


def _approved(act: Act, decision: Decision) -> Replacement:
    asked: office_pb2.ReplaceKey = act.asked
    request = keys_pb2.KeyRequest.FromString(asked.request.payload)
    signer = bytes.fromhex(asked.recovery.key_id.decode()) if asked.HasField("recovery") else b""
    return Replacement(
        row_id=0,
        cause=OFFICERS,
        digest=act.digest,
        number=asked.wallet_number,
        key=request.public_key,
        recovery_key=signer,
        approved_ms=decision.time_ms,
        due_ms=decision.time_ms + asked.wait_ms,
    )
