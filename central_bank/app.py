"""Builds the central bank from explicit parts: the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine

from central_bank.aliases.changes import AliasChanges
from central_bank.aliases.finding import AliasFinding
from central_bank.analysis.flows import Flows
from central_bank.authentication.acts import authentication_effects
from central_bank.authentication.banks import INSTITUTION, Registry, opening
from central_bank.authentication.central_keys import CentralKeys
from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.policies import Publication
from central_bank.authentication.tables import office as office_tables
from central_bank.authentication.trust_bundle import Devices
from central_bank.context import Context
from central_bank.issuance.redemption_reserve import RedemptionReserves
from central_bank.issuance.requests import BankRequests
from central_bank.issuance.reserves import money_effects
from central_bank.ledger import accounts
from central_bank.ledger.overload import CoreOverloaded
from central_bank.ledger.standing import Standing
from central_bank.ledger.tables import ledger as ledger_tables
from central_bank.limits import ALIAS_LOOKUPS_PER_DAY
from central_bank.peers.asking import Asking
from central_bank.peers.interface import BankPeers
from central_bank.registration.carrying import Carrying
from central_bank.registration.feed import Feed
from central_bank.registration.feed_book import FeedBook
from central_bank.registration.feed_look import FeedLook
from central_bank.registration.kept_for_nothing import KeptForNothing
from central_bank.registration.offline.deposits import Deposits
from central_bank.registration.offline.evidence import Evidence
from central_bank.registration.offline.expiry import Refunds
from central_bank.registration.offline.issuance import Loads
from central_bank.registration.offline.losses import Losses
from central_bank.registration.offline.outcomes import DepositOutcomes
from central_bank.registration.offline.pending_deposits import PendingDeposits
from central_bank.registration.offline.pruning import Pruning
from central_bank.registration.offline.refund_clock import RefundClock
from central_bank.registration.offline.verification import Verification
from central_bank.registration.put_back import PuttingBack
from central_bank.registration.returns import Returns
from central_bank.registration.settlement import Settlement
from dcep.errors.v1 import errors_pb2
from officers.acts import Acts
from officers.build import Founding, open_acts, open_officers
from officers.effects import Effect
from officers.people import Officers
from runtime.clock import Clock
from runtime.database import Database
from runtime.one_call_each import OneCallEach
from runtime.signatures import SignatureVerifier
from runtime.signing_keys import Signer
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Batch, CoreStopped
from settlement.fifo_lock import FifoLock
from settlement.limits import MAX_LAG_RECORDS, PROJECTION_ROWS_SQLITE
from settlement.records import AccountFlag


@dataclass(frozen=True)
class CentralBank:
    """The use-cases of the central bank."""

    books: LedgerBundle
    registry: Registry
    central_keys: CentralKeys
    devices: Devices
    offline_roots: OfflineRoots
    officers: Officers
    acts: Acts
    redemption_reserves: RedemptionReserves
    requests: BankRequests
    settlement: Settlement
    loads: Loads
    deposits: Deposits
    refunds: Refunds
    pruning: Pruning
    evidence: Evidence
    feed: Feed
    feed_look: FeedLook
    carrying: Carrying
    alias_changes: AliasChanges
    alias_finding: AliasFinding
    flows: Flows
    standing: Standing

    def project(self) -> bool:
        """Makes one step of the projection; returns True if there may be much more to do.

        If only a few records are left, they wait for the next step, because each step is a
        transaction that payments would have to wait for. Questions about the past do not wait: they
        are answered from the journal as well.
        """
        return self.books.projection.catch_up() >= PROJECTION_ROWS_SQLITE


def build(
    engine: Engine,
    *,
    root: Signer,
    business_key: Signer,
    founding: Founding,
    bank_peers: BankPeers,
    clock: Clock,
    threaded: bool,
    verifier: SignatureVerifier | None = None,
    shown: Callable[[], str] = lambda: "",
    refunds_confirmed_until_ms: int = 0,
    alias_lookups_per_day: int = ALIAS_LOOKUPS_PER_DAY,
    on_stopped: Callable[[CoreStopped], None] = lambda _: None,
) -> CentralBank:
    """Builds the central bank over a migrated database and recovers its core.

    Args:
        engine: the database.
        root: signs offline money; the root of trust.
        business_key: signs what the feeds say.
        founding: the record of the first officers.
        bank_peers: how to ask banks about payees.
        clock: the time.
        threaded: with a writer thread (the service) or without (simulation).
        verifier: verifies the signatures of deposits; None for one thread.
        shown: gives the fingerprint of the TLS certificate that the service shows now.
        refunds_confirmed_until_ms: an operator has confirmed that times up to this one are right,
            so that expired money may be refunded by them.
        alias_lookups_per_day: how many aliases one bank may look for.
        on_stopped: is called once if the core had to stop.
    """
    database = Database(engine)
    # Before anything is opened: without officers nobody could do anything here.
    officers = open_officers(database, office_tables, INSTITUTION, founding, clock)
    books = _open_books(engine, clock, threaded=threaded, on_stopped=on_stopped)
    database.turns = books.turns
    registry = Registry(database, books.ledger, clock)
    context = Context(database, books, registry, clock, Standing())
    keys = _keys(context, business_key, root, shown)
    refund_clock = RefundClock(database, clock, confirmed_until_ms=refunds_confirmed_until_ms)
    return _furnish(
        context,
        officers,
        keys,
        bank_peers,
        verifier or SignatureVerifier(1),
        refund_clock,
        alias_lookups_per_day,
    )


class _Keys(NamedTuple):
    """What the central bank signs with, and the devices that its bundle covers."""

    central: CentralKeys
    roots: OfflineRoots
    devices: Devices


class _Issuing(NamedTuple):
    """The room of issuance."""

    reserves: RedemptionReserves
    requests: BankRequests
    effects: Mapping[str, Effect]


class _Clearing(NamedTuple):
    """Deposits, refunds of expired money, and evidence of double spends."""

    deposits: Deposits
    refunds: Refunds
    evidence: Evidence


def _open_books(
    engine: Engine, clock: Clock, *, threaded: bool, on_stopped: Callable[[CoreStopped], None]
) -> LedgerBundle:
    """Recovers the core, and opens the central bank's own accounts if they are not open."""
    books = open_ledger(
        engine,
        ledger_tables,
        threaded=threaded,
        max_lag=MAX_LAG_RECORDS,
        on_stopped=on_stopped,
        overloaded=CoreOverloaded,
    )
    now_ms = clock.now_ms()
    own = opening([accounts.PAID_IN], now_ms, AccountFlag.MAY_GO_NEGATIVE)
    books.ledger.submit(Batch(own, urgent=True))
    books.ledger.submit(Batch(opening([accounts.OFFLINE_FLOAT], now_ms), urgent=True))
    return books


