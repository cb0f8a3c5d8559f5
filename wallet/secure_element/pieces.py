"""Says which pieces of money in the secure element can be paid, and endorses the chosen ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CHANGE_OUTPUT,
    DEVICE,
    KEY_BYTES,
    PAYEE_OUTPUT,
    SALT_BYTES,
    SIGNATURE_BYTES,
    Certificate,
    Chain,
    Endorsement,
    FormatError,
    Hop,
    Payment,
    Request,
    Statement,
)
from offline_token.limits import MIN_LEFT_MS
from offline_token.roots import heirs
from offline_token.signing import verified
from offline_token.statements import Statements
from offline_token.verify import (
    Bad,
    Reason,
    Verdict,
    check_device,
    hands,
    hops_left,
    judge,
    piece_of,
    verify,
)
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.limits import FEW_DAYS
from wallet.secure_element.choosing import alone, several
from wallet.secure_element.interface import Made, PieceState, ShownPiece
from wallet.secure_element.keys import certificate_of, own_key
from wallet.secure_element.limits import CLOCKS_APART_MS, MAX_PIECES
from wallet.secure_element.refusals import bad, said
from wallet.secure_element.remembering import paid_fen, read_payment
from wallet.secure_element.signer import DeviceKey
from wallet.secure_element.state import ElementState, HeldKey, HeldPiece, chain_of, worth_fen

RETURNED = N_("its payee did not take it and gave it back; deposit it")
OWN_LIMIT = "the device's own limit, which `wallet offline limit` changes, is"
RULE = "the central bank's limit for offline money is"


@dataclass(frozen=True)
class Trust:
    """What the element verifies with: the root's key, the bundle, and the time.

    Attributes:
        statements: the root's statements that the element has, about single banks and devices.
    """

    root: bytes
    bundle: TrustBundle
    now_ms: int
    statements: tuple[Statement, ...] = ()

    @property
    def beside(self) -> Statements:
        """The element's statements, in the form in which they are verified."""
        return Statements(self.statements, self.roots)

    @property
    def roots(self) -> list[bytes]:
        """Keys whose signature counts as the central bank's now."""
        return self.bundle.roots(self.root, self.now_ms)

    @property
    def heirs(self) -> list[bytes]:
        """Roots whose bundles may replace this one."""
        return heirs(self.bundle, self.root, self.now_ms)


def judged(payment: bytes, trust: Trust, asked: str | None) -> Verdict:
    """The element's verdict on a payment.

    Args:
        payment: encoded.
        asked: the request that it is for, encoded in hex; None for no request.
    """
    request = Request.decode(bytes.fromhex(asked)) if asked is not None else None
    return verify(
        payment, root=trust.root, bundle=trust.bundle, now_ms=trust.now_ms, request=request
    )


def check_genuine(payment: bytes, trust: Trust) -> None:
    """Checks every signature in a payment; whether it may be taken now does not matter.

    Raises Refusal.
    """
    verdict = judge(
        read_payment(payment),
        root=trust.root,
        bundle=trust.bundle,
        now_ms=trust.now_ms,
        request=None,
        circumstances=False,
    )
    if not verdict.good:
        raise bad(verdict.reason)


def standing(state: ElementState, piece: HeldPiece, trust: Trust) -> Reason:
    """What a payee would say now about a piece that is held.

    The signatures of its owners were verified when it came and are not verified again.
    """
    reason = _standing_of_chain(piece, trust)
    return reason if reason != Reason.GOOD else _standing_of_owner(state, piece, trust)


def _standing_of_owner(state: ElementState, piece: HeldPiece, trust: Trust) -> Reason:
    """GOOD if the key that owns the piece may pay; else why not."""
    key = own_key(state, bytes.fromhex(piece.owner))
    if key is None or not key.certificate:
        return Reason.NOT_THE_OWNER
    try:
        check_device(certificate_of(key), trust.bundle, trust.now_ms, beside=trust.beside)
    except Bad as bad:
        return bad.reason
    return Reason.GOOD


def _standing_of_chain(piece: HeldPiece, trust: Trust) -> Reason:
    chain = chain_of(piece)
    token = chain.token
    counts = (verified(root, token.signed_part(), token.signature) for root in trust.roots)
    if trust.now_ms + MIN_LEFT_MS + CLOCKS_APART_MS > token.expires_time_ms or not any(counts):
        return Reason.TOKEN_EXPIRED
    if chain.token.value_fen > trust.bundle.max_value_fen:
        return Reason.VALUE_TOO_LARGE
    if hands(chain, piece.output) > trust.bundle.max_hops:
        return Reason.TOO_MANY_HOPS
    try:
        for certificate in {hop.certificate for hop in chain.hops}:
            check_device(certificate, trust.bundle, trust.now_ms, beside=trust.beside)
    except Bad as bad:
        return bad.reason
    return Reason.GOOD


