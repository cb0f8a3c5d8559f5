"""Checks a bank's journal, record by record: a wallet's holder ordered whatever leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, Row

from auditor.books import (
    CONTROL,
    FIRST_WALLET,
    LOST,
    MIRROR,
    REDEMPTION_RESERVE,
    SUB_WALLETS,
    SUSPENSE,
    SWEEPS,
    TILL,
    VAULT,
)
from auditor.signatures.acts import ActsDone
from auditor.signatures.classes import ClassChangesDone
from auditor.signatures.feed import FeedWalk
from auditor.signatures.feed_chain import FeedChain
from auditor.signatures.late import Late
from auditor.signatures.lost import LostTime
from auditor.signatures.machines import CashMachines, machine_rows
from auditor.signatures.mandates import MandateWalk
from auditor.signatures.offline_orders import OfflineOrders
from auditor.signatures.ordered_payments import OrderWalk
from auditor.signatures.orders import Line, Wrong, lines, ordered, same
from auditor.signatures.policy import Announced, PolicyWalk
from auditor.signatures.presences import Presences, presence_rows
from auditor.signatures.recovery_keys import NamedRecoveryKeys
from auditor.signatures.refunds import RefundWalk
from auditor.signatures.releases import Releases
from auditor.signatures.requests import RequestWalk
from auditor.signatures.rows import as_of_one_moment
from auditor.signatures.settled import SettledEntries
from auditor.signatures.signers import signer_rows
from auditor.signatures.sub_wallets import SubWalletWalk
from auditor.signatures.sweeps import SweepWalk
from auditor.signatures.verifying import Problems, Verifying
from auditor.signatures.wallet_keys import WalletKeys, replacement_rows
from auditor.signatures.wallets import Wallets
from currency.sub_limits import CHOICES
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from language import _
from settlement.journal import Journal, JournalBroken, Tip
from settlement.records import ADMINISTRATIVE, AccountFlag, Kind, RecordFlag
from settlement.tables import JournalTables

_A_PAIR = _BY_MANDATE = 2
"""Records of an exchange, of a top-up and of a sweep: one in each of the bank's ledgers; and of a
payment by a mandate."""

_PAIRS_OF_A_PAYMENT = {
    (purposes_pb2.PURPOSE_TOP_UP,),
    (purposes_pb2.PURPOSE_SWEEP,),
    (purposes_pb2.PURPOSE_TOP_UP, purposes_pb2.PURPOSE_SWEEP),
}


class BankWalk:
    """Walks through one bank's journal, and remembers only what is still open.

    Attributes:
        unsaid: entries that the bank has applied and the central bank's journal does not have.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        tables: JournalTables,
        settled: SettledEntries,
        acts: ActsDone,
        verifying: Verifying,
        chain: FeedChain,
        lost: LostTime,
        machines: Sequence[Row[Any]],
        replacements: Sequence[Row[Any]],
        presences: Sequence[Row[Any]],
        policies: Sequence[Announced],
    ) -> None:
        """Prepares it.

        Args:
            machines: as `machine_rows` read them before the acts.
            replacements: as `replacement_rows` read them before the acts.
            presences: as `presence_rows` read them before the acts.
            policies: what the central bank has announced of limits, in order.
        """
        self._chain = chain
        self._lost = lost
        self._engine = engine
        self._journal = Journal(engine, tables)
        self._acts = acts
        self._verifying = verifying
        self._name = name
        self._problems = Problems()
        self._late = Late()
        self._refunds = RefundWalk(engine, tables)
        self._requests = RequestWalk(engine)
        self._policy = PolicyWalk(policies, self._problems)
        self._machines = CashMachines(
            machines,
            acts.founding_machines,
            acts.approved,
            machine_rows(engine),
            self._problems,
            verifying,
        )
        named = NamedRecoveryKeys(engine, self._problems)
        self._keys = WalletKeys(
            name,
            replacements,
            acts.approved,
            replacement_rows(engine),
            named,
            signer_rows(engine),
            Releases(name, engine, self._problems, verifying),
            self._problems,
            verifying,
        )
        self._mandates = MandateWalk(engine, verifying, self._keys.in_force)
        self._presences = Presences(presences, acts.approved, presence_rows(engine), self._problems)
        self._wallets = Wallets(name, self._keys, named, verifying, self._problems)
        self._offline = OfflineOrders(name, engine, self._wallets, self._keys)
        self._feed = FeedWalk(
            self._wallets,
            settled,
            lost,
            acts,
            self._refunds,
            self._requests,
            self._mandates,
            self._offline,
        )
        self.unsaid = self._feed.unsaid

    def run(self, until_seq: int) -> Problems:
        """Names every record, up to row `until_seq`, that nothing signed stands behind."""
        self._read_wallets()
        holders = self._wallets.of_account
        self._keys.check(holders)
        self._presences.check(
            {row: holders[account].number for row, account in self._wallets.account_of_row.items()}
        )
        tip = Tip()
        for entry, reached in self._journal.rows(tip, until_seq=until_seq, signed=True):
            row = _("row seq={seq}").format(seq=entry.seq)
            self._walk(lines(entry), row)
            self._policy.compare(row)
            tip = reached
        for table_ in (self._refunds, self._requests, self._mandates):
            for problem in table_.check(tip.position):
                self._problems.say(problem)
        self._keys.finish(tip.position)
        self._classes.finish(tip.position)
        self._subs.finish(tip.position)
        self._sweeps.finish(tip.position)
        self._rest_of_the_chain(tip)
        self._wallets.never_opened(self._journal, tip)
        for line, seq, first in self._late.repeated(self._journal, until_seq):
            self._say(
                line,
                _("row seq={seq}").format(seq=seq),
                _("it was accepted before, at position {first}").format(first=first),
            )
        self._offline.check_devices(self._problems)
        for problem in self._lost.finish().all():
            self._problems.say(problem)
        return self._problems

    def _rest_of_the_chain(self, tip: Tip) -> None:
        """Takes the entries that the bank has applied since its journal was replayed."""
        if self._chain.complete:
            return
        try:
            for entry, _rest in self._journal.rows(tip):
                for line in lines(entry):
                    self._chain.take(line, _("row seq={seq}").format(seq=entry.seq))
                if self._chain.complete:
                    return
        except JournalBroken as broken:
            self._problems.say(
                _("the feed cannot be followed further: {broken}").format(broken=broken)
            )

    def _read_wallets(self) -> None:
        """Reads what the bank's tables say of wallets, all as of one moment."""
        with as_of_one_moment(self._engine).connect() as connection:
            in_force = self._keys.in_force
            self._classes = ClassChangesDone(
                connection, self._acts, self._presences, self._verifying, self._problems, in_force
            )
            self._subs = SubWalletWalk(
                self._name, connection, self._verifying, self._problems, in_force
            )
            self._sweeps = SweepWalk(
                connection, self._problems, self._keys.key_number, self._policy.cap_fen
            )
            self._wallets.read(connection, self._classes, self._subs)
        for account, row in self._wallets.row_of_account.items():
            self._sweeps.know(account, row)
        self._orders = OrderWalk(
            self._name,
            self._wallets,
            self._keys,
            self._subs,
            self._policy,
            self._refunds,
            self._requests,
            self._mandates,
            self._machines,
            self._feed,
            self._verifying,
        )

    def _walk(self, journal_row: Iterable[Line], row: str) -> None:
        chain: list[Line] = []
        for line in journal_row:
            if line.kind != Kind.SET_LIMIT:
                self._policy.compare(row)
            self._late.note(line)
            self._chain.take(line, row)
            chain.append(line)
            if line.flags & RecordFlag.LINKED:
                continue
            try:
                self._together(chain)
            except Wrong as wrong:
                self._say(chain[0], row, str(wrong))
            for each in chain:
                self._sweeps.move(each)
            chain = []

    def _together(self, chain: list[Line]) -> None:
        """Checks a record, or those that are linked to it as well. Raises Wrong."""
        first = chain[0]
        if len(chain) == _A_PAIR and first.origin == SWEEPS:
            self._sweeps.beside(
                chain, self._wallets.of_account.get(first.debit), self._wallets.deposit(first.debit)
            )
            return
        self._sweeps.arrived(first)
        if len(chain) == 1:
            self._one(first)
        elif first.purpose == purposes_pb2.PURPOSE_MANDATE:
            self._orders.by_mandate(*chain[:_BY_MANDATE])
            self._check_sweep(first, chain[_BY_MANDATE:])
        elif len(chain) == _A_PAIR:
            self._orders.exchange(*chain)
        else:
            self._with_pairs(first, chain[1:])

    def _with_pairs(self, payment: Line, others: list[Line]) -> None:
        """Checks a payment with its payer's top-up, its payee's sweep, or both. Raises Wrong."""
        pairs = [others[at : at + _A_PAIR] for at in range(0, len(others), _A_PAIR)]
        purposes = tuple(pair[0].purpose for pair in pairs)
        if len(others) % _A_PAIR or purposes not in _PAIRS_OF_A_PAYMENT:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        if purposes[0] == purposes_pb2.PURPOSE_TOP_UP:
            self._orders.topped_up(payment, *pairs[0])
        else:
            self._orders.paid(payment, self._wallets.get(payment.origin))
        if purposes[-1] == purposes_pb2.PURPOSE_SWEEP:
            self._check_sweep(payment, pairs[-1])

    def _check_sweep(self, payment: Line, parts: Sequence[Line]) -> None:
        """Checks what is swept with a payment, if anything is. Raises Wrong."""
        if not parts:
            return
        if len(parts) != _A_PAIR:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        payer, payee = self._wallets.get(payment.origin), payment.credit
        holder, deposit = self._wallets.of_account.get(payee), self._wallets.deposit(payee)
        self._sweeps.with_payment(payment, payer, parts, holder, deposit)

    def _say(self, line: Line, row: str, wrong: str) -> None:
        holder = self._wallets.of_account.get(line.debit)
        what = _("{name} of {yuan} fen").format(name=Kind(line.kind).name, yuan=line.amount_fen)
        if holder is not None:
            what += _(" out of wallet {number}").format(number=holder.number)
        self._problems.say(
            _("table journal, {row}, position={position}: {what}: {wrong}").format(
                row=row, position=line.position, what=what, wrong=wrong
            )
        )

    def _one(self, line: Line) -> None:
        """Checks a record that is in no chain. Raises Wrong."""
        if line.kind in ADMINISTRATIVE:
            self._administer(line)
        elif line.origin == MIRROR:
            self._feed.fed(line)
        elif line.origin in self._wallets.of_account and line.debit == line.origin:
            self._orders.paid(line, self._wallets.of_account[line.origin])
        elif line.origin == line.debit == SUSPENSE:
            self._feed.out_of_suspense(line)
        elif line.origin == LOST:
            self._feed.settled_of_lost(line)
        elif line.origin == SUB_WALLETS:
            self._subs.home(line)
        elif not line.accepted:
            return
        elif not self._is_own(line):
            raise Wrong(_("neither an order nor the central bank's word is behind it"))

    def _is_own(self, line: Line) -> bool:
        """Whether a bank may do this by itself, with its own money."""
        if line.kind != Kind.TRANSFER:
            return False
        if line.purpose == purposes_pb2.PURPOSE_REDEMPTION_RESERVE:
            return (line.debit, line.credit) == (VAULT, REDEMPTION_RESERVE)
        # The bank itself fills a deposit account or the till when it begins.
        filled = line.credit == TILL or self._wallets.is_deposit(line.credit)
        opening = line.purpose == purposes_pb2.PURPOSE_OPENING_BALANCE
        return opening and line.debit == CONTROL and filled

    def _administer(self, line: Line) -> None:
        account = line.credit
        if line.kind == Kind.SET_FLAGS and line.ref & AccountFlag.CLOSED:
            # A refused one is checked as well: it has used up its sequence.
            holder = self._wallets.get(account)
            if self._subs.parent(account) and not line.sequence:
                self._subs.closed(line)
                return
            same("account", line.origin, account)
            ordered(line, orders_pb2.CloseOrder, holder.number)
            self._orders.signed(line, holder, orders_pb2.CloseOrder)
        elif line.kind == Kind.SET_LIMIT and line.credit in CHOICES:
            self._subs.limits(line)
        elif line.kind == Kind.SET_LIMIT:
            self._policy.take(line)
        elif line.kind == Kind.SET_LIMIT_SET and line.sequence:
            holder = self._wallets.get(account)
            self._orders.signed(line, holder, orders_pb2.SweepOrder)
            self._sweeps.ordered(line, holder, self._wallets.row_of_account[account])
        elif not line.accepted:
            return
        elif line.kind == Kind.OPEN:
            self._opened(line)
        elif line.kind == Kind.REPLACE_KEY:
            holder = self._wallets.get(account)
            if self._subs.parent(account) and line.ref in holder.lists:
                raise Wrong(_("a sub-wallet has a list of signers"))
            self._keys.replaced(line, holder)
        elif line.kind == Kind.SET_FLAGS:
            holder = self._wallets.get(account)
            kind = "freeze_wallet" if line.ref else "unfreeze_wallet"
            parent = self._subs.parent(account)
            if (
                parent
                and line.ref
                and self._subs.frozen(line, self._wallets.get(parent), self._acts)
            ):
                return
            self._acts.took_effect(line, kind, wallet_number=holder.number)
        elif parent := self._subs.parent(account):
            self._subs.ordered(line, self._wallets.get(account).number, self._wallets.get(parent))
        else:
            holder = self._wallets.get(account)
            self._classes.took_effect(line, self._wallets.row_of_account[account], holder)

    def _opened(self, line: Line) -> None:
        if line.credit < FIRST_WALLET:
            return
        self._policy.opened()
        parent = self._wallets.opened(line)
        if parent:
            self._subs.opened(line, self._wallets.get(parent))
