"""Handles the events of the feed: one handler says what an event is about, moves and writes.

A new event of the contract needs a new handler here, and nothing else; a test compares the two.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import ClassVar

from google.protobuf.message import DecodeError

from currency.payments import purpose_of_payment
from dcep.bank.v1 import states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken, NotKnown
from operator_bank.feed.entries import (
    FeedEntry,
    Move,
    OutboundPayment,
    ParsedEntry,
    Sent,
    captured,
    delivered,
    fits,
    numbered,
    payment_of,
    released,
    transferred,
    unmoved,
)
from operator_bank.feed.known import Known
from operator_bank.feed.written import Written
from operator_bank.ledger import accounts
from operator_bank.suspense.entries import Source, undelivered
from runtime.errors import Refusal
from runtime.messages import read_payload
from settlement.builders import Row, refused
from settlement.limits import MAX_AMOUNT_FEN

_ENDED = {
    registration_pb2.OUTCOME_STATE_REFUSED: states_pb2.PAYMENT_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED: states_pb2.PAYMENT_STATE_EXPIRED,
}
_ISSUANCE, _REDEMPTION = purposes_pb2.PURPOSE_ISSUANCE, purposes_pb2.PURPOSE_REDEMPTION
_RESERVE = purposes_pb2.PURPOSE_REDEMPTION_RESERVE
_PAYMENT, _RETURN = purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_RETURN
_REFUND = purposes_pb2.PURPOSE_REFUND
_LOAD, _DEPOSIT = purposes_pb2.PURPOSE_TOKEN_LOAD, purposes_pb2.PURPOSE_TOKEN_DEPOSIT
_EXPIRY = purposes_pb2.PURPOSE_TOKEN_EXPIRY
_PURPOSE_OF_SENT = {"pay": _PAYMENT, "refund": _REFUND, "return": _RETURN, "load": _LOAD}


class About(Enum):
    """Which of this bank's own numbers an event has."""

    NOTHING = "nothing"
    OUTBOUND = "outbound"
    DEPOSIT = "deposit"


class Handler:
    """What a bank does about one event. Handlers have no state.

    Attributes:
        about: what kind of number the event has.
        ends_what_was_sent: whether this entry ends what the number names.
    """

    about: ClassVar[About] = About.NOTHING
    ends_what_was_sent: ClassVar[bool] = False

    def payment(self, entry: FeedEntry) -> OutboundPayment | None:
        """The payment to a wallet here that an entry brings; None for most events."""
        return None

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """What the entry becomes in the ledger.

        Raises:
            NotKnown: this database does not know what the entry is about.
            FeedBroken: the entry contradicts what this database knows.
        """
        raise FeedBroken("is of no kind that this bank knows")

    def move_lost(self, one: ParsedEntry) -> Move:
        """What the entry becomes if this database has lost what it is about.

        Money that left the bank is taken from the account LOST. Money for a wallet that nobody
        knows goes to suspense. What never happened moves nothing.
        """
        return unmoved(one, accounts.LOST, accounts.MIRROR)

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """Notes the rows that the entry writes, in the transaction that moves the money."""

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """The source of money that this entry left in suspense; None if it left none there.

        Args:
            wallet: number of the wallet that could not take it.
        """
        raise ValueError(f"nobody is to get what {one.event} moves")

    def lost_row(self, one: ParsedEntry) -> dict[str, object]:
        """Purpose and number of the lost movement that the entry tells of, for the table
        `lost_moves`.
        """
        return {"purpose": _REDEMPTION, "number": one.number}


class Issued(Handler):
    """The central bank has issued currency: it comes into the vault."""

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        fen = one.entry.issued.amount_fen
        return transferred(one, accounts.MIRROR, accounts.VAULT, fen, _ISSUANCE)


class Redeemed(Handler):
    """A redemption took place: what was reserved for it leaves."""

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        redeemed = one.entry.redeemed
        known.take_reserved(redeemed.number, redeemed.amount_fen)
        reserve, mirror = accounts.REDEMPTION_RESERVE, accounts.MIRROR
        return transferred(one, reserve, mirror, redeemed.amount_fen, _REDEMPTION)

    def move_lost(self, one: ParsedEntry) -> Move:
        """See `Handler`."""
        fen = one.entry.redeemed.amount_fen
        return transferred(one, accounts.LOST, accounts.MIRROR, fen, _REDEMPTION)

    def lost_row(self, one: ParsedEntry) -> dict[str, object]:
        """See `Handler`."""
        return {"purpose": _REDEMPTION, "number": one.entry.redeemed.number}


class RedemptionRejected(Handler):
    """A redemption was rejected: what was reserved for it goes back to the vault."""

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        rejected = one.entry.redemption_rejected
        if not fits(rejected.number):
            raise FeedBroken(f"speaks of redemption {rejected.number}, which is none")
        reserve, vault = accounts.REDEMPTION_RESERVE, accounts.VAULT
        move = transferred(one, reserve, vault, rejected.amount_fen, _RESERVE)
        if not known.was_reserved(rejected.number):
            return move._replace(row=refused(move.row))
        known.take_reserved(rejected.number, rejected.amount_fen)
        return move