def held_pieces(state: ElementState) -> list[HeldPiece]:
    """Pieces that are neither signed over nor refused, including those that came back."""
    return [piece for piece in state.pieces if not (piece.depositing or piece.refused)]


def balance_fen(state: ElementState) -> int:
    """What the device holds and has not signed over."""
    return worth_fen(held_pieces(state))


def good_pieces(state: ElementState, trust: Trust) -> list[HeldPiece]:
    """The pieces that a payee would take."""
    return [piece for piece in _payable(state) if standing(state, piece, trust) == Reason.GOOD]


def shown(state: ElementState, piece: HeldPiece, trust: Trust) -> ShownPiece:
    """A piece as its holder sees it."""
    chain = chain_of(piece)
    reason = standing(state, piece, trust)
    left = hops_left(chain, piece.output, trust.bundle.max_hops)
    if reason == Reason.GOOD and not left:
        reason = Reason.TOO_MANY_HOPS
    kind, why = PieceState.SPENDABLE, ""
    if piece.refused:
        kind, why = PieceState.REFUSED, piece.why
    elif piece.depositing:
        kind, why = PieceState.DEPOSITING, piece.why
    elif piece.returned:
        kind, why = PieceState.RETURNED, RETURNED
    elif reason == Reason.TOKEN_EXPIRED and trust.now_ms > chain.token.expires_time_ms:
        kind, why = PieceState.EXPIRED, said(reason)
    elif reason != Reason.GOOD:
        kind, why = PieceState.NOT_PAYABLE, said(reason)
    payable = kind == PieceState.SPENDABLE
    return ShownPiece(
        piece.value_fen,
        hands(chain, piece.output),
        chain.token.expires_time_ms,
        kind,
        why,
        hops_left=left if payable else 0,
    )


def is_fresh(state: ElementState, piece: HeldPiece, trust: Trust) -> bool:
    """Whether a piece is a token that nobody has spent from and that can be paid for some days."""
    chain = chain_of(piece)
    ends_soon = trust.now_ms + FEW_DAYS * 86_400_000 > chain.token.expires_time_ms
    return not chain.hops and not ends_soon and standing(state, piece, trust) == Reason.GOOD


def made(state: ElementState) -> list[Made]:
    """Payments that were given out as texts, oldest first."""
    found = []
    for challenge, (code, time_ms) in state.made.items():
        if challenge in state.paid:
            payment, payee = (bytes.fromhex(part) for part in state.paid[challenge])
            fen = paid_fen(Payment.decode(payment))
            bank = Certificate.decode(payee, DEVICE).bank
            found.append(Made(code, fen, bank, time_ms, payment, challenge in state.back))
    return found


def endorse(
    state: ElementState,
    asked: Request,
    trust: Trust,
    signer_of: Callable[[HeldKey], DeviceKey],
    randomness: Randomness,
) -> tuple[Chain, ...]:
    """Takes pieces worth the amount out of the state and endorses them to the payee.

    Change stays in the state as a new piece. Raises Refusal if the pieces do not suffice.
    """
    chains: list[Chain] = []
    rest = asked.amount_fen
    for piece in _chosen(state, asked.amount_fen, trust):
        part = min(rest, piece.value_fen)
        chain = _signed(state, piece, part, asked, signer_of, randomness)
        state.pieces.remove(piece)
        if part < piece.value_fen:
            keep(state, chain, CHANGE_OUTPUT)
        chains.append(chain)
        rest -= part
    return tuple(chains)


def _chosen(state: ElementState, amount_fen: int, trust: Trust) -> list[HeldPiece]:
    """The pieces that pay an amount. Raises Refusal."""
    one = alone(
        state,
        _payable(state),
        amount_fen,
        trust.bundle.max_hops,
        lambda piece: standing(state, piece, trust) == Reason.GOOD,
    )
    if one is not None:
        return [one]
    good = good_pieces(state, trust)
    missing_fen = amount_fen - worth_fen(good)
    if missing_fen > 0:
        _check_owners(state, amount_fen, trust)
        raise Refusal(
            errors_pb2.REASON_INSUFFICIENT_FUNDS,
            N_("not enough money in the device"),
            missing_fen=str(missing_fen),
        )
    return several(good, amount_fen, trust.bundle.max_hops)


def _payable(state: ElementState) -> list[HeldPiece]:
    """Pieces that are neither signed over, refused nor returned; a payee may still refuse them."""
    return [piece for piece in held_pieces(state) if not piece.returned]


