"""Being paid: requests, payments that are taken, and the receipts for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.formats import PAYEE_OUTPUT, Payment, Request
from offline_token.receipt import sign_receipt
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
from wallet.secure_element.pieces import Trust, check_asked, check_room, check_total, judged, keep
from wallet.secure_element.refusals import bad
from wallet.secure_element.remembering import challenge_of, forget_oldest
from wallet.secure_element.signer import Signer
from wallet.secure_element.state import HeldKey, State
from wallet.secure_element.trusting import newest

SignerOf = Callable[[HeldKey], Signer]


def ask(
    state: State,
    amount_fen: int,
    challenge: bytes,
    trust: Trust,
    signer_of: SignerOf,
    *,
    anybodys: bool = False,
) -> bytes:
    """A request to the newest certified key, which is kept until it is paid.

    Args:
        anybodys: whoever asks has not shown to be the holder.

    Raises:
        Refusal: OVERLOADED when as many wait that may all still be paid.
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


def _make_room(state: State, now_ms: int, most: int) -> None:
    """Forgets the oldest requests that nobody may pay any more, as far as there is no room."""
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
    """Not when it has ended, nor when it is of a clock that ran ahead and was set right since."""
    latest_ms = now_ms + REQUEST_VALID_MS + CLOCKS_APART_MS
    return now_ms - CLOCKS_APART_MS <= request.expires_time_ms <= latest_ms


def take(
    state: State, payment: bytes, trust_in: Callable[[State], Trust], signer_of: SignerOf
) -> int:
    """Verifies a payment for one of the requests and keeps it; returns its value in fen.

    Args:
        trust_in: what the element verifies with; raises Refusal when it is too old.
    """
    challenge, digest = challenge_of(payment), hashlib.sha256(payment).hexdigest()
    taken = state.taken.get(challenge)
    if taken is not None and taken[0] == digest:
        return taken[1]
    value_fen, receipt = _take(state, payment, challenge, trust_in(state), signer_of)
    state.taken[challenge] = (digest, value_fen, receipt.hex())
    forget_oldest(state.taken, MAX_REMEMBERED)
    return value_fen


def receipt_of(state: State, payment: bytes) -> bytes | None:
    """The signature that this very payment was taken; None when it was not."""
    taken = state.taken.get(challenge_of(payment))
    if taken is None or taken[0] != hashlib.sha256(payment).hexdigest():
        return None
    return bytes.fromhex(taken[2])


def _take(
    state: State, payment: bytes, challenge: str, trust: Trust, signer_of: SignerOf
) -> tuple[int, bytes]:
    """What it is worth, and the receipt for it."""
    asked = state.asked.get(challenge)
    verdict = judged(payment, trust, asked)
    if not verdict.good:
        raise bad(verdict.reason)
    if asked is None:
        raise bad(Reason.WRONG_CHALLENGE)
    paid = Payment.decode(payment)
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
    receipt = sign_receipt(signer_of(key), payment)
    del state.asked[challenge]
    return verdict.value_fen, receipt
