"""The secure element: decrements before it emits, verifies before it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from offline_token.formats import (
    BANK,
    CHANGE_OUTPUT,
    DEVICE,
    KEY_BYTES,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    Endorsement,
    FormatError,
    Hop,
    Payment,
    Request,
    Token,
    TrustBundle,
)
from offline_token.limits import MAX_CHAINS, MAX_PAYMENT_BYTES
from offline_token.signing import sign_endorsement, verified
from offline_token.verify import Bad, Reason, check_bundle, check_device, piece_of, verify
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element.limits import MAX_PIECES, MAX_REMEMBERED, MAX_REQUESTS
from wallet.secure_element.state import HeldPiece, State
from wallet.secure_element.store import Store

CHALLENGE_BYTES = 16
T = TypeVar("T")


@dataclass(frozen=True)
class Trust:
    """What the element verifies with: the root's key, the bundle, the time."""

    root: bytes
    bundle: TrustBundle
    now_ms: int


class SecureElement:
    """Implements `wallet.device.Device`.

    Args:
        root: the central bank's key; b"" to keep the first one that it is told.
    """

    def __init__(
        self, store: Store, clock: Clock, randomness: Randomness, *, root: bytes = b""
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._root = root

    def public_key(self) -> bytes:
        """The device's key, 32 bytes."""
        return bytes(_key(self._store.read()).verify_key)

    def certified(self) -> bool:
        """Whether the bank's certificate for the key is valid now."""
        state = self._store.read()
        if not state.device_certificate:
            return False
        return _own_certificate(state).expires_time_ms >= self._now_ms(state)

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps the certificates. Raises Refusal when they are not for this key."""
        try:
            bank = Certificate.decode(bank_certificate, BANK)
            device = Certificate.decode(device_certificate, DEVICE)
        except FormatError as error:
            raise _invalid("device_certificate", str(error)) from None

        def body(state: State) -> None:
            good = (
                device.key == bytes(_key(state).verify_key)
                and device.bank == bank.bank
                and verified(bank.key, device.signed_part(), device.signature)
            )
            if not good:
                raise _invalid("device_certificate", "it is not the bank's for this device")
            state.device_certificate = device_certificate.hex()
            state.bank_certificate = bank_certificate.hex()

        self._store.change(body)

    def trust(self, bundle: bytes) -> None:
        """Keeps a trust bundle that is the root's and newer than the one it has."""
        root, encoded = bundle[:KEY_BYTES], bundle[KEY_BYTES:]
        try:
            fresh = TrustBundle.decode(encoded)
        except FormatError as error:
            raise _invalid("trust_bundle", str(error)) from None

        def body(state: State) -> None:
            known = self._root or bytes.fromhex(state.bundle)[:KEY_BYTES]
            if known and root != known:
                raise _invalid("trust_bundle", "it is signed by another central bank")
            reason = check_bundle(fresh, root, self._now_ms(state))
            if reason != Reason.GOOD:
                raise _bad(reason)
            if state.bundle and _bundle(state).created_time_ms >= fresh.created_time_ms:
                return
            state.bundle = bundle.hex()
            self._see_time(state, fresh.created_time_ms)

        self._store.change(body)

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens of this device; ones that it has ever taken change nothing."""
        try:
            fresh = [Token.decode(token) for token in tokens]
        except FormatError as error:
            raise _invalid("tokens", str(error)) from None

        def body(state: State) -> None:
            trust = self._trust(state)
            own = bytes(_key(state).verify_key)
            for token in fresh:
                if token.id.hex() in state.tokens:
                    continue
                if token.owner != own:
                    raise _bad(Reason.NOT_THE_OWNER)
                if not verified(trust.root, token.signed_part(), token.signature):
                    raise _bad(Reason.TOKEN_FORGED)
                _keep(state, Chain(token), PAYEE_OUTPUT, token.value_fen)
                state.tokens.append(token.id.hex())

        self._store.change(body)

    def balance_fen(self) -> int:
        """What can be paid offline."""
        return _balance_fen(self._store.read())

    def request(self, amount_fen: int) -> bytes:
        """A new request, with a fresh challenge."""
        challenge = self._randomness.bytes(CHALLENGE_BYTES)

        def body(state: State) -> bytes:
            self._trust(state)
            _room(state, 1)
            request = Request(_own_certificate(state), amount_fen, challenge).encode()
            state.asked[challenge.hex()] = request.hex()
            _forget_oldest(state.asked, MAX_REQUESTS)
            return request

        return self._store.change(body)

    def pay(self, request: bytes) -> bytes:
        """The payment for a request; for the same request always the same.

        The pieces are gone from the element, durably, before the payment is given out.
        """
        try:
            asked = Request.decode(request)
        except FormatError as error:
            raise _invalid("request", str(error)) from None

        def body(state: State) -> bytes:
            known = state.paid.get(asked.challenge.hex())
            if known is not None:
                return _repeated(bytes.fromhex(known), asked)
            trust = self._trust(state)
            self._check_payee(state, asked, trust)
            payment = _endorse(state, asked, trust)
            state.paid[asked.challenge.hex()] = payment.hex()
            _forget_oldest(state.paid, MAX_REMEMBERED)
            return payment

        return self._store.change(body)

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of its requests and keeps it; returns its value in fen.

        The same payment again is answered the same and adds nothing.
        """
        digest = hashlib.sha256(payment).hexdigest()

        def body(state: State) -> int:
            challenge = _challenge(payment).hex()
            taken = state.taken.get(challenge)
            if taken is not None and taken[0] == digest:
                return taken[1]
            value_fen = self._take(state, payment, challenge)
            state.taken[challenge] = (digest, value_fen)
            _forget_oldest(state.taken, MAX_REMEMBERED)
            return value_fen

        return self._store.change(body)

    def begin_deposit(self) -> list[bytes]:
        """Sets all pieces aside; each is its output, one byte, and its chain as a payment."""

        def body(state: State) -> list[bytes]:
            for piece in state.pieces:
                piece.depositing = not piece.refused
            return [_deposit(piece) for piece in state.pieces if piece.depositing]

        return self._store.change(body)

    def end_deposit(self, payment: bytes, *, deposited: bool) -> None:
        """The piece is gone; or, refused for good, kept apart and no longer counted."""

        def body(state: State) -> None:
            for piece in [piece for piece in state.pieces if _deposit(piece) == payment]:
                if deposited:
                    state.pieces.remove(piece)
                else:
                    piece.depositing, piece.refused = False, True

        self._store.change(body)

    def _take(self, state: State, payment: bytes, challenge: str) -> int:
        trust = self._trust(state)
        asked = state.asked.get(challenge)
        verdict = verify(
            payment,
            root=trust.root,
            bundle=trust.bundle,
            now_ms=trust.now_ms,
            request=Request.decode(bytes.fromhex(asked)) if asked is not None else None,
        )
        if not verdict.good:
            raise _bad(verdict.reason)
        if asked is None:
            raise _bad(Reason.WRONG_CHALLENGE)
        chains = Payment.decode(payment).chains
        _room(state, len(chains))
        for chain, piece in zip(chains, verdict.pieces, strict=True):
            _keep(state, chain, PAYEE_OUTPUT, piece.value_fen)
        del state.asked[challenge]
        return verdict.value_fen

    def _check_payee(self, state: State, asked: Request, trust: Trust) -> None:
        if asked.amount_fen < 1:
            raise _bad(Reason.AMOUNT_INVALID)
        if asked.certificate.key == bytes(_key(state).verify_key):
            raise Refusal(errors_pb2.REASON_SAME_ACCOUNT, "this is a request of this very device")
        try:
            check_device(asked.certificate, trust.bundle, trust.now_ms)
            check_device(_own_certificate(state), trust.bundle, trust.now_ms)
        except Bad as bad:
            raise _bad(bad.reason) from None

    def _trust(self, state: State) -> Trust:
        """Raises Refusal unless the element is certified and has a bundle that is not too old."""
        if not state.device_certificate or not state.bundle:
            raise Refusal(
                errors_pb2.REASON_DEVICE_UNKNOWN,
                "this wallet's device has not been certified by its bank yet",
            )
        now_ms = self._see_time(state, self._clock.now_ms())
        root = bytes.fromhex(state.bundle)[:KEY_BYTES]
        bundle = _bundle(state)
        if now_ms > bundle.created_time_ms + bundle.max_age_ms:
            raise _bad(Reason.BUNDLE_TOO_OLD)
        return Trust(root, bundle, now_ms)

    def _now_ms(self, state: State) -> int:
        return max(state.clock_ms, self._clock.now_ms())

    def _see_time(self, state: State, now_ms: int) -> int:
        state.clock_ms = max(state.clock_ms, now_ms)
        return state.clock_ms


def _endorse(state: State, asked: Request, trust: Trust) -> bytes:
    """Takes pieces worth the amount out of the state and signs them over to the payee."""
    missing_fen = asked.amount_fen - _balance_fen(state)
    if missing_fen > 0:
        raise Refusal(
            errors_pb2.REASON_INSUFFICIENT_FUNDS,
            "not enough money in the device",
            missing_fen=str(missing_fen),
        )
    chains: list[Chain] = []
    rest = asked.amount_fen
    for piece in _choose(state, asked.amount_fen, trust):
        part = min(rest, piece.value_fen)
        chain = _signed(state, piece, part, asked)
        state.pieces.remove(piece)
        if part < piece.value_fen:
            _keep(state, chain, CHANGE_OUTPUT, piece.value_fen - part)
        chains.append(chain)
        rest -= part
    payment = Payment(tuple(chains)).encode()
    if len(payment) > MAX_PAYMENT_BYTES:
        raise _in_too_many_pieces()
    return payment


def _choose(state: State, amount_fen: int, trust: Trust) -> list[HeldPiece]:
    """Pieces that cover the amount: one that suffices with the fewest hops, or the largest ones."""
    usable = [
        (piece, hops)
        for piece in _spendable(state)
        if (hops := len(_chain(piece).hops)) < trust.bundle.max_hops
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
    raise _in_too_many_pieces()


def _signed(state: State, piece: HeldPiece, amount_fen: int, asked: Request) -> Chain:
    chain = _chain(piece)
    state.counter += 1
    blank = Endorsement(
        piece.output if chain.hops else PAYEE_OUTPUT,
        amount_fen,
        asked.certificate.key,
        asked.challenge,
        state.counter,
    )
    endorsement = sign_endorsement(_key(state), piece_of(chain, piece.output).id, blank)
    return Chain(chain.token, (*chain.hops, Hop(_own_certificate(state), endorsement)))


def _repeated(payment: bytes, asked: Request) -> bytes:
    """A payment made before, when it is for this very request."""
    ends = [chain.hops[-1].endorsement for chain in Payment.decode(payment).chains]
    amount_fen = sum(end.amount_fen for end in ends)
    if amount_fen != asked.amount_fen or ends[0].payee != asked.certificate.key:
        raise Refusal(
            errors_pb2.REASON_ID_REUSED,
            "another request with this challenge has been paid",
            field="request",
        )
    return payment


def _challenge(payment: bytes) -> bytes:
    """The challenge that a payment answers; empty when there is none."""
    try:
        hops = Payment.decode(payment).chains[0].hops
    except FormatError:
        raise _bad(Reason.UNREADABLE) from None
    return hops[-1].endorsement.challenge if hops else b""


def _keep(state: State, chain: Chain, output: int, value_fen: int) -> None:
    state.pieces.append(HeldPiece(Payment((chain,)).encode().hex(), output, value_fen))


def _room(state: State, count: int) -> None:
    if len(state.pieces) + count > MAX_PIECES:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"the device holds {MAX_PIECES} pieces of money; deposit some of them first",
        )


def _forget_oldest(remembered: dict[str, T], limit: int) -> None:
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]


