"""A bank over SQLite with a central bank in memory, in one thread, at a time that stands still."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from nacl.signing import SigningKey
from sqlalchemy import insert, select

from auditor.suspense import suspense_problems
from currency.days import day_of
from currency.number import make
from dcep.bank.v1 import orders_pb2, states_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from officers.build import Founding
from officers.effects import Act
from operator_bank.app import BankParts, OperatorBank, build
from operator_bank.customers.checks import IdentityChecks
from operator_bank.customers.sandbox_checks import AtOnce
from operator_bank.feed.chain import FeedBroken
from operator_bank.feed.entries import numbered
from operator_bank.ledger.tables import ledger as ledger_tables
from operator_bank.limits import MAX_SEQUENCE
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.rows import Paid
from operator_bank.payments.tables import outbound
from operator_bank.tables import metadata
from operator_bank.wallets.directory import Wallet
from runtime.clock import ManualClock
from runtime.database import open_engine
from runtime.envelope import sign
from runtime.errors import Refusal
from runtime.signatures import SignatureVerifier
from tests.device_keys import NONCE, asking
from tests.feeds import CENTRAL_KEYS
from tests.officers.people import Person, founding
from tests.openings import opening
from tests.operator_bank.fake_central_bank import NOW_MS, ROOT, FakeCentralBank
from tests.policies import announcing, policy_of

PREFIX, OTHER_PREFIX = "6201", "6202"
FOREIGN = make(OTHER_PREFIX, 1)
VAULT_FEN, DEPOSIT_FEN = 10_000_000, 2_000_000
MACHINE = SigningKey(b"m" * 32)
GET_WALLET = "dcep.bank.v1.WalletService/GetWallet"
FeedEntry = registration_pb2.FeedEntry

WANG, ZHOU, CHEN = (Person("alpha", name) for name in ("wang", "zhou", "chen"))


II, IV = wallets_pb2.WALLET_CLASS_II, wallets_pb2.WALLET_CLASS_IV
LIMITS: dict[int, tuple[int, int, int, int]] = {
    II: (500_000, 100_000, 200_000, 300_000),
    IV: (10_000, 2_000, 5_000, 8_000),
}
"""Limits that small numbers reach: class II loosely, class IV tightly."""


class Holder:
    """A wallet and its key; orders count up."""

    def __init__(self, system: System, wallet: Wallet, key: SigningKey) -> None:
        self.system, self.wallet, self.key = system, wallet, key
        self.number = wallet.number
        self.sequence = 0

    def signed(self, kind: type, **values: Any) -> SignedEnvelope:
        """An order or query of this wallet, good for a minute unless said otherwise."""
        now_ms = self.system.clock.now_ms()
        content = kind(
            **{
                "wallet_number": self.number,
                "created_time_ms": now_ms,
                "expires_time_ms": now_ms + 60_000,
                **({"method": GET_WALLET, "bank": "alpha"} if kind is orders_pb2.Query else {}),
                **values,
            }
        )
        return sign(content, self.key, self.number.encode())

    def certifying(self, key: bytes, **values: Any) -> SignedEnvelope:
        """An order to certify a device key, which asks for it itself."""
        asked = {**asking(key, "alpha", self.number), **values}
        return self.signed(orders_pb2.CertifyDeviceOrder, sequence=self.next(), **asked)

    def depositing(self, deposit: bytes, **values: Any) -> SignedEnvelope:
        """An order to deposit what was signed over under the tests' nonce."""
        fields = {"offline_payment": deposit, "nonce": NONCE, **values}
        return self.signed(orders_pb2.DepositOrder, sequence=self.next(), **fields)

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    def order(self, payee: str, fen: int, **values: Any) -> SignedEnvelope:
        """A payment order."""
        values = {"sequence": self.next(), "payee_number": payee, "amount_fen": fen, **values}
        return self.signed(orders_pb2.PaymentOrder, **values)

    def pay(self, payee: str, fen: int, **values: Any) -> Paid:
        return self.system.bank.payments.pay(self.order(payee, fen, **values), 0.0)[0]

    def exchange_order(
        self, fen: int, *, out: bool = False, cash: bool = False, **values: Any
    ) -> SignedEnvelope:
        """An order to top up or to cash out."""
        direction = (
            orders_pb2.EXCHANGE_DIRECTION_CASH_OUT if out else orders_pb2.EXCHANGE_DIRECTION_TOP_UP
        )
        if cash and "cash_receipt" not in values:
            kind = orders_pb2.CashReady if out else orders_pb2.CashReceipt
            values["cash_receipt"] = self.system.receipt(self.number, fen, kind=kind)
        medium = orders_pb2.EXCHANGE_MEDIUM_CASH if cash else orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
        return self.signed(
            orders_pb2.ExchangeOrder,
            **{"sequence": self.next(), "amount_fen": fen, **values},
            direction=direction,
            medium=medium,
        )

    def closing(self) -> SignedEnvelope:
        """An order to close this wallet."""
        return self.signed(orders_pb2.CloseOrder, sequence=self.next())

    def exchange(self, fen: int, **how: Any) -> int:
        """Tops up or cashes out; returns the available fen."""
        return self.system.bank.exchange.exchange(self.exchange_order(fen, **how))[1]

    @property
    def fen(self) -> int:
        return self.system.bank.wallets.state(self.wallet).available_fen

    @property
    def held_fen(self) -> int:
        return self.system.bank.wallets.state(self.wallet).held_fen


