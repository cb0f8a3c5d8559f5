"""Opens, changes and closes sub-wallets of a wallet, and makes the home of one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from nacl.signing import SigningKey

from currency.contract_words import class_name
from dcep.bank.v1 import orders_pb2, sub_wallets_pb2
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.clock import Clock
from runtime.ed25519 import SEED_BYTES
from runtime.errors import NoAnswer, Refusal
from runtime.randomness import Randomness
from wallet.home.home import Home, Profile
from wallet.limits import OPENING_VALID_MS, ORDER_VALID_MS, QUERY_VALID_MS
from wallet.online.keys import KeyHere
from wallet.online.opening import another_lives
from wallet.peers.bank_directory import BankEntry
from wallet.peers.interface import GET_WALLET, LIST_SUB_WALLETS, Banks

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
_OPEN = sub_wallets_pb2.SUB_WALLET_STATE_OPEN
_FROZEN = sub_wallets_pb2.SUB_WALLET_STATE_FROZEN
Terms = sub_wallets_pb2.SubWalletTerms
SubWallet = sub_wallets_pb2.SubWallet
_KEYS = uuid.UUID("3b6c1f0e-93d4-4a55-8f0c-6d5d7a0e2b11")


class MandateGiven(Refusal):
    """There is a mandate for whoever is to get one."""

    def __init__(self, number: str) -> None:
        super().__init__(
            errors_pb2.REASON_ALREADY_EXISTS,
            N_("they have a mandate of this wallet; it is changed or ended by its number"),
            field="payee_number",
            wallet_number=number,
        )


@dataclass(frozen=True)
class SubWallets:
    """The sub-wallets of a wallet, whose key is here. Each call raises Refusal or NoAnswer."""

    here: KeyHere
    randomness: Randomness

    def listed(self) -> sub_wallets_pb2.ListSubWalletsResponse:
        """All of them, closed ones too, and the amounts that limits are chosen from."""
        query = self.here.signed(orders_pb2.Query, QUERY_VALID_MS, method=LIST_SUB_WALLETS)
        return self.here.bank.list_sub_wallets(query)

    def find(self, number: str) -> SubWallet:
        """One of them. Raises Refusal: WALLET_UNKNOWN."""
        each: SubWallet
        for each in self.listed().sub_wallets:
            if each.wallet_number == number:
                return each
        raise Refusal(
            errors_pb2.REASON_WALLET_UNKNOWN,
            N_("this wallet has no such sub-wallet"),
            field="sub_wallet_number",
        )

    def open(self, key: bytes, terms: Terms) -> SubWallet:
        """Opens one for a key; the same again opens no second one."""
        return self._order(OPEN, str(uuid.uuid5(_KEYS, key.hex())), public_key=key, terms=terms)

    def give(self, terms: Terms) -> SubWallet:
        """Gives the one payee of some terms a mandate. Nobody keeps the secret of its key.

        Raises:
            MandateGiven: the payee has one that is open, perhaps by this very command.
        """
        for each in self.mandates():
            if each.state in (_OPEN, _FROZEN) and list(each.terms.payees) == list(terms.payees):
                raise MandateGiven(each.wallet_number)
        key = SigningKey(self.randomness.bytes(SEED_BYTES)).verify_key
        return self.open(bytes(key), terms)

    def mandates(self) -> list[SubWallet]:
        """The mandates among them, closed ones too."""
        return [each for each in self.listed().sub_wallets if each.terms.HasField("mandate")]

    def change(self, number: str, terms: Terms) -> SubWallet:
        """Gives one other terms."""
        anew = self.randomness.uuid()
        return self._order(CHANGE, anew, sub_wallet_number=number, terms=terms)

    def close(self, number: str) -> SubWallet:
        """Closes one; its money comes home."""
        return self._order(CLOSE, self.randomness.uuid(), sub_wallet_number=number)

    def _order(self, action: int, request_id: str, **fields: Any) -> SubWallet:
        order = self.here.signed(
            sub_wallets_pb2.SubWalletOrder,
            OPENING_VALID_MS,
            action=action,
            request_id=request_id,
            **fields,
        )
        return self.here.bank.order_sub_wallet(order)


def make_key(home: Home, randomness: Randomness, bank: BankEntry) -> bytes:
    """Makes the key of a sub-wallet to be; returns its public half. Again, it is the same.

    Raises:
        Refusal: ALREADY_EXISTS, a wallet lives in this home.
    """
    profile = home.profile()
    if profile is not None and (profile.number or profile.holder_name or profile.phone):
        raise another_lives(home, profile)
    home.seal(randomness.bytes(SEED_BYTES))
    home.save(
        Profile(
            request_id=randomness.uuid(),
            bank_address=bank.address,
            offline_root=bank.offline_root,
            holder_name="",
            phone="",
            bank_ca=home.keep_ca(bank.ca),
            bank=bank.name,
            stack=bank.stack,
        )
    )
    return bytes(home.key().verify_key)


def join(home: Home, banks: Banks, clock: Clock, number: str) -> Profile:
    """Takes up the sub-wallet that was opened for the key in a home; again, nothing happens.

    Args:
        number: of the sub-wallet, as its parent says it.

    Raises:
        Refusal: ALREADY_EXISTS, another wallet lives here; by the bank, SIGNATURE_INVALID when the
            number is not of this key; NOT_THE_OWNER, the wallet is no sub-wallet.
        NoAnswer: ask again.
    """
    profile = home.profile()
    if profile is None or profile.awaits_key or profile.number not in ("", number):
        if profile is not None:
            raise another_lives(home, profile)
        raise Refusal(
            errors_pb2.REASON_REQUEST_UNKNOWN,
            N_("there is no key for a sub-wallet here; make one with: wallet sub key --bank NAME"),
        )
    here = KeyHere(
        number,
        profile.bank,
        home.key(),
        banks.at(profile.bank_address, home.bank_ca(profile), profile.bank),
        clock,
    )
    state = here.bank.get_wallet(here.signed(orders_pb2.Query, QUERY_VALID_MS, method=GET_WALLET))
    if not state.HasField("belongs_to"):
        raise Refusal(errors_pb2.REASON_NOT_THE_OWNER, N_("this is no sub-wallet"))
    opened = replace(
        profile,
        number=number,
        wallet_class=class_name(state.wallet_class),
        ends_time_ms=state.belongs_to.terms.ends_time_ms,
    )
    home.save(opened)
    return opened


def ends_of(home: Home, here: KeyHere, profile: Profile) -> int:
    """When the sub-wallet in a home ends; 0 if it is none.

    The bank is asked when what the home knows is about to be over: the end may have been put off.
    """
    ends_ms = profile.ends_time_ms
    if not ends_ms or here.clock.now_ms() + ORDER_VALID_MS <= ends_ms:
        return ends_ms
    query = here.signed(orders_pb2.Query, QUERY_VALID_MS, method=GET_WALLET)
    try:
        said = here.bank.get_wallet(query).belongs_to.terms.ends_time_ms
    except (NoAnswer, Refusal):
        return ends_ms  # whatever is ordered gets the bank's own answer
    if said > ends_ms:
        home.save(replace(profile, ends_time_ms=said))
    return max(said, ends_ms)
