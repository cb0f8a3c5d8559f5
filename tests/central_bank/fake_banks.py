"""Banks in memory, as the central bank sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from central_bank.authentication.banks import AdmittedBank
from dcep.bank.v1 import inbound_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal
from simulation.scheme.network import at_once

T = TypeVar("T")


@dataclass
class FakeBanks:
    """`central_bank.peers.interface.BankPeers`: says what it is told.

    Attributes:
        reasons: for wallet numbers that may not be paid.
        silent: banks that do not answer.
        hanging: banks whose answers come when `answer_now` is called.
        asked: which bank was asked what, in order.
        vault_fen: what a bank can reserve; without a number, everything.
        reserved: what was reserved, by (bank, number).
    """

    reasons: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    vault_fen: dict[str, int] = field(default_factory=dict)
    reserved: dict[tuple[str, int], int] = field(default_factory=dict)

    taken: list[inbound_pb2.CarriedRequest] = field(default_factory=list)

    _on_their_way: list[Callable[[], None]] = field(default_factory=list)

    def check(self, bank: AdmittedBank, payees: Sequence[str]) -> Future[list[int]]:
        self.asked.append((bank.name, "check"))
        return self._answer(bank, lambda: [self.reasons.get(number, 0) for number in payees])

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Future[None]:
        self.asked.append((bank.name, "reserve_for_redemption"))
        return self._answer(bank, lambda: self.reserve_now(bank, number, amount_fen))

    def take_requests(
        self, bank: AdmittedBank, items: Sequence[inbound_pb2.CarriedRequest]
    ) -> Future[None]:
        self.asked.append((bank.name, "take_requests"))
        return self._answer(bank, lambda: self.taken.extend(items))

    def answer_alias(
        self, bank: AdmittedBank, label: bytes, nonce: bytes, prefix: str
    ) -> Future[bytes]:
        self.asked.append((bank.name, "answer_alias"))
        return self._answer(bank, lambda: label * 8)

    def answer_now(self) -> None:
        """What hangs is answered: with silence by the silent, by the others as usual."""
        answers, self._on_their_way = self._on_their_way, []
        for answer in answers:
            answer()

    def reserve_now(self, bank: AdmittedBank, number: int, amount_fen: int) -> None:
        if self.vault_fen.get(bank.name, amount_fen) < amount_fen:
            raise Refusal(errors_pb2.REASON_VAULT_SHORT, "short", missing_fen="1")
        self.reserved[bank.name, number] = amount_fen

    def _answer(self, bank: AdmittedBank, say: Callable[[], T]) -> Future[T]:
        def answered() -> T:
            if bank.name in self.silent:
                raise NoAnswer(f"{bank.name} is silent")
            return say()

        if bank.name not in self.hanging:
            return at_once(answered)
        late: Future[T] = Future()

        def answer() -> None:
            came = at_once(answered)
            error = came.exception()
            late.set_exception(error) if error else late.set_result(came.result())

        self._on_their_way.append(answer)
        return late
