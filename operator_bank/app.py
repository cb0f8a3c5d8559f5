"""Builds a bank from explicit parts: the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Engine

from officers.acts import Acts
from officers.build import Founding, open_acts, open_officers
from officers.people import Officers
from operator_bank.aliases.aliases import Aliases
from operator_bank.aliases.finding import AliasFinding
from operator_bank.aliases.rows import AliasTexts
from operator_bank.aliases.secret import AliasSecret
from operator_bank.aliases.telling import AliasTelling
from operator_bank.asking.answering import AskedPayments
from operator_bank.asking.asks import Asks
from operator_bank.asking.carrying import Carrying, Taking
from operator_bank.context import Context
from operator_bank.counter.effects import Holders, counter_effects
from operator_bank.counter.looks import Looks
from operator_bank.customers.checks import IdentityChecks
from operator_bank.customers.codes import PhoneCodes
from operator_bank.customers.customers import Customers
from operator_bank.customers.proving import Proving
from operator_bank.customers.sealing import Sealer
from operator_bank.exchange.deposits import Deposits
from operator_bank.exchange.exchange import Exchange
from operator_bank.exchange.machines import Machines
from operator_bank.exchange.receipts import Receipts
from operator_bank.feed.follower import FeedFollower
from operator_bank.feed.known import Sources
from operator_bank.feed.moves import Moves
from operator_bank.feed.rows import FeedRows
from operator_bank.keys.keys import WalletKeys
from operator_bank.ledger import accounts
from operator_bank.ledger.overload import CoreOverloaded
from operator_bank.ledger.records import opening_balance
from operator_bank.ledger.standing import Standing
from operator_bank.ledger.tables import ledger as ledger_tables
from operator_bank.lost.coming_back import ComingBack
from operator_bank.lost.settling import LostPayments, LostSettlement
from operator_bank.lost.windows import ComeBacks
from operator_bank.office import bank_effects
from operator_bank.offline.blocking import DeviceBlocking
from operator_bank.offline.newest_bundle import NewestBundle
from operator_bank.offline.offline import Offline
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.payments import Payments
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.payments.refunds import Refunds
from operator_bank.payments.returns import Returns
from operator_bank.payments.topped_up import TopUps
from operator_bank.peers.central_acts import CentralActs
from operator_bank.peers.central_keys import CentralKeys
from operator_bank.peers.contradictions import Contradictions
from operator_bank.peers.interface import CentralBankPort
from operator_bank.peers.trusted_keys import TrustedKeys
from operator_bank.signers.lists import SignerLists
from operator_bank.signers.together import SignedTogether
from operator_bank.statements.statement import PaymentHistory
from operator_bank.sub_wallets.arrivals import Arrivals
from operator_bank.sub_wallets.families import Families
from operator_bank.sub_wallets.homecoming import Homecoming
from operator_bank.sub_wallets.mandates import Mandates
from operator_bank.sub_wallets.ordering import SubWalletOrders
from operator_bank.suspense.payouts import SuspensePayouts
from operator_bank.sweeps.consents import Consents, SweepOrders
from operator_bank.sweeps.sweeping import Sweeps
from operator_bank.tables import office as office_tables
from operator_bank.vault.vault import Vault
from operator_bank.wallets.acceptance import Inbound
from operator_bank.wallets.changing import ClassChanges
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.opening import WalletOpening
from operator_bank.wallets.orders import Orders
from operator_bank.wallets.refused import Refused
from operator_bank.wallets.wallet import Wallets
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import NoAnswer, Refusal
from runtime.signatures import SignatureVerifier
from runtime.signing_keys import Signer
from settlement.build import LedgerBundle, open_ledger
from settlement.builders import opening, records_of
from settlement.core import Batch, CoreStopped
from settlement.ledger import Ledger
from settlement.limits import MAX_LAG_RECORDS, PROJECTION_ROWS_SQLITE
from settlement.records import AccountFlag


@dataclass(frozen=True)
class BankParts:
    """What a bank is built from, besides its database and the central bank.

    Attributes:
        key_wait_ms: how long at least a wallet's key can object to another one in its place.
        alias_key: that all banks share, 32 bytes.
        customers_keys: seal what is known of customers; by their numbers.
        checks: who tells whether what somebody shows is theirs.
    """

    name: str
    prefix: str
    business_key: Signer
    opening_deposit_fen: int
    till_float_fen: int
    central_keys: CentralKeys
    offline_roots: Sequence[bytes]
    founding: Founding
    key_wait_ms: int
    alias_key: bytes
    customers_keys: Mapping[int, bytes]
    checks: IdentityChecks


@dataclass(frozen=True)
class OperatorBank:
    """The use-cases of a bank."""

    context: Context
    officers: Officers
    policy: Policy
    acts: Acts
    directory: Directory
    opening: WalletOpening
    class_changes: ClassChanges
    wallets: Wallets
    sub_wallets: SubWalletOrders
    homecoming: Homecoming
    sweep_orders: SweepOrders
    keys: WalletKeys
    looks: Looks
    signers: SignerLists
    together: SignedTogether
    vault: Vault
    exchange: Exchange
    payments: Payments
    refunds: Refunds
    asks: Asks
    asked_payments: AskedPayments
    mandates: Mandates
    carrying: Carrying
    taking: Taking
    aliases: Aliases
    alias_telling: AliasTelling
    alias_finding: AliasFinding
    refusals: PayeeRefusals
    history: PaymentHistory
    outgoing: Outbound
    returns: Returns
    central_keys: TrustedKeys
    contradictions: Contradictions
    follower: FeedFollower
    inbound: Inbound
    suspense: SuspensePayouts
    lost: LostPayments
    windows: ComeBacks
    offline: Offline

    @property
    def books(self) -> LedgerBundle:
        """The recovered core, its journal and what follows it."""
        return self.context.books

    @property
    def standing(self) -> Standing:
        """Whether the bank's copy of its database is the newest one."""
        return self.context.standing

    def probing(self) -> list[str]:
        """Numbers of wallets that must wait, because many of their payments failed for their
        payees.
        """
        return self.refusals.waiting(self.context.clock.now_ms())

    def project(self) -> bool:
        """Makes one step of the projection; returns True if there may be much more to do.

        If only a few records are left, they wait for the next step, because each step is a
        transaction that payments would have to wait for. Questions about the past do not wait: they
        are answered from the journal as well.
        """
        return self.books.projection.catch_up() >= PROJECTION_ROWS_SQLITE

    @property
    def pumps(self) -> dict[str, Callable[[], bool]]:
        """A step for each kind of thing that goes out, by name; no kind waits for another."""
        steps = {
            "outbound": self.outgoing.step,
            "returns": self.returns.step,
            "loads": self.offline.resending.step_loads,
            "issuance": self.vault.drawing.step,
            "deposits": self.offline.resending.step_deposits,
            "keys": self.keys.replacements.step,
            "asking": self.carrying.step,
            "mandates": self.mandates.step,
            "sub-wallets": self.homecoming.step,
            "aliases": self.alias_telling.step,
        }
        return {name: self.standing.when_current(step) for name, step in steps.items()}

    def send(self) -> bool:
        """Makes one step of each pump; returns True if there may be more to do.

        Raises:
            NoAnswer, Refusal: one of the steps failed so; the others were made all the same.
        """
        busy, trouble = False, None
        for step in self.pumps.values():
            try:
                busy = step() or busy
            except (NoAnswer, Refusal) as error:
                trouble = error
        if trouble is not None:
            raise trouble
        return busy


