"""A cash machine: counts notes, and signs for what it took in and for what it has ready.

In the sandbox it takes in whatever it is told, and never runs out of notes. Its key lies apart from
the bank's keys; the bank knows only the public key.
"""

from __future__ import annotations

import threading
import time
from typing import TypeVar

from google.protobuf.message import Message
from nacl.signing import SigningKey

from console.tray import Notes, Tray
from dcep.bank.v1 import exchange_pb2, exchange_pb2_grpc, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.connections import ask, public_channel, stub
from deployment.topology import CASH_MACHINE, MachineMissing, StackPlan
from language import _
from runtime.envelope import sign

_Word = TypeVar("_Word", orders_pb2.CashReceipt, orders_pb2.CashReady)


class CashMachine:
    """A cash machine of a bank."""

    def __init__(self, bank: str, key: SigningKey, name: str = CASH_MACHINE) -> None:
        self._bank = bank
        self._key = key
        self._name = name
        self._number = 0
        self._counting = threading.Lock()

    @classmethod
    def of(cls, plan: StackPlan, bank: str, name: str = CASH_MACHINE) -> CashMachine:
        """The machine with a name, at a bank of a stack.

        Raises:
            MachineMissing: the stack has no such machine.
        """
        path = plan.cash_machine_key(bank, name)
        if not path.exists():
            raise MachineMissing(
                _("no machine {name!r} stands here for {bank}").format(name=name, bank=bank)
            )
        return cls(bank, SigningKey(path.read_bytes()), name)

    def receipt(self, wallet_number: str, amount_fen: int) -> SignedEnvelope:
        """Signs that the machine has taken in an amount for a wallet."""
        return self._signed(self._counted(orders_pb2.CashReceipt, wallet_number, amount_fen))

    def ready(self, wallet_number: str, amount_fen: int, tray: Tray) -> SignedEnvelope:
        """Counts an amount for a wallet into the tray, and signs that it is ready."""
        ready = self._counted(orders_pb2.CashReady, wallet_number, amount_fen)
        tray.put(Notes(ready.number, wallet_number, amount_fen, ready.time_ms))
        return self._signed(ready)

    def settle(self, plan: StackPlan, tray: Tray, *, give_up: bool = False) -> list[Notes]:
        """Asks the bank about all notes in the tray, and does what the bank says.

        Args:
            plan: the stack.
            tray: the machine's.
            give_up: whether to take back notes that nobody has ordered yet.

        Returns:
            What became of each.

        Raises:
            NoAnswer: the bank does not answer; the remaining notes stay where they are.
            Refusal: the bank refuses; likewise.
        """
        with public_channel(plan, plan.bank(self._bank).public_address) as channel:
            settle = stub(exchange_pb2_grpc.ExchangeServiceStub, channel).SettleCashOut

            def put(number: int, gives_up: bool) -> int:
                question = self.question(number, give_up=gives_up)
                asked = exchange_pb2.SettleCashOutRequest(question=question)
                return ask(settle, asked, exchange_pb2.SettleCashOutResponse).state

            return tray.settle(put, give_up=give_up)

    def question(self, number: int, *, give_up: bool) -> SignedEnvelope:
        """The machine's signed question to the bank about notes that it has ready."""
        asked = orders_pb2.CashQuestion(
            bank=self._bank, machine=self._name, number=number, give_up=give_up
        )
        return self._signed(asked)

    def _counted(self, kind: type[_Word], wallet_number: str, amount_fen: int) -> _Word:
        now_ns = time.time_ns()
        with self._counting:
            # The time in microseconds, so that numbers go on rising after a restart.
            self._number = max(self._number + 1, now_ns // 1_000)
            number = self._number
        return kind(
            bank=self._bank,
            machine=self._name,
            number=number,
            wallet_number=wallet_number,
            amount_fen=amount_fen,
            time_ms=now_ns // 1_000_000,
        )

    def _signed(self, word: Message) -> SignedEnvelope:
        return sign(word, self._key, self._name.encode())
