"""Deposits pieces of tokens: they become money of a wallet again."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import MAX_DEPOSIT_BYTES, Deposit, signed_by_owners
from offline_token.formats import FormatError
from offline_token.possession import account_of
from offline_token.verify import Bad
from offline_token.verify import Reason as VerifyReason
from operator_bank.context import Context
from operator_bank.keys.in_force import check_in_force
from operator_bank.limits import (
    MAX_PENDING_DEPOSITS,
    MAX_REFUSED_DEPOSITS,
    REFUSED_DEPOSIT_BYTES,
    REFUSED_DEPOSIT_BYTES_PER_HOUR,
)
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.questions import Questions
from operator_bank.offline.refusals import signed_refusal
from operator_bank.offline.resending import deposit_item
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.tables import IS_PENDING
from operator_bank.peers.central_keys import Verifies
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_unexpired
from operator_bank.wallets.refused import Refused, check_room
from runtime.checks import invalid, required
from runtime.errors import NoAnswer, Refusal
from runtime.kept_bytes import KeptBytes

PENDING = states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED


class Deposits:
    """Writes a deposit down, has the central bank decide about it, and waits for the feed."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        refused: Refused,
        keys: DeviceKeys,
        central_keys: Verifies,
        questions: Questions,
    ) -> None:
        self._ledger = context.ledger
        self._database = context.database
        self._orders = orders
        self._refused = refused
        self._keys = keys
        self._central_bank = context.central_bank
        self._central_keys = central_keys
        self._questions = questions
        self._standing = context.standing
        self._clock = context.clock
        self._bank = context.bank
        self._refused_deposits = KeptBytes(
            context.clock, at_once=REFUSED_DEPOSIT_BYTES, per_hour=REFUSED_DEPOSIT_BYTES_PER_HOUR
        )

    def deposit(self, envelope: SignedEnvelope, wait_s: float) -> tuple[int, int, int, int]:
        """Deposits pieces, or repeats the answer to an earlier deposit of them.

        Args:
            envelope: the signed DepositOrder.
            wait_s: how long to wait for the feed if the central bank has accepted the deposit.

        Returns:
            PaymentState, fen deposited, the wallet's available fen, and what a pending deposit
            waits for: a Reason.

        Raises:
            Refusal: the deposit was refused, here or by the central bank.
        """
        self._standing.check_numbers()
        order = self._orders.open(orders_pb2.DepositOrder, envelope)
        content = order.content
        required(content.offline_payment, "offline_payment")
        if len(content.offline_payment) > MAX_DEPOSIT_BYTES:
            raise invalid("offline_payment", f"has at most {MAX_DEPOSIT_BYTES} bytes")
        row = self._deposit_row(order)
        if row.state == PENDING:
            row = self._send_deposit(row, wait_s)
        if row.state == REFUSED:
            raise _refused(row)
        available = int(self._ledger.read([order.wallet.account])[0]["available_fen"])
        return row.state, row.amount_fen, available, row.reason if row.state == PENDING else 0

    def last(self) -> int:
        """Number of the newest deposit; 0 if there is none."""
        query = select(func.max(token_deposits.c.id))
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def last_sequence(self, wallet: int) -> int:
        """The highest sequence of a wallet's deposits, which are in no ledger; 0 if there is none.

        Args:
            wallet: its row.
        """
        query = select(func.max(token_deposits.c.sequence)).where(token_deposits.c.wallet == wallet)
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def _check_owners(self, order: VerifiedOrder[orders_pb2.DepositOrder]) -> list[bytes]:
        """The keys of the wallet's own devices among those that endorsed the deposit.

        The owner of each piece decides where it is deposited, so it must have signed it over to
        this very wallet.

        Raises:
            Refusal: FIELD_INVALID, NOT_THE_OWNER.
        """
        try:
            deposit = Deposit.decode(order.content.offline_payment)
            pieces = deposit.pieces()
            account = account_of(order.wallet.number, order.content.nonce)
        except (FormatError, Bad) as error:
            raise invalid("offline_payment", f"is no deposit: {error}") from None
        reason = signed_by_owners(deposit, pieces, self._bank)
        if reason != VerifyReason.GOOD or deposit.account != account:
            raise Refusal(
                errors_pb2.REASON_NOT_THE_OWNER,
                "the owners of the pieces have not signed them over to this bank for this wallet",
                field="offline_payment",
            )
        keys = {hop.certificate.key for chain in deposit.payment.chains for hop in chain.hops}
        return self._keys.among(order.wallet.row_id, keys)

    def _deposit_row(self, order: VerifiedOrder[orders_pb2.DepositOrder]) -> Row[Any]:
        table = token_deposits
        content = order.content
        digest = hashlib.sha256(content.offline_payment).digest()
        query = select(table).where(
            table.c.wallet == order.wallet.row_id, table.c.sequence == content.sequence
        )
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            # The same pieces may come in another order, if the first came too late to be sent
            # again.
            same = select(table).where(
                table.c.wallet == order.wallet.row_id, table.c.digest == digest
            )
            row = self._database.read(lambda c: c.execute(same).first())
        if row is None:
            # Only for a new deposit: one that is asked for again gets its first answer.
            self._refused.check(order)
            try:
                own_keys = self._check_owners(order)
                check_unexpired(content.expires_time_ms, self._clock.now_ms())
            except Refusal as refusal:
                raise self._refused.keep(order, refusal) from None
            self._check_pending(order.wallet.row_id)
            check_room(self._refused_deposits, order.wallet.row_id, self._clock)
            values = {
                "wallet": order.wallet.row_id,
                "sequence": content.sequence,
                "digest": digest,
                "order_payload": order.payload,
                "order_signature": order.signature,
                "own_keys": b"".join(own_keys),
                "state": PENDING,
                "reason": 0,
                "verdict": 0,
                "amount_fen": 0,
            }

            def body(connection: Connection) -> None:
                check_in_force(connection, order.wallet)
                connection.execute(insert(table), values)

            self._database.transaction(body)
            row = self._database.read(lambda c: c.execute(query).one())
        if bytes(row.digest) != digest:
            raise Refusal(
                errors_pb2.REASON_ID_REUSED,
                "this sequence was used for another deposit",
                field="sequence",
            )
        return row

    def _send_deposit(self, row: Row[Any], wait_s: float) -> Row[Any]:
        try:
            outcome = self._questions.ask(lambda: self._central_bank.deposit([deposit_item(row)]))[
                0
            ]
        except NoAnswer:
            return self._deposit_again(row.id)
        self.end_refused(row, outcome)
        if outcome.state == registration_pb2.OUTCOME_STATE_SETTLED:
            # The central bank has settled it; the money itself comes with the feed.
            self._wait_for_feed(row.id, wait_s)
        return self._deposit_again(row.id)

    def _deposit_again(self, deposit: int) -> Row[Any]:
        query = select(token_deposits).where(token_deposits.c.id == deposit)
        return self._database.read(lambda c: c.execute(query).one())

    def end_refused(self, row: Row[Any], outcome: registration_pb2.DepositOutcome) -> None:
        """Ends a deposit that the central bank has refused with its signature; the feed ends the
        others.
        """
        told = signed_refusal(outcome, row, self._bank, self._central_keys)
        of = token_deposits.c
        statement = update(token_deposits).where(of.id == row.id, of.state == PENDING)
        if told is None:
            # Shows the holder what the deposit waits for.
            waits = {"reason": outcome.reason, "verdict": outcome.verdict}
            still = outcome.state == registration_pb2.OUTCOME_STATE_PENDING
            if still and (row.reason, row.verdict) != (outcome.reason, outcome.verdict):
                self._database.transaction(lambda c: c.execute(statement.values(waits)) and None)
            return
        values = {
            "state": REFUSED,
            "reason": told.reason,
            "verdict": told.verdict,
            "refusal": outcome.refusal.SerializeToString(),
        }
        ended = self._database.transaction(lambda c: c.execute(statement.values(values)).rowcount)
        if ended:
            size = len(row.order_payload) + len(values["refusal"])
            self._refused_deposits.count(row.wallet, size)
        self._forget_refused(row.wallet)

    def _wait_for_feed(self, deposit: int, wait_s: float) -> None:
        query = select(token_deposits.c.state).where(token_deposits.c.id == deposit)
        self._questions.wait_for(
            lambda: self._database.read(lambda c: c.execute(query).scalar()) != PENDING, wait_s
        )

    def _check_pending(self, wallet: int) -> None:
        """Raises Refusal: OVERLOADED, if too many deposits of a wallet have not ended."""
        of = token_deposits.c
        query = select(func.count()).where(IS_PENDING, of.wallet == wallet)
        if self._database.read(lambda c: c.execute(query).scalar_one()) >= MAX_PENDING_DEPOSITS:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_PENDING_DEPOSITS} deposits of this wallet have not ended; ask again later",
                field="offline_payment",
            )

    def _forget_refused(self, wallet: int) -> None:
        """Deletes all but a wallet's newest refusals; an older deposit that comes again is refused
        again.
        """
        of = token_deposits.c
        own = (of.wallet == wallet) & (of.state == REFUSED)
        newest = select(of.id).where(own).order_by(of.id.desc()).offset(MAX_REFUSED_DEPOSITS)
        oldest = self._database.read(lambda c: c.execute(newest.limit(1)).scalar())
        if oldest is not None:
            statement = delete(token_deposits).where(own, of.id <= oldest)
            self._database.transaction(lambda c: c.execute(statement) and None)


def _verdict_name(number: int) -> str:
    """A verdict's name, as `offline_token.verify.Reason` has it; "" for none."""
    if not number:
        return ""
    value = registration_pb2.TokenVerdict.DESCRIPTOR.values_by_number.get(number)
    return value.name.removeprefix("TOKEN_VERDICT_") if value is not None else f"UNKNOWN_{number}"


def _refused(row: Row[Any]) -> Refusal:
    """The refusal of a deposit, as its holder is told, with the root's ruling for the device."""
    reason, verdict = row.reason, _verdict_name(row.verdict)
    payload = SignedEnvelope.FromString(bytes(row.refusal)).payload
    ruling = registration_pb2.DepositRefusal.FromString(payload).ruling
    sentences: dict[int, str] = {
        errors_pb2.REASON_ALREADY_DEPOSITED: "this piece has been deposited before",
        errors_pb2.REASON_TOKEN_INVALID: f"the payment is not good: {verdict}",
    }
    return Refusal(
        reason,
        sentences.get(reason, "the central bank refused the deposit"),
        field="offline_payment",
        verdict=verdict,
        ruling=ruling.hex(),
    )