def build(
    engine: Engine,
    parts: BankParts,
    *,
    central_bank: CentralBankPort,
    clock: Clock,
    verifier: SignatureVerifier,
    threaded: bool,
    on_stopped: Callable[[CoreStopped], None] = lambda _: None,
) -> OperatorBank:
    """Builds a bank over a migrated database and recovers its core.

    Args:
        engine: the database.
        parts: name, keys and rules.
        central_bank: the central bank, as the bank calls it.
        clock: the time.
        verifier: verifies signatures in bulk.
        threaded: with a writer thread (the service) or without (simulation).
        on_stopped: is called once if the core had to stop.

    Raises:
        KeyFileWrong: the keys do not open what is kept of customers.
    """
    database = Database(engine)
    # Before anything is opened: without officers nobody could do anything about a wallet.
    officers = open_officers(database, office_tables, parts.name, parts.founding, clock)
    sealer = Sealer(parts.name, parts.customers_keys)
    customers = Customers(database, sealer)
    books = open_ledger(
        engine,
        ledger_tables,
        threaded=threaded,
        max_lag=MAX_LAG_RECORDS,
        on_stopped=on_stopped,
        overloaded=CoreOverloaded,
    )
    database.turns = books.turns
    began_at = books.ledger.position()
    context = Context(
        parts.name, parts.prefix, database, books, central_bank, clock, standing=Standing()
    )
    _open_own_accounts(books.ledger, clock.now_ms(), parts.till_float_fen)
    texts = AliasTexts(database, sealer)
    return _furnish(context, parts, officers, customers, texts, verifier, began_at)


