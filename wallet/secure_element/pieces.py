"""Pieces of money in the secure element: which can be paid, which are chosen, how they leave."""

from __future__ import annotations

from dataclasses import dataclass, replace

from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from offline_token.formats import (
    CHANGE_OUTPUT,
    DEVICE,
    KEY_BYTES,
    PAYEE_OUTPUT,
    SIGNATURE_BYTES,
    Certificate,
    Chain,
    Endorsement,
    Hop,
    Payment,
    Request,
    TrustBundle,
)
from offline_token.limits import MAX_CHAINS, MAX_PAYMENT_BYTES
from offline_token.verify import Bad, Reason, check_device, piece_of
from runtime.errors import Refusal
from wallet.device import Piece, PieceState
from wallet.secure_element.limits import MAX_PIECES
from wallet.secure_element.refusals import in_too_many_pieces, said
from wallet.secure_element.signer import Signer
from wallet.secure_element.state import HeldPiece, State

OWN_LIMIT = "the device's own limit, which `wallet offline limit` changes, is"


@dataclass(frozen=True)
class Trust:
    """What the element verifies with: the root's key, the bundle, the time."""

    root: bytes
    bundle: TrustBundle
    now_ms: int


def standing(piece: HeldPiece, trust: Trust) -> Reason:
    """What a payee would say about a held piece now. Its signatures were verified when it came."""
    chain = chain_of(piece)
    if trust.now_ms > chain.token.expires_time_ms:
        return Reason.TOKEN_EXPIRED
    if chain.token.value_fen > trust.bundle.max_value_fen:
        return Reason.VALUE_TOO_LARGE
    if len(chain.hops) > trust.bundle.max_hops:
        return Reason.TOO_MANY_HOPS
    try:
        for certificate in {hop.certificate for hop in chain.hops}:
            check_device(certificate, trust.bundle, trust.now_ms)
    except Bad as bad:
        return bad.reason
    return Reason.GOOD


def held_pieces(state: State) -> list[HeldPiece]:
    """Pieces that are neither set aside nor refused."""
    return [piece for piece in state.pieces if not (piece.depositing or piece.refused)]


def balance_fen(state: State) -> int:
    """What it holds and has not set aside."""
    return worth_fen(held_pieces(state))


def good_pieces(state: State, trust: Trust) -> list[HeldPiece]:
    """Those of them that a payee would take."""
    return [piece for piece in held_pieces(state) if standing(piece, trust) == Reason.GOOD]


def worth_fen(pieces: list[HeldPiece]) -> int:
    """What they are worth together."""
    return sum(piece.value_fen for piece in pieces)


def shown(piece: HeldPiece, trust: Trust) -> Piece:
    """A piece as its holder sees it."""
    chain = chain_of(piece)
    reason = standing(piece, trust)
    if reason == Reason.GOOD and len(chain.hops) == trust.bundle.max_hops:
        reason = Reason.TOO_MANY_HOPS
    state, why = PieceState.SPENDABLE, ""
    if piece.refused:
        state, why = PieceState.REFUSED, piece.why
    elif piece.depositing:
        state = PieceState.DEPOSITING
    elif reason == Reason.TOKEN_EXPIRED:
        state, why = PieceState.EXPIRED, said(reason)
    elif reason != Reason.GOOD:
        state, why = PieceState.NOT_PAYABLE, said(reason)
    return Piece(piece.value_fen, len(chain.hops), chain.token.expires_time_ms, state, why)


def endorse(state: State, asked: Request, trust: Trust, signer: Signer) -> bytes:
    """Takes pieces worth the amount out of the state and signs them over to the payee."""
    good = good_pieces(state, trust)
    missing_fen = asked.amount_fen - worth_fen(good)
    if missing_fen > 0:
        raise Refusal(
            errors_pb2.REASON_INSUFFICIENT_FUNDS,
            "not enough money in the device",
            missing_fen=str(missing_fen),
        )
    chains: list[Chain] = []
    rest = asked.amount_fen
    for piece in _choose(good, asked.amount_fen, trust):
        part = min(rest, piece.value_fen)
        chain = _signed(state, piece, part, asked, signer)
        state.pieces.remove(piece)
        if part < piece.value_fen:
            keep(state, chain, CHANGE_OUTPUT, piece.value_fen - part)
        chains.append(chain)
        rest -= part
    payment = Payment(tuple(chains)).encode()
    if len(payment) > MAX_PAYMENT_BYTES:
        raise in_too_many_pieces()
    return payment


