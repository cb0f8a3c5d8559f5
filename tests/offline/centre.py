"""A central bank whose banks have certificates for offline money, with devices and deposits."""

from __future__ import annotations

import itertools
from pathlib import Path

from central_bank.authentication.banks import AdmittedBank
from central_bank.ledger import accounts
from central_bank.registration.offline.outcomes import DepositOutcome
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import Chain, Token
from offline_token.possession import prove
from offline_token.signing import certify_device
from runtime.envelope import sign
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import System
from tests.offline.signers import DAY, Device, Signers, key_of
from tests.refusals import verdict_name


class Centre(System):
    """Alice, Bob and Carol bank at alpha, Dan and Erin at beta; alpha pays for the tokens."""

    def __init__(self, folder: Path, url: str = "") -> None:
        super().__init__(folder, url)
        self.issue(self.alpha, 100_000)
        self.numbers = itertools.count(1)
        self.signers = Signers()
        self.alice, self.bob, self.carol = (self.device(n) for n in ("alice", "bob", "carol"))
        self.dan, self.erin = (self.device(n, "beta") for n in ("dan", "erin"))

    def float_fen(self) -> int:
        """Offline money that is out."""
        return int(self.central.books.ledger.read([accounts.OFFLINE_FLOAT])[0]["available_fen"])

    def register(
        self, owner: Device, fen: int, number: int, bank: str = "alpha", *, asked: str = ""
    ) -> tuple[registration_pb2.Outcome, list[bytes]]:
        """What the bank is answered; `asked` is the one that the key has asked instead."""
        order = registration_pb2.TokenRegistration(
            bank=bank,
            number=number,
            amount_fen=fen,
            device_certificate=owner.certificate.encode(),
            possession=prove(owner.key, asked or bank, bytes(32)).encode(),
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
        )
        signed = sign(order, KEYS[bank], bank.encode())
        return self.central.loads.register(self.bank(bank), signed)

    def token(self, owner: Device, fen: int) -> Chain:
        """A fresh token, paid for by its owner's bank."""
        _, (token,) = self.register(owner, fen, next(self.numbers), owner.certificate.bank)
        return Chain(Token.decode(token))

    def pay(self, chain: Chain, by: Device, to: Device, fen: int, spend: int = 0) -> Chain:
        """The chain with one more endorsement, another each time."""
        return self.signers.endorse(chain, by, to, fen, spend=spend, salt=next(self.numbers))

    def item(
        self, *chains: Chain, output: int = 0, bank: str = "alpha", own: tuple[Device, ...] = ()
    ) -> registration_pb2.TokenDepositItem:
        """One deposit, signed by the pieces' owners, with a number of its own."""
        number = next(self.numbers)
        return registration_pb2.TokenDepositItem(
            number=number,
            offline_payment=self.signers.deposit(
                *chains, output=output, bank=bank, number=number
            ).encode(),
            own_device_keys=[device.public for device in own],
        )

    def send(
        self, *items: registration_pb2.TokenDepositItem, bank: str = "alpha"
    ) -> list[DepositOutcome]:
        """What a bank's deposits are answered."""
        order = registration_pb2.TokenDeposit(
            bank=bank,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
            items=items,
        )
        signed = sign(order, KEYS[bank], bank.encode())
        return self.central.deposits.deposit(self.bank(bank), signed)

    def deposit(
        self, *chains: Chain, output: int = 0, bank: str = "alpha", own: tuple[Device, ...] = ()
    ) -> tuple[int, str]:
        """(fen, verdict or reason) of a deposit."""
        (outcome,) = self.send(self.item(*chains, output=output, bank=bank, own=own), bank=bank)
        if outcome.reason and outcome.reason != errors_pb2.REASON_TOKEN_INVALID:
            return 0, errors_pb2.Reason.Name(outcome.reason).removeprefix("REASON_")
        return outcome.amount_fen, verdict_name(outcome.verdict)

    def bank(self, name: str) -> AdmittedBank:
        """An admitted bank."""
        return self.central.registry.get(name)

    def device(self, name: str, bank: str = "alpha") -> Device:
        """A device that its bank has certified."""
        key = key_of(name)
        expires = self.clock.now_ms() + DAY
        certificate = certify_device(KEYS[bank], bank, bytes(key.verify_key), expires)
        return Device(key, certificate)
