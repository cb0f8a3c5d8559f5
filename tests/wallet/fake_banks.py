"""The banks that a wallet finds in tests: one, which exists only for them."""

from __future__ import annotations

from tests.wallet.fake_bank import FakeBank


class FakeBanks:
    """`wallet.peers.interface.Banks` with one bank."""

    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    def at(self, address: str, ca: str, name: str) -> FakeBank:
        return self.bank
