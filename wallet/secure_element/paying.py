"""Pays a request once, and answers the same request with the same bytes again."""

from __future__ import annotations

from collections.abc import Callable

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.formats import DEVICE, Certificate, Payment, Request
from offline_token.limits import MAX_PAYMENT_BYTES
from offline_token.receipt import is_receipt, payment_id
from offline_token.statements import Statements
from offline_token.verify import Bad, Reason, check_device
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element import statements
from wallet.secure_element.keys import own_key
from wallet.secure_element.limits import CLOCKS_APART_MS, MAX_REMEMBERED
from wallet.secure_element.pieces import Trust, check_single, endorse
from wallet.secure_element.refusals import bad, in_too_many_pieces
from wallet.secure_element.remembering import challenge_of, forget_oldest, paid_fen, read_payment
from wallet.secure_element.signer import DeviceKey
from wallet.secure_element.state import ElementState, HeldKey


def pay(
    state: ElementState,
    asked: Request,
    trust_in: Callable[[ElementState], Trust],
    signer_of: Callable[[HeldKey], DeviceKey],
    randomness: Randomness,
    allow: Callable[[ElementState], None],
) -> bytes:
    """Pays a request whose signature was verified; the pieces leave the state.

    Args:
        allow: raises Refusal if the request may not be paid; asked before anything new is paid.
        trust_in: gives what the element verifies with; raises Refusal when that is too old.
        signer_of: finds what signs with a key.

    Returns:
        The encoded payment; for a request that was paid before, that payment.

    Raises:
        Refusal: ALREADY_DECIDED when the payment came back, ID_REUSED when another request with
            this challenge was paid, EXPIRED for a request that is too old; or as the payee, the
            limits and the pieces at hand demand.
    """
    challenge = asked.challenge.hex()
    if challenge in state.back:
        raise Refusal(
            errors_pb2.REASON_ALREADY_DECIDED,
            N_("what paid this request came back; ask the payee for a new one"),
            field="request",
        )
    if (known := state.paid.get(challenge)) is not None:
        return _repeated(bytes.fromhex(known[0]), asked)
    allow(state)
    trust = trust_in(state)
    _check_payee(state, asked, trust)
    if trust.now_ms > asked.expires_time_ms + CLOCKS_APART_MS:
        raise Refusal(
            errors_pb2.REASON_EXPIRED,
            N_("this request is too old; ask the payee for a new one"),
            field="request",
        )
    check_single(state, trust, asked.amount_fen)
    chains = endorse(state, asked, trust, signer_of, randomness)
    shown = (hop.certificate for chain in chains for hop in chain.hops)
    payment = Payment(chains, statements.for_devices(trust, shown)).encode()
    if len(payment) > MAX_PAYMENT_BYTES:
        raise in_too_many_pieces()
    _make_room(state)
    state.paid[challenge] = (payment.hex(), asked.certificate.encode().hex())
    return payment


def _make_room(state: ElementState) -> None:
    """Forgets the oldest payment, if possible one that does not wait for a receipt."""
    waiting = set(state.unconfirmed)
    while len(state.paid) >= MAX_REMEMBERED:
        ended = (challenge for challenge in state.paid if challenge not in waiting)
        forgotten = next(ended, next(iter(state.paid)))
        del state.paid[forgotten]
        state.unconfirmed = [other for other in state.unconfirmed if other != forgotten]


def is_decided(state: ElementState, asked: Request) -> bool:
    """Whether a request with this challenge was paid, or its payment came back."""
    challenge = asked.challenge.hex()
    return challenge in state.paid or challenge in state.back


def is_confirmed(state: ElementState, asked: Request) -> bool:
    """Whether a request was paid and its payee has confirmed it: no list has it any more."""
    challenge = asked.challenge.hex()
    waits = challenge in state.unconfirmed or challenge in state.made
    return challenge in state.paid and not waits


def note(state: ElementState, asked: Request, now_ms: int, *, unconfirmed: bool) -> None:
    """Lists the payment of a request: as unconfirmed, or as given out as a text.

    Args:
        now_ms: when it was paid.
        unconfirmed: list it until its payee confirms it.
    """
    challenge = asked.challenge.hex()
    if unconfirmed and challenge not in state.unconfirmed:
        state.unconfirmed.append(challenge)
    elif not unconfirmed and challenge not in state.made:
        state.made[challenge] = (asked.code(), now_ms)
        forget_oldest(state.made, MAX_REMEMBERED)


def unconfirmed(state: ElementState) -> list[bytes]:
    """Payments that their payees have not confirmed, oldest first."""
    return [
        bytes.fromhex(state.paid[challenge][0])
        for challenge in state.unconfirmed
        if challenge in state.paid
    ]


def confirm(state: ElementState, payment: bytes, receipt: bytes) -> None:
    """Takes a payment off the lists of those that nobody has confirmed.

    A payment that is not remembered is not verified. Raises Refusal: SIGNATURE_INVALID when the
    receipt is not the payee's for what the device has paid.
    """
    challenge = challenge_of(read_payment(payment))
    if challenge not in state.paid:
        return
    paid, certificate = (bytes.fromhex(part) for part in state.paid[challenge])
    payee = Certificate.decode(certificate, DEVICE).key
    if not is_receipt(payee, payment_id(Payment.decode(paid)), receipt):
        raise Refusal(
            errors_pb2.REASON_SIGNATURE_INVALID,
            N_("the payee has not signed that it took the payment"),
            field="receipt",
        )
    state.unconfirmed = [other for other in state.unconfirmed if other != challenge]
    state.made.pop(challenge, None)


def _check_payee(state: ElementState, asked: Request, trust: Trust) -> None:
    if asked.amount_fen < 1:
        raise bad(Reason.AMOUNT_INVALID)
    if own_key(state, asked.certificate.key) is not None:
        raise Refusal(errors_pb2.REASON_SAME_ACCOUNT, N_("this is a request of this very device"))
    try:
        beside = Statements((*asked.statements, *trust.statements), trust.roots)
        check_device(asked.certificate, trust.bundle, trust.now_ms, beside=beside)
    except Bad as no:
        raise bad(no.reason) from None


def _repeated(payment: bytes, asked: Request) -> bytes:
    """A payment made before. Raises Refusal unless it is for this very request."""
    paid = Payment.decode(payment)
    payee = paid.chains[0].hops[-1].endorsement.payee
    if paid_fen(paid) != asked.amount_fen or payee != asked.certificate.key:
        raise Refusal(
            errors_pb2.REASON_ID_REUSED,
            N_("another request with this challenge has been paid"),
            field="request",
        )
    return payment