class _WalletRoom(NamedTuple):
    """Who has a wallet, what its class allows, and which orders it has signed."""

    policy: Policy
    codes: PhoneCodes
    class_changes: ClassChanges
    directory: Directory
    orders: Orders
    refused: Refused


class _LostRoom(NamedTuple):
    """What came back when an older copy of the database was restored."""

    windows: ComeBacks
    payments: LostPayments
    coming_back: ComingBack


class _Trusted(NamedTuple):
    """What the central bank has signed, and where it contradicted itself."""

    keys: TrustedKeys
    acts: CentralActs
    contradictions: Contradictions


def _furnish(
    context: Context,
    parts: BankParts,
    officers: Officers,
    customers: Customers,
    texts: AliasTexts,
    verifier: SignatureVerifier,
    began_at: int,
) -> OperatorBank:
    """Builds every room. `began_at`: where the ledger ended when it was recovered."""
    wallets = _wallet_room(context, parts, customers, verifier)
    policy, codes, class_changes, directory, orders, refused = wallets
    outgoing, vault = Outbound(context), Vault(context)
    deposits = Deposits(context, vault)
    top_ups = TopUps(context, deposits, policy)
    consents = Consents(context)
    sweeps = Sweeps(context, consents)
    homecoming = Homecoming(context, policy, orders.families)
    refusals = PayeeRefusals(directory.number_of)
    inbound = Inbound(context, directory, policy)
    suspense = SuspensePayouts(context, directory, inbound)
    lost = _lost_room(context, directory)
    machines = Machines(context.database, officers.founding())
    keys = WalletKeys(context, directory, orders, customers, parts.key_wait_ms)
    trusted = _trusted(context, parts)
    trusted.keys.on_heard = policy.follow
    trusted.keys.follow()
    bundles = NewestBundle(context, parts.offline_roots, trusted.contradictions)
    offline = Offline(context, orders, outgoing, parts.business_key, refused, bundles, trusted.keys)
    holders = Holders(context, directory, customers, orders.families)
    effects = {
        **bank_effects(context, directory, suspense, machines, keys, orders.families),
        **counter_effects(holders),
        "block_devices": DeviceBlocking(context, directory, offline.keys),
        "come_back": lost.coming_back,
        "settle_lost": LostSettlement(context, lost.payments),
    }
    acts = open_acts(context.database, office_tables, officers, effects, context.clock)
    moves = Moves(Sources(context, directory, vault), lost.windows)
    rows = FeedRows(context, directory, refusals, refused, lost.windows)
    follower = FeedFollower(
        context,
        moves,
        rows,
        outgoing,
        trusted.keys,
        trusted.acts,
        acts.chain,
        lost.windows,
        sweeps,
        began_at=began_at,
    )
    lost.coming_back.stands_at = lambda: follower.place.number
    lost.coming_back.done = follower.ask_again
    secret = AliasSecret(parts.alias_key)
    aliases = Aliases(context, orders, secret, texts, codes, parts.checks)
    open_wallets = Wallets(context, directory, orders, policy, refused)
    open_wallets.on_closed = aliases.closed
    homecoming.on_closed = lambda account: aliases.closed(directory.number_of(account))
    asked_payments = AskedPayments(
        context, orders, directory, outgoing, refused, lost.payments, top_ups, sweeps
    )
    mandates = Mandates(
        context, directory, orders.families, asked_payments, lost.windows, lost.payments
    )
    arrivals = Arrivals(directory, orders.families)
    asks = Asks(context, orders, directory, arrivals)
    asks.on_allowed = context.standing.when_current(mandates.step)
    payments = Payments(
        context, orders, directory, outgoing, refusals, refused, lost.payments, top_ups, sweeps
    )
    signers = SignerLists(context, directory, orders, keys)
    return OperatorBank(
        context=context,
        officers=officers,
        policy=policy,
        acts=acts,
        directory=directory,
        opening=WalletOpening(context, directory, codes, verifier),
        class_changes=class_changes,
        wallets=open_wallets,
        sub_wallets=SubWalletOrders(context, directory, orders, policy, homecoming),
        homecoming=homecoming,
        sweep_orders=SweepOrders(context, directory, orders, refused, consents),
        keys=keys,
        looks=Looks(context, officers, holders),
        signers=signers,
        together=SignedTogether(
            context, orders, directory, outgoing, refused, payments, signers, sweeps
        ),
        vault=vault,
        exchange=Exchange(
            context, orders, deposits, Receipts(context, verifier, machines), refused
        ),
        payments=payments,
        refunds=Refunds(context, orders, directory, outgoing, refused, lost.payments),
        asks=asks,
        asked_payments=asked_payments,
        mandates=mandates,
        carrying=Carrying(context),
        taking=Taking(context, directory, arrivals),
        aliases=aliases,
        alias_telling=AliasTelling(context, directory),
        alias_finding=AliasFinding(context, directory, inbound, customers, secret),
        refusals=refusals,
        history=PaymentHistory(context, directory, outgoing),
        outgoing=outgoing,
        returns=Returns(context, outgoing),
        central_keys=trusted.keys,
        contradictions=trusted.contradictions,
        follower=follower,
        inbound=inbound,
        suspense=suspense,
        lost=lost.payments,
        windows=lost.windows,
        offline=offline,
    )


