"""The secure element: it lets go of money before it pays, and verifies money before it takes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from language import N_
from offline_token.channel import sign_channel
from offline_token.formats import (
    BANK,
    DEVICE,
    DIGEST_BYTES,
    KEY_BYTES,
    Certificate,
    FormatError,
    Request,
    Token,
)
from offline_token.limits import MAX_CHAINS
from offline_token.possession import NONCE_BYTES, account_of, prove
from offline_token.signing import verified
from offline_token.verify import Bad, Reason, check_device
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element import keys, loading, paying, statements, taking
from wallet.secure_element.depositing import begin_deposit, deposit_of, refuse_deposit
from wallet.secure_element.interface import (
    Limits,
    Made,
    News,
    PieceState,
    Rules,
    ShownPiece,
    answer_of,
    question_of,
)
from wallet.secure_element.limits import RENEWED_BEFORE_MS
from wallet.secure_element.pieces import (
    balance_fen,
    bundle_of,
    check_room,
    check_total,
    is_fresh,
    made,
    shown,
)
from wallet.secure_element.refusals import bad, invalid
from wallet.secure_element.returning import return_payment, take_back
from wallet.secure_element.signer import Keyring, SeedKeyring, Signer
from wallet.secure_element.state import HeldKey, State
from wallet.secure_element.store import Store
from wallet.secure_element.trusting import Trusting

CHALLENGE_BYTES = 16
T = TypeVar("T")


class SecureElement:
    """Implements `wallet.secure_element.interface.Device`, which says more about each method.

    Args:
        store: keeps the state.
        clock: tells the time; the element's own time never moves back.
        randomness: for challenges, nonces, salts and seeds.
        root: the central bank's key, 32 bytes; b"" to trust the root of the first bundle.
        keyring: makes the device's keys and signs with them; None to keep seeds in the state.
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
        self._trusting = Trusting(clock, root)
        self._keyring = keyring or SeedKeyring(randomness)

    def public_key(self) -> bytes:
        """The key that requests show, else one without a certificate; b"" before the first."""
        state = self._store.read()
        newest = keys.newest_certified(state) or (state.keys[-1] if state.keys else None)
        return bytes.fromhex(newest.public) if newest is not None else b""

    def holds(self, public: bytes) -> bool:
        """Whether this key is the device's own."""
        return keys.own_key(self._store.read(), public) is not None

    def certified(self) -> bool:
        """Whether the key that requests show has a good certificate, valid for a while yet.

        Money that is paid to the key can be paid on for as long as its certificate is valid, and
        the holder may be offline meanwhile; hence RENEWED_BEFORE_MS. A certificate is not good if
        the newest bundle says that the bank's key which signed it was revoked. A device that the
        bundle lists as revoked counts as certified.
        """
        state = self._store.read()
        newest = keys.newest_certified(state)
        if newest is None:
            return False
        certificate, trust = keys.certificate_of(newest), self._trusting.view(state)
        if certificate.expires_time_ms < self._trusting.now_ms(state) + RENEWED_BEFORE_MS:
            return False
        if trust is None or trust.bundle.lists(certificate.revocation()):
            return True
        try:
            check_device(certificate, trust.bundle, trust.now_ms, beside=trust.beside)
        except Bad as no:
            return no.reason not in (Reason.DEVICE_FORGED, Reason.DEVICE_REVOKED)
        return True

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The public key, 32 bytes, for a wallet's next load: the same until tokens come for it.

        Args:
            wallet: the wallet's number.
            busy: keys of that wallet's loads that have no answer yet; they are neither given
                again nor forgotten.

        Raises:
            Refusal: OVERLOADED when too many keys have money.
        """

        def body(state: State) -> bytes:
            now_ms = self._trusting.now_ms(state)
            key = keys.key_for_load(state, wallet, busy, now_ms, self._keyring)
            return bytes.fromhex(key.public)

        public = self._change(body)
        if self._keyring.unused(self._store.read()):
            # In a change, which is alone with the state: no other process is just making a key.
            self._change(lambda state: self._keyring.destroy(self._keyring.unused(state)))
        return public

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Proves that the device has a key, so that a bank certifies it for a wallet.

        A key lives at one bank: it asks for one wallet there and never for another.

        Returns:
            A nonce, 16 bytes, followed by the signature, 64 bytes.

        Raises:
            Refusal: NOT_THE_OWNER for a key that is not the device's, or that was made for
                another wallet or has asked for one.
        """
        nonce = self._randomness.bytes(NONCE_BYTES)

        def body(state: State) -> bytes:
            key = keys.settle(state, public, bank, wallet)
            account = account_of(wallet, nonce)
            return nonce + prove(self._keyring.signer(state, key), bank, account).signature

        return self._change(body)

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps a key's certificate. Raises Refusal unless it is good and for one of the keys."""
        try:
            bank = Certificate.decode(bank_certificate, BANK)
            device = Certificate.decode(device_certificate, DEVICE)
        except FormatError as error:
            raise invalid("device_certificate", str(error)) from None

        def body(state: State) -> None:
            keys.certify(state, device, bank, self._trusting.roots(state))

        self._change(body)

    def trust(self, bundle: bytes) -> None:
        """Keeps a trust bundle that is newer, and signed by the root or by its successor.

        A root is the successor if the device's bundle lists it, or if the new bundle has a
        certificate for it by a root that counts. From then on the new bundle says which roots the
        device trusts.

        Args:
            bundle: the key of its root, 32 bytes, then the bundle; the head is enough if the
                device has the same filter.

        Raises:
            Refusal: the bundle cannot be read, is not good, or is another root's. A bundle that
                is good and not newer changes nothing.
        """
        self._change(lambda state: self._trusting.follow(state, bundle))

    def news(self) -> News:
        """Which trust bundle the device has."""
        bundle = bundle_of(self._store.read())
        if bundle is None:
            return News(0, bytes(DIGEST_BYTES))
        return News(bundle.created_time_ms, bundle.filter_digest)

    def newer_than(self, news: News) -> bytes:
        """The device's own bundle, for another device that has an older one.

        Returns:
            The root's key, 32 bytes, then the bundle, or its head alone if both have the same
            filter; b"" unless the device's own is newer.
        """
        state = self._store.read()
        bundle = bundle_of(state)
        if bundle is None or bundle.created_time_ms <= news.created_time_ms:
            return b""
        same = bundle.filter_digest == news.filter_digest
        root = state.bundle[:KEY_BYTES]
        return root + (bundle.head() if same else bundle.encode())

    def wanted(self) -> list[bytes]:
        """Certificates of devices that the bundle says too little about, to ask the bank about."""
        state = self._store.read()
        trust = self._trusting.view(state)
        found = statements.wanted(state, trust) if trust is not None else []
        return [each.encode() for each in found]

    def note_statements(self, said: Sequence[bytes]) -> None:
        """Keeps statements of the root. Raises Refusal for one that the root has not signed."""

        def body(state: State) -> None:
            trust = self._trusting.view(state)
            if trust is not None:
                statements.note(state, trust, said)

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
        """Sets the holder's limits; money that is already in the device stays."""

        def body(state: State) -> None:
            state.single_limit_fen, state.total_limit_fen = limits.single_fen, limits.total_fen

        self._change(body)

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal if the device would not take a load of so much."""
        state = self._store.read()
        check_room(state, MAX_CHAINS)  # a load may be divided into so many tokens
        check_total(state, self._trusting.view(state), amount_fen)

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens that are for keys of this device.

        A token that was taken before changes nothing, nor does one that expired so long ago that
        the device no longer knows whether it has taken it. Raises Refusal; then none is taken.
        """
        try:
            fresh = [Token.decode(token) for token in tokens]
        except FormatError as error:
            raise invalid("tokens", str(error)) from None

        self._change(lambda state: loading.load(state, fresh, self._trusting.trust(state)))

    def balance_fen(self) -> int:
        """What the device holds and has not signed over; `payable_fen` is what of it can be
        paid."""
        return balance_fen(self._store.read())

    def payable_fen(self) -> int:
        """What of the balance a payee would take now."""
        return sum(
            piece.value_fen for piece in self.pieces() if piece.state == PieceState.SPENDABLE
        )

    def pieces(self) -> list[ShownPiece]:
        """All pieces in the device; none before the first trust bundle."""
        state = self._store.read()
        trust = self._trusting.view(state)
        return [shown(state, piece, trust) for piece in state.pieces] if trust is not None else []

    def request(self, amount_fen: int, *, anybodys: bool = False) -> bytes:
        """A new request to pay the newest certified key, with a fresh challenge.

        Args:
            amount_fen: what is asked for.
            anybodys: whoever asks has not shown that they are the holder; some room for requests
                is kept for the holder.

        Raises:
            Refusal: the device is not certified, its bundle is too old, the amount is over a limit,
            there is no room, or too many requests wait.
        """
        challenge = self._randomness.bytes(CHALLENGE_BYTES)

        def body(state: State) -> bytes:
            trust = self._trusting.trust(state)
            signer_of = self._signer_of(state)
            return taking.ask(state, amount_fen, challenge, trust, signer_of, anybodys=anybodys)

        return self._change(body)

    def vouch(self, request: bytes, binding: bytes) -> bytes:
        """Signs that the device that made a request is at this end of a channel.

        Args:
            request: one of the device's own.
            binding: names the channel, 32 bytes.

        Returns:
            The signature, 64 bytes.

        Raises:
            Refusal: the request cannot be read, or is not to a key of this device.
        """
        state = self._store.read()
        try:
            key = keys.own_key(state, Request.decode(request).certificate.key)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if key is None:
            raise bad(Reason.NOT_THE_OWNER)
        return sign_channel(self._keyring.signer(state, key), binding)

    def awaits(self, request: bytes) -> bool:
        """Whether this is a request of the device that still waits for its payment."""
        return request.hex() in self._store.read().asked.values()

    def answers(self) -> dict[bytes, bytes]:
        """Maps each request's question to its answer, 8 bytes each.

        First come requests whose payment was taken, then those whose payment was given back, then
        those that wait.
        """
        state = self._store.read()
        known = map(bytes.fromhex, [*state.taken, *state.given, *state.asked])
        return {question_of(challenge): answer_of(challenge) for challenge in known}

    def pay(self, request: bytes, *, unconfirmed: bool = False) -> bytes:
        """Pays a request, and answers the same request with the same payment.

        The pieces are gone from the element, durably, before the payment is given out.

        Args:
            request: as another device made it.
            unconfirmed: list the payment in `unconfirmed` until `confirm`; else in `made`.

        Returns:
            The encoded payment.

        Raises:
            Refusal: nothing was paid.
        """
        try:
            asked = Request.decode(request)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if not verified(asked.certificate.key, asked.signed_part(), asked.signature):
            raise invalid("request", N_("it is not signed by the device that it names"))

        def body(state: State) -> bytes:
            signer_of, trust_in = self._signer_of(state), self._trusting.trust
            payment = paying.pay(state, asked, trust_in, signer_of, self._randomness)
            now_ms = self._trusting.now_ms(state)
            paying.note(state, asked, now_ms, unconfirmed=unconfirmed)
            return payment

        return self._change(body)

    def has_paid(self, request: bytes) -> bool:
        """Whether the device has paid this very request, and the payment did not come back."""
        try:
            asked = Request.decode(request)
        except FormatError:
            return False
        state = self._store.read()
        return asked.challenge.hex() in state.paid.keys() - state.back.keys()

    def requests(self) -> list[bytes]:
        """The device's requests that wait for their payment, oldest first."""
        return [bytes.fromhex(request) for request in self._store.read().asked.values()]

    def made(self) -> list[Made]:
        """Payments that were given out as texts, oldest first, as far as they are remembered."""
        return made(self._store.read())

    def unconfirmed(self) -> list[bytes]:
        """Payments that their payees have not confirmed, oldest first."""
        return paying.unconfirmed(self._store.read())

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Records that the payee has taken a payment, as its receipt proves.

        Args:
            payment: as `pay` gave it.
            receipt: the payee's signature, 64 bytes.

        Raises:
            Refusal: SIGNATURE_INVALID when the receipt is not the payee's; then it is still not
                known whether the payment was taken.
        """
        self._change(lambda state: paying.confirm(state, payment, receipt))

    def has_taken(self, payment: bytes) -> bool:
        """Whether the device has taken this very payment."""
        return taking.receipt_of(self._store.read(), payment) is not None

    def receipt(self, payment: bytes) -> bytes:
        """The device's signature, 64 bytes, that it took a payment; Refusal if it did not."""
        receipt = taking.receipt_of(self._store.read(), payment)
        if receipt is None:
            raise bad(Reason.WRONG_CHALLENGE)
        return receipt

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of the device's requests and keeps it.

        The same payment again gets the same answer and adds nothing.

        Returns:
            Its value in fen.

        Raises:
            Refusal: the payment is not good, or there is no room for it; nothing was taken.
        """

        def body(state: State) -> int:
            return taking.take(state, payment, self._trusting.trust, self._signer_of(state))

        return self._change(body)

    def return_payment(self, payment: bytes) -> bytes:
        """Gives back a payment that the device does not take through no fault of its payer.

        The request is used up. The same payment again gets the same bytes.

        Returns:
            The encoded signed return.

        Raises:
            Refusal: the payment is to be accepted, or is not good for another reason.
        """

        def body(state: State) -> bytes:
            signer_of, trust_in = self._signer_of(state), self._trusting.trust
            return return_payment(state, payment, trust_in, signer_of, self._randomness)

        return self._change(body)

    def take_back(self, back: bytes) -> int:
        """Takes back a payment of the device that its payee gave back.

        The same return again adds nothing. What came back can only be deposited.

        Args:
            back: the encoded signed return.

        Returns:
            The payment's value in fen.

        Raises:
            Refusal: it is not the payee's return of a payment that the device remembers.
        """
        return self._change(lambda state: take_back(state, back))

    def begin_deposit(
        self, bank: str, wallet: str, *, own_alone: bool = False, used_alone: bool = False
    ) -> list[bytes]:
        """Signs all pieces over to a wallet. From then on they can only be deposited.

        For the same wallet it gives the same deposits again; for another one it signs the pieces
        over to that one.

        Args:
            bank: name of the wallet's bank.
            wallet: the wallet's number.
            own_alone: leave out pieces of keys that live in other wallets.
            used_alone: leave out fresh tokens that can be paid.

        Returns:
            For each piece its nonce, 16 bytes, followed by the encoded deposit.
        """

        def body(state: State) -> list[bytes]:
            trust = self._trusting.view(state) if used_alone else None
            return begin_deposit(
                state,
                bank,
                wallet,
                own_alone=own_alone,
                left_out=lambda piece: trust is not None and is_fresh(state, piece, trust),
                randomness=self._randomness,
                signer_of=self._signer_of(state),
            )

        return self._change(body)

    def end_deposit(self, deposit: bytes) -> None:
        """Records that a deposit is in the wallet: the piece is gone."""

        def body(state: State) -> None:
            state.pieces = [piece for piece in state.pieces if deposit_of(piece) != deposit]

        self._change(body)

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """Records that a deposit was refused.

        Only a ruling of the root ends the piece; else it is signed anew the next time.
        """

        def body(state: State) -> None:
            refuse_deposit(state, self._trusting.roots(state), deposit, ruling, why)

        self._change(body)

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """Keeps for the holder what a deposit waits for; "" if that is not known."""

        def body(state: State) -> None:
            for piece in state.pieces:
                if piece.depositing and deposit_of(piece) == deposit:
                    piece.why = why

        if any(piece.why != why for piece in self._store.read().pieces if piece.depositing):
            self._change(body)

    def _change(self, body: Callable[[State], T]) -> T:
        """Changes the state. A refused change keeps nothing but the time that was seen."""
        now_ms = self._clock.now_ms()
        try:
            return self._store.change(body)
        except Refusal:
            if self._store.read().clock_ms < now_ms:
                self._store.change(lambda state: self._trusting.see_time(state, now_ms))
            raise

    def _signer_of(self, state: State) -> Callable[[HeldKey], Signer]:
        """Finds what signs with a key of this state."""
        return partial(self._keyring.signer, state)