def made(answer: Paid | Refusal) -> Paid:
    """The payment that an order of several was answered by."""
    assert not isinstance(answer, Refusal), answer
    return answer


def founded(machines: Mapping[str, SigningKey]) -> Founding:
    """The bank's first officers, and its first cash machines."""
    return founding(SigningKey(b"\x0a" * 32), WANG, ZHOU, CHEN, machines=machines)


class System:
    """A bank with a full vault; `restart` builds it anew from the database."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.engine = open_engine(url or f"sqlite:///{folder / 'bank.db'}")
        metadata.create_all(self.engine)
        self.clock = ManualClock(NOW_MS)
        self.central = FakeCentralBank(clock=self.clock)
        self.limits = dict(LIMITS)
        self.position = 0
        self.receipts = 0
        self.customers_keys = {1: b"c" * 32}
        self.checks: IdentityChecks = AtOnce()
        self.founding = founded({"machine-1": MACHINE})
        self.bank = self.restart()
        self.publish()
        self.hear(issued=registration_pb2.Issued(amount_fen=VAULT_FEN))

    def restart(self, *, threaded: bool = False) -> OperatorBank:
        parts = BankParts(
            name="alpha",
            prefix=PREFIX,
            business_key=SigningKey(b"\x0a" * 32),
            opening_deposit_fen=DEPOSIT_FEN,
            till_float_fen=1_000,
            key_wait_ms=3_600_000,
            central_keys=CENTRAL_KEYS,
            offline_roots=[bytes(ROOT.verify_key)],
            founding=self.founding,
            alias_key=b"a" * 32,
            customers_keys=self.customers_keys,
            checks=self.checks,
        )
        self.bank = build(
            self.engine,
            parts,
            central_bank=self.central,
            clock=self.clock,
            verifier=SignatureVerifier(1),
            threaded=threaded,
        )
        return self.bank

    @property
    def today(self) -> int:
        """The day, as limits count it."""
        return day_of(self.clock.now_ms())

    def publish(self, from_day: int = 0, **more: int) -> SignedEnvelope:
        """The central bank publishes `limits`, from today on or from a later day, and the bank
        hears of it.
        """
        wanted = policy_of(self.limits, from_day or self.today, **more)
        number = len(self.central.announced) + 1
        said = announcing(wanted, number, self.clock.now_ms())
        self.central.announced.append(said)
        self.bank.central_keys.step()
        return said

    def opening(
        self, key: SigningKey | None = None, **holder: Any
    ) -> wallets_pb2.OpenWalletRequest:
        """An order to open a wallet for a key, else for a new one."""
        key = key or SigningKey.generate()
        return opening("alpha", self.clock.now_ms(), key=key, **holder)

    def open(
        self, name: str = "", phone: str = "", key: SigningKey | None = None, **shown: Any
    ) -> Holder:
        """Opens a wallet: class II by name, class IV by phone alone, else by what is shown."""
        key = key or SigningKey.generate()
        asked = self.opening(key, name=name, phone=phone, **shown)
        wallet = self.bank.opening.open(asked)
        return Holder(self, wallet, key)

    def receipt(
        self,
        number: str,
        fen: int,
        *,
        key: SigningKey | None = None,
        kind: type[orders_pb2.CashReceipt | orders_pb2.CashReady] = orders_pb2.CashReceipt,
        **fields: Any,
    ) -> SignedEnvelope:
        """What alpha's cash machine says that it took in for a wallet, or has ready."""
        self.receipts += 1
        content = kind(
            **{
                "bank": "alpha",
                "machine": "machine-1",
                "number": self.receipts,
                "wallet_number": number,
                "amount_fen": fen,
                "time_ms": self.clock.now_ms(),
                **fields,
            }
        )
        return sign(content, key or MACHINE, b"machine-1")

    def propose(self, kind: Message, who: Person = WANG) -> Act:
        return self.bank.acts.propose(who.identity, who.propose(kind, self.clock.now_ms()))

    def approve(self, act: Act, who: Person = ZHOU) -> Act:
        signed = who.signer.approve(act.proposal.payload, self.clock.now_ms())
        return self.bank.acts.approve(who.identity, signed)

    def both(self, kind: Message) -> Act:
        """Two officers of the bank do something."""
        return self.approve(self.propose(kind))

    def entry(self, **event: Any) -> FeedEntry:
        """The feed's next entry, about what this bank has sent where it is said by number alone."""
        self.position += 10
        for name, about in event.items():
            event[name] = self._about(name, about)
        entry = FeedEntry(position=self.position, time_ms=self.clock.now_ms(), **event)
        return self.central.teller.say(entry)

    def deliver(self) -> None:
        """All that the feed has said since, in one message."""
        self.bank.follower.apply(self.central.teller.message(self.bank.follower.place.number))

    def hear(self, **event: Any) -> FeedEntry:
        """The feed says something, and it is applied; what cannot be was never said."""
        entry = self.entry(**event)
        try:
            self.deliver()
        except FeedBroken:
            self.central.teller.said.pop()
            raise
        return entry

    def turned_down(self, number: int) -> None:
        """The feed says that the payee of an outbound payment cannot be paid."""
        state = registration_pb2.OUTCOME_STATE_REFUSED
        reason = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
        self.hear(outgoing_ended={"number": number, "state": state, "reason": reason})

    def _about(self, name: str, about: Any) -> Any:
        if isinstance(about, registration_pb2.OutboundPayment):
            payment = about.SerializeToString()
            if name == "incoming":
                return registration_pb2.Incoming(from_bank="beta", payment=payment)
            return registration_pb2.OutgoingSettled(number=about.number, payment=payment)
        if isinstance(about, dict):
            kind = FeedEntry.DESCRIPTOR.fields_by_name[name].message_type
            about = getattr(registration_pb2, kind.name)(**about)
        if name in ("issued", "redeemed") and not about.request_id:
            about.request_id = "123e4567-e89b-42d3-a456-426614174000"
        if name == "outgoing_settled" and not about.payment:
            about.payment = numbered(about.number, self._sent(about.number)[1])
        if name == "outgoing_ended" and about.WhichOneof("about") is None:
            kind, body, fen = self._sent(about.number)
            if kind == "load":
                about.load.number, about.load.amount_fen = about.number, fen
                about.load.certificate_digest = hashlib.sha256(body).digest()
            else:
                about.payment = numbered(about.number, body)
        if name == "tokens_deposited" and not about.payment_digest:
            about.payment_digest = self._deposited(about.number)
        return about

    def _sent(self, number: int) -> tuple[str, bytes, int]:
        """(kind, body, fen) of what this bank has sent under a number."""
        of = outbound.c
        query = select(of.kind, of.body, of.amount_fen).where(of.number == number)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return (row.kind, bytes(row.body), row.amount_fen) if row is not None else ("", b"", 0)

    def _deposited(self, number: int) -> bytes:
        """The digest of what was deposited under a number."""
        if number > MAX_SEQUENCE:
            return b""
        query = select(token_deposits.c.digest).where(token_deposits.c.id == number)
        with self.engine.connect() as connection:
            return bytes(connection.execute(query).scalar() or b"")

    def depositing(self, holder: Holder, fen: int) -> registration_pb2.TokensDeposited:
        """Offline money that a wallet's bank has sent in for it, as the feed answers it."""
        with self.engine.begin() as connection:
            row = {
                "wallet": holder.wallet.row_id,
                "sequence": holder.next(),
                "digest": bytes(32),
                "order_payload": b"",
                "order_signature": b"",
                "own_keys": b"",
                "state": states_pb2.PAYMENT_STATE_PENDING,
                "reason": 0,
                "verdict": 0,
                "amount_fen": 0,
            }
            (number,) = connection.execute(insert(token_deposits), row).inserted_primary_key
        return registration_pb2.TokensDeposited(
            number=number, amount_fen=fen, whole_fen=fen, payment_digest=bytes(32)
        )

    def arriving(self, payee: str, fen: int) -> registration_pb2.OutboundPayment:
        """A payment from another bank."""
        return registration_pb2.OutboundPayment(
            number=1,
            payment_id=f"{FOREIGN}-{self.position}",
            payer_number=FOREIGN,
            payee_number=payee,
            amount_fen=fen,
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
        )

    def check_books(self) -> None:
        """The mirror is minus all that bank and wallets hold; suspense is as the journal says."""
        books = self.bank.vault.books()
        held = books.vault_fen + books.wallets_fen + books.holds_fen + books.suspense_fen
        held += books.lost_fen
        assert -books.mirror_fen == held
        assert suspense_problems(self.engine, ledger_tables) == []