def _wallet_room(
    context: Context, parts: BankParts, customers: Customers, verifier: SignatureVerifier
) -> _WalletRoom:
    policy = Policy(context)
    codes = PhoneCodes(parts.checks, context.clock)
    proving = Proving(parts.checks, codes, context.clock)
    directory = Directory(
        context,
        customers,
        proving,
        policy,
        opening_deposit_fen=parts.opening_deposit_fen,
    )
    orders = Orders(context, directory, verifier, Families(context))
    changes = ClassChanges(context, directory, orders, customers, proving, policy)
    return _WalletRoom(policy, codes, changes, directory, orders, Refused(context))


def _lost_room(context: Context, directory: Directory) -> _LostRoom:
    windows = ComeBacks(context.database)
    payments = LostPayments(context, directory, windows)
    return _LostRoom(windows, payments, ComingBack(context, windows))


def _trusted(context: Context, parts: BankParts) -> _Trusted:
    contradictions = Contradictions(context.database, context.clock)
    keys = TrustedKeys(context, parts.central_keys, contradictions)
    return _Trusted(keys, CentralActs(context.database, contradictions), contradictions)


def _open_own_accounts(ledger: Ledger, now_ms: int, till_float_fen: int) -> None:
    """Opens the bank's own accounts, and fills the tills once. Those that exist stay as they
    are.
    """
    own = [
        (accounts.MIRROR, accounts.CURRENCY, AccountFlag.MAY_GO_NEGATIVE),
        (accounts.VAULT, accounts.CURRENCY, 0),
        (accounts.SUSPENSE, accounts.CURRENCY, AccountFlag.MANY_HOLDS),
        (accounts.REDEMPTION_RESERVE, accounts.CURRENCY, 0),
        (accounts.LOST, accounts.CURRENCY, AccountFlag.MAY_GO_NEGATIVE),
        (accounts.SUB_WALLETS, accounts.CURRENCY, 0),
        (accounts.SWEEPS, accounts.CURRENCY, 0),
        (accounts.CONTROL, accounts.OWN_BOOKS, AccountFlag.MAY_GO_NEGATIVE),
        (accounts.TILL, accounts.OWN_BOOKS, 0),
    ]
    # From the core's own state: what was journaled can perhaps not be looked up yet.
    till_is_filled = bool(ledger.read([accounts.TILL])[0]["last_sequence"])
    till_float_fen = 0 if till_is_filled else till_float_fen
    rows = [
        opening(number, ledger=book, flags=flags, time_ms=now_ms) for number, book, flags in own
    ]
    if till_float_fen:
        rows.append(opening_balance(accounts.TILL, till_float_fen, now_ms))
    ledger.submit(Batch(records_of(rows), urgent=True))