def _choose(good: list[HeldPiece], amount_fen: int, trust: Trust) -> list[HeldPiece]:
    """Pieces that cover the amount: one that suffices with the fewest hops, or the largest ones."""
    usable = [
        (piece, hops)
        for piece in good
        if (hops := len(chain_of(piece).hops)) < trust.bundle.max_hops
    ]
    enough = [
        (hops, piece.value_fen, at)
        for at, (piece, hops) in enumerate(usable)
        if piece.value_fen >= amount_fen
    ]
    if enough:
        return [usable[min(enough)[2]][0]]
    chosen: list[HeldPiece] = []
    covered = 0
    for piece, _ in sorted(usable, key=lambda pair: -pair[0].value_fen):
        chosen.append(piece)
        covered += piece.value_fen
        if len(chosen) > MAX_CHAINS:
            break
        if covered >= amount_fen:
            return chosen
    raise in_too_many_pieces()


def _signed(
    state: State, piece: HeldPiece, amount_fen: int, asked: Request, signer: Signer
) -> Chain:
    chain = chain_of(piece)
    state.counter += 1
    blank = Endorsement(
        piece.output if chain.hops else PAYEE_OUTPUT,
        amount_fen,
        asked.certificate.key,
        asked.challenge,
        state.counter,
        bytes(SIGNATURE_BYTES),
    )
    signature = signer.sign(blank.signed_part(piece_of(chain, piece.output).id))
    endorsement = replace(blank, signature=signature)
    return Chain(chain.token, (*chain.hops, Hop(own_certificate(state), endorsement)))


def keep(state: State, chain: Chain, output: int, value_fen: int) -> None:
    """Puts a piece into the state."""
    state.pieces.append(HeldPiece(Payment((chain,)).encode().hex(), output, value_fen))


def check_room(state: State, count: int) -> None:
    """Raises Refusal unless there is room for so many pieces more."""
    if len(state.pieces) + count > MAX_PIECES:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"the device holds {MAX_PIECES} pieces of money; deposit some of them first",
        )


def check_total(state: State, amount_fen: int) -> None:
    """Raises Refusal when so much more is over the holder's limit."""
    over_fen = balance_fen(state) + amount_fen - state.total_limit_fen
    if state.total_limit_fen and over_fen > 0:
        raise Refusal(
            errors_pb2.REASON_OVER_BALANCE_CAP,
            f"{OWN_LIMIT} {format_yuan(state.total_limit_fen)} yuan in all",
            over_fen=str(over_fen),
        )


def check_single(state: State, amount_fen: int) -> None:
    """Raises Refusal when one payment of so much is over the holder's limit."""
    if state.single_limit_fen and amount_fen > state.single_limit_fen:
        raise Refusal(
            errors_pb2.REASON_OVER_SINGLE_LIMIT,
            f"{OWN_LIMIT} {format_yuan(state.single_limit_fen)} yuan for one payment",
        )


def chain_of(piece: HeldPiece) -> Chain:
    """The chain that a piece ends."""
    return Payment.decode(bytes.fromhex(piece.chain)).chains[0]


def deposit_of(piece: HeldPiece) -> bytes:
    """A piece as it is deposited: its output, one byte, and its chain as a payment."""
    return bytes([piece.output]) + bytes.fromhex(piece.chain)


def own_certificate(state: State) -> Certificate:
    """The certificate of this device."""
    return Certificate.decode(bytes.fromhex(state.device_certificate), DEVICE)


def bundle_of(state: State) -> TrustBundle:
    """The trust bundle that it has."""
    return TrustBundle.decode(bytes.fromhex(state.bundle)[KEY_BYTES:])
