"""Verification: a function from a payment, a trust bundle and the time to a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain as chained
from typing import NamedTuple

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CHANGE_OUTPUT,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    Endorsement,
    FormatError,
    Hop,
    Payment,
    Request,
    Token,
    output_id,
)
from offline_token.limits import MAX_CERTIFICATE_MS, MAX_HOPS, MIN_LEFT_MS
from offline_token.signing import verified
from offline_token.statements import NOTHING, Statements

MAX_PAID_HOPS = MAX_HOPS - 1
"""Of a chain that is paid: whoever does not take it needs one more to give it back."""

Verified = Callable[[bytes, bytes, bytes], bool]
"""(key, what is signed, signature) → whether it is good."""


class Reason(IntEnum):
    """Why a payment is refused; 0 means that it is good.

    The numbers have no order. The first check that fails gives the reason. The checks run in this
    order: the bytes; the bundle; each chain from its token to its end; TOKEN_TWICE and
    PAYMENT_TOO_LARGE over all chains; the request.
    """

    GOOD = 0
    UNREADABLE = 1
    BUNDLE_FORGED = 2
    BUNDLE_TOO_OLD = 3
    TOKEN_FORGED = 4
    TOKEN_EXPIRED = 5
    TOKEN_TWICE = 6
    VALUE_TOO_LARGE = 7
    TOO_MANY_HOPS = 8
    BANK_UNKNOWN = 9
    DEVICE_FORGED = 10
    DEVICE_EXPIRED = 11
    DEVICE_REVOKED = 12
    NOT_THE_OWNER = 13
    OUTPUT_INVALID = 14
    AMOUNT_INVALID = 15
    ENDORSEMENT_FORGED = 16
    NOT_FOR_THIS_PAYEE = 17
    WRONG_CHALLENGE = 18
    WRONG_AMOUNT = 19
    PAYMENT_TOO_LARGE = 20
    DEPOSIT_FORGED = 21
    DEVICE_UNCLEAR = 22


@dataclass(frozen=True, slots=True)
class Piece:
    """The piece of a token that a chain ends in, with its owner."""

    id: bytes
    token_id: bytes
    value_fen: int
    owner: bytes


class Spending(NamedTuple):
    """A spent piece, and the digest of the endorsement that spent it."""

    piece: Piece
    digest: bytes


@dataclass(frozen=True)
class Verdict:
    """The result of verifying a payment.

    Attributes:
        pieces: the pieces that it pays, one for each chain; empty unless GOOD.
        spent: for each chain what its endorsements spent, oldest first; empty unless GOOD.
    """

    reason: Reason
    pieces: tuple[Piece, ...] = ()
    spent: tuple[tuple[Spending, ...], ...] = ()

    @property
    def good(self) -> bool:
        """Whether the payment may be accepted."""
        return self.reason == Reason.GOOD

    @property
    def all_pieces(self) -> list[Piece]:
        """All pieces of the payment: the spent ones and those that it pays."""
        return [*(piece for spent in self.spent for piece, _ in spent), *self.pieces]

    @property
    def value_fen(self) -> int:
        """The payment's value in fen."""
        return sum(piece.value_fen for piece in self.pieces)


@dataclass(frozen=True)
class Bad(Exception):
    """Ends the walk along a chain with a reason."""

    reason: Reason


def check_bundle(
    bundle: TrustBundle, root: bytes, now_ms: int, *, verified: Verified = verified
) -> Reason:
    """Whether the root has signed a bundle, and the bundle is not older than it allows."""
    if not verified(root, bundle.signed_part(), bundle.signature):
        return Reason.BUNDLE_FORGED
    if now_ms > bundle.created_time_ms + bundle.max_age_ms:
        return Reason.BUNDLE_TOO_OLD
    return Reason.GOOD


