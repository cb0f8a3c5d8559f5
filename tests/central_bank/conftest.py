"""A central bank over SQLite with two banks, in one thread, at a time that stands still."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from nacl.signing import SigningKey
from sqlalchemy import Engine

from central_bank.app import CentralBank, build
from central_bank.authentication.banks import Bank
from central_bank.registration.settlement import OutboundPayment
from central_bank.tables import metadata
from currency.number import make
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act
from runtime.clock import ManualClock
from runtime.database import open_engine
from runtime.envelope import possession, sign
from runtime.errors import NoAnswer, Refusal
from runtime.tls import Identity
from tests.feeds import CENTRAL_KEY
from tests.officers.people import Person, founding

NOW_MS = 1_750_000_000_000
ROOT = SigningKey(b"\x01" * 32)
KEYS = {
    "alpha": SigningKey(b"\x0a" * 32),
    "beta": SigningKey(b"\x0b" * 32),
    "other": SigningKey(b"\x07" * 32),
}
LIN, MEI, HAN = (Person("central-bank", name) for name in ("lin", "mei", "han"))
FOUNDING = founding(CENTRAL_KEY, LIN, MEI, HAN)
T = TypeVar("T")


def at_once(ask: Callable[[], T]) -> Future[T]:
    """An answer that comes while it is asked for."""
    answer: Future[T] = Future()
    try:
        answer.set_result(ask())
    except (NoAnswer, Refusal) as error:
        answer.set_exception(error)
    return answer


@dataclass
class FakeBanks:
    """`central_bank.peers.interface.BankPeers`: says what it is told.

    Attributes:
        reasons: for wallet numbers that may not be paid.
        silent: banks that do not answer.
        hanging: banks whose answers come when `answer_now` is called.
        asked: which bank was asked what, in order.
        vault_fen: what a bank can set aside; without a number, everything.
        aside: what was set aside, by (bank, number).
    """

    reasons: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    vault_fen: dict[str, int] = field(default_factory=dict)
    aside: dict[tuple[str, int], int] = field(default_factory=dict)

    _on_their_way: list[Callable[[], None]] = field(default_factory=list)

    def check(self, bank: Bank, payees: Sequence[str]) -> Future[list[int]]:
        self.asked.append((bank.name, "check"))
        return self._answer(bank, lambda: [self.reasons.get(number, 0) for number in payees])

    def set_aside(self, bank: Bank, number: int, amount_fen: int) -> Future[None]:
        self.asked.append((bank.name, "set_aside"))
        return self._answer(bank, lambda: self._set_aside(bank, number, amount_fen))

    def answer_now(self) -> None:
        """What hangs is answered: with silence by the silent, by the others as usual."""
        answers, self._on_their_way = self._on_their_way, []
        for answer in answers:
            answer()

    def _set_aside(self, bank: Bank, number: int, amount_fen: int) -> None:
        if self.vault_fen.get(bank.name, amount_fen) < amount_fen:
            raise Refusal(errors_pb2.REASON_VAULT_SHORT, "short", missing_fen="1")
        self.aside[bank.name, number] = amount_fen

    def _answer(self, bank: Bank, say: Callable[[], T]) -> Future[T]:
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


def particulars(name: str, prefix: str, key: bytes = b"") -> Bank:
    """A bank to admit, with a key that its prefix makes unless one is given."""
    return Bank(
        index=0,
        name=name,
        prefix=prefix,
        certificate_fingerprint=f"{int(prefix):064x}",
        business_key=key or bytes(SigningKey(prefix.encode() * 8).verify_key),
        inner_address="localhost:7001",
        suspended=False,
        offline_certificate=b"certificate",
    )


def key_of(bank: Bank) -> SigningKey:
    """The key of `particulars`."""
    made = (*KEYS.values(), SigningKey(bank.prefix.encode() * 8))
    (found,) = (key for key in made if bytes(key.verify_key) == bank.business_key)
    return found


def admission(bank: Bank) -> office_pb2.AdmitBank:
    """What officers sign to admit it."""
    return office_pb2.AdmitBank(
        name=bank.name,
        prefix=bank.prefix,
        certificate_fingerprint=bank.certificate_fingerprint,
        business_key=bank.business_key,
        inner_address=bank.inner_address,
        proof=possession(key_of(bank), bank.name),
    )


def identity(bank: Bank) -> Identity:
    """An admitted bank as the server sees it."""
    return Identity("bank", bank.name, bank.certificate_fingerprint)


def new_id() -> str:
    return str(uuid.uuid4())


class System:
    """A central bank that admitted alpha and beta; `restart` builds it anew from the database."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.engine: Engine = open_engine(url or f"sqlite:///{folder / 'central.db'}")
        metadata.create_all(self.engine)
        self.clock = ManualClock(NOW_MS)
        self.banks = FakeBanks()
        self.central = self.restart()
        self.alpha = self._admit("alpha", "6201")
        self.beta = self._admit("beta", "6202")
        self._number = 0

    def restart(self) -> CentralBank:
        self.central = build(
            self.engine,
            root=ROOT,
            business_key=CENTRAL_KEY,
            founding=FOUNDING,
            bank_peers=self.banks,
            clock=self.clock,
            threaded=False,
        )
        return self.central

    def _admit(self, name: str, prefix: str) -> Bank:
        key = bytes(KEYS[name].verify_key)
        self.both(admission(particulars(name, prefix, key)))
        return self.central.registry.get(name)

    def propose(self, kind: Message, act_id: str = "", who: Person = LIN) -> Act:
        return self.central.acts.propose(
            who.identity, who.propose(kind, self.clock.now_ms(), act_id)
        )

    def approve(self, act: Act, who: Person = MEI) -> Act:
        signed = who.signer.approve(act.proposal.payload, self.clock.now_ms())
        return self.central.acts.approve(who.identity, signed)

    def reject(self, act: Act, who: Person = MEI) -> Act:
        signed = who.signer.reject(act.proposal.payload, self.clock.now_ms())
        return self.central.acts.reject(who.identity, signed)

    def both(self, kind: Message) -> Act:
        """Two officers do something."""
        return self.approve(self.propose(kind))

    def pay_in(self, bank: str, fen: int) -> None:
        """Reserves arrive."""
        self.both(office_pb2.PayInReserves(bank=bank, amount_fen=fen))

    def pay_out(self, bank: str, fen: int) -> None:
        """Reserves leave."""
        self.both(office_pb2.PayOutReserves(bank=bank, amount_fen=fen))

    def issue(self, bank: Bank, fen: int) -> None:
        """Reserves arrive and are issued."""
        self.pay_in(bank.name, fen)
        self.both(office_pb2.Issue(bank=bank.name, amount_fen=fen))

    def payment(self, payer: Bank, payee: Bank, fen: int, **changes: object) -> OutboundPayment:
        """A payment of the first wallet of one bank to the first of another."""
        self._number += 1
        number = make(payer.prefix, 1)
        payment = OutboundPayment(
            number=self._number,
            payment_id=f"{number}-{self._number}",
            payer_number=number,
            payee_number=make(payee.prefix, 1),
            amount_fen=fen,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
        )
        for name, value in changes.items():
            setattr(payment, name, value)
        return payment

    def submit(self, bank: Bank, *payments: OutboundPayment) -> list[registration_pb2.Outcome]:
        """A batch that the bank signs now."""
        batch = registration_pb2.OutboundBatch(
            bank=bank.name,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
            payments=payments,
        )
        return list(self.central.settlement.submit(bank, self.signed(bank, batch)).outcomes)

    def signed(self, bank: Bank, batch: registration_pb2.OutboundBatch):  # type: ignore[no-untyped-def]
        payload = batch.SerializeToString()
        return sign("outbound-batch/v1", payload, KEYS[bank.name], bank.name.encode())

    def books(self) -> dict[str, tuple[int, int]]:
        """(reserves, circulation) of each bank; checks that nothing was made or lost."""
        paid_in, offline, loss, banks = self.central.office.books()
        assert paid_in == offline + loss + sum(held + out for _, held, out in banks)
        return {bank.name: (held, out) for bank, held, out in banks}


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)
