"""Loads tokens: money of a wallet becomes tokens of its device."""

from __future__ import annotations

from sqlalchemy import select

from currency.amount import format_yuan
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import (
    MAX_AMOUNT_FEN,
)
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.questions import FEED_PATIENCE_S, Questions
from operator_bank.offline.revocations import Revocations
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.rows import Going, put_outbound
from operator_bank.payments.tables import IS_LOAD, outbound
from operator_bank.wallets.orders import Orders, VerifiedOrder, hold_for
from operator_bank.wallets.refused import Refused
from runtime.checks import amount, exact_bytes
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.errors import NoAnswer, Refusal
from settlement.builders import records_of
from settlement.core import Batch

PENDING = states_pb2.PAYMENT_STATE_PENDING
SETTLED = states_pb2.PAYMENT_STATE_SETTLED


class Loads:
    """Holds the money, has the tokens registered, and hands them out."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        refused: Refused,
        keys: DeviceKeys,
        revocations: Revocations,
        outgoing: Outbound,
        questions: Questions,
    ) -> None:
        self._families = orders.families
        self._ledger = context.ledger
        self._database = context.database
        self._orders = orders
        self._refused = refused
        self._keys = keys
        self._revocations = revocations
        self._outgoing = outgoing
        self._central_bank = context.central_bank
        self._questions = questions
        self._standing = context.standing
        self._clock = context.clock

    def load(self, envelope: SignedEnvelope) -> tuple[int, list[bytes], int]:
        """Loads tokens, or repeats the answer to an earlier load.

        Returns:
            PaymentState, the encoded tokens, and a Reason if there are none.

        Raises:
            Refusal: the load was refused here, and nothing is held.
        """
        self._standing.check_numbers()
        order = self._orders.open(orders_pb2.LoadOrder, envelope)
        amount(order.content.amount_fen, largest=MAX_AMOUNT_FEN)
        content = order.content
        key = exact_bytes(content.device_key, "device_key", PUBLIC_KEY_BYTES)
        certificate = self._held_certificate(order)
        if certificate is None:
            # Only for a new load: one that is asked for again gets its first answer.
            self._refused.check(order)
            try:
                no = self._families.refusal(order.wallet.account, "", accounts.NOBODY)
                if no is not None:
                    raise no
                certificate = self._keys.to_load(order.wallet.row_id, key)
                self._check_holding(content.amount_fen)
            except Refusal as refusal:
                raise self._refused.keep(order, refusal) from None
        number = self._hold(order, certificate)
        state, reason = self._outgoing.state(number)
        if state not in (PENDING, SETTLED):
            return state, [], reason
        try:
            answer = self._questions.ask(
                lambda: self._central_bank.register(
                    number, content.amount_fen, certificate, self._keys.possession(certificate)
                )
            )
        except NoAnswer:
            # The hold stays, and the load is registered again until the feed has ended it.
            return PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE
        if answer.outcome.state == registration_pb2.OUTCOME_STATE_SETTLED:
            return SETTLED, list(answer.tokens), 0
        if answer.outcome.state == registration_pb2.OUTCOME_STATE_REFUSED:
            # Waiting is a courtesy: the feed brings the signed refusal, which releases the hold.
            self._questions.wait_for(
                lambda: self._outgoing.state(number)[0] != PENDING, FEED_PATIENCE_S
            )
            state, reason = self._outgoing.state(number)
            return state, [], reason
        return PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE

    def _held_certificate(self, order: VerifiedOrder[orders_pb2.LoadOrder]) -> bytes | None:
        """The device's certificate as it was when this load was first asked for."""
        query = select(outbound.c.body).where(
            outbound.c.account == order.wallet.account,
            outbound.c.sequence == order.content.sequence,
            IS_LOAD,
        )
        found = self._database.read(lambda c: c.execute(query).scalar())
        return bytes(found) if found is not None else None

    def _check_holding(self, amount_fen: int) -> None:
        """Raises Refusal if a device may not hold this much. Before the first trust bundle was read
        only the central bank checks that.
        """
        most_fen = self._revocations.max_holding_fen
        if most_fen is not None and amount_fen > most_fen:
            raise Refusal(
                errors_pb2.REASON_OVER_BALANCE_CAP,
                f"the central bank lets a device hold {format_yuan(most_fen)} yuan in all",
                field="amount_fen",
                over_fen=str(amount_fen - most_fen),
            )

    def _hold(self, order: VerifiedOrder[orders_pb2.LoadOrder], certificate: bytes) -> int:
        held = hold_for(order, purposes_pb2.PURPOSE_TOKEN_LOAD, self._clock.now_ms())
        record = records_of([held])
        batch = Batch(
            record,
            [order.payload],
            lambda c, a: put_outbound(c, record, {0: Going("", certificate)}, a, "load"),
            signatures=[order.signature],
        )
        answers = self._ledger.submit(batch)
        self._refused.count(batch, answers)
        result = answers.result(0)
        if not result.accepted:
            whose = self._families.whose_limit(
                order.wallet.account, result, order.content.amount_fen
            )
            raise refusal_of(result, **whose)
        return int(answers.positions[0])