def verify(
    data: bytes,
    *,
    root: bytes,
    bundle: TrustBundle,
    now_ms: int,
    request: Request | None,
    output: int = PAYEE_OUTPUT,
    grace_ms: int = 0,
    verified: Verified = verified,
) -> Verdict:
    """Verifies a payment with nothing but what a device carries.

    Args:
        data: the encoded payment.
        root: the central bank's key, 32 bytes.
        bundle: the decoded bundle; its signature is checked here.
        now_ms: the verifier's time.
        request: the payee's request. Tokens must then stay good for `MIN_LEFT_MS` more. None at a
            deposit, where any challenge is accepted.
        output: which output of each chain's last endorsement is meant.
        grace_ms: at a deposit, how long after its expiry a token is still accepted. Certificates
            then need only have been valid when the token was made.
        verified: checks a signature.
    """
    try:
        payment = Payment.decode(data)
    except FormatError:
        return Verdict(Reason.UNREADABLE)
    reason = check_bundle(bundle, root, now_ms, verified=verified)
    if reason != Reason.GOOD:
        return Verdict(reason)
    return judge(
        payment,
        root=root,
        bundle=bundle,
        now_ms=now_ms,
        request=request,
        output=output,
        grace_ms=grace_ms,
        verified=verified,
    )


def judge(
    payment: Payment,
    *,
    root: bytes,
    bundle: TrustBundle,
    now_ms: int,
    request: Request | None,
    output: int = PAYEE_OUTPUT,
    outputs: Sequence[int] = (),
    grace_ms: int = 0,
    circumstances: bool = True,
    verified: Verified = verified,
) -> Verdict:
    """As `verify`, for a decoded payment and a bundle that has been checked.

    Args:
        outputs: which output of each chain is meant, where they differ.
        circumstances: False leaves out what the payer cannot help: time, the bundle's limits,
            revocations, and banks that the bundle lacks.
        verified: checks a signature. It may answer yes to all and collect them, to have many
            checked together later; the verdict then holds only if all of them are good.
    """
    try:
        meant = outputs or [output] * len(payment.chains)
        left_ms = MIN_LEFT_MS if request is not None else 0
        beside = Statements(payment.statements, bundle.roots(root, now_ms), verified)
        by = _Verifier(root, bundle, now_ms, grace_ms, left_ms, circumstances, beside, verified)
        walks = [by.walk(chain, end) for chain, end in zip(payment.chains, meant, strict=True)]
        pieces = tuple(end for end, _ in walks)
        spent = tuple(spendings for _, spendings in walks)
        _check_once(pieces, spent)
        if request is not None:
            # At a deposit the pieces are of several payments, each judged when it was made.
            together_fen = sum(piece.value_fen for piece in pieces)
            if circumstances and together_fen > bundle.max_payment_fen:
                raise Bad(Reason.PAYMENT_TOO_LARGE)
            _check_request(payment, pieces, request)
    except Bad as bad:
        return Verdict(bad.reason)
    return Verdict(Reason.GOOD, pieces, spent)


def piece_of(chain: Chain, output: int) -> Piece:
    """The piece that a chain ends in, for a chain that was verified before: nothing is checked."""
    piece = Piece(chain.token.piece_id(), chain.token.id, chain.token.value_fen, chain.token.owner)
    for index in range(len(chain.hops)):
        last = index == len(chain.hops) - 1
        following = output if last else chain.hops[index + 1].endorsement.output
        piece = _after(piece, chain, index, following)
    return piece


def hands(chain: Chain, output: int) -> int:
    """How often a piece has changed hands; spending one's own change does not count."""
    following = [hop.endorsement.output for hop in chain.hops[1:]]
    return [*following, output][: len(chain.hops)].count(PAYEE_OUTPUT)


def hops_left(chain: Chain, output: int, max_hops: int) -> int:
    """How often the piece that a chain ends in can still be paid on.

    Args:
        max_hops: how often a piece may change hands, by the bundle.
    """
    return max(0, min(max_hops - hands(chain, output), MAX_PAID_HOPS - len(chain.hops)))


