"""Asks for another key of a wallet whose home is lost, and watches over the one that is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import Message

from currency.contract_words import class_name
from currency.key_code import same_code
from dcep.bank.v1 import keys_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.clock import Clock
from runtime.ed25519 import SEED_BYTES
from runtime.envelope import key_id
from runtime.errors import NoAnswer, Refusal
from runtime.randomness import Randomness
from wallet.home.home import Home, Profile
from wallet.limits import OPENING_VALID_MS, QUERY_VALID_MS
from wallet.online.opening import another_lives
from wallet.orders.signed_now import signed_now
from wallet.peers.bank_directory import BankEntry
from wallet.peers.interface import GET_WALLET, BankPort, Banks

if TYPE_CHECKING:
    from nacl.signing import SigningKey

REQUESTED, APPROVED = keys_pb2.KEY_STATE_REQUESTED, keys_pb2.KEY_STATE_APPROVED
IN_FORCE, REPLACED = keys_pb2.KEY_STATE_IN_FORCE, keys_pb2.KEY_STATE_REPLACED
CANCELLED = keys_pb2.KEY_STATE_CANCELLED
_NEVER = (
    keys_pb2.KEY_STATE_OBJECTED,
    keys_pb2.KEY_STATE_REFUSED,
    keys_pb2.KEY_STATE_SUPERSEDED,
)


@dataclass(frozen=True)
class KeyHere:
    """The key of one home, as a wallet's, and how to ask the bank about it."""

    number: str
    bank_name: str
    key: SigningKey
    bank: BankPort
    clock: Clock
    is_signer: bool = False

    @property
    def key_id(self) -> bytes:
        """By what the bank finds this key."""
        number = self.number.encode()
        return number + b"-" + key_id(self.public) if self.is_signer else number

    @property
    def public(self) -> bytes:
        """Its public half, 32 bytes."""
        return bytes(self.key.verify_key)

    def state(self) -> keys_pb2.GetKeyResponse:
        """What the bank says of it. Raises Refusal: REQUEST_UNKNOWN, it knows nothing of it."""
        query = self.signed(keys_pb2.KeyQuery, QUERY_VALID_MS, named=self._name())
        return self.bank.get_key(query)

    def requesting(self) -> SignedEnvelope:
        """Its wish to become the wallet's."""
        return self.signed(
            keys_pb2.KeyRequest, OPENING_VALID_MS, named=self._name(), public_key=self.public
        )

    def request(self) -> None:
        """Asks that it may become the wallet's."""
        self.bank.request_key(self.requesting())

    def object(self, code: str) -> bytes:
        """Objects to the key that is to take this one's place; returns that key.

        Args:
            code: that key's, as it was shown.

        Raises:
            Refusal: REQUEST_UNKNOWN, there is none of this code.
        """
        successor = self.state().successor
        if not successor or not same_code(code, successor):
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                N_("no key of this code is to take this one's place"),
                field="code",
            )
        objection = self.signed(keys_pb2.KeyObjection, OPENING_VALID_MS, public_key=successor)
        self.bank.object_to_key(objection)
        return successor

    def signed(
        self, kind: Callable[..., Message], valid_ms: int, *, named: bytes = b"", **fields: Any
    ) -> SignedEnvelope:
        """Something for this bank, as `signed_now` has it; `named` is another key_id."""
        return signed_now(
            kind,
            valid_ms,
            number=self.number,
            key=self.key,
            clock=self.clock,
            key_id=named or self.key_id,
            bank=self.bank_name,
            **fields,
        )

    def explaining(self) -> BankPort:
        """The bank, which says so where it refuses what this key signs because of another key."""
        return cast(BankPort, _Explaining(self))

    def _name(self) -> bytes:
        return self.public.hex().encode()


class _Explaining:
    """A bank's port, of which each method may refuse with KEY_REPLACED for SIGNATURE_INVALID."""

    def __init__(self, here: KeyHere) -> None:
        self._here = here

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._here.bank, name)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                answer = method(*arguments, **named)
            except Refusal as refusal:
                if refusal.reason == errors_pb2.REASON_SIGNATURE_INVALID:
                    self._check()
                raise
            if name == "pay_many" and any(
                item.reason == errors_pb2.REASON_SIGNATURE_INVALID for item in answer
            ):
                self._check()
            return answer

        return call

    def _check(self) -> None:
        """Raises Refusal: KEY_REPLACED, if that is why the bank did not know the signature."""
        try:
            state = self._here.state()
        except (Refusal, NoAnswer):
            return
        if state.state == REPLACED:
            raise replaced(state)


