"""Offline money at the bank: devices certified, tokens loaded, pieces deposited."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import delete, func, insert, select, update

from currency.amount import format_yuan
from dcep.bank.v1 import bank_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.bundle import TrustBundle
from offline_token.deposit import MAX_DEPOSIT_BYTES, Deposit, signed_by_owners
from offline_token.formats import BANK, DEVICE, Certificate, FormatError
from offline_token.possession import Possession, account_of
from offline_token.signing import verified
from offline_token.verify import Bad
from offline_token.verify import Reason as VerifyReason
from operator_bank.ledger.reasons import refusal_of
from operator_bank.ledger.standing import Standing
from operator_bank.limits import (
    CENTRE_QUICK_MS,
    MAX_AMOUNT_FEN,
    MAX_ASKING,
    MAX_CERTIFICATES_ASKED,
    MAX_PENDING_DEPOSITS,
    MAX_REFUSED_DEPOSITS,
    MAX_WAITING,
    REFUSED_DEPOSIT_BYTES,
    REFUSED_DEPOSIT_BYTES_PER_HOUR,
)
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.newest_bundle import NewestBundle
from operator_bank.offline.refusals import signed_refusal
from operator_bank.offline.resending import Resending, deposit_item
from operator_bank.offline.revocations import Revocations
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.payments import Going, put_outbound
from operator_bank.peers.central_keys import Verifies
from operator_bank.peers.interface import CentralBank
from operator_bank.tables import IS_LOAD, IS_PENDING, outbound, token_deposits
from operator_bank.wallets.orders import DEVICE_KEY_BYTES, Order, Orders, check_unexpired
from operator_bank.wallets.refused import Refused, check_room
from runtime.checks import amount, at_most, exact_bytes, invalid, public_key, required
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import NoAnswer, Refusal
from runtime.kept_bytes import KeptBytes
from runtime.patience import Patience
from runtime.signing_keys import Signer
from settlement.core import Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind

PENDING = bank_pb2.PAYMENT_STATE_PENDING
SETTLED = bank_pb2.PAYMENT_STATE_SETTLED
REFUSED = bank_pb2.PAYMENT_STATE_REFUSED
FEED_PATIENCE_S = 5.0
T = TypeVar("T")


class Offline:
    """The use-cases behind OfflineService."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        orders: Orders,
        outgoing: Outbound,
        central_bank: CentralBank,
        business_key: Signer,
        clock: Clock,
        refused: Refused,
        bundles: NewestBundle,
        central_keys: Verifies,
        standing: Standing,
        *,
        bank: str,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._orders = orders
        self._outgoing = outgoing
        self._central_bank = central_bank
        self._clock = clock
        self._refused = refused
        self._bundles = bundles
        self._central_keys = central_keys
        self._standing = standing
        self._bank = bank
        self._keys = DeviceKeys(database, business_key, clock, bank=bank)
        self.revocations = Revocations(self._keys, central_bank, bundles, clock)
        self.resending = Resending(
            database, central_bank, clock, self._end_refused, self._keys.possession
        )
        self._patience = Patience(clock, most=MAX_ASKING, quick_ms=CENTRE_QUICK_MS)
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)
        self._refused_deposits = KeptBytes(
            clock, at_once=REFUSED_DEPOSIT_BYTES, per_hour=REFUSED_DEPOSIT_BYTES_PER_HOUR
        )

    def certify(self, envelope: SignedEnvelope) -> tuple[bytes, bytes]:
        """(the device's certificate, the bank's); the same again until it is due for renewal."""
        order = self._orders.open(orders_pb2.CertifyDeviceOrder, envelope)
        key = public_key(order.content.device_key, "device_key")
        self._check_possession(order, key)
        check_unexpired(order.content.expires_time_ms, self._clock.now_ms())
        self._refused.check(order)
        bundle = self._need(self.revocations.newest)
        try:
            certificate = self._keys.certify(order, key)
        except Refusal as refusal:
            raise self._refused.keep(order, refusal) from None
        return certificate, self._certifier(bundle, certificate)

    def _certifier(self, bundle: TrustBundle, encoded: bytes) -> bytes:
        """The certificate in a bundle of that key of the bank which certified a device."""
        device = Certificate.decode(encoded, DEVICE)
        part, signature = device.signed_part(), device.signature
        its = (bank for bank in bundle.of_bank(self._bank) if verified(bank.key, part, signature))
        found = [bank.encode() for bank in its]
        if not found:  # the bundle has no room for this bank
            said = self._need(lambda: self._central_bank.statements([encoded]))
            found = [statement for statement in said if statement[:1] == BANK]
        return found[0] if found else b""

    def _check_possession(self, order: Order[orders_pb2.CertifyDeviceOrder], key: bytes) -> None:
        """Raises Refusal unless the key itself asks to be certified here, for this wallet."""
        account = account_of(order.wallet.number, order.content.nonce)
        if not Possession(account, order.content.possession).proves(key, self._bank):
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                "the device key has not signed that it is to be certified for this wallet",
                field="possession",
            )

    def load(self, envelope: SignedEnvelope) -> tuple[int, list[bytes], int]:
        """(PaymentState, tokens, Reason): money from the wallet becomes tokens of its device."""
        self._standing.check_numbers()
        order = self._orders.open(orders_pb2.LoadOrder, envelope)
        amount(order.content.amount_fen, largest=MAX_AMOUNT_FEN)
        content = order.content
        key = exact_bytes(content.device_key, "device_key", DEVICE_KEY_BYTES)
        certificate = self._held_certificate(order)
        if certificate is None:
            # Only a load that is new: one that is asked again gets its first answer.
            self._refused.check(order)
            try:
                certificate = self._keys.to_load(order.wallet.row_id, key)
                self._check_holding(content.amount_fen)
            except Refusal as refusal:
                raise self._refused.keep(order, refusal) from None
        number = self._hold(order, certificate)
        state, reason = self._outgoing.state(number)
        if state not in (PENDING, SETTLED):
            return state, [], reason
        try:
            answer = self._ask(
                lambda: self._central_bank.register(
                    number, content.amount_fen, certificate, self._keys.possession(certificate)
                )
            )
        except NoAnswer:
            # The hold stands, and the load is registered again until the feed has ended it.
            return PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE
        if answer.outcome.state == registration_pb2.OUTCOME_STATE_SETTLED:
            return SETTLED, list(answer.tokens), 0
        if answer.outcome.state == registration_pb2.OUTCOME_STATE_REFUSED:
            # No more than a courtesy: the feed says so, signed, and frees the hold.
            self._wait_for(lambda: self._outgoing.state(number)[0] != PENDING, FEED_PATIENCE_S)
            state, reason = self._outgoing.state(number)
            return state, [], reason
        return PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE

    def deposit(self, envelope: SignedEnvelope, wait_s: float) -> tuple[int, int, int, int]:
        """(PaymentState, fen deposited, available fen, Reason)."""
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

    def last_deposit(self) -> int:
        """The newest deposit's number; 0 for none."""
        query = select(func.max(token_deposits.c.id))
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def trust_bundle(self) -> bytes:
        """The root's key and the newest trust bundle that this bank has seen, verified.

        Raises:
            Refusal: PEER_UNAVAILABLE: there is none that a device would take.
        """
        try:
            return self._ask(self._bundles.newest).encoded
        except NoAnswer as error:
            kept = self._bundles.kept()
            if kept is not None:
                return kept.encoded
            raise _unavailable() from error

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """What the root says of devices and their banks, where its trust bundle does not.

        Raises:
            Refusal: TOO_MANY_ITEMS, FIELD_INVALID, PEER_UNAVAILABLE.
        """
        at_most(certificates, "certificates", MAX_CERTIFICATES_ASKED)
        for encoded in certificates:
            try:
                Certificate.decode(encoded, DEVICE)
            except FormatError as error:
                raise invalid("certificates", f"holds one that is unreadable: {error}") from None
        return self._need(lambda: self._central_bank.statements(list(certificates)))

    def _ask(self, call: Callable[[], T]) -> T:
        """Asks the central bank in a wallet's call. Few of those wait for it at once.

        A refusal of the call is about this bank or its clock, and no answer to the wallet's order,
        which may still happen.

        Raises:
            NoAnswer: there is none, or nobody may ask now.
        """
        turn = self._patience.begin()
        if turn is None:
            raise NoAnswer("the central bank is not asked now")
        answered = True
        try:
            return call()
        except NoAnswer:
            answered = False
            raise
        except Refusal as refusal:
            raise NoAnswer(f"the central bank refused the call: {refusal}") from refusal
        finally:
            self._patience.end(turn, answered=answered)

    def _need(self, call: Callable[[], T]) -> T:
        """As `_ask`, for what nothing was written down for yet."""
        try:
            return self._ask(call)
        except NoAnswer as error:
            raise _unavailable() from error

    def _check_holding(self, amount_fen: int) -> None:
        """No more than a device may hold; as long as no bundle was read the centre alone judges."""
        most_fen = self.revocations.max_holding_fen
        if most_fen is not None and amount_fen > most_fen:
            raise Refusal(
                errors_pb2.REASON_OVER_BALANCE_CAP,
                f"the central bank lets a device hold {format_yuan(most_fen)} yuan in all",
                field="amount_fen",
                over_fen=str(amount_fen - most_fen),
            )

    def _hold(self, order: Order[orders_pb2.LoadOrder], certificate: bytes) -> int:
        content = order.content
        record = np.zeros(1, RECORD)
        record["origin"] = record["debit"] = order.wallet.account
        record["sequence"] = content.sequence
        record["kind"] = Kind.HOLD
        record["amount_fen"] = content.amount_fen
        record["time_ms"] = self._clock.now_ms()
        record["expires_ms"] = content.expires_time_ms
        record["digest"] = order.digest
        batch = Batch(
            record,
            [order.payload],
            lambda c, a: put_outbound(c, record, {0: Going("", certificate)}, a, "load"),
            signatures=[order.signature],
        )
        answers = self._ledger.submit(batch)
        self._refused.count(batch, answers)
        if not answers.result(0).accepted:
            raise refusal_of(answers.result(0))
        return int(answers.positions[0])

    def _check_owners(self, order: Order[orders_pb2.DepositOrder]) -> list[bytes]:
        """The wallet's own devices among those that endorsed what it deposits.

        Whose key owns a piece decides where it is deposited: it has signed for this very wallet.

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

    def _deposit_row(self, order: Order[orders_pb2.DepositOrder]) -> Any:
        table = token_deposits
        content = order.content
        digest = hashlib.sha256(content.offline_payment).digest()
        query = select(table).where(
            table.c.wallet == order.wallet.row_id, table.c.sequence == content.sequence
        )
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            # Its first order may have come too late to be sent again: the deposit is the same.
            same = select(table).where(
                table.c.wallet == order.wallet.row_id, table.c.digest == digest
            )
            row = self._database.read(lambda c: c.execute(same).first())
        if row is None:
            # Only a deposit that is new: one that is asked again gets its first answer.
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
                "verdict": "",
                "amount_fen": 0,
            }
            self._database.transaction(lambda c: c.execute(insert(table), values) and None)
            row = self._database.read(lambda c: c.execute(query).one())
        if bytes(row.digest) != digest:
            raise Refusal(
                errors_pb2.REASON_ID_REUSED,
                "this sequence was used for another deposit",
                field="sequence",
            )
        return row

    def _send_deposit(self, row: Any, wait_s: float) -> Any:
        try:
            outcome = self._ask(lambda: self._central_bank.deposit([deposit_item(row)]))[0]
        except NoAnswer:
            return self._deposit_again(row.id)
        self._end_refused(row, outcome)
        if outcome.state == registration_pb2.OUTCOME_STATE_SETTLED:
            # Settled at the central bank; the money itself comes with the feed.
            self._wait_for_feed(row.id, wait_s)
        return self._deposit_again(row.id)

    def _deposit_again(self, deposit: int) -> Any:
        query = select(token_deposits).where(token_deposits.c.id == deposit)
        return self._database.read(lambda c: c.execute(query).one())

    def _end_refused(self, row: Any, outcome: registration_pb2.DepositOutcome) -> None:
        """A signed refusal ends a deposit here; the feed ends one that has settled."""
        told = signed_refusal(outcome, row, self._bank, self._central_keys)
        of = token_deposits.c
        statement = update(token_deposits).where(of.id == row.id, of.state == PENDING)
        if told is None:
            # What it waits for, for its holder to see.
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
        self._wait_for(
            lambda: self._database.read(lambda c: c.execute(query).scalar()) != PENDING, wait_s
        )

    def _wait_for(self, done: Callable[[], bool], wait_s: float) -> None:
        if not self._waiting.acquire(blocking=False):
            return
        try:
            self._outgoing.wait_until(done, min(wait_s, FEED_PATIENCE_S))
        finally:
            self._waiting.release()

    def _check_pending(self, wallet: int) -> None:
        """What one wallet may have under way is bounded."""
        of = token_deposits.c
        query = select(func.count()).where(IS_PENDING, of.wallet == wallet)
        if self._database.read(lambda c: c.execute(query).scalar_one()) >= MAX_PENDING_DEPOSITS:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_PENDING_DEPOSITS} deposits of this wallet have not ended; ask again later",
                field="offline_payment",
            )

    def _forget_refused(self, wallet: int) -> None:
        """Keeps a wallet's newest refusals: whoever asks for an older one is refused again."""
        of = token_deposits.c
        own = (of.wallet == wallet) & (of.state == REFUSED)
        newest = select(of.id).where(own).order_by(of.id.desc()).offset(MAX_REFUSED_DEPOSITS)
        oldest = self._database.read(lambda c: c.execute(newest.limit(1)).scalar())
        if oldest is not None:
            statement = delete(token_deposits).where(own, of.id <= oldest)
            self._database.transaction(lambda c: c.execute(statement) and None)

    def _held_certificate(self, order: Order[orders_pb2.LoadOrder]) -> bytes | None:
        """The device's certificate as it was when this load was first asked for."""
        query = select(outbound.c.body).where(
            outbound.c.account == order.wallet.account,
            outbound.c.sequence == order.content.sequence,
            IS_LOAD,
        )
        found = self._database.read(lambda c: c.execute(query).scalar())
        return bytes(found) if found is not None else None


def _unavailable() -> Refusal:
    return Refusal(
        errors_pb2.REASON_PEER_UNAVAILABLE, "the central bank cannot be asked now; ask again"
    )


def _refused(row: Any) -> Refusal:
    """What its holder is told of a refused deposit, with the root's ruling for the device."""
    reason, verdict = row.reason, row.verdict
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