@dataclass(frozen=True)
class _Verifier:
    """What every chain of a payment is verified by; `verify` and `judge` say more.

    Attributes:
        left_ms: how long a token must still be good.
        beside: the statements that came with the payment.
    """

    root: bytes
    bundle: TrustBundle
    now_ms: int
    grace_ms: int
    left_ms: int
    circumstances: bool
    beside: Statements
    verified: Verified

    def walk(self, chain: Chain, output: int) -> tuple[Piece, tuple[Spending, ...]]:
        """Walks along a chain: the piece that it ends in, and what was spent on the way.

        Raises Bad.
        """
        token = chain.token
        self._check_token(chain, output)
        piece = Piece(token.piece_id(), token.id, token.value_fen, token.owner)
        spent: list[Spending] = []
        shown: Certificate | None = None
        for index, hop in enumerate(chain.hops):
            if hop.certificate is not shown:
                self._check_device(hop.certificate, token)
                shown = hop.certificate
            last = index == len(chain.hops) - 1
            following = output if last else chain.hops[index + 1].endorsement.output
            digest = self._check_hop(hop, piece, following, first=index == 0)
            spent.append(Spending(piece, digest))
            piece = _output(piece, hop.endorsement, digest, following)
            if piece.value_fen == 0:
                raise Bad(Reason.AMOUNT_INVALID)
        return piece, tuple(spent)

    def _check_token(self, chain: Chain, output: int) -> None:
        token, bundle = chain.token, self.bundle
        part, roots = token.signed_part(), bundle.roots(self.root)
        signer = next((key for key in roots if self.verified(key, part, token.signature)), None)
        if signer is None:
            raise Bad(Reason.TOKEN_FORGED)
        if self.circumstances:
            if signer not in bundle.roots(self.root, self.now_ms):
                raise Bad(Reason.TOKEN_EXPIRED)
            _check_rules(chain, output, bundle, self.now_ms - self.grace_ms + self.left_ms)
            if self.left_ms and len(chain.hops) > MAX_PAID_HOPS:
                raise Bad(Reason.TOO_MANY_HOPS)

    def _check_device(self, certificate: Certificate, token: Token) -> None:
        if not self.circumstances:
            _check_certificate(certificate, self.bundle, self.beside, self.verified)
            return
        # At a deposit: who took the money while a certificate was valid does not lose it for coming
        # later. A certificate that ended before the token was made has never been good for it.
        made_ms = min(self.now_ms, token.registered_time_ms)
        check_device(
            certificate,
            self.bundle,
            made_ms if self.grace_ms else self.now_ms,
            beside=self.beside,
            longest_ms=None if self.grace_ms else MAX_CERTIFICATE_MS,
            verified=self.verified,
        )

    def _check_hop(self, hop: Hop, piece: Piece, following: int, *, first: bool) -> bytes:
        """The digest of an endorsement of a piece, of which the output `following` is meant."""
        endorsement = hop.endorsement
        if hop.certificate.key != piece.owner:
            raise Bad(Reason.NOT_THE_OWNER)
        if endorsement.output not in (PAYEE_OUTPUT, CHANGE_OUTPUT) or (
            first and endorsement.output != PAYEE_OUTPUT
        ):
            raise Bad(Reason.OUTPUT_INVALID)
        if not 1 <= endorsement.amount_fen <= piece.value_fen:
            raise Bad(Reason.AMOUNT_INVALID)
        signed_part = endorsement.signed_part(piece.id)
        if not self.verified(piece.owner, signed_part, endorsement.signature):
            raise Bad(Reason.ENDORSEMENT_FORGED)
        if following not in (PAYEE_OUTPUT, CHANGE_OUTPUT):
            raise Bad(Reason.OUTPUT_INVALID)
        return hashlib.sha256(signed_part).digest()


def _check_rules(chain: Chain, output: int, bundle: TrustBundle, now_ms: int) -> None:
    if now_ms > chain.token.expires_time_ms:
        raise Bad(Reason.TOKEN_EXPIRED)
    if chain.token.value_fen > bundle.max_value_fen:
        raise Bad(Reason.VALUE_TOO_LARGE)
    if hands(chain, output) > bundle.max_hops:
        raise Bad(Reason.TOO_MANY_HOPS)


def _check_certificate(
    certificate: Certificate, bundle: TrustBundle, beside: Statements, verified: Verified
) -> None:
    """Raises Bad when the bundle knows the bank of a certificate and no key of it has signed."""
    bank = certificate.bank
    keys = [each.key for each in (*bundle.of_bank(bank), *beside.certifiers(bank, 0))]
    signed = [verified(key, certificate.signed_part(), certificate.signature) for key in keys]
    if keys and not any(signed):
        raise Bad(Reason.DEVICE_FORGED)


