"""Gives back a payment that the device does not take, and takes back one that the device made.

The payer's device has already let the pieces go. So that a payment is not lost when, say, a device
that the money came through was revoked meanwhile, the payee's device signs the pieces back. What
came back can only be deposited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.formats import (
    DEVICE,
    PAYEE_OUTPUT,
    SIGNATURE_BYTES,
    Certificate,
    Endorsement,
    FormatError,
    Payment,
    Request,
)
from offline_token.payment_return import RETURNED, SignedReturn, paid_pieces, returned
from offline_token.verify import Bad, Piece, Reason, judge
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element.keys import own_key
from wallet.secure_element.limits import MAX_REMEMBERED
from wallet.secure_element.pieces import (
    Trust,
    check_genuine,
    check_room,
    check_total,
    judged,
    keep,
    salt_of,
)
from wallet.secure_element.refusals import bad, invalid
from wallet.secure_element.remembering import forget_oldest, names_of, paid_fen, read_payment
from wallet.secure_element.signer import DeviceKey
from wallet.secure_element.state import ElementState, HeldKey


def return_payment(
    state: ElementState,
    payment: bytes,
    trust_in: Callable[[ElementState], Trust],
    signer_of: Callable[[HeldKey], DeviceKey],
    randomness: Randomness,
) -> bytes:
    """The payee's side: uses the request up and signs every piece back to the key that paid it.

    The same payment again gets the same bytes.

    Args:
        payment: encoded.
        trust_in: gives what the element verifies with; raises Refusal when that is too old.
        signer_of: finds what signs with a key.

    Returns:
        The encoded signed return.

    Raises:
        Refusal: the payment can be taken, or it is not good through a fault of its payer.
    """
    names = names_of(payment)
    given = state.given.get(names.challenge)
    if given is not None and given[1] == names.payment_id:
        if given[0] != names.digest:
            check_genuine(payment, trust_in(state))
        return bytes.fromhex(given[2])
    back = _signed_return(state, payment, trust_in(state), signer_of, randomness)
    state.given[names.challenge] = (names.digest, names.payment_id, back.hex())
    forget_oldest(state.given, MAX_REMEMBERED)
    return back


def _signed_return(
    state: ElementState,
    payment: bytes,
    trust: Trust,
    signer_of: Callable[[HeldKey], DeviceKey],
    randomness: Randomness,
) -> bytes:
    paid = read_payment(payment)
    challenge = paid.chains[0].hops[-1].endorsement.challenge if paid.chains[0].hops else b""
    asked = state.asked.get(challenge.hex())
    if asked is None:
        raise bad(Reason.WRONG_CHALLENGE)
    request = Request.decode(bytes.fromhex(asked))
    _check(state, paid, payment, trust, request, asked)
    key = own_key(state, request.certificate.key)
    if key is None:
        raise bad(Reason.WRONG_CHALLENGE)
    signer = signer_of(key)
    endorsements = []
    for piece, payer in _paid_pieces(paid):
        blank = Endorsement(
            PAYEE_OUTPUT,
            piece.value_fen,
            payer,
            challenge,
            salt_of(randomness),
            bytes(SIGNATURE_BYTES),
        )
        endorsements.append(replace(blank, signature=signer.sign(blank.signed_part(piece.id))))
    del state.asked[challenge.hex()]
    return SignedReturn(challenge, tuple(endorsements)).encode()


def take_back(state: ElementState, back: bytes) -> int:
    """The payer's side: keeps what came back.

    The return is checked against the payment that was made and the payee's certificate in the
    request, so no bundle is needed. The same return again adds nothing.

    Args:
        back: the encoded signed return.

    Returns:
        The value in fen of what came back.

    Raises:
        Refusal: the return is not the payee's, its payment is not remembered, or there is no room.
    """
    try:
        given = SignedReturn.decode(back)
    except FormatError as error:
        raise invalid("return_payment", str(error)) from None
    challenge = given.challenge.hex()
    if challenge in state.back:
        return state.back[challenge]
    if challenge not in state.paid:
        raise Refusal(
            errors_pb2.REASON_PAYMENT_UNKNOWN,
            N_("this gives back a payment that this device has not made, or has forgotten"),
        )
    payment, certificate = (bytes.fromhex(part) for part in state.paid[challenge])
    paid = Payment.decode(payment)
    try:
        chains = returned(paid, Certificate.decode(certificate, DEVICE), given)
    except Bad as no:
        raise bad(no.reason) from None
    check_room(state, len(chains))
    value_fen = paid_fen(paid)
    for chain in chains:
        keep(state, chain, PAYEE_OUTPUT, returned=True)
    state.back[challenge] = value_fen
    forget_oldest(state.back, MAX_REMEMBERED)
    state.unconfirmed = [other for other in state.unconfirmed if other != challenge]
    return value_fen


def has_room(state: ElementState, trust: Trust, count: int, value_fen: int) -> bool:
    """Whether the device has room for so many more pieces, worth so much."""
    try:
        check_room(state, count)
        check_total(state, trust, value_fen)
    except Refusal:
        return False
    return True


def _check(
    state: ElementState, paid: Payment, payment: bytes, trust: Trust, request: Request, asked: str
) -> None:
    verdict = judged(payment, trust, asked)
    if verdict.good and has_room(state, trust, len(paid.chains), verdict.value_fen):
        raise Refusal(errors_pb2.REASON_FIELD_INVALID, N_("this payment is good: accept it"))
    if not verdict.good and verdict.reason not in RETURNED:
        raise bad(verdict.reason)
    paid_fen = sum(piece.value_fen for piece, _ in _paid_pieces(paid))
    otherwise = judge(
        paid,
        root=trust.root,
        bundle=trust.bundle,
        now_ms=trust.now_ms,
        request=replace(request, amount_fen=paid_fen),
        circumstances=False,
    )
    if not otherwise.good:
        raise bad(otherwise.reason)


def _paid_pieces(paid: Payment) -> list[tuple[Piece, bytes]]:
    try:
        return paid_pieces(paid)
    except Bad as no:
        raise bad(no.reason) from None
