"""The secure element: decrements before it emits, verifies before it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from dcep.errors.v1 import errors_pb2
from offline_token.channel import sign_channel
from offline_token.formats import (
    BANK,
    DEVICE,
    KEY_BYTES,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    FormatError,
    Payment,
    Request,
    Token,
    TrustBundle,
)
from offline_token.limits import MAX_CHAINS
from offline_token.possession import NONCE_BYTES, account_of, prove
from offline_token.receipt import is_receipt, sign_receipt
from offline_token.roots import may_follow
from offline_token.signing import sign_request, verified
from offline_token.verify import Bad, Reason, check_bundle, check_device
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.device import Limits, Made, Piece, PieceState, Rules, answer_of, question_of
from wallet.secure_element import keys
from wallet.secure_element.depositing import begin_deposit, deposit_of, refuse_deposit
from wallet.secure_element.giving_back import give_back, take_back
from wallet.secure_element.limits import (
    CLOCKS_APART_MS,
    MAX_REMEMBERED,
    MAX_REQUESTS,
    REQUEST_VALID_MS,
    TOKENS_KEPT_MS,
)
from wallet.secure_element.pieces import (
    Trust,
    balance_fen,
    bundle_of,
    check_asked,
    check_room,
    check_single,
    check_total,
    endorse,
    is_fresh,
    judged,
    keep,
    made,
    shown,
)
from wallet.secure_element.refusals import bad, invalid
from wallet.secure_element.signer import Keyring, SeedKeyring
from wallet.secure_element.state import HeldKey, State
from wallet.secure_element.store import Store

CHALLENGE_BYTES = 16
_ANOTHER_ROOT = (
    "it is signed by another root than this device trusts. If the central bank has changed its root"
    " while the device was away: deposit what it holds, which is taken under either root, and set"
    " the wallet up anew"
)
T = TypeVar("T")


class SecureElement:
    """Implements `wallet.device.Device`.

    Args:
        root: the central bank's key; b"" to keep the first one that it is told.
        keyring: makes the device's keys and signs with them; None for seeds in the state.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        *,
        root: bytes = b"",
        keyring: Keyring | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._root = root
        self._keyring = keyring or SeedKeyring(randomness)

    def public_key(self) -> bytes:
        """The key that requests show, or one that waits for its certificate; b"" before any."""
        state = self._store.read()
        newest = keys.newest_certified(state) or (state.keys[-1] if state.keys else None)
        return bytes.fromhex(newest.public) if newest is not None else b""

    def holds(self, public: bytes) -> bool:
        """Whether this key is the device's own."""
        return keys.own_key(self._store.read(), public) is not None

    def certified(self) -> bool:
        """Whether the key that requests show has a certificate that is valid now.

        One by a key that its bank has revoked since, as the newest bundle says, is not.
        """
        state = self._store.read()
        newest = keys.newest_certified(state)
        if newest is None:
            return False
        certificate, trust = keys.certificate_of(newest), self._view(state)
        if certificate.expires_time_ms < self._now_ms(state):
            return False
        if trust is None or certificate.revocation() in trust.bundle.out_of_use:
            return True
        try:
            check_device(certificate, trust.bundle, trust.now_ms)
        except Bad as no:
            return no.reason not in (Reason.DEVICE_FORGED, Reason.DEVICE_REVOKED)
        return True

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The key that a wallet's next load is for; the same until tokens have come for it.

        Args:
            wallet: the wallet's number.
            busy: keys in loads of that wallet which have no answer; they are neither given
                again nor forgotten.

        Raises:
            Refusal: OVERLOADED when there are too many keys with money.
        """

        def body(state: State) -> bytes:
            key = keys.key_for_load(state, wallet, busy, self._now_ms(state), self._keyring)
            return bytes.fromhex(key.public)

        public = self._change(body)
        if self._keyring.strays(self._store.read()):
            # Alone with the state: no other process is in the middle of making one.
            self._change(lambda state: self._keyring.destroy(self._keyring.strays(state)))
        return public

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Nonce, 16 bytes, and signature by which a key asks to be certified at a bank.

        A key lives at one bank: it asks for one wallet there and never for another.

        Raises:
            Refusal: NOT_THE_OWNER for a key that is not the device's, or was made for another
                wallet.
        """
        nonce = self._randomness.bytes(NONCE_BYTES)

        def body(state: State) -> bytes:
            key = keys.settle(state, public, bank, wallet)
            account = account_of(wallet, nonce)
            return nonce + prove(self._keyring.signer(state, key), bank, account).signature

        return self._change(body)

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps a key's certificate. Raises Refusal when it is for none of its keys."""
        try:
            bank = Certificate.decode(bank_certificate, BANK)
            device = Certificate.decode(device_certificate, DEVICE)
        except FormatError as error:
            raise invalid("device_certificate", str(error)) from None

        def body(state: State) -> None:
            key = keys.own_key(state, device.key)
            signed = verified(bank.key, device.signed_part(), device.signature)
            if key is None or device.bank != bank.bank or not signed:
                raise invalid("device_certificate", "it is not the bank's for this device")
            if key.home and key.home.split()[0] != bank.bank:
                raise invalid("device_certificate", "the key has not asked this bank for it")
            part, roots = bank.signed_part(), self._roots(state)
            if roots and not any(verified(root, part, bank.signature) for root in roots):
                raise invalid("bank_certificate", "it is not signed by the central bank")
            keys.certify(state, key, device_certificate)

        self._change(body)

    def trust(self, bundle: bytes) -> None:
        """Keeps a trust bundle that is the root's, or its successor's, and newer than what it has.

        A successor is one that the bundle it has lists, or that comes with a certificate by a root
        that counts; the bundle that is kept then says whom the device trusts from there on.
        """
        root, encoded = bundle[:KEY_BYTES], bundle[KEY_BYTES:]
        try:
            fresh = TrustBundle.decode(encoded)
        except FormatError as error:
            raise invalid("trust_bundle", str(error)) from None

        def body(state: State) -> None:
            # By the clock as it is, not by the latest time that was ever seen: a clock that once
            # ran ahead would refuse every bundle from then on.
            now_ms, trust = self._clock.now_ms(), self._view(state)
            trusted = self._roots(state) if trust is None else trust.heirs
            if trusted and not may_follow(fresh, root, trusted, now_ms):
                raise invalid("trust_bundle", _ANOTHER_ROOT)
            reason = check_bundle(fresh, root, now_ms)
            if reason != Reason.GOOD:
                raise bad(reason)
            kept = bundle_of(state)
            if kept is not None and kept.created_time_ms >= fresh.created_time_ms:
                return
            state.bundle = bundle.hex()
            # What the root has signed later than all that it signed before sets the time right.
            state.clock_ms = max(fresh.created_time_ms, self._clock.now_ms())

        self._change(body)

    def limits(self) -> Limits:
        """The holder's own limits."""
        state = self._store.read()
        return Limits(state.single_limit_fen, state.total_limit_fen)

    def rules(self) -> Rules | None:
        """The central bank's limits; None before the first trust bundle."""
        bundle = bundle_of(self._store.read())
        if bundle is None:
            return None
        return Rules(bundle.max_payment_fen, bundle.max_holding_fen, bundle.max_hops)

    def set_limits(self, limits: Limits) -> None:
        """Sets them; money that is there already stays."""

        def body(state: State) -> None:
            state.single_limit_fen, state.total_limit_fen = limits.single_fen, limits.total_fen

        self._change(body)

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal when so much more would not be loaded."""
        state = self._store.read()
        check_room(state, MAX_CHAINS)  # as many tokens as a load may be divided into
        check_total(state, self._view(state), amount_fen)

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens of this device; ones that it has ever taken change nothing.

        Nor do those that ended too long ago for it to know whether it has taken them.
        """
        try:
            fresh = [Token.decode(token) for token in tokens]
        except FormatError as error:
            raise invalid("tokens", str(error)) from None

        def body(state: State) -> None:
            trust = self._trust(state)
            before_fen = balance_fen(state)
            kept_from_ms = trust.bundle.created_time_ms - TOKENS_KEPT_MS
            for token_id in [each for each, end in state.tokens.items() if end < kept_from_ms]:
                del state.tokens[token_id]
            for token in fresh:
                if token.id.hex() in state.tokens:
                    continue
                key = keys.own_key(state, token.owner)
                if key is None:
                    raise bad(Reason.NOT_THE_OWNER)
                part, roots = token.signed_part(), trust.roots
                if not any(verified(root, part, token.signature) for root in roots):
                    raise bad(Reason.TOKEN_FORGED)
                key.loader = ""
                if token.expires_time_ms < kept_from_ms:
                    continue
                if token.value_fen > trust.bundle.max_value_fen:
                    raise bad(Reason.VALUE_TOO_LARGE)
                check_room(state, 1)
                keep(state, Chain(token), PAYEE_OUTPUT)
                state.tokens[token.id.hex()] = token.expires_time_ms
            if balance_fen(state) > before_fen:
                check_total(state, trust, 0)

        self._change(body)

    def balance_fen(self) -> int:
        """What it holds and has not set aside; not all of it can be paid, see `payable_fen`."""
        return balance_fen(self._store.read())

    def payable_fen(self) -> int:
        """What of it a payee would take now."""
        return sum(
            piece.value_fen for piece in self.pieces() if piece.state == PieceState.SPENDABLE
        )

    def pieces(self) -> list[Piece]:
        """Everything in it."""
        state = self._store.read()
        trust = self._view(state)
        return [shown(state, piece, trust) for piece in state.pieces] if trust is not None else []

    def request(self, amount_fen: int) -> bytes:
        """A new request to the newest certified key, with a fresh challenge."""
        challenge = self._randomness.bytes(CHALLENGE_BYTES)

        def body(state: State) -> bytes:
            trust = self._trust(state)
            check_room(state, 1)
            check_asked(trust, amount_fen)
            check_total(state, trust, amount_fen)
            key = self._newest(state)
            key.shown = True
            until_ms = trust.now_ms + REQUEST_VALID_MS
            blank = Request(keys.certificate_of(key), amount_fen, challenge, until_ms)
            request = sign_request(self._keyring.signer(state, key), blank).encode()
            state.asked[challenge.hex()] = request.hex()
            _forget_oldest(state.asked, MAX_REQUESTS)
            return request

        return self._change(body)

    def vouch(self, request: bytes, binding: bytes) -> bytes:
        """That who made this request is at the other end of a channel: 64 bytes. Raises Refusal."""
        state = self._store.read()
        try:
            key = keys.own_key(state, Request.decode(request).certificate.key)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if key is None:
            raise bad(Reason.NOT_THE_OWNER)
        return sign_channel(self._keyring.signer(state, key), binding)

    def awaits(self, request: bytes) -> bool:
        """Whether one of its requests still waits for its payment."""
        return request.hex() in self._store.read().asked.values()

    def answers(self) -> dict[bytes, bytes]:
        """Question and answer of its requests: paid, given back, and those that wait, behind."""
        state = self._store.read()
        known = map(bytes.fromhex, [*state.taken, *state.given, *state.asked])
        return {question_of(challenge): answer_of(challenge) for challenge in known}

    def pay(self, request: bytes, *, unconfirmed: bool = False) -> bytes:
        """The payment for a request; for the same request always the same.

        The pieces are gone from the element, durably, before the payment is given out.

        Args:
            unconfirmed: list it until `confirm`.
        """
        try:
            asked = Request.decode(request)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if not verified(asked.certificate.key, asked.signed_part(), asked.signature):
            raise invalid("request", "it is not signed by the device that it names")

        def body(state: State) -> bytes:
            payment, challenge = pay(state), asked.challenge.hex()
            if unconfirmed and challenge not in state.unconfirmed:
                state.unconfirmed.append(challenge)
            elif not unconfirmed and challenge not in state.made:
                state.made[challenge] = (asked.code(), self._now_ms(state))
                _forget_oldest(state.made, MAX_REMEMBERED)
            return payment

        def pay(state: State) -> bytes:
            known = state.paid.get(asked.challenge.hex())
            if asked.challenge.hex() in state.back:
                raise Refusal(
                    errors_pb2.REASON_ALREADY_DECIDED,
                    "what paid this request came back; ask the payee for a new one",
                    field="request",
                )
            if known is not None:
                return _repeated(bytes.fromhex(known[0]), asked)
            trust = self._trust(state)
            self._check_payee(state, asked, trust)
            if trust.now_ms > asked.expires_time_ms + CLOCKS_APART_MS:
                raise Refusal(
                    errors_pb2.REASON_EXPIRED,
                    "this request is too old; ask the payee for a new one",
                    field="request",
                )
            check_single(state, trust, asked.amount_fen)
            signer_of = partial(self._keyring.signer, state)
            payment = endorse(state, asked, trust, signer_of, self._randomness)
            certificate = asked.certificate.encode().hex()
            state.paid[asked.challenge.hex()] = (payment.hex(), certificate)
            _forget_oldest(state.paid, MAX_REMEMBERED)
            return payment

        return self._change(body)

    def has_paid(self, request: bytes) -> bool:
        """Whether it has paid this very request."""
        try:
            asked = Request.decode(request)
        except FormatError:
            return False
        state = self._store.read()
        return asked.challenge.hex() in state.paid.keys() - state.back.keys()

    def requests(self) -> list[bytes]:
        """Its requests that wait for their payment, oldest first."""
        return [bytes.fromhex(request) for request in self._store.read().asked.values()]

    def made(self) -> list[Made]:
        """Payments that were made as texts, oldest first, as far as they are remembered."""
        return made(self._store.read())

    def unconfirmed(self) -> list[bytes]:
        """Payments that their payees have not said to have taken, oldest first."""
        state = self._store.read()
        return [
            bytes.fromhex(state.paid[challenge][0])
            for challenge in state.unconfirmed
            if challenge in state.paid
        ]

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Its payee has taken it, and signed that.

        Raises:
            Refusal: SIGNATURE_INVALID: the receipt is not the payee's; whether the payment was
                taken is not known.
        """

        def body(state: State) -> None:
            paid = state.paid.get(_challenge(payment).hex())
            if paid is not None and paid[0] == payment.hex():
                payee = Certificate.decode(bytes.fromhex(paid[1]), DEVICE).key
                if not is_receipt(payee, payment, receipt):
                    raise Refusal(
                        errors_pb2.REASON_SIGNATURE_INVALID,
                        "the payee has not signed that it took the payment",
                        field="receipt",
                    )
            state.unconfirmed = [
                challenge
                for challenge in state.unconfirmed
                if state.paid.get(challenge, (payment.hex(),))[0] != payment.hex()
            ]

        self._change(body)

    def has_taken(self, payment: bytes) -> bool:
        """Whether it has accepted this very payment."""
        taken = self._store.read().taken.get(_challenge(payment).hex())
        return taken is not None and taken[0] == hashlib.sha256(payment).hexdigest()

    def receipt(self, payment: bytes) -> bytes:
        """Its signature that it has taken a payment. Raises Refusal for one that it has not."""
        taken = self._store.read().taken.get(_challenge(payment).hex())
        if taken is None or taken[0] != hashlib.sha256(payment).hexdigest():
            raise bad(Reason.WRONG_CHALLENGE)
        return bytes.fromhex(taken[2])

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
            value_fen, receipt = self._take(state, payment, challenge)
            state.taken[challenge] = (digest, value_fen, receipt.hex())
            _forget_oldest(state.taken, MAX_REMEMBERED)
            return value_fen

        return self._change(body)

    def give_back(self, payment: bytes) -> bytes:
        """What gives a payment back that it would take, were it not for what its payer cannot help.

        Its request is used up. The same payment again is answered with the same bytes.
        """
        digest = hashlib.sha256(payment).hexdigest()

        def body(state: State) -> bytes:
            challenge = _challenge(payment).hex()
            given = state.given.get(challenge)
            if given is not None and given[0] == digest:
                return bytes.fromhex(given[1])
            trust = self._trust(state)
            signer_of = partial(self._keyring.signer, state)
            back = give_back(state, payment, trust, signer_of, self._randomness)
            state.given[challenge] = (digest, back.hex())
            _forget_oldest(state.given, MAX_REMEMBERED)
            return back

        return self._change(body)

    def take_back(self, back: bytes) -> int:
        """Takes back what it paid; returns its value in fen. The same again adds nothing."""

        def body(state: State) -> int:
            value_fen = take_back(state, back)
            _forget_oldest(state.back, MAX_REMEMBERED)
            return value_fen

        return self._change(body)

    def begin_deposit(
        self, bank: str, wallet: str, *, own_alone: bool = False, used_alone: bool = False
    ) -> list[bytes]:
        """Signs all pieces over to a wallet; each is its nonce, 16 bytes, and its deposit.

        From then on they can be deposited only. Asked again for the same wallet, it answers the
        same; for another one, it signs them over to that one.

        Args:
            bank: the wallet's bank.
            wallet: its number.
            own_alone: leave out pieces of keys that live in other wallets.
            used_alone: leave out fresh tokens that can be paid.
        """

        def body(state: State) -> list[bytes]:
            trust = self._view(state) if used_alone else None
            return begin_deposit(
                state,
                bank,
                wallet,
                own_alone=own_alone,
                left_out=lambda piece: trust is not None and is_fresh(state, piece, trust),
                randomness=self._randomness,
                signer_of=lambda key: self._keyring.signer(state, key),
            )

        return self._change(body)

    def end_deposit(self, deposit: bytes) -> None:
        """It is in the wallet, and the piece gone."""

        def body(state: State) -> None:
            state.pieces = [piece for piece in state.pieces if deposit_of(piece) != deposit]

        self._change(body)

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """It was refused. The piece ends by the root's ruling alone; else it is signed anew."""

        def body(state: State) -> None:
            refuse_deposit(state, self._roots(state), deposit, ruling, why)

        self._change(body)

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """Keeps for its holder what a deposit waits for; "" for nothing that is known."""

        def body(state: State) -> None:
            for piece in state.pieces:
                if piece.depositing and deposit_of(piece) == deposit:
                    piece.why = why

        if any(piece.why != why for piece in self._store.read().pieces if piece.depositing):
            self._change(body)

    def _take(self, state: State, payment: bytes, challenge: str) -> tuple[int, bytes]:
        """What it is worth, and the receipt for it."""
        trust = self._trust(state)
        asked = state.asked.get(challenge)
        verdict = judged(payment, trust, asked)
        if not verdict.good:
            raise bad(verdict.reason)
        if asked is None:
            raise bad(Reason.WRONG_CHALLENGE)
        chains = Payment.decode(payment).chains
        check_room(state, len(chains))
        check_total(state, trust, verdict.value_fen)
        for chain in chains:
            keep(state, chain, PAYEE_OUTPUT)
        key = keys.own_key(state, Request.decode(bytes.fromhex(asked)).certificate.key)
        if key is None:
            raise bad(Reason.WRONG_CHALLENGE)
        receipt = sign_receipt(self._keyring.signer(state, key), payment)
        del state.asked[challenge]
        return verdict.value_fen, receipt

    def _check_payee(self, state: State, asked: Request, trust: Trust) -> None:
        if asked.amount_fen < 1:
            raise bad(Reason.AMOUNT_INVALID)
        if keys.own_key(state, asked.certificate.key) is not None:
            raise Refusal(errors_pb2.REASON_SAME_ACCOUNT, "this is a request of this very device")
        try:
            check_device(asked.certificate, trust.bundle, trust.now_ms)
        except Bad as no:
            raise bad(no.reason) from None

    def _trust(self, state: State) -> Trust:
        """Raises Refusal unless the element is certified and has a bundle that is not too old."""
        self._newest(state)
        now_ms = self._see_time(state, self._clock.now_ms())
        trust = self._view(state)
        if trust is None or now_ms > trust.bundle.created_time_ms + trust.bundle.max_age_ms:
            raise bad(Reason.BUNDLE_TOO_OLD)
        return trust

    def _view(self, state: State) -> Trust | None:
        """What it would verify with, however old; None before the first bundle."""
        bundle = bundle_of(state)
        if bundle is None:
            return None
        root = bytes.fromhex(state.bundle)[:KEY_BYTES]
        return Trust(root, bundle, self._now_ms(state))

    def _roots(self, state: State) -> list[bytes]:
        """Roots that count: by the bundle that it has; before the first, the one that it was given.

        None for a device that was given none.
        """
        trust = self._view(state)
        if trust is not None:
            return trust.roots
        return [self._root] if self._root else []

    def _newest(self, state: State) -> HeldKey:
        """The newest certified key. Raises Refusal when there is none, or no bundle."""
        newest = keys.newest_certified(state)
        if newest is None or not state.bundle:
            raise Refusal(
                errors_pb2.REASON_DEVICE_UNKNOWN,
                "this wallet's device has not been certified by its bank yet",
            )
        return newest

    def _change(self, body: Callable[[State], T]) -> T:
        """A change; one that is refused changes nothing but the time that was seen."""
        now_ms = self._clock.now_ms()
        try:
            return self._store.change(body)
        except Refusal:
            if self._store.read().clock_ms < now_ms:
                self._store.change(lambda state: self._see_time(state, now_ms))
            raise

    def _now_ms(self, state: State) -> int:
        return max(state.clock_ms, self._clock.now_ms())

    def _see_time(self, state: State, now_ms: int) -> int:
        state.clock_ms = max(state.clock_ms, now_ms)
        return state.clock_ms


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
        raise bad(Reason.UNREADABLE) from None
    return hops[-1].endorsement.challenge if hops else b""


def _forget_oldest(remembered: dict[str, T], limit: int) -> None:
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
