"""Who may do what with a card: the PIN, paired wallets, and small payments without either.

All counters are in the sealed state, and are increased before what they count is given out, so
that pulling the card away gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.channel import BINDING_BYTES
from offline_token.deposit import Deposit
from offline_token.formats import KEY_BYTES, FormatError, tagged
from offline_token.possession import NONCE_BYTES, account_of
from offline_token.signing import verified
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.hard_wallet.messages import NUMBER_BYTES, OWNERS, WITH_PIN, CardCommand
from wallet.hard_wallet.pin import CardSide, PinWrong
from wallet.secure_element.limits import MAX_PIN_TRIES
from wallet.secure_element.state import ElementState
from wallet.secure_element.store import Store

FREE_TAPS = 5
"""How many times the amount that needs no PIN a card pays without it, in all. Only the right PIN
begins a new count. Being online does not, because whoever has found the card can bring it online.
"""

MAX_PAIRED = 16
"""Wallets that a card knows; after that the one that was paired first is forgotten."""

_LOCKED = (
    f"{MAX_PIN_TRIES} wrong PINs were tried; this card pays small amounts only, and a wallet that"
    " is paired with it can still deposit what it has loaded"
)


@dataclass
class Session:
    """What one reader has proved over one channel.

    Attributes:
        binding: the channel's.
        pin: it has proved that it knows the PIN.
        wallet: the number of the paired wallet that it has proved to be; "" for none.
        trying: an attempt at the PIN that has begun.
    """

    binding: bytes = bytes(BINDING_BYTES)
    pin: bool = False
    wallet: str = ""
    trying: CardSide | None = None


def wallet_part(binding: bytes) -> bytes:
    """The bytes that a wallet's key signs so that a card recognises the wallet."""
    return tagged("card-wallet/v1", binding)


def free_fen(state: ElementState) -> int:
    """The most, in fen, that the card pays at once now without its PIN."""
    left_fen = FREE_TAPS * state.card_free_fen - state.card_spent_fen
    return min(state.card_free_fen, max(left_fen, 0))


class Guard:
    """Decides what a session may do."""

    def __init__(self, store: Store, randomness: Randomness) -> None:
        self._store = store
        self._randomness = randomness

    def check(self, session: Session, command: CardCommand) -> None:
        """Raises Refusal for a command that this reader may not give."""
        if session.pin or (session.wallet and command in OWNERS):
            return
        if command in WITH_PIN or command in OWNERS:
            raise _not_the_holder(N_("this needs the card's PIN"))

    def begin(self, session: Session, share: bytes) -> bytes:
        """Begins an attempt at the PIN, which is counted first. Returns the card's share."""

        def count(state: ElementState) -> str:
            if state.card_tries >= MAX_PIN_TRIES:
                raise _not_the_holder(_LOCKED)
            state.card_tries += 1
            return state.card_pin

        session.pin, session.trying = False, None
        kept = bytes.fromhex(self._store.change(count))
        trying = CardSide(kept, session.binding, self._randomness)
        try:
            share = trying.answer(share)
        except PinWrong:
            raise self._wrong() from None
        session.trying = trying
        return share

    def prove(self, session: Session, proof: bytes) -> bytes:
        """Checks the reader's proof of the PIN. Returns the card's own proof."""
        trying, session.trying = session.trying, None
        if trying is None:
            raise _unreadable("PIN_BEGIN comes first")
        try:
            own = trying.check(proof)
        except PinWrong:
            raise self._wrong() from None

        def forget(state: ElementState) -> None:
            state.card_tries = state.card_spent_fen = 0

        self._store.change(forget)
        session.pin = True
        return own

    def pair(self, body: bytes) -> None:
        """Keeps a wallet's key."""
        number, key = _number(body), body[NUMBER_BYTES:]
        if len(key) != KEY_BYTES:
            raise _unreadable("a wallet's number and key are expected")

        def keep(state: ElementState) -> None:
            state.card_wallets.pop(number, None)
            state.card_wallets[number] = key.hex()
            while len(state.card_wallets) > MAX_PAIRED:
                del state.card_wallets[next(iter(state.card_wallets))]

        if self._store.read().card_wallets.get(number) != key.hex():
            self._store.change(keep)

    def wallet(self, session: Session, body: bytes) -> bool:
        """Whether the reader proves to be a paired wallet; the session remembers it."""
        number, signature = _number(body), body[NUMBER_BYTES:]
        key = bytes.fromhex(self._store.read().card_wallets.get(number, ""))
        known = verified(key, wallet_part(session.binding), signature)
        session.wallet = number if known else ""
        return known

    def check_wallet(self, session: Session, wallet: str) -> None:
        """Raises Refusal for another wallet's money, unless the PIN was proved."""
        if not session.pin and wallet != session.wallet:
            raise _not_the_holder(N_("this needs the card's PIN: it is another wallet's"))

    def check_deposit(self, session: Session, deposit: bytes) -> None:
        """Raises Refusal for a deposit to another wallet, unless the PIN was proved."""
        if session.pin:
            return
        nonce = deposit[:NONCE_BYTES]
        try:
            ends = Deposit.decode(deposit[NONCE_BYTES:]).endorsements
        except FormatError as error:
            raise _unreadable(str(error)) from None
        if any(end.account != account_of(session.wallet, nonce) for end in ends):
            raise _not_the_holder(N_("this needs the card's PIN: it is another wallet's"))

    def spend(self, state: ElementState, session: Session, amount_fen: int) -> None:
        """Counts a payment that is about to be made without the PIN.

        A payment that comes back stays counted: else whoever is paid and gives it back, again and
        again, could make all that is on the card good for a deposit only.

        Raises:
            Refusal: it is not small, or their sum reaches its bound.
        """
        if session.pin:
            return
        if amount_fen > state.card_free_fen:
            raise _with_pin(N_("this card pays so much only with its PIN"))
        if amount_fen > free_fen(state):
            raise _with_pin(N_("this card has paid enough without its PIN; give it once"))
        state.card_spent_fen += amount_fen

    def _wrong(self) -> Refusal:
        left = MAX_PIN_TRIES - self._store.read().card_tries
        said = f"this is not the card's PIN, or somebody is between; {left} tries are left"
        return _not_the_holder(said if left > 0 else _LOCKED)


def _number(body: bytes) -> str:
    number = body[:NUMBER_BYTES]
    if len(number) != NUMBER_BYTES or not number.isdigit():
        raise _unreadable("a wallet's number is expected")
    return number.decode("ascii")


def _unreadable(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, words)


def _with_pin(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_OVER_SINGLE_LIMIT, words)


def _not_the_holder(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_NOT_THE_OWNER, words)