def _spendable(state: State) -> list[HeldPiece]:
    return [piece for piece in state.pieces if not (piece.depositing or piece.refused)]


def _balance_fen(state: State) -> int:
    return sum(piece.value_fen for piece in _spendable(state))


def _chain(piece: HeldPiece) -> Chain:
    return Payment.decode(bytes.fromhex(piece.chain)).chains[0]


def _deposit(piece: HeldPiece) -> bytes:
    return bytes([piece.output]) + bytes.fromhex(piece.chain)


def _key(state: State) -> SigningKey:
    return SigningKey(bytes.fromhex(state.seed))


def _own_certificate(state: State) -> Certificate:
    return Certificate.decode(bytes.fromhex(state.device_certificate), DEVICE)


def _bundle(state: State) -> TrustBundle:
    return TrustBundle.decode(bytes.fromhex(state.bundle)[KEY_BYTES:])


def _bad(reason: Reason) -> Refusal:
    return Refusal(
        errors_pb2.REASON_TOKEN_INVALID, _SENTENCES.get(reason, reason.name), verdict=reason.name
    )


def _invalid(field: str, message: str) -> Refusal:
    return Refusal(errors_pb2.REASON_FIELD_INVALID, message, field=field)


def _in_too_many_pieces() -> Refusal:
    return Refusal(
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        "the money is in too many pieces, or has changed hands too often, for one payment; "
        "deposit and load again",
        missing_fen="0",
    )