def replaced(state: keys_pb2.GetKeyResponse) -> Refusal:
    """The refusal of what a key signs that another one has replaced."""
    return Refusal(
        errors_pb2.REASON_KEY_REPLACED,
        N_("the key in this home is not this wallet's any more: another one has replaced it"),
        replaced_time_ms=str(state.in_force_time_ms),
    )


@dataclass(frozen=True)
class Recovered:
    """How far a wallet's new home has come.

    Attributes:
        profile: of the home; it is opened once the key is in force.
        key: the home's public key.
        state: what the bank says of the key.
    """

    profile: Profile
    key: bytes
    state: keys_pb2.GetKeyResponse


def recover_wallet(
    home: Home,
    banks: Banks,
    randomness: Randomness,
    clock: Clock,
    bank: BankEntry,
    number: str,
    ask: Callable[[KeyHere], None] = KeyHere.request,
) -> Recovered:
    """Makes a key for a wallet whose home is lost, asks for it, or looks how far that is.

    Args:
        ask: asks the bank for the key.

    Raises:
        Refusal: by the bank; ALREADY_EXISTS when another wallet lives in this home; KEY_REPLACED;
            ALREADY_DECIDED when the key will never be the wallet's: the next call makes another.
        NoAnswer: the same call again asks once more.
    """
    profile = home.profile()
    if profile is not None and (profile.number, profile.bank) != (number, bank.name):
        raise another_lives(home, profile)
    if profile is None:
        profile = _begun(home, randomness, bank, number)
    here = KeyHere(
        number,
        bank.name,
        home.key(),
        banks.at(bank.address, home.bank_ca(profile), bank.name),
        clock,
    )
    state = _asked(here, ask, again=not profile.opened)
    if state.state == REPLACED:
        raise replaced(state)
    if state.state in _NEVER:
        home.discard()
        raise Refusal(
            errors_pb2.REASON_ALREADY_DECIDED,
            N_("this key will never be the wallet's: its old key has objected, or it was closed"),
        )
    if state.state == IN_FORCE and not profile.opened:
        here = replace(here, is_signer=state.HasField("signer"))
        profile = _opened(home, here, profile)
    elif state.state != IN_FORCE and profile.opened:
        # The bank goes on from an older copy of its database, and has forgotten this key.
        profile = replace(profile, awaits_key=True)
        home.save(profile)
    return Recovered(profile, here.public, state)


def _begun(home: Home, randomness: Randomness, bank: BankEntry, number: str) -> Profile:
    """A home with a key that nobody knows yet."""
    home.seal(randomness.bytes(SEED_BYTES))
    profile = Profile(
        request_id=randomness.uuid(),
        bank_address=bank.address,
        offline_root=bank.offline_root,
        holder_name="",
        phone="",
        bank_ca=home.keep_ca(bank.ca),
        number=number,
        bank=bank.name,
        stack=bank.stack,
        awaits_key=True,
    )
    home.save(profile)
    return profile


def _asked(
    here: KeyHere, ask: Callable[[KeyHere], None], *, again: bool
) -> keys_pb2.GetKeyResponse:
    """What the bank says of the key; it is asked for first if the bank knows nothing of it, and
    once more, if `again`, while no officer has approved it.
    """
    try:
        state = here.state()
        if state.state not in (REQUESTED, CANCELLED) or not again:
            return state
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
    ask(here)
    return here.state()


def _opened(home: Home, here: KeyHere, profile: Profile) -> Profile:
    query = here.signed(orders_pb2.Query, QUERY_VALID_MS, method=GET_WALLET)
    state = here.bank.get_wallet(query)
    opened = replace(
        profile,
        awaits_key=False,
        is_signer=here.is_signer,
        wallet_class=class_name(state.wallet_class),
    )
    home.save(opened)
    return opened
