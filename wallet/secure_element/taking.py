"""Makes requests, takes the payments for them, and signs receipts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.formats import PAYEE_OUTPUT, Request
from offline_token.receipt import payment_id, sign_receipt
from offline_token.signing import sign_request
from offline_token.verify import Reason
from runtime.errors import Refusal
from wallet.secure_element import statements
from wallet.secure_element.keys import certificate_of, own_key
from wallet.secure_element.limits import (
    CLOCKS_APART_MS,
    MAX_ANYBODYS_REQUESTS,
    MAX_REMEMBERED,
    MAX_REQUESTS,
    REQUEST_VALID_MS,
)
from wallet.secure_element.pieces import (
    Trust,
    check_asked,
    check_genuine,
    check_room,
    check_total,
    judged,
    keep,
)
from wallet.secure_element.refusals import bad
from wallet.secure_element.remembering import forget_oldest, names_of, read_payment
from wallet.secure_element.signer import DeviceKey
from wallet.secure_element.state import ElementState, HeldKey
from wallet.secure_element.trusting import newest

SignerOf = Callable[[HeldKey], DeviceKey]


def ask(
    state: ElementState,
    amount_fen: int,
    challenge: bytes,
    trust: Trust,
    signer_of: SignerOf,
    *,
    anybodys: bool = False,
) -> bytes:
    """Makes a request to pay the newest certified key, and keeps it until it is paid.

    Args:
        challenge: 16 fresh random bytes.
        anybodys: whoever asks has not shown that they are the holder, so the lower bound on
            waiting requests holds.

    Returns:
        The encoded request.

    Raises:
        Refusal: OVERLOADED when too many requests wait that may all still be paid, or there is no
            room for a piece; or the amount is over a limit.
    """
    _make_room(state, trust.now_ms, MAX_ANYBODYS_REQUESTS if anybodys else MAX_REQUESTS)
    check_room(state, 1)
    check_asked(trust, amount_fen)
    check_total(state, trust, amount_fen)
    key = newest(state)
    key.shown = True
    certificate = certificate_of(key)
    blank = Request(
        certificate,
        amount_fen,
        challenge,
        trust.now_ms + REQUEST_VALID_MS,
        statements=statements.for_devices(trust, [certificate]),
    )
    request = sign_request(signer_of(key), blank).encode()
    state.asked[challenge.hex()] = request.hex()
    return request


def _make_room(state: ElementState, now_ms: int, most: int) -> None:
    """Forgets requests that nobody may pay any more, oldest first, until there is room for one.

    Raises Refusal if that does not make room.
    """
    for challenge, request in list(state.asked.items()):
        if len(state.asked) < most:
            return
        if not _may_be_paid(Request.decode(bytes.fromhex(request)), now_ms):
            del state.asked[challenge]
    if len(state.asked) >= most:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            N_("as many requests as the device can keep may still be paid; they end in a day")
            if most == MAX_REQUESTS
            else N_("so many requests may still be paid that one more takes the card's PIN"),
        )


def _may_be_paid(request: Request, now_ms: int) -> bool:
    """Whether a request may still be paid.

    It may not if it has ended, nor if it ends so late that the clock ran ahead when it was made.
    """
    latest_ms = now_ms + REQUEST_VALID_MS + CLOCKS_APART_MS
    return now_ms - CLOCKS_APART_MS <= request.expires_time_ms <= latest_ms


def take(
    state: ElementState,
    payment: bytes,
    trust_in: Callable[[ElementState], Trust],
    signer_of: SignerOf,
) -> int:
    """Verifies a payment for one of the requests and keeps it.

    The same payment again gets the same answer and adds nothing.

    Args:
        payment: encoded.
        trust_in: gives what the element verifies with; raises Refusal when that is too old.
        signer_of: finds what signs with a key.

    Returns:
        Its value in fen.

    Raises:
        Refusal: the payment is not good, or there is no room for it.
    """
    names = names_of(payment)
    taken = state.taken.get(names.challenge)
    if taken is not None and taken[1] == names.payment_id:
        if taken[0] != names.digest:
            check_genuine(payment, trust_in(state))
        return taken[2]
    value_fen, receipt = _take(state, payment, names.challenge, trust_in(state), signer_of)
    state.taken[names.challenge] = (names.digest, names.payment_id, value_fen, receipt.hex())
    forget_oldest(state.taken, MAX_REMEMBERED)
    return value_fen


def receipt_of(state: ElementState, payment: bytes) -> bytes | None:
    """The signature, 64 bytes, that this very payment was taken; None if it was not."""
    names = names_of(payment)
    taken = state.taken.get(names.challenge)
    if taken is None or taken[1] != names.payment_id:
        return None
    return bytes.fromhex(taken[3])


def _take(
    state: ElementState, payment: bytes, challenge: str, trust: Trust, signer_of: SignerOf
) -> tuple[int, bytes]:
    """Takes a payment that is new: its value in fen, and the receipt for it."""
    asked = state.asked.get(challenge)
    verdict = judged(payment, trust, asked)
    if not verdict.good:
        raise bad(verdict.reason)
    if asked is None:
        raise bad(Reason.WRONG_CHALLENGE)
    paid = read_payment(payment)
    chains = paid.chains
    check_room(state, len(chains))
    check_total(state, trust, verdict.value_fen)
    for chain in chains:
        keep(state, chain, PAYEE_OUTPUT)
    if paid.statements:
        shown = [hop.certificate for chain in chains for hop in chain.hops]
        brought = replace(trust, statements=paid.statements)
        statements.keep(state, statements.said(brought, shown))
    key = own_key(state, Request.decode(bytes.fromhex(asked)).certificate.key)
    if key is None:
        raise bad(Reason.WRONG_CHALLENGE)
    receipt = sign_receipt(signer_of(key), payment_id(paid))
    del state.asked[challenge]
    return verdict.value_fen, receipt
