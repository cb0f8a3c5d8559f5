"""A central bank, two banks and wallets in one thread, over databases in memory; nothing fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Engine

from central_bank.aliases.finding import said
from central_bank.app import build as build_central_bank
from central_bank.tables import metadata as central_tables
from currency.days import day_of
from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    exchange_pb2,
    keys_pb2,
    payments_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.api.aliases import GrpcAliases
from operator_bank.api.asking import GrpcAsking
from operator_bank.api.exchange import GrpcExchange
from operator_bank.api.keys import GrpcKeys
from operator_bank.api.payments import GrpcPayments
from operator_bank.api.signers import GrpcSigners
from operator_bank.api.sub_wallets import GrpcSubWallets
from operator_bank.api.wallets import GrpcWallets
from operator_bank.app import BankParts
from operator_bank.app import build as build_bank
from operator_bank.customers.sandbox_checks import AtOnce
from operator_bank.tables import metadata as bank_tables
from runtime.clock import ManualClock
from runtime.database import Database, open_engine
from runtime.envelope import sign, sign_payload
from runtime.randomness import SeededRandomness
from runtime.signatures import SignatureVerifier
from simulation.scheme.network import at_once
from tests.central_bank.admitting import KEYS, admission, particulars
from tests.central_bank.system import FOUNDING, LIN, MEI, NOW_MS, ROOT
from tests.feeds import CENTRAL_KEY, CENTRAL_KEYS
from tests.officers.people import Person, founding
from tests.policies import policy_of
from wallet.app import App
from wallet.orders.sql_order_book import SqlBook
from wallet.peers.bank_directory import BankEntry
from wallet.tables import metadata as wallet_tables

KEY_WAIT_MS = 3_600_000
CENTRAL, PREFIXES = "central-bank", {"alpha": "6201", "beta": "6202"}
RESERVES_FEN, ISSUED_FEN, DEPOSIT_FEN, CAP_FEN = 10_000_000, 2_000_000, 500_000, 400_000
LIMITS = policy_of({wallets_pb2.WALLET_CLASS_II: (CAP_FEN, 0, 0, 0)}, day_of(NOW_MS))
CALL: Any = SimpleNamespace(time_remaining=lambda: 0.0)  # nobody waits in one thread
_names = itertools.count()


class SimulatedSystem:
    """Everything that runs. The databases outlive what is built over them."""

    def __init__(self, seed: int, folder: Path, wallets: int) -> None:
        self.randomness = SeededRandomness(seed)
        self.clock = ManualClock(NOW_MS)
        self.folder = folder
        self.engines: dict[str, Engine] = {}
        self.built: dict[str, Any] = {}
        self.add(CENTRAL, central_tables)
        self.by_two(LIMITS)
        for name, prefix in PREFIXES.items():
            wanted = particulars(name, prefix, bytes(KEYS[name].verify_key))
            self.add(name, bank_tables)
            for kind in (
                admission(wanted),
                office_pb2.PayInReserves(bank=name, amount_fen=RESERVES_FEN),
                office_pb2.Issue(bank=name, amount_fen=ISSUED_FEN),
            ):
                self.by_two(kind)
            self.built[name].central_keys.step()
        self.numbers: dict[str, str] = {}
        for index, bank in zip(range(wallets), itertools.cycle(PREFIXES)):
            name = f"wallet-{index}"
            self.add(name, wallet_tables)
            entry = BankEntry(bank, bank, ca=__file__, offline_root="")
            self.numbers[name] = self.built[name].open(entry, holder_name=name).number

    def by_two(self, kind: Message) -> None:
        """Two officers of the central bank do something."""
        central, now_ms = self.built[CENTRAL], self.clock.now_ms()
        proposal = LIN.propose(kind, now_ms, self.randomness.uuid())
        central.acts.propose(LIN.identity, proposal)
        central.acts.approve(MEI.identity, MEI.signer.approve(proposal.payload, now_ms))

    def add(self, name: str, tables: Any) -> None:
        """A party of this name, over a database of its own with these tables."""
        engine = open_engine(f"sqlite:///file:/{name}-{next(_names)}?vfs=memdb&uri=true")
        tables.create_all(engine)
        self.engines[name] = engine
        self.rebuild(name)

    def rebuild(self, name: str) -> None:
        """Throws away what runs under a name, and builds it from its database."""
        self.built[name] = self._build(name)

    def _build(self, name: str) -> Any:
        engine, clock = self.engines[name], self.clock
        if name == CENTRAL:
            peers = _BankPeers(self)
            return build_central_bank(
                engine,
                root=ROOT,
                business_key=CENTRAL_KEY,
                founding=FOUNDING,
                bank_peers=peers,
                clock=clock,
                threaded=False,
            )
        if name in PREFIXES:
            first = founding(KEYS[name], Person(name, "wang"), Person(name, "zhou"))
            own = (name, PREFIXES[name], KEYS[name], DEPOSIT_FEN, 0)
            sealing: dict[str, Any] = {"customers_keys": {1: b"c" * 32}, "checks": AtOnce()}
            sealing["alias_key"] = b"a" * 32
            trusted = (CENTRAL_KEYS, [bytes(ROOT.verify_key)], first, KEY_WAIT_MS)
            parts = BankParts(*own, *trusted, **sealing)
            central: Any = _CentralBank(self, name)
            return build_bank(
                engine,
                parts,
                central_bank=central,
                clock=clock,
                verifier=SignatureVerifier(1),
                threaded=False,
            )
        banks: Any = SimpleNamespace(at=lambda address, ca, name: _Counter(self, address))
        return App(
            self.folder / name,
            clock=clock,
            randomness=self.randomness,
            banks=banks,
            book=SqlBook(Database(engine)),
        )

    def ask(self, name: str, act: Callable[[Any], Any]) -> Any:
        """What a party answers."""
        return act(self.built[name])


class _BankPeers:
    """`central_bank.peers.interface.BankPeers`."""

    def __init__(self, system: SimulatedSystem) -> None:
        self._system = system

    def check(self, bank: Any, payees: Any) -> Any:
        cannot = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
        return self._begin(
            bank.name,
            lambda b: [0 if can else cannot for can in b.inbound.can_be_paid(payees)],
        )

    def _begin(self, name: str, act: Callable[[Any], Any]) -> Future[Any]:
        return at_once(lambda: self._system.ask(name, act))

    def take_requests(self, bank: Any, items: Any) -> Any:
        return self._begin(bank.name, lambda b: b.taking.take(list(items)))

    def answer_alias(self, bank: Any, label: bytes, nonce: bytes, prefix: str) -> Any:
        return self._begin(bank.name, lambda b: b.alias_finding.answer(label, nonce, prefix))

    def reserve_for_redemption(self, bank: Any, number: int, amount_fen: int) -> Any:
        return self._begin(bank.name, lambda b: b.vault.reserve_for_redemption(number, amount_fen))


class _CentralBank:
    """The `CentralBankPort` of `operator_bank.peers`, as a bank sees it; without offline money."""

    def __init__(self, system: SimulatedSystem, bank: str) -> None:
        self._system = system
        self._bank = bank

    def _ask(self, act: Callable[[Any, Any], Any]) -> Any:
        return self._system.ask(CENTRAL, lambda c: act(c, c.registry.get(self._bank)))

    @property
    def _incarnation(self) -> int:
        return int(self._system.built[self._bank].windows.incarnation)

    def submit(self, batch: registration_pb2.OutboundBatch) -> Any:
        batch.incarnation = self._incarnation
        batch.bank, batch.created_time_ms = self._bank, self._system.clock.now_ms()
        batch.expires_time_ms = batch.created_time_ms + 60_000
        payload = batch.SerializeToString()
        envelope = sign_payload(
            registration_pb2.OutboundBatch, payload, KEYS[self._bank], self._bank.encode()
        )
        return self._ask(lambda central, bank: central.settlement.submit(bank, envelope)).outcomes

    def feed(
        self,
        after: registration_pb2.FeedPlace,
        journal_position: int,
        acts_number: int,
        tip: SignedEnvelope | None,
    ) -> Iterator[Any]:
        link = self._ask(
            lambda central, bank: central.feed.start(
                bank,
                after,
                incarnation=self._incarnation,
                ends_at=journal_position,
                acts_end_at=acts_number,
                tip=tip,
            )
        )
        while True:
            message, link = self._ask(lambda central, bank, at=link: central.feed.after(bank, at))
            if message is None:
                return
            yield message

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
        announced_number: int,
    ) -> None:
        now_ms = self._system.clock.now_ms()
        receipt = registration_pb2.FeedReceipt(
            bank=self._bank,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            place=place,
            acts=acts,
            journal_position=journal_position,
            announced_number=announced_number,
            incarnation=self._incarnation,
        )
        payload = receipt.SerializeToString()
        envelope = sign_payload(
            registration_pb2.FeedReceipt, payload, KEYS[self._bank], self._bank.encode()
        )
        self._ask(lambda central, bank: central.feed.acknowledge(bank, envelope))

    def announcements(self) -> Any:
        return self._ask(lambda central, bank: central.central_keys.announcements())

    def carry(self, prefix: str, items: Any) -> None:
        self._ask(lambda central, bank: central.carrying.begin(bank, prefix, items)).result()

    def change_aliases(self, changes: Any) -> Any:
        now_ms, signed = self._system.clock.now_ms(), []
        for change in changes:
            change.bank, change.incarnation = self._bank, self._incarnation
            change.created_time_ms, change.expires_time_ms = now_ms, now_ms + 60_000
            signed.append(sign(change, KEYS[self._bank], self._bank.encode()))
        return self._ask(lambda central, bank: central.alias_changes.change(bank, signed))

    def ask_aliases(self, labels: Any) -> Any:
        return self._ask(lambda central, bank: central.alias_changes.ask(bank, labels))

    def alias_claims(self, after: bytes) -> Any:
        return self._ask(lambda central, bank: central.alias_changes.claims(bank, after))

    def find_alias(self, label: bytes, nonce: bytes) -> bytes:
        begin = self._ask(lambda central, bank: central.alias_finding.begin(bank, label, nonce))
        return said(begin)

    def request_issuance(self, wanted: str, fen: int) -> bool:
        row = self._ask(lambda central, bank: central.requests.create(bank, wanted, "issue", fen))
        return bool(row.state == "waiting")


class _Counter:
    """`wallet.peers.interface.BankPort`; without offline money."""

    def __init__(self, system: SimulatedSystem, bank: str) -> None:
        self._system = system
        self._bank = bank

    def _ask(self, service: Any, method: str, request: Any) -> Any:
        return self._system.ask(self._bank, lambda b: getattr(service(b), method)(request, CALL))

    def open_wallet(self, request: Any) -> Any:
        return self._ask(GrpcWallets, "OpenWallet", request)

    def get_wallet(self, query: Any) -> Any:
        return self._ask(GrpcWallets, "GetWallet", wallets_pb2.GetWalletRequest(query=query))

    def close_wallet(self, order: Any) -> Any:
        return self._ask(GrpcWallets, "CloseWallet", wallets_pb2.CloseWalletRequest(order=order))

    def order_sweep(self, order: Any) -> Any:
        return self._ask(GrpcWallets, "OrderSweep", wallets_pb2.OrderSweepRequest(order=order))

    def get_key(self, query: Any) -> Any:
        return self._ask(GrpcKeys, "GetKey", keys_pb2.GetKeyRequest(query=query))

    def request_key(self, request: Any) -> Any:
        return self._ask(GrpcKeys, "RequestKey", keys_pb2.RequestKeyRequest(request=request))

    def rotate_key(self, order: Any) -> Any:
        return self._ask(GrpcKeys, "RotateKey", keys_pb2.RotateKeyRequest(order=order))

    def set_signers(self, order: Any) -> Any:
        return self._ask(GrpcSigners, "SetSigners", signers_pb2.SetSignersRequest(order=order))

    def sign(self, request: Any) -> Any:
        return self._ask(GrpcSigners, "Sign", request)

    def withdraw(self, order: Any) -> Any:
        return self._ask(GrpcSigners, "Withdraw", signers_pb2.WithdrawRequest(order=order))

    def list_pending(self, query: Any) -> Any:
        return self._ask(GrpcSigners, "ListPending", signers_pb2.ListPendingRequest(query=query))

    def get_release(self, query: Any, digest: bytes) -> Any:
        request = signers_pb2.GetReleaseRequest(query=query, order_digest=digest)
        return self._ask(GrpcSigners, "GetRelease", request)

    def list_signers(self, query: Any) -> Any:
        return self._ask(GrpcSigners, "ListSigners", signers_pb2.ListSignersRequest(query=query))

    def object_to_key(self, objection: Any) -> Any:
        request = keys_pb2.ObjectToKeyRequest(objection=objection)
        return self._ask(GrpcKeys, "ObjectToKey", request)

    def exchange(self, order: Any) -> Any:
        return self._ask(GrpcExchange, "Exchange", exchange_pb2.ExchangeRequest(order=order))

    def pay(self, order: Any) -> Any:
        return self._ask(GrpcPayments, "Pay", payments_pb2.PayRequest(order=order))

    def pay_many(self, orders: Any) -> Any:
        request = payments_pb2.PayManyRequest(orders=orders)
        return self._ask(GrpcPayments, "PayMany", request).items

    def refund(self, order: Any) -> Any:
        return self._ask(GrpcPayments, "Refund", payments_pb2.RefundRequest(order=order))

    def ask(self, order: Any) -> Any:
        return self._ask(GrpcAsking, "Ask", asking_pb2.AskRequest(order=order))

    def pay_asked(self, order: Any) -> Any:
        return self._ask(GrpcAsking, "PayAsked", asking_pb2.PayAskedRequest(order=order))

    def change_asked(self, order: Any) -> Any:
        return self._ask(GrpcAsking, "ChangeAsked", asking_pb2.ChangeAskedRequest(order=order))

    def block_asker(self, order: Any) -> Any:
        return self._ask(GrpcAsking, "BlockAsker", asking_pb2.BlockAskerRequest(order=order))

    def list_sub_wallets(self, query: Any) -> Any:
        request = sub_wallets_pb2.ListSubWalletsRequest(query=query)
        return self._ask(GrpcSubWallets, "ListSubWallets", request)

    def list_asked(self, query: Any, size: int, token: str, name: str) -> Any:
        request = asking_pb2.ListAskedRequest(
            query=query, page_size=size, page_token=token, request_to_pay_id=name
        )
        return self._ask(GrpcAsking, "ListAsked", request)

    def add_alias(self, request: Any) -> Any:
        return self._ask(GrpcAliases, "AddAlias", request)

    def remove_alias(self, order: Any) -> Any:
        return self._ask(GrpcAliases, "RemoveAlias", aliases_pb2.RemoveAliasRequest(order=order))

    def list_aliases(self, query: Any) -> Any:
        return self._ask(GrpcAliases, "ListAliases", aliases_pb2.ListAliasesRequest(query=query))

    def find_alias(self, query: Any, alias: str) -> Any:
        request = aliases_pb2.FindAliasRequest(query=query, alias=alias)
        return self._ask(GrpcAliases, "FindAlias", request)

    def get_payment(self, query: Any, payment_id: str) -> Any:
        request = payments_pb2.GetPaymentRequest(query=query, payment_id=payment_id)
        return self._ask(GrpcPayments, "GetPayment", request).payment

    def list_payments(self, query: Any, size: int, token: str) -> Any:
        request = payments_pb2.ListPaymentsRequest(query=query, page_size=size, page_token=token)
        return self._ask(GrpcPayments, "ListPayments", request)
