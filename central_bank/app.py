"""The composition root: builds the central bank from explicit parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from central_bank.analysis.flows import Flows
from central_bank.authentication.acts import authentication_effects
from central_bank.authentication.banks import INSTITUTION, Registry, opening
from central_bank.authentication.central_keys import CentralKeys
from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.tables import office as office_tables
from central_bank.authentication.trust_bundle import Devices
from central_bank.issuance.redemption_reserve import RedemptionReserves
from central_bank.issuance.requests import BankRequests
from central_bank.issuance.reserves import IssuingOffice
from central_bank.ledger import accounts
from central_bank.ledger.overload import CoreOverloaded
from central_bank.ledger.tables import ledger as ledger_tables
from central_bank.peers.asking import Asking
from central_bank.peers.interface import BankPeers
from central_bank.registration.feed import Feed
from central_bank.registration.feed_book import FeedBook
from central_bank.registration.feed_look import FeedLook
from central_bank.registration.kept_for_nothing import KeptForNothing
from central_bank.registration.offline.deposits import Deposits
from central_bank.registration.offline.evidence import Evidence
from central_bank.registration.offline.expiry import Restoring
from central_bank.registration.offline.issuance import Loads
from central_bank.registration.offline.losses import Losses
from central_bank.registration.offline.outcomes import DepositAnswers
from central_bank.registration.offline.pending_deposits import Waiting
from central_bank.registration.offline.pruning import Pruning
from central_bank.registration.offline.refund_clock import RefundClock
from central_bank.registration.offline.verification import Judging
from central_bank.registration.put_back import PuttingBack
from central_bank.registration.returns import Returns
from central_bank.registration.settlement import Settlement
from dcep.errors.v1 import errors_pb2
from officers.acts import Acts
from officers.build import Founding, open_acts, open_officers
from officers.people import Officers
from runtime.clock import Clock
from runtime.database import Database
from runtime.fifo_lock import FifoLock
from runtime.signatures import SignatureVerifier
from runtime.signing_keys import Signer
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Batch, CoreStopped
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
    office: IssuingOffice
    redemption_reserves: RedemptionReserves
    requests: BankRequests
    settlement: Settlement
    loads: Loads
    deposits: Deposits
    restoring: Restoring
    pruning: Pruning
    evidence: Evidence
    feed: Feed
    feed_look: FeedLook
    flows: Flows

    def project(self) -> bool:
        """One step of the projection; True when there may be much more.

        A few records wait for the next step: each one is a transaction, which
        payments would have to wait for. Questions about the past do not: they
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
    on_stopped: Callable[[CoreStopped], None] = lambda _: None,
) -> CentralBank:
    """Builds the central bank over a migrated database, recovering its core.

    Args:
        engine: the database.
        root: the root of trust for offline money.
        business_key: signs what the feeds say.
        founding: the record of the first officers.
        bank_peers: how to ask banks about payees.
        clock: the time.
        threaded: with a writer thread (the service) or without (simulation).
        verifier: of the signatures of deposits; None: on one thread.
        shown: the fingerprint of the TLS certificate that the service shows now.
        refunds_confirmed_until_ms: times up to this one an operator has said to be right, for
            what goes back of expired money.
        on_stopped: called once when the core had to stop.
    """
    database = Database(engine)
    # Before anything is opened: without officers nobody could do anything here.
    officers = open_officers(database, office_tables, INSTITUTION, founding, clock)
    books = open_ledger(
        engine,
        ledger_tables,
        threaded=threaded,
        max_lag=MAX_LAG_RECORDS,
        on_stopped=on_stopped,
        overloaded=CoreOverloaded,
    )
    ledger, now_ms = books.ledger, clock.now_ms()
    own = opening([accounts.PAID_IN], now_ms, AccountFlag.MAY_GO_NEGATIVE)
    ledger.submit(Batch(own, urgent=True))
    ledger.submit(Batch(opening([accounts.OFFLINE_FLOAT], now_ms), urgent=True))
    registry = Registry(database, ledger, clock)
    central_keys = CentralKeys(database, business_key, clock, shown)
    offline_roots = OfflineRoots(database, root, clock)
    devices = Devices(database, offline_roots, clock)
    devices.banks_now = registry.now
    evidence = Evidence(database, registry, devices, clock)
    waiting = Waiting(database, clock)
    kept = KeptForNothing(clock)
    # What is spent is looked up and written down by one deposit after another, and what is left
    # by none of them meanwhile.
    clearing = FifoLock()
    asking = Asking(bank_peers, clock)
    requests = BankRequests(database, registry, clock)
    redemption_reserves = RedemptionReserves(database, registry, asking)
    office = IssuingOffice(database, ledger, registry, requests, redemption_reserves, clock)
    putting_back = PuttingBack(database, registry)
    effects = {
        **office.effects(),
        "put_back": putting_back,
        **authentication_effects(database, registry, devices, central_keys, offline_roots),
    }
    acts = open_acts(database, office_tables, officers, effects, clock)
    book = FeedBook(database)
    feed = Feed(books.journal, registry, book, central_keys, acts.chain, clock)
    putting_back.known = feed.known
    redemption_reserves.on_short = partial(acts.refuse, reason=errors_pb2.REASON_VAULT_SHORT)
    return CentralBank(
        books=books,
        registry=registry,
        central_keys=central_keys,
        devices=devices,
        offline_roots=offline_roots,
        redemption_reserves=redemption_reserves,
        settlement=Settlement(
            ledger,
            books.history,
            registry,
            asking,
            Returns(database, books.history),
            kept,
            clock,
        ),
        officers=officers,
        acts=acts,
        office=office,
        requests=requests,
        loads=Loads(database, ledger, books.history, devices, offline_roots, kept, clock),
        deposits=Deposits(
            database,
            ledger,
            Judging(devices, clock, verifier or SignatureVerifier(1)),
            DepositAnswers(database, ledger, books.history, waiting, central_keys, clock),
            waiting,
            evidence,
            Losses(database, ledger, registry, clock),
            devices,
            kept,
            clock,
            clearing,
        ),
        restoring=Restoring(
            database,
            ledger,
            registry,
            RefundClock(database, clock, confirmed_until_ms=refunds_confirmed_until_ms),
            clearing,
        ),
        pruning=Pruning(database),
        evidence=evidence,
        feed=feed,
        feed_look=FeedLook(feed, book, ledger),
        flows=Flows(database, books.history, registry),
    )
