"""Defines what the central bank asks of the banks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from central_bank.authentication.banks import AdmittedBank
from dcep.bank.v1 import inbound_pb2


class BankPeers(Protocol):
    """Asks banks. A question only begins here; its answer comes within a bounded time.

    An answer raises NoAnswer if the bank could not be reached in time, or its answer makes no
    sense.
    """

    def check(self, bank: AdmittedBank, payees: Sequence[str]) -> Future[list[int]]:
        """Asks whether wallets can be paid: for each number 0, or PAYEE_CANNOT_BE_PAID."""
        ...

    def take_requests(
        self, bank: AdmittedBank, items: Sequence[inbound_pb2.CarriedRequest]
    ) -> Future[None]:
        """Gives a bank requests to pay, or changes of them.

        The answer raises Refusal: OVERLOADED, for now.
        """
        ...

    def answer_alias(
        self, bank: AdmittedBank, label: bytes, nonce: bytes, prefix: str
    ) -> Future[bytes]:
        """Asks whom an alias stands for; the answer is sealed for the bank with that prefix."""
        ...

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Future[None]:
        """Has a bank's vault reserve money for a redemption.

        The answer raises Refusal: VAULT_SHORT, with missing_fen.
        """
        ...