class OutgoingSettled(Handler):
    """A payment of this bank has settled."""

    about = About.OUTBOUND
    ends_what_was_sent = True

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        sent = known.pending(one.number)
        _check_payment(one.entry.outgoing_settled.payment, sent)
        known.end(one.number, settled=True)
        return captured(one, sent, _PURPOSE_OF_SENT[sent.kind])

    def move_lost(self, one: ParsedEntry) -> Move:
        """See `Handler`."""
        paid = payment_of(one.entry.outgoing_settled.payment, one.number)
        purpose, fen = purpose_of_payment(paid), paid.amount_fen
        return transferred(one, accounts.LOST, accounts.MIRROR, fen, purpose)

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """See `Handler`."""
        written.settle(one.number)

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """None: a settled return takes money out of suspense and leaves none there."""
        return None

    def lost_row(self, one: ParsedEntry) -> dict[str, object]:
        """See `Handler`."""
        data = one.entry.outgoing_settled.payment
        payment = OutboundPayment.FromString(data)
        return {
            "purpose": _REFUND if payment.refunds_payment_id else _PAYMENT,
            "number": one.number,
            "payer": payment.payer_number,
            "payment_id": payment.payment_id,
            "payment": data,
        }


class OutgoingEnded(Handler):
    """A payment or a load of this bank will never settle."""

    about = About.OUTBOUND
    ends_what_was_sent = True

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        sent = known.pending(one.number)
        ended = one.entry.outgoing_ended
        if ended.state not in _ENDED:
            raise FeedBroken(f"ends outbound {one.number} with a state that is no end")
        if ended.WhichOneof("about") == "load":
            _check_load(ended.load, sent)
        else:
            _check_payment(ended.payment, sent)
        known.end(one.number, settled=False)
        return released(one, sent, _PURPOSE_OF_SENT[sent.kind])

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """See `Handler`."""
        ended = one.entry.outgoing_ended
        written.end(ended.number, _ENDED[ended.state], ended.reason)
        if ended.reason == errors_pb2.REASON_PAYEE_CANNOT_BE_PAID:
            written.count_not_taken(row.debit, OutboundPayment.FromString(ended.payment))
        elif ended.reason == errors_pb2.REASON_EXPIRED:
            written.count_expired(row.debit, OutboundPayment.FromString(ended.payment))
        elif ended.reason == errors_pb2.REASON_BANK_UNKNOWN:
            written.count_ended(row.debit)

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """The payment that a return was to give back: nobody took the return, so the money stays
        here.
        """
        payment = OutboundPayment.FromString(one.entry.outgoing_ended.payment)
        payer, payee = payment.payer_number, payment.payee_number
        return Source(_PAYMENT, payment.returns_payment_id, payer, payee)


class Incoming(Handler):
    """A payment from another bank has come for a wallet here, or one of ours comes back."""

    def payment(self, entry: FeedEntry) -> OutboundPayment | None:
        """See `Handler`; None for one that cannot be read."""
        try:
            return read_payload(OutboundPayment, entry.incoming.payment)
        except Refusal:
            return None

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        payment = one.payment
        if payment is None:
            raise FeedBroken("has a payment in it that is none")
        account = known.account_of(payment.payee_number)
        if account == accounts.NOBODY:
            account = accounts.SUSPENSE
        if one.returned and not known.returns(payment):
            # It is not the return that it claims to be: an officer looks at it.
            account = accounts.SUSPENSE
        return delivered(one, account, payment.amount_fen, purpose_of_payment(payment))

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """See `Handler`."""
        if one.returned is None:
            return
        if row.credit != accounts.SUSPENSE:
            written.return_payment(one.returned.returns_number, one.entry.number)
        # The payer here had tried to pay a wallet that the money did not reach.
        written.count_returned(row.credit, one.returned.payer_number)

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """See `Handler`."""
        assert one.payment is not None
        return undelivered(one.payment)


class TokensRegistered(Handler):
    """A load took place: offline tokens exist for a wallet here."""

    about = About.OUTBOUND
    ends_what_was_sent = True

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        sent = known.pending(one.number)
        _check_load(one.entry.tokens_registered, sent)
        known.end(one.number, settled=True)
        return captured(one, sent, _PURPOSE_OF_SENT[sent.kind])

    def move_lost(self, one: ParsedEntry) -> Move:
        """See `Handler`."""
        fen = one.entry.tokens_registered.amount_fen
        return transferred(one, accounts.LOST, accounts.MIRROR, fen, _LOAD)

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """See `Handler`."""
        written.settle(one.number)

    def lost_row(self, one: ParsedEntry) -> dict[str, object]:
        """See `Handler`."""
        return {"purpose": _LOAD, "number": one.number}


