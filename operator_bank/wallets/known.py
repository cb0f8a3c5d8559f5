"""Keeps the bank's wallets in memory, by number and account: some hundred bytes for each.

A bank has millions of them. So they are kept in columns, and a wallet becomes an object only when
somebody asks for it.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from operator_bank.ledger.accounts import FIRST_OF_WALLETS, NOBODY
from runtime.ed25519 import PUBLIC_KEY_BYTES


class Wallet(NamedTuple):
    """A wallet of this bank.

    Attributes:
        row_id: its id in tables.
        account: in the currency's ledger.
        deposit_account: its holder's; None for a holder known only by phone.
        key_number: which of its keys `public_key` is: 0 is the first one. Its orders have the
            sequences of that key.
    """

    row_id: int
    number: str
    public_key: bytes
    wallet_class: int
    account: int
    deposit_account: int | None
    key_number: int = 0


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
        self._replaced: dict[int, tuple[bytes, int]] = {}
        """By place: the key in force, and its number, where it is not the first one. A pair, so
        that nobody sees one without the other."""
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
        key, key_number = self._replaced.get(place) or (
            bytes(self._keys[at : at + PUBLIC_KEY_BYTES]),
            0,
        )
        return Wallet(
            self._row_ids[place],
            number,
            key,
            self._classes[place],
            self._accounts[place],
            self._deposits[place] or None,
            key_number,
        )

    def replace_key(self, number: str, key: bytes, key_number: int) -> None:
        """Puts another key in the place of a wallet's."""
        self._replaced[self._places[number]] = key, key_number

    def account(self, number: str) -> int:
        """The account of the wallet with this number; NOBODY if there is none."""
        place = self._places.get(number)
        return NOBODY if place is None else self._accounts[place]

    def number_of(self, account: int) -> str:
        """The number of the wallet that an account belongs to; "" for any other account."""
        at = account - FIRST_OF_WALLETS
        place = self._by_account[at] if 0 <= at < len(self._by_account) else 0
        return self._numbers[place - 1] if place else ""