def check_device(
    certificate: Certificate,
    bundle: TrustBundle,
    now_ms: int,
    *,
    beside: Statements = NOTHING,
    longest_ms: int | None = MAX_CERTIFICATE_MS,
    verified: Verified = verified,
) -> None:
    """Raises Bad unless a device's certificate is valid, its bank's, and neither key is revoked.

    Args:
        beside: the statements that came along, for what the bundle lacks.
        longest_ms: how far ahead the certificate may end; None for no limit.
    """
    signer = _signer(certificate, bundle, now_ms, beside, verified)
    ahead_ms = certificate.expires_time_ms - now_ms
    if ahead_ms < 0 or (longest_ms is not None and ahead_ms > longest_ms):
        raise Bad(Reason.DEVICE_EXPIRED)
    device = certificate.revocation()
    if bundle.bars_key(signer) or bundle.lists(device):
        raise Bad(Reason.DEVICE_REVOKED)
    if bundle.may_be_revoked(device) and not beside.clear(device, bundle.since_time_ms):
        raise Bad(Reason.DEVICE_UNCLEAR)


def certifier(device: Certificate, bundle: TrustBundle) -> Certificate | None:
    """The certificate, expired or not, of the bank's key that has signed a device's certificate.

    None where the bundle does not have it, or bars it.
    """
    if bundle.bars(device.bank):
        return None
    part, signature = device.signed_part(), device.signature
    its = (each for each in bundle.of_bank(device.bank) if verified(each.key, part, signature))
    return next((each for each in its if not bundle.bars_key(each)), None)


def _signer(
    certificate: Certificate,
    bundle: TrustBundle,
    now_ms: int,
    beside: Statements,
    verified: Verified,
) -> Certificate:
    """The certificate of the bank's key that has signed a device's certificate."""
    bank, part = certificate.bank, certificate.signed_part()
    if bundle.bars(bank):
        raise Bad(Reason.BANK_UNKNOWN)
    known = bundle.certifiers(bank, now_ms)
    for key in known:
        if verified(key.key, part, certificate.signature):
            return key
    brought = beside.certifiers(bank, now_ms)
    for key in brought:
        if verified(key.key, part, certificate.signature):
            return key
    raise Bad(Reason.DEVICE_FORGED if known or brought else Reason.BANK_UNKNOWN)


def _after(piece: Piece, chain: Chain, index: int, output: int) -> Piece:
    """The piece that output `output` of hop `index` creates out of `piece`."""
    endorsement = chain.hops[index].endorsement
    return _output(piece, endorsement, endorsement.digest(piece.id), output)


def _output(piece: Piece, endorsement: Endorsement, digest: bytes, output: int) -> Piece:
    """The piece that is an output of the endorsement of `piece` with this digest."""
    paid = endorsement.amount_fen
    value = paid if output == PAYEE_OUTPUT else piece.value_fen - paid
    owner = endorsement.payee if output == PAYEE_OUTPUT else piece.owner
    return Piece(output_id(piece.id, digest, output), piece.token_id, value, owner)


def _check_once(ends: tuple[Piece, ...], spent: tuple[tuple[Spending, ...], ...]) -> None:
    """Raises Bad if a piece is spent in two ways, both spent and paid, or paid twice."""
    spends: dict[bytes, bytes] = {}
    for piece, digest in chained.from_iterable(spent):
        if spends.setdefault(piece.id, digest) != digest:
            raise Bad(Reason.TOKEN_TWICE)
    paid = {piece.id for piece in ends}
    if len(paid) != len(ends) or not paid.isdisjoint(spends):
        raise Bad(Reason.TOKEN_TWICE)


def _check_request(payment: Payment, pieces: tuple[Piece, ...], request: Request) -> None:
    for chain, piece in zip(payment.chains, pieces, strict=True):
        if piece.owner != request.certificate.key or not chain.hops:
            raise Bad(Reason.NOT_FOR_THIS_PAYEE)
        if chain.hops[-1].endorsement.challenge != request.challenge:
            raise Bad(Reason.WRONG_CHALLENGE)
    if sum(piece.value_fen for piece in pieces) != request.amount_fen:
        raise Bad(Reason.WRONG_AMOUNT)
