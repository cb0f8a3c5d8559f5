"""A wallet that is on several phones, or is signed for by several people, each in a home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from currency.key_code import code_of
from dcep.bank.v1 import signers_pb2, states_pb2
from tests.auditor.told import ALICE, CAROL, Stack
from wallet.app import App
from wallet.peers.bank_directory import BankEntry
from wallet.tables import metadata as wallet_tables

ALPHA = BankEntry("alpha", "alpha", ca=__file__, offline_root="")
SEE, RELEASE = states_pb2.SIGNER_ROLE_SEE, states_pb2.SIGNER_ROLE_RELEASE
OLD, NEW, OTHER = ALICE, "phone", CAROL


def yes(_: signers_pb2.Signer) -> None:
    """Whoever is asked agrees."""


class Phones:
    """A wallet with money in it, the home of which wants to be on a second phone."""

    def __init__(self, folder: Path) -> None:
        self.system = Stack(folder).system
        self.number = self.system.numbers[OLD]
        self.payee = self.system.numbers[OTHER]

    @property
    def old(self) -> App:
        made: App = self.system.built[OLD]
        return made

    @property
    def new(self) -> App:
        made: App = self.system.built[NEW]
        return made

    def home(self, name: str = NEW) -> App:
        """A new home, which asks to sign."""
        self.system.add(name, wallet_tables)
        made: App = self.system.built[name]
        made.recover(ALPHA, self.number)
        return made

    def joined(self, name: str = NEW, role: int = RELEASE) -> App:
        """A new home that the old one has let in."""
        made = self.home(name)
        code = code_of(bytes(made.home.key().verify_key))
        self.old.signers().add(code, role, name, yes)
        assert made.recover(ALPHA, self.number).profile.opened
        return made

    def pay(self, app: App, fen: int = 100, **how: Any) -> Any:
        return app.holder().pay(self.payee, fen, **how)

    def received(self) -> list[int]:
        holder = self.system.built[OTHER].holder()
        return [entry.change_fen for entry in holder.history()[0] if entry.kind == "payment"]