def _check_owners(state: ElementState, amount_fen: int, trust: Trust) -> None:
    """Raises Refusal if the money would suffice but some of its keys may not pay any more."""
    payable = _payable(state)
    reasons = [_standing_of_owner(state, piece, trust) for piece in payable]
    barred = [reason for reason in reasons if reason != Reason.GOOD]
    if barred and worth_fen(payable) >= amount_fen:
        raise bad(barred[0])


def _signed(
    state: ElementState,
    piece: HeldPiece,
    amount_fen: int,
    asked: Request,
    signer_of: Callable[[HeldKey], DeviceKey],
    randomness: Randomness,
) -> Chain:
    chain = chain_of(piece)
    key = own_key(state, bytes.fromhex(piece.owner))
    if key is None:
        raise bad(Reason.NOT_THE_OWNER)
    blank = Endorsement(
        piece.output if chain.hops else PAYEE_OUTPUT,
        amount_fen,
        asked.certificate.key,
        asked.challenge,
        salt_of(randomness),
        bytes(SIGNATURE_BYTES),
    )
    signature = signer_of(key).sign(blank.signed_part(piece_of(chain, piece.output).id))
    endorsement = replace(blank, signature=signature)
    is_change = chain.hops and piece.output == CHANGE_OUTPUT
    certificate = chain.hops[-1].certificate if is_change else certificate_of(key)
    return Chain(chain.token, (*chain.hops, Hop(certificate, endorsement)))


def salt_of(randomness: Randomness) -> int:
    """A fresh random salt for an endorsement; a count would tell payees how often one has paid."""
    return int.from_bytes(randomness.bytes(SALT_BYTES), "big")


def keep(state: ElementState, chain: Chain, output: int, *, returned: bool = False) -> None:
    """Puts the piece that a chain ends in into the state.

    Args:
        output: which output of the chain is meant.
        returned: the piece came back, so it can only be deposited.
    """
    end = piece_of(chain, output)
    data = Payment((chain,)).encode().hex()
    state.pieces.append(HeldPiece(data, output, end.value_fen, end.owner.hex(), returned))


def check_room(state: ElementState, count: int) -> None:
    """Raises Refusal unless there is room for `count` more pieces."""
    if len(state.pieces) + count > MAX_PIECES:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"the device holds {MAX_PIECES} pieces of money; deposit some of them first",
        )


def check_total(state: ElementState, trust: Trust | None, amount_fen: int) -> None:
    """Raises Refusal if so much more would be over the holder's or the central bank's limit."""
    rule_fen = trust.bundle.max_holding_fen if trust is not None else None
    limit = _narrower(state.total_limit_fen, rule_fen)
    if limit is None:
        return
    over_fen = balance_fen(state) + amount_fen - limit.fen
    if over_fen > 0:
        raise Refusal(
            errors_pb2.REASON_OVER_BALANCE_CAP,
            f"{limit.whose} {format_yuan(limit.fen)} yuan in all",
            over_fen=str(over_fen),
        )


def check_single(state: ElementState, trust: Trust, amount_fen: int) -> None:
    """Raises Refusal if a payment of so much is over the holder's or the central bank's limit."""
    _check_payment(_narrower(state.single_limit_fen, trust.bundle.max_payment_fen), amount_fen)


def check_asked(trust: Trust, amount_fen: int) -> None:
    """Raises Refusal if a payment of so much is over the central bank's limit."""
    _check_payment(_narrower(0, trust.bundle.max_payment_fen), amount_fen)


class _Limit(NamedTuple):
    """A limit, and words that say whose it is."""

    fen: int
    whose: str


def _narrower(own_fen: int, rule_fen: int | None) -> _Limit | None:
    """The lower of the holder's limit, 0 for none, and the central bank's, None if not known."""
    own, rule = _Limit(own_fen, OWN_LIMIT), _Limit(rule_fen or 0, RULE)
    if rule_fen is None:
        return own if own_fen else None
    return own if own_fen and own_fen <= rule_fen else rule


def _check_payment(limit: _Limit | None, amount_fen: int) -> None:
    if limit is not None and amount_fen > limit.fen:
        raise Refusal(
            errors_pb2.REASON_OVER_SINGLE_LIMIT,
            f"{limit.whose} {format_yuan(limit.fen)} yuan for one payment",
        )


def bundle_of(state: ElementState) -> TrustBundle | None:
    """The trust bundle in a state; None before the first, and for one of an older format."""
    try:
        return TrustBundle.decode(state.bundle[KEY_BYTES:])
    except FormatError:
        return None