class TokensDeposited(Handler):
    """A deposit of offline tokens was accepted: the wallet gets what the pieces were worth."""

    about = About.DEPOSIT

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        tokens = one.entry.tokens_deposited
        found = known.deposit(tokens.number)
        if tokens.payment_digest != found.digest:
            raise NotKnown(f"speaks of deposit {tokens.number} with other tokens in it")
        if not tokens.amount_fen <= tokens.whole_fen <= MAX_AMOUNT_FEN:
            raise FeedBroken(f"moves {tokens.amount_fen} fen of a deposit of {tokens.whole_fen}")
        return delivered(one, found.account, tokens.amount_fen, _DEPOSIT)

    def move_lost(self, one: ParsedEntry) -> Move:
        """See `Handler`."""
        fen = one.entry.tokens_deposited.amount_fen
        return delivered(one, accounts.SUSPENSE, fen, _DEPOSIT)

    def write(self, one: ParsedEntry, row: Row, written: Written) -> None:
        """See `Handler`."""
        written.deposit(one.number, one.entry.tokens_deposited.whole_fen)

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """See `Handler`."""
        return Source(_DEPOSIT, f"deposit-{one.number}", wallet)


class TokensRestored(Handler):
    """Offline tokens expired: the wallet that loaded them gets back what is left."""

    about = About.OUTBOUND

    def move(self, one: ParsedEntry, known: Known) -> Move:
        """See `Handler`."""
        tokens = one.entry.tokens_restored
        if 0 < tokens.amount_fen <= known.lost_load_fen(one.number):
            return self.move_lost(one)  # this database has lost whose load that was
        sent = known.sent(one.number)
        if sent.kind != "load" or sent.state != states_pb2.PAYMENT_STATE_SETTLED:
            raise FeedBroken(f"gives back tokens of outbound {tokens.number}, which made none")
        if tokens.amount_fen > sent.amount_fen:
            raise FeedBroken(f"gives back more than the {sent.amount_fen} fen that were loaded")
        return delivered(one, sent.account, tokens.amount_fen, _EXPIRY)

    def move_lost(self, one: ParsedEntry) -> Move:
        """See `Handler`."""
        fen = one.entry.tokens_restored.amount_fen
        return delivered(one, accounts.SUSPENSE, fen, _EXPIRY)

    def source(self, one: ParsedEntry, wallet: str) -> Source | None:
        """See `Handler`."""
        return Source(_EXPIRY, f"restore-{one.number}", wallet)


HANDLERS: dict[str, Handler] = {
    "issued": Issued(),
    "redeemed": Redeemed(),
    "redemption_rejected": RedemptionRejected(),
    "outgoing_settled": OutgoingSettled(),
    "outgoing_ended": OutgoingEnded(),
    "incoming": Incoming(),
    "tokens_registered": TokensRegistered(),
    "tokens_deposited": TokensDeposited(),
    "tokens_restored": TokensRestored(),
}
"""By the event's name in the contract's FeedEntry."""
_UNKNOWN = Handler()


def handler_of(event: str | None) -> Handler:
    """The handler of an event. For an unknown event its `move` raises FeedBroken."""
    return HANDLERS.get(event or "", _UNKNOWN)


def parsed(entry: FeedEntry, data: bytes, time_ms: int) -> ParsedEntry:
    """An entry that came at a time, with what it is about."""
    event = entry.WhichOneof("event")
    handler = handler_of(event)
    number = 0 if handler.about is About.NOTHING else getattr(entry, event).number
    return ParsedEntry(entry, data, time_ms, event, number, handler.payment(entry))


def _check_payment(payment: bytes, sent: Sent) -> None:
    """Checks that this is the payment that this bank sent: same parties, amount, times and memo."""
    if sent.kind == "load":
        raise NotKnown(f"speaks of outbound {sent.number} as a payment, which is a load")
    if payment == numbered(sent.number, sent.body):
        return
    # The bytes may differ although the messages are equal.
    ours = OutboundPayment.FromString(sent.body)
    ours.number = sent.number
    try:
        theirs = OutboundPayment.FromString(payment)
    except DecodeError:
        raise FeedBroken(f"speaks of outbound {sent.number} in words that cannot be read") from None
    if theirs != ours:
        raise NotKnown(
            f"speaks of outbound {sent.number} as of {theirs.amount_fen} fen"
            f" ({theirs.payment_id}), which is of {ours.amount_fen} fen ({ours.payment_id})"
        )


def _check_load(tokens: registration_pb2.TokensRegistered, sent: Sent) -> None:
    """Checks that this is the load that this bank sent: same amount, for the same device."""
    if sent.kind != "load":
        raise NotKnown(f"speaks of outbound {sent.number} as a load, which is a payment")
    digest = hashlib.sha256(sent.body).digest()
    told = (tokens.number, tokens.amount_fen, tokens.certificate_digest)
    if told != (sent.number, sent.amount_fen, digest):
        raise NotKnown(
            f"speaks of load {sent.number} as of {tokens.amount_fen} fen for a device, which is"
            f" of {sent.amount_fen} fen, or for another one"
        )