def _keys(context: Context, business_key: Signer, root: Signer, shown: Callable[[], str]) -> _Keys:
    central = CentralKeys(context.database, business_key, context.clock, shown)
    roots = OfflineRoots(context.database, root, context.clock)
    devices = Devices(context.database, roots, context.clock)
    devices.banks_now = context.registry.now
    return _Keys(central, roots, devices)


def _furnish(
    context: Context,
    officers: Officers,
    keys: _Keys,
    bank_peers: BankPeers,
    verifier: SignatureVerifier,
    refund_clock: RefundClock,
    alias_lookups_per_day: int,
) -> CentralBank:
    """Builds every room."""
    database, registry, clock = context.database, context.registry, context.clock
    asking, kept = Asking(bank_peers, clock), KeptForNothing(clock)
    issuing = _issuing(context, asking)
    putting_back = PuttingBack(context)
    effects = {
        **issuing.effects,
        "put_back": putting_back,
        "publish_policy": Publication(database, keys.central, clock),
        **authentication_effects(database, registry, keys.devices, keys.central, keys.roots),
    }
    acts = open_acts(database, office_tables, officers, effects, clock)
    issuing.reserves.on_short = partial(acts.refuse, reason=errors_pb2.REASON_VAULT_SHORT)
    book = FeedBook(database)
    feed = Feed(context, book, keys.central, acts.chain)
    putting_back.known = feed.known
    counting = OneCallEach()
    aliases = AliasChanges(context, counting)
    clearing = _clearing(context, keys, kept, verifier, refund_clock)
    return CentralBank(
        books=context.books,
        registry=registry,
        central_keys=keys.central,
        devices=keys.devices,
        offline_roots=keys.roots,
        officers=officers,
        acts=acts,
        redemption_reserves=issuing.reserves,
        requests=issuing.requests,
        settlement=Settlement(context, asking, Returns(context), kept),
        loads=Loads(context, keys.devices, keys.roots, kept),
        deposits=clearing.deposits,
        refunds=clearing.refunds,
        pruning=Pruning(database),
        evidence=clearing.evidence,
        feed=feed,
        feed_look=FeedLook(feed, book, context.ledger),
        carrying=Carrying(registry, asking),
        alias_changes=aliases,
        alias_finding=AliasFinding(context, aliases, asking, counting, alias_lookups_per_day),
        flows=Flows(context),
        standing=context.standing,
    )


def _issuing(context: Context, asking: Asking) -> _Issuing:
    requests = BankRequests(context)
    reserves = RedemptionReserves(context, asking)
    return _Issuing(reserves, requests, money_effects(context, requests, reserves))


def _clearing(
    context: Context,
    keys: _Keys,
    kept: KeptForNothing,
    verifier: SignatureVerifier,
    refund_clock: RefundClock,
) -> _Clearing:
    devices, clock = keys.devices, context.clock
    evidence = Evidence(context, devices)
    pending = PendingDeposits(context.database, clock)
    # Deposits take turns, from the look at what is spent until it is written; and no refund is made
    # meanwhile.
    in_turn = FifoLock()
    deposits = Deposits(
        context,
        Verification(devices, clock, verifier),
        DepositOutcomes(context, pending, keys.central),
        pending,
        evidence,
        Losses(context),
        devices,
        kept,
        in_turn,
    )
    return _Clearing(deposits, Refunds(context, refund_clock, in_turn), evidence)
