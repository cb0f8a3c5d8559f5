"""A central bank over SQLite with two banks, in one thread, at a time that stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.message import Message
from nacl.signing import SigningKey
from sqlalchemy import Engine

from central_bank.app import CentralBank, build
from central_bank.authentication.banks import AdmittedBank
from central_bank.issuance.books import books
from central_bank.registration.settlement import OutboundPayment
from central_bank.tables import metadata
from currency.number import make
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act
from runtime.clock import ManualClock
from runtime.database import open_engine
from runtime.envelope import sign
from tests.central_bank.admitting import KEYS, admission, particulars
from tests.central_bank.fake_banks import FakeBanks
from tests.feeds import CENTRAL_KEY
from tests.officers.people import Person, founding

NOW_MS = 1_750_000_000_000
ROOT = SigningKey(b"\x01" * 32)
LIN, MEI, HAN = (Person("central-bank", name) for name in ("lin", "mei", "han"))
FOUNDING = founding(CENTRAL_KEY, LIN, MEI, HAN)


class System:
    """A central bank that admitted alpha and beta; `restart` builds it anew from the database.

    Attributes:
        shown: the fingerprint of the certificate that it shows.
    """

    def __init__(self, folder: Path, url: str = "") -> None:
        self.engine: Engine = open_engine(url or f"sqlite:///{folder / 'central.db'}")
        metadata.create_all(self.engine)
        self.clock = ManualClock(NOW_MS)
        self.banks = FakeBanks()
        self.shown = ""
        self.central = self.restart()
        self.alpha = self.admit("alpha", "6201")
        self.beta = self.admit("beta", "6202")
        self.last_number = 0

    def restart(self) -> CentralBank:
        self.central = build(
            self.engine,
            root=ROOT,
            business_key=CENTRAL_KEY,
            founding=FOUNDING,
            bank_peers=self.banks,
            shown=lambda: self.shown,
            clock=self.clock,
            threaded=False,
        )
        return self.central

    def admit(self, name: str, prefix: str) -> AdmittedBank:
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

    def issue(self, bank: AdmittedBank, fen: int) -> None:
        """Reserves arrive and are issued."""
        self.pay_in(bank.name, fen)
        self.both(office_pb2.Issue(bank=bank.name, amount_fen=fen))

    def payment(
        self, payer: AdmittedBank, payee: AdmittedBank, fen: int, **changes: object
    ) -> OutboundPayment:
        """A payment of the first wallet of one bank to the first of another."""
        self.last_number += 1
        number = make(payer.prefix, 1)
        payment = OutboundPayment(
            number=self.last_number,
            payment_id=f"{number}-{self.last_number}",
            payer_number=number,
            payee_number=make(payee.prefix, 1),
            amount_fen=fen,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
        )
        for name, value in changes.items():
            setattr(payment, name, value)
        return payment

    def see_no_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As for a payment that ends between the look at what has ended and the decision."""
        monkeypatch.setattr(self.central.settlement, "_ended_before", lambda *given: {})

    def submit(
        self, bank: AdmittedBank, *payments: OutboundPayment
    ) -> list[registration_pb2.Outcome]:
        """A batch that the bank signs now."""
        batch = registration_pb2.OutboundBatch(
            bank=bank.name,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
            payments=payments,
        )
        return list(self.central.settlement.submit(bank, self.signed(bank, batch)).outcomes)

    def signed(self, bank: AdmittedBank, batch: registration_pb2.OutboundBatch):  # type: ignore[no-untyped-def]
        return sign(batch, KEYS[bank.name], bank.name.encode())

    def books(self) -> dict[str, tuple[int, int]]:
        """(reserves, circulation) of each bank; checks that nothing was made or lost."""
        paid_in, offline, loss, banks = books(self.central.books.ledger, self.central.registry)
        assert paid_in == offline + loss + sum(held + out for _, held, out in banks)
        return {bank.name: (held, out) for bank, held, out in banks}
