"""Keeps the bank's wallets in memory, by number and account: some hundred bytes for each.

A bank has millions of them. So they are kept in columns, and a wallet becomes an object only when
somebody asks for it.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from operator_bank.ledger.accounts import FIRST_OF_WALLETS, NOBODY
from operator_bank.wallets.signers import RELEASE, Signer, Signers
from runtime.ed25519 import PUBLIC_KEY_BYTES

_NUMBER_DIGITS = 16


class Wallet(NamedTuple):
    """A wallet of this bank.

    Attributes:
        row_id: its id in tables.
        account: in the currency's ledger.
        deposit_account: its holder's; None for a holder known only by phone.
        key_number: which of its keys `public_key` is: 0 is the first one. Its orders have the
            sequences of that key.
        signers: its list of signers; None for a wallet of one key.
        signer: which of them `public_key` is; None in a list with nobody in place 0, if the wallet
            was found by its number.
    """

    row_id: int
    number: str
    public_key: bytes
    wallet_class: int
    account: int
    deposit_account: int | None
    key_number: int = 0
    signers: Signers | None = None
    signer: Signer | None = None

    @property
    def all_keys(self) -> list[bytes]:
        """The keys in force."""
        if self.signers is None:
            return [self.public_key]
        return [one.public_key for one in self.signers.signers]

    @property
    def alone(self) -> list[bytes]:
        """The keys each of which orders alone."""
        if self.signers is None:
            return [self.public_key]
        if self.signers.threshold > 1:
            return []
        return [one.public_key for one in self.signers.signers if one.role == RELEASE]


class _InForce(NamedTuple):
    """A key or a list in place of a wallet's first key."""

    key: bytes
    number: int
    signers: Signers | None = None
    first: Signer | None = None


class KnownWallets:
    """The wallets in memory. One thread may add at a time; any thread may look meanwhile."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._numbers: list[str] = []
        self._row_ids = array("I")
        self._accounts = array("I")
        self._deposits = array("I")  # 0 for none
        self._classes = bytearray()
        self._keys = bytearray()
        self._replaced: dict[int, _InForce] = {}
        """By place: the key or the list in force, where it is not the first key. As one, so that
        nobody sees a part without the others."""
        self._by_account = array("I")  # from FIRST_OF_WALLETS on: 1 + the place, or 0

    def __len__(self) -> int:
        return len(self._places)

    def add(self, wallet: Wallet) -> None:
        """Remembers a wallet; a second time changes nothing."""
        if wallet.number in self._places:
            return
        place = len(self._numbers)
        self._numbers.append(wallet.number)
        self._row_ids.append(wallet.row_id)
        self._accounts.append(wallet.account)
        self._deposits.append(wallet.deposit_account or 0)
        self._classes.append(wallet.wallet_class)
        self._keys += wallet.public_key
        at = wallet.account - FIRST_OF_WALLETS
        self._by_account.extend([0] * (at + 1 - len(self._by_account)))
        self._by_account[at] = 1 + place
        self._places[wallet.number] = place  # last, so that all of it can be found

    def change(self, number: str, wallet_class: int, deposit_account: int | None) -> None:
        """Gives a wallet that is known another class, and perhaps a deposit account."""
        place = self._places[number]
        # The account first: who has the class finds it.
        self._deposits[place] = deposit_account or 0
        self._classes[place] = wallet_class

    def find(self, number: str) -> Wallet | None:
        """The wallet with this number; None if there is none."""
        place = self._places.get(number)
        if place is None:
            return None
        at = place * PUBLIC_KEY_BYTES
        key, key_number, signers, signer = self._replaced.get(place) or (
            bytes(self._keys[at : at + PUBLIC_KEY_BYTES]),
            0,
            None,
            None,
        )
        return Wallet(
            self._row_ids[place],
            number,
            key,
            self._classes[place],
            self._accounts[place],
            self._deposits[place] or None,
            key_number,
            signers,
            signer,
        )

    def signing(self, key_id: str) -> Wallet | None:
        """The wallet with the key that an envelope names; None if there is none."""
        wallet = self.find(key_id)
        if wallet is None:
            number, name = key_id[:_NUMBER_DIGITS], key_id[_NUMBER_DIGITS:]
            wallet = self.find(number) if name[:1] == "-" else None
            if wallet is None or wallet.signers is None:
                return None
            signer = wallet.signers.named(name[1:])
            if signer is None:
                return None
            return wallet._replace(public_key=signer.public_key, signer=signer)
        return None if wallet.signers is not None and wallet.signer is None else wallet

    def replace_key(self, number: str, key: bytes, key_number: int) -> None:
        """Puts another key in the place of a wallet's, or of its signers."""
        self._replaced[self._places[number]] = _InForce(key, key_number)

    def set_signers(self, number: str, signers: Signers, list_number: int) -> None:
        """Puts a list of signers in the place of a wallet's key, or of its list."""
        first = signers.at(0)
        key = first.public_key if first is not None else b""
        self._replaced[self._places[number]] = _InForce(key, list_number, signers, first)

    def account(self, number: str) -> int:
        """The account of the wallet with this number; NOBODY if there is none."""
        place = self._places.get(number)
        return NOBODY if place is None else self._accounts[place]

    def number_of(self, account: int) -> str:
        """The number of the wallet that an account belongs to; "" for any other account."""
        at = account - FIRST_OF_WALLETS
        place = self._by_account[at] if 0 <= at < len(self._by_account) else 0
        return self._numbers[place - 1] if place else ""


def id_of(number: str, sequence: int) -> str:
    """The id of a payment: its payer's wallet number and sequence."""
    return f"{number}-{sequence}"
