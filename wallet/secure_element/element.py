"""The secure element: decrements before it emits, verifies before it takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from language import N_
from offline_token.bundle import DIGEST_BYTES
from offline_token.channel import sign_channel
from offline_token.formats import (
    BANK,
    DEVICE,
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
    Piece,
    PieceState,
    Rules,
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
    """Implements `wallet.secure_element.interface.Device`.

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
        self._trusting = Trusting(clock, root)
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
        """Whether the key that requests show has a certificate that is valid for a while.

        What is paid to it can be paid on as long as that lasts, and its holder may be offline.
        One by a key that its bank has revoked since, as the newest bundle says, is not.
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
        """The key that a wallet's next load is for; the same until tokens have come for it.

        Args:
            wallet: the wallet's number.
            busy: keys in loads of that wallet which have no answer; they are neither given
                again nor forgotten.

        Raises:
            Refusal: OVERLOADED when there are too many keys with money.
        """

        def body(state: State) -> bytes:
            now_ms = self._trusting.now_ms(state)
            key = keys.key_for_load(state, wallet, busy, now_ms, self._keyring)
            return bytes.fromhex(key.public)

        public = self._change(body)
        if self._keyring.unused(self._store.read()):
            # Alone with the state: no other process is in the middle of making one.
            self._change(lambda state: self._keyring.destroy(self._keyring.unused(state)))
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
            keys.certify(state, device, bank, self._trusting.roots(state))

        self._change(body)

    def trust(self, bundle: bytes) -> None:
        """Keeps a trust bundle that is the root's, or its successor's, and newer than what it has.

        A successor is one that the bundle it has lists, or that comes with a certificate by a root
        that counts; the bundle that is kept then says whom the device trusts from there on.

        Args:
            bundle: behind its root's key; of one whose filter the device has, the head is enough.
        """
        self._change(lambda state: self._trusting.follow(state, bundle))

    def news(self) -> News:
        """Which trust bundle it has."""
        bundle = bundle_of(self._store.read())
        if bundle is None:
            return News(0, bytes(DIGEST_BYTES))
        return News(bundle.created_time_ms, bundle.filter_digest)

    def newer_than(self, news: News) -> bytes:
        """Its own bundle behind the root's key, or the head alone; b"" unless it is newer."""
        state = self._store.read()
        bundle = bundle_of(state)
        if bundle is None or bundle.created_time_ms <= news.created_time_ms:
            return b""
        same = bundle.filter_digest == news.filter_digest
        root = state.bundle[:KEY_BYTES]
        return root + (bundle.head() if same else bundle.encode())

    def wanted(self) -> list[bytes]:
        """Certificates of devices of which its bundle says too little: what to ask the bank for."""
        state = self._store.read()
        trust = self._trusting.view(state)
        found = statements.wanted(state, trust) if trust is not None else []
        return [each.encode() for each in found]

    def note_statements(self, said: Sequence[bytes]) -> None:
        """Keeps what the root says of them. Raises Refusal for what it has not signed."""

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
        """Sets them; money that is there already stays."""

        def body(state: State) -> None:
            state.single_limit_fen, state.total_limit_fen = limits.single_fen, limits.total_fen

        self._change(body)

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal when so much more would not be loaded."""
        state = self._store.read()
        check_room(state, MAX_CHAINS)  # as many tokens as a load may be divided into
        check_total(state, self._trusting.view(state), amount_fen)

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens of this device; ones that it has ever taken change nothing.

        Nor do those that ended too long ago for it to know whether it has taken them.
        """
        try:
            fresh = [Token.decode(token) for token in tokens]
        except FormatError as error:
            raise invalid("tokens", str(error)) from None

        self._change(lambda state: loading.load(state, fresh, self._trusting.trust(state)))

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
        trust = self._trusting.view(state)
        return [shown(state, piece, trust) for piece in state.pieces] if trust is not None else []

    def request(self, amount_fen: int, *, anybodys: bool = False) -> bytes:
        """A new request to the newest certified key, with a fresh challenge.

        Args:
            anybodys: whoever asks has not shown to be the holder, who keeps room for more.
        """
        challenge = self._randomness.bytes(CHALLENGE_BYTES)

        def body(state: State) -> bytes:
            trust = self._trusting.trust(state)
            signer_of = self._signer_of(state)
            return taking.ask(state, amount_fen, challenge, trust, signer_of, anybodys=anybodys)

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
            raise invalid("request", N_("it is not signed by the device that it names"))

        def body(state: State) -> bytes:
            signer_of, trust_in = self._signer_of(state), self._trusting.trust
            payment = paying.pay(state, asked, trust_in, signer_of, self._randomness)
            now_ms = self._trusting.now_ms(state)
            paying.note(state, asked, now_ms, unconfirmed=unconfirmed)
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
        return paying.unconfirmed(self._store.read())

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Its payee has taken it, and signed that.

        Raises:
            Refusal: SIGNATURE_INVALID: the receipt is not the payee's; whether the payment was
                taken is not known.
        """
        self._change(lambda state: paying.confirm(state, payment, receipt))

    def has_taken(self, payment: bytes) -> bool:
        """Whether it has accepted this very payment."""
        return taking.receipt_of(self._store.read(), payment) is not None

    def receipt(self, payment: bytes) -> bytes:
        """Its signature that it has taken a payment. Raises Refusal for one that it has not."""
        receipt = taking.receipt_of(self._store.read(), payment)
        if receipt is None:
            raise bad(Reason.WRONG_CHALLENGE)
        return receipt

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of its requests and keeps it; returns its value in fen.

        The same payment again is answered the same and adds nothing.
        """

        def body(state: State) -> int:
            return taking.take(state, payment, self._trusting.trust, self._signer_of(state))

        return self._change(body)

    def return_payment(self, payment: bytes) -> bytes:
        """What gives a payment back that it would take, were it not for what its payer cannot help.

        Its request is used up. The same payment again is answered with the same bytes.
        """

        def body(state: State) -> bytes:
            signer_of, trust_in = self._signer_of(state), self._trusting.trust
            return return_payment(state, payment, trust_in, signer_of, self._randomness)

        return self._change(body)

    def take_back(self, back: bytes) -> int:
        """Takes back what it paid; returns its value in fen. The same again adds nothing."""
        return self._change(lambda state: take_back(state, back))

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
        """It is in the wallet, and the piece gone."""

        def body(state: State) -> None:
            state.pieces = [piece for piece in state.pieces if deposit_of(piece) != deposit]

        self._change(body)

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """It was refused. The piece ends by the root's ruling alone; else it is signed anew."""

        def body(state: State) -> None:
            refuse_deposit(state, self._trusting.roots(state), deposit, ruling, why)

        self._change(body)

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """Keeps for its holder what a deposit waits for; "" for nothing that is known."""

        def body(state: State) -> None:
            for piece in state.pieces:
                if piece.depositing and deposit_of(piece) == deposit:
                    piece.why = why

        if any(piece.why != why for piece in self._store.read().pieces if piece.depositing):
            self._change(body)

    def _change(self, body: Callable[[State], T]) -> T:
        """A change; one that is refused changes nothing but the time that was seen."""
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
