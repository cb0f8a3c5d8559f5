"""A bank's counter for people who have no telephone that runs a wallet: they have a card.

Each card has a wallet at the bank, whose home lies here. The counter signs with its key what goes
in and onto the card; what is on the card is in the hands of whoever has it, and its PIN.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.cash_machine import CashMachine
from console.unheard import unheard
from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from deployment.topology import StackPlan
from language import _
from runtime.errors import Refusal
from runtime.files import write_whole
from runtime.own_modules import own
from runtime.private import make_private

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class WalletRefused(Exception):
    """The card's wallet has not done what it was told.

    Attributes:
        code: the exit code of its command.
        told: what it said; empty if it said nothing that can be read.
    """

    def __init__(self, code: int, told: dict[str, Any]) -> None:
        super().__init__(str(told.get("message", "")))
        self.code = code
        self.told = told

    @property
    def reason(self) -> str:
        """Why, in capital letters."""
        return str(self.told.get("reason", "INTERNAL"))


@dataclass(frozen=True)
class CounterCard:
    """A card that the counter of a bank has given out, by the name that is printed on it."""

    plan: StackPlan
    bank: str
    name: str

    @classmethod
    def named(cls, plan: StackPlan, bank: str, name: str) -> CounterCard:
        """The card with a name. Raises Refusal: FIELD_INVALID."""
        if not _NAME.fullmatch(name):
            raise Refusal(
                errors_pb2.REASON_FIELD_INVALID,
                _("a card's name has small letters, digits and hyphens, a letter first"),
                field="name",
            )
        return cls(plan, plan.bank(bank).name, name)

    @property
    def home(self) -> Path:
        """The home of its wallet."""
        return self.plan.folder / "counter" / self.bank / self.name

    def is_issued(self) -> bool:
        """Whether it has a wallet."""
        return self._settings.exists()

    def issue(self, shown: list[str], limit_fen: int) -> dict[str, Any]:
        """Opens a wallet for it; the same again opens no second one.

        Args:
            shown: options of `wallet open`.
            limit_fen: the most that the counter loads it to.

        Raises:
            Refusal: ALREADY_EXISTS.
            WalletRefused: it has none yet.
        """
        if self.is_issued():
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                _("a card of this name was given out before"),
                field="name",
            )
        for folder in (self.home.parent.parent, self.home.parent, self.home):
            make_private(folder)
        opened = self.wallet("open", "--bank", self.bank, *shown)
        write_whole(self._settings, json.dumps({"limit_fen": limit_fen}).encode())
        return opened

    def limit_fen(self) -> int:
        """The most that the counter loads it to. Raises Refusal: it was not given out here."""
        if not self.is_issued():
            raise Refusal(
                errors_pb2.REASON_WALLET_UNKNOWN,
                _("{bank} has given out no card {name} here").format(
                    bank=self.bank, name=self.name
                ),
                field="name",
            )
        return int(json.loads(self._settings.read_text())["limit_fen"])

    def state(self) -> dict[str, Any]:
        """The wallet behind it. Raises WalletRefused, Refusal."""
        self.limit_fen()
        return self.wallet("show")

    def top_up(self, socket: Path, amount_fen: int, machine: str, pin: str) -> int:
        """Takes notes in, and loads as much onto the card; repeated after a cut, it does so once.

        Args:
            socket: where the card is touched.
            amount_fen: what the holder has put on the counter.
            machine: the teller's desk, which signs for it.
            pin: the card's; "": it is asked for.

        Returns:
            What is on the card now, in fen.

        Raises:
            Refusal: the card would have more than its limit; no notes are taken.
            WalletRefused: what was taken in lies in the card's wallet, or will when it is repeated.
        """
        number = str(self.state()["number"])
        wish = f"card\0{self.bank}\0{machine}\0{number}\0{amount_fen}".encode()
        with unheard(self.plan.unheard_folder, wish) as kept:
            if not kept.content:
                self._check_limit(socket, amount_fen, pin)
                receipt = CashMachine.of(self.plan, self.bank, machine).receipt(number, amount_fen)
                kept.keep(receipt.SerializeToString())
            text = base64.urlsafe_b64encode(kept.content).decode()
            try:
                self.wallet("topup", format_yuan(amount_fen), "--receipt", text)
            except WalletRefused as refused:
                if refused.reason != "RECEIPT_USED":
                    raise
            done = self._loaded(socket, amount_fen, pin)
            kept.heard()
        return done

    def load(self, socket: Path, pin: str) -> int:
        """Loads all that is in its wallet, within its limit. Raises as `top_up`."""
        available_fen = int(self.state()["available_fen"])
        self._check_limit(socket, available_fen, pin)
        return self._loaded(socket, available_fen, pin)

    def empty(self, socket: Path) -> dict[str, Any]:
        """Puts what is on the card back into its wallet. Raises WalletRefused."""
        self.limit_fen()
        return self.wallet("offline", "tap", str(socket), "--deposit")

    def hand_over(self, other: CounterCard) -> int:
        """Pays all that is in its wallet to another card's; returns how much, in fen."""
        available_fen = int(self.state()["available_fen"])
        if available_fen:
            number = str(other.state()["number"])
            self.wallet("pay", number, format_yuan(available_fen), "--memo", _("card replaced"))
        return available_fen

    def wallet(self, *words: str, pin: str = "") -> dict[str, Any]:
        """Runs a command of its wallet.

        Args:
            words: the command.
            pin: the card's; "": the command asks for one that it wants at this terminal.

        Raises:
            WalletRefused: the command did not end well.
        """
        command = [sys.executable, "-m", own("wallet.cli.main"), *words]
        command += ["--home", str(self.home), "--json"]
        environment = {**os.environ, "DCEP_STACK": str(self.plan.folder)}
        environment |= {"DCEP_CARD_PIN": pin} if pin else {}
        importable = os.pathsep.join(entry for entry in sys.path if entry)
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            env={**environment, "PYTHONPATH": importable},
            check=False,
        )
        try:
            told = json.loads(done.stdout)
        except ValueError:
            told = {}
        if done.returncode:
            raise WalletRefused(done.returncode, told)
        return dict(told)

    def _check_limit(self, socket: Path, more_fen: int, pin: str) -> None:
        limit_fen, holds_fen = self.limit_fen(), self._held(socket, pin)
        if holds_fen + more_fen > limit_fen:
            raise Refusal(
                errors_pb2.REASON_OVER_BALANCE_CAP,
                _("the card has {has} yuan, and may have {most}").format(
                    has=format_yuan(holds_fen), most=format_yuan(limit_fen)
                ),
                field="amount",
            )

    def _loaded(self, socket: Path, amount_fen: int, pin: str) -> int:
        # Where there is less in the wallet, it was loaded before and nobody heard of it.
        if int(self.state()["available_fen"]) >= amount_fen > 0:
            words = ("offline", "tap", str(socket), "--load", format_yuan(amount_fen))
            return int(self.wallet(*words, pin=pin)["offline_fen"] or 0)
        return self._held(socket, pin)

    def _held(self, socket: Path, pin: str) -> int:
        """What is on the card, in fen."""
        return int(self.wallet("offline", "tap", str(socket), pin=pin)["card_fen"] or 0)

    @property
    def _settings(self) -> Path:
        return self.home / "card.json"