_SENTENCES = {
    Reason.UNREADABLE: "this is no whole payment",
    Reason.BUNDLE_FORGED: "the trust bundle is not the central bank's",
    Reason.BUNDLE_TOO_OLD: "this device has not been online for too long; load anew once",
    Reason.TOKEN_FORGED: "the money is not signed by the central bank",
    Reason.TOKEN_EXPIRED: "the money has expired",
    Reason.TOKEN_TWICE: "the same money is in it twice",
    Reason.VALUE_TOO_LARGE: "a piece is larger than the rules allow",
    Reason.TOO_MANY_HOPS: "the money has changed hands too often; its holder must deposit it",
    Reason.BANK_UNKNOWN: "a device's bank is not among the central bank's",
    Reason.DEVICE_FORGED: "a device's certificate is not its bank's",
    Reason.DEVICE_EXPIRED: "a device's certificate has expired",
    Reason.DEVICE_REVOKED: "a device was revoked",
    Reason.NOT_THE_OWNER: "a device pays with money that is not its own",
    Reason.OUTPUT_INVALID: "an endorsement names a part that is not there",
    Reason.AMOUNT_INVALID: "an amount does not add up",
    Reason.ENDORSEMENT_FORGED: "a signature of an owner is wrong",
    Reason.NOT_FOR_THIS_PAYEE: "the payment is for another device",
    Reason.WRONG_CHALLENGE: "the payment is for another request, or one that has been paid",
    Reason.WRONG_AMOUNT: "the payment is not what was asked for",
}
