"""Checks a bank's journal, record by record: a wallet's holder ordered whatever leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, select, table

from auditor.books import (
    CONTROL,
    CURRENCY,
    DEPOSIT,
    FIRST_WALLET,
    LOST,
    MIRROR,
    OWN_BOOKS,
    REDEMPTION_RESERVE,
    SUB_WALLETS,
    SUSPENSE,
    SWEEPS,
    TILL,
    VAULT,
    WALLET,
)
from auditor.signatures.acts import ActsDone
from auditor.signatures.classes import ClassChangesDone
from auditor.signatures.feed_chain import FeedChain
from auditor.signatures.late import Late
from auditor.signatures.lost import LostTime
from auditor.signatures.machines import CashMachines, machine_rows
from auditor.signatures.mandates import MandateWalk
from auditor.signatures.orders import (
    Line,
    Wrong,
    limited,
    lines,
    ordered,
    purposed,
    read,
    refused,
    same,
)
from auditor.signatures.policy import Announced, PolicyWalk
from auditor.signatures.presences import Presences, presence_rows
from auditor.signatures.recovery_keys import NamedRecoveryKeys
from auditor.signatures.refunds import NOTHING_REFUNDED, Refunded, RefundWalk
from auditor.signatures.requests import RequestWalk
from auditor.signatures.rows import as_of_one_moment
from auditor.signatures.settled import Hold, SettledEntries, same_purpose, undeliverable
from auditor.signatures.signer_lists import Holder
from auditor.signatures.signers import signer_rows
from auditor.signatures.sub_wallets import SubWalletWalk
from auditor.signatures.sweeps import SweepWalk
from auditor.signatures.verifying import Problems, Verifying
from auditor.signatures.wallet_keys import WalletKeys, replacement_rows
from currency.payments import payer_of
from currency.proofs import Proof, class_of
from currency.sub_limits import CHOICES
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.deposit import Deposit, signed_by_owners
from offline_token.formats import FormatError
from offline_token.possession import Possession, account_of
from offline_token.verify import Bad, Reason
from settlement.accounts import opening_digest
from settlement.journal import Journal, JournalBroken, Tip
from settlement.records import (
    ADMINISTRATIVE,
    ENDING_HOLDS,
    AccountFlag,
    Kind,
    RecordFlag,
    opening_of,
    record_digest,
)
from settlement.tables import JournalTables

_wallets = table("wallets", *map(column, ("id", "number", "public_key", "customer")))
_customers = table("customers", *map(column, ("id", "holder_digest", "shown")))
_openings = table(
    "opening_orders", *map(column, ("wallet", "shown", "order_payload", "order_signature"))
)
_accounts = table("accounts", *map(column, ("number", "owner", "purpose")))
_deposits = table(
    "token_deposits",
    *(column(name) for name in ("id", "wallet", "order_payload", "order_signature")),
)
_devices = table(
    "devices",
    *(column(name) for name in ("device_key", "wallet", "order_payload", "order_signature")),
)
_TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP
_DEPOSIT = orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
_CASH = orders_pb2.EXCHANGE_MEDIUM_CASH
_A_PAIR = _BY_MANDATE = 2
"""Records of an exchange, of a top-up and of a sweep: one in each of the bank's ledgers; and of a
payment by a mandate."""

_PAIRS_OF_A_PAYMENT = {
    (purposes_pb2.PURPOSE_TOP_UP,),
    (purposes_pb2.PURPOSE_SWEEP,),
    (purposes_pb2.PURPOSE_TOP_UP, purposes_pb2.PURPOSE_SWEEP),
}


class _Opening(NamedTuple):
    """What an account's OPEN must say."""

    digest: int
    ledger: int
    limit_set: int
    parent: int = 0


@dataclass
class Unsaid:
    """Entries that a bank has applied and the central bank's journal does not have, in fen."""

    entries: int = 0
    in_fen: int = 0
    out_fen: int = 0

    def count(self, line: Line) -> None:
        """Counts the record that such an entry became."""
        self.entries += 1
        if line.kind != Kind.REFUSAL:
            self.in_fen += line.amount_fen if line.debit == MIRROR else 0
            self.out_fen += line.amount_fen if line.credit == MIRROR else 0


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
        self._name = name
        self._chain = chain
        self._lost = lost
        self._engine = engine
        self._journal = Journal(engine, tables)
        self._settled = settled
        self._acts = acts
        self._verifying = verifying
        self._problems = Problems()
        self._holders: dict[int, Holder] = {}
        self._accounts: dict[str, int] = {}
        self._account_of_row: dict[int, int] = {}
        self._row_of_account: dict[int, int] = {}
        self._openings: dict[int, _Opening] = {}
        self._deposit_of: dict[int, int] = {}
        """The holder's deposit account, by the wallet's account."""
        self._opened_accounts: set[int] = set()
        self._holds: dict[int, Hold] = {}
        self._loads: dict[int, int] = {}
        """The loading account, by the number of the load."""
        self._suspense: dict[int, tuple[int, str]] = {}
        """Fen and the payer's number, by the position that brought it in."""
        self._stands_for: dict[int, int] = {}
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
        self._named = NamedRecoveryKeys(engine, self._problems)
        self._keys = WalletKeys(
            name,
            replacements,
            acts.approved,
            replacement_rows(engine),
            self._named,
            signer_rows(engine),
            self._problems,
            verifying,
        )
        self._mandates = MandateWalk(engine, verifying, self._keys.in_force)
        self._presences = Presences(presences, acts.approved, presence_rows(engine), self._problems)
        self.unsaid = Unsaid()

    def run(self, until_seq: int) -> Problems:
        """Names every record, up to row `until_seq`, that nothing signed stands behind."""
        self._read_wallets()
        self._keys.check(self._holders)
        holders = self._holders
        self._presences.check(
            {row: holders[n].number for row, n in self._account_of_row.items() if n in holders}
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
        self._never_opened(tip)
        for line, seq, first in self._late.repeated(self._journal, until_seq):
            self._say(
                line,
                _("row seq={seq}").format(seq=seq),
                _("it was accepted before, at position {first}").format(first=first),
            )
        self._check_devices()
        for problem in self._lost.finish().all():
            self._problems.say(problem)
        return self._problems

    def _never_opened(self, tip: Tip) -> None:
        """Names accounts in the table that no record has opened, not even since the replay."""
        unopened = self._openings.keys() - self._opened_accounts
        for entry, _rest in self._journal.rows(tip) if unopened else ():
            opens = entry.records["kind"] == Kind.OPEN
            unopened -= set(entry.records["credit"][opens].tolist())
        for account in sorted(unopened):
            self._problems.say(
                _("table accounts, row number={account}: it was never opened").format(
                    account=account
                )
            )

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
        """Reads the wallets with their accounts, one row for each account."""
        query = (
            select(
                *(_wallets, _accounts.c.number.label("account"), _accounts.c.purpose),
                *(_customers.c.holder_digest, _customers.c.shown.label("shown_now")),
                *(_openings.c.shown, _openings.c.order_payload, _openings.c.order_signature),
            )
            .outerjoin(_accounts, _accounts.c.owner == _wallets.c.id)
            .outerjoin(_customers, _customers.c.id == _wallets.c.customer)
            .outerjoin(_openings, _openings.c.wallet == _wallets.c.id)
        )
        with as_of_one_moment(self._engine).connect() as connection:
            self._classes = ClassChangesDone(
                connection,
                self._acts,
                self._presences,
                self._verifying,
                self._problems,
                self._keys.in_force,
            )
            self._subs = SubWalletWalk(
                self._name, connection, self._verifying, self._problems, self._keys.in_force
            )
            self._sweeps = SweepWalk(
                connection, self._problems, self._keys.key_number, self._policy.cap_fen
            )
            for row in connection.execute(query.order_by(_wallets.c.id, _accounts.c.purpose)):
                where = _("table wallets, row id={id}").format(id=row.id)
                try:
                    self._read_account(row, where)
                except Wrong as wrong:
                    self._problems.say(f"{where}: {wrong}")

    def _read_account(self, row: Row[Any], where: str) -> None:
        if row.account is None:
            raise Wrong(_("table accounts has no account of it"))
        if self._subs.is_one(row.id) and row.order_payload is None and row.purpose == WALLET:
            parent = self._account_of_row.get(self._subs.parent_row(row.id))
            sub = self._subs.read(row, parent)
            digest = opening_digest(sub.payload, WALLET)
            opening = _Opening(digest, CURRENCY, sub.limit_set, sub.parent)
            self._is_wallet(row, opening)
            return
        if row.order_payload is None:
            raise Wrong(_("table opening_orders has no order of it"))
        payload = bytes(row.order_payload)
        if row.purpose == DEPOSIT:
            asked = self._classes.deposit_order(row.id, payload, row.shown)
            digest = opening_digest(asked, DEPOSIT)
            self._openings[row.account] = _Opening(digest, OWN_BOOKS, 0)
            if row.id in self._account_of_row:
                self._deposit_of[self._account_of_row[row.id]] = row.account
        if row.purpose == WALLET:
            digest = opening_digest(payload, WALLET)
            order = read(orders_pb2.OpenWalletOrder, payload)
            self._is_wallet(row, _Opening(digest, CURRENCY, class_of(Proof(row.shown))))
            self._named.ordered(order.recovery_key, row.number, 0)
            self._check_opening(row, order, where)

    def _is_wallet(self, row: Row[Any], opening: _Opening) -> None:
        """Takes a wallet, with what the record that opened it must say."""
        self._openings[row.account] = opening
        keys = self._keys.keys(row.number, bytes(row.public_key))
        self._holders[row.account] = Holder(row.number, keys, self._keys.lists(row.number))
        self._accounts[row.number] = self._account_of_row[row.id] = row.account
        self._row_of_account[row.account] = row.id
        self._sweeps.know(row.account, row.id)

    def _check_opening(self, row: Row[Any], order: orders_pb2.OpenWalletOrder, where: str) -> None:
        same("key", order.public_key.hex(), bytes(row.public_key).hex())
        same("holder", order.holder_digest.hex(), (row.holder_digest or b"").hex())
        self._classes.check_shown(row.id, row.number, row.shown, row.shown_now)
        same("bank", order.bank, self._name)
        self._verify(
            _("{where}: its opening").format(where=where),
            order.public_key,
            orders_pb2.OpenWalletOrder,
            bytes(row.order_payload),
            bytes(row.order_signature),
        )

    def _verify(
        self, where: str, key: bytes, kind: type[Message], payload: bytes, signature: bytes
    ) -> None:
        self._verifying.add(
            self._problems, where, key=key, kind=kind, payload=payload, signature=signature
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
            self._sweeps.beside(chain, self._holders.get(first.debit), self._deposit(first.debit))
            return
        self._sweeps.arrived(first)
        if len(chain) == 1:
            self._one(first)
        elif first.purpose == purposes_pb2.PURPOSE_MANDATE:
            self._by_mandate(*chain[:_BY_MANDATE])
            self._check_sweep(first, chain[_BY_MANDATE:])
        elif len(chain) == _A_PAIR:
            self._exchange(*chain)
        else:
            self._with_pairs(first, chain[1:])

    def _deposit(self, account: int) -> int | None:
        """The deposit account of a wallet's holder."""
        return self._deposit_of.get(account)

    def _with_pairs(self, payment: Line, others: list[Line]) -> None:
        """Checks a payment with its payer's top-up, its payee's sweep, or both. Raises Wrong."""
        pairs = [others[at : at + _A_PAIR] for at in range(0, len(others), _A_PAIR)]
        purposes = tuple(pair[0].purpose for pair in pairs)
        if len(others) % _A_PAIR or purposes not in _PAIRS_OF_A_PAYMENT:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        if purposes[0] == purposes_pb2.PURPOSE_TOP_UP:
            self._topped_up(payment, *pairs[0])
        else:
            self._paid(payment, self._holder(payment.origin))
        if purposes[-1] == purposes_pb2.PURPOSE_SWEEP:
            self._check_sweep(payment, pairs[-1])

    def _check_sweep(self, payment: Line, parts: Sequence[Line]) -> None:
        """Checks what is swept with a payment, if anything is. Raises Wrong."""
        if not parts:
            return
        if len(parts) != _A_PAIR:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        payer, payee = self._holder(payment.origin), payment.credit
        holder, deposit = self._holders.get(payee), self._deposit(payee)
        self._sweeps.with_payment(payment, payer, parts, holder, deposit)

    def _say(self, line: Line, row: str, wrong: str) -> None:
        holder = self._holders.get(line.debit)
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
            self._fed(line)
        elif line.origin in self._holders and line.debit == line.origin:
            self._paid(line, self._holders[line.origin])
        elif line.origin == line.debit == SUSPENSE:
            self._out_of_suspense(line)
        elif line.origin == LOST:
            self._settled_of_lost(line)
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
        must_be = self._openings.get(line.credit)
        is_deposit = must_be is not None and must_be.ledger == OWN_BOOKS
        filled = line.credit == TILL or is_deposit
        opening = line.purpose == purposes_pb2.PURPOSE_OPENING_BALANCE
        return opening and line.debit == CONTROL and filled

    def _administer(self, line: Line) -> None:
        account = line.credit
        if line.kind == Kind.SET_FLAGS and line.ref & AccountFlag.CLOSED:
            # A refused one is checked as well: it has used up its sequence.
            holder = self._holder(account)
            if self._subs.parent(account) and not line.sequence:
                self._subs.closed(line)
                return
            same("account", line.origin, account)
            ordered(line, orders_pb2.CloseOrder, holder.number)
            self._signed(line, holder, orders_pb2.CloseOrder)
        elif line.kind == Kind.SET_LIMIT and line.credit in CHOICES:
            self._subs.limits(line)
        elif line.kind == Kind.SET_LIMIT:
            self._policy.take(line)
        elif line.kind == Kind.SET_LIMIT_SET and line.sequence:
            holder = self._holder(account)
            self._signed(line, holder, orders_pb2.SweepOrder)
            self._sweeps.ordered(line, holder, self._row_of_account[account])
        elif not line.accepted:
            return
        elif line.kind == Kind.OPEN:
            self._opened(line)
        elif line.kind == Kind.REPLACE_KEY:
            holder = self._holder(account)
            if self._subs.parent(account) and line.ref in holder.lists:
                raise Wrong(_("a sub-wallet has a list of signers"))
            self._keys.replaced(line, holder)
        elif line.kind == Kind.SET_FLAGS:
            holder = self._holder(account)
            kind = "freeze_wallet" if line.ref else "unfreeze_wallet"
            parent = self._subs.parent(account)
            if parent and line.ref and self._subs.frozen(line, self._holder(parent), self._acts):
                return
            self._acts.took_effect(line, kind, wallet_number=holder.number)
        elif parent := self._subs.parent(account):
            self._subs.ordered(line, self._holder(account).number, self._holder(parent))
        else:
            holder = self._holder(account)
            self._classes.took_effect(line, self._row_of_account[account], holder)

    def _opened(self, line: Line) -> None:
        account = line.credit
        if account < FIRST_WALLET:
            return
        self._policy.opened()
        if opening_of(line.ref).flags:
            raise Wrong(_("an account of a holder is opened with flags"))
        if account not in self._openings:
            raise Wrong(_("table accounts does not say whose account it is"))
        opening = self._openings[account]
        if line.digest != opening.digest:
            raise Wrong(_("it was opened for another owner or purpose than table accounts says"))
        self._opened_accounts.add(account)
        said = opening_of(line.ref)
        recorded = (said.ledger, said.limit_set, line.debit)
        if recorded != (opening.ledger, opening.limit_set, opening.parent):
            raise Wrong(_("its order wants an account in other books, or with other limits"))
        if opening.parent:
            self._subs.opened(line, self._holder(opening.parent))

    def _holder(self, account: int) -> Holder:
        holder = self._holders.get(account)
        if holder is None:
            raise Wrong(_("there is no wallet for account {account}").format(account=account))
        return holder

    def _signed(self, line: Line, holder: Holder, kind: type[Message]) -> None:
        where = _("table journal, position={position}").format(position=line.position)
        key = self._keys.signer(line, holder, kind)
        self._verify(where, key, kind, line.note, line.signature)

    def _paid(self, line: Line, holder: Holder, topped_up_fen: int = 0) -> None:
        """Checks a payment, a refund or a load, which the wallet's holder must have signed."""
        if line.kind == Kind.REFUSAL:
            kinds = refused(line, holder.number)
            key = self._keys.signer(line, holder)
            if not self._verifying.now([key], kinds, line.note, line.signature):
                raise Wrong(_("the signature is not by the wallet's key"))
            return
        if line.kind == Kind.HOLD and line.purpose == purposes_pb2.PURPOSE_TOKEN_LOAD:
            load = ordered(line, orders_pb2.LoadOrder, holder.number)
            self._signed(line, holder, orders_pb2.LoadOrder)
            if line.accepted:
                limited(line)
                self._subs.spent(line, "")
                self._policy.judged(line)
                self._loads[line.position] = line.debit
                self._held(line, device_key=load.device_key)
            return
        if line.kind != Kind.TRANSFER and line.purpose == purposes_pb2.PURPOSE_REFUND:
            self._given_back(line, holder)
            return
        if line.kind not in (Kind.TRANSFER, Kind.HOLD):
            raise Wrong(_("no order of a wallet does this"))
        order = ordered(line, orders_pb2.PaymentOrder, holder.number)
        self._signed(line, holder, orders_pb2.PaymentOrder)
        same("top-up", order.top_up_fen, topped_up_fen)
        if not line.accepted:
            return
        purposed(line, purposes_pb2.PURPOSE_PAYMENT)
        if not self._subs.spent(line, order.payee_number):
            limited(line)
            self._policy.judged(line)
        self._requests.take(line, order)
        payee = self._accounts.get(order.payee_number)
        if line.kind == Kind.HOLD:
            if payee is not None:
                raise Wrong(
                    _("its order's payee is {payee_number}, a wallet of this bank").format(
                        payee_number=order.payee_number
                    )
                )
            self._held(line, payer=holder.number, payee=order.payee_number)
        elif payee != line.credit:
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=order.payee_number
                )
            )

    def _given_back(self, line: Line, holder: Holder) -> None:
        """Checks a refund: it goes to whoever paid what it gives back, or lies here for them."""
        order = ordered(line, orders_pb2.RefundOrder, holder.number)
        self._signed(line, holder, orders_pb2.RefundOrder)
        if not line.accepted:
            return
        refunded = self._refunds.take(line, order, lambda account: self._holder(account).number)
        payer_number = payer_of(refunded.payment_id)
        payer = self._accounts.get(payer_number)
        if line.kind == Kind.HOLD and not payer:
            self._held(line, payer=holder.number, payee=payer_number, refunded=refunded)
        elif (line.kind, line.credit, line.ref) != (Kind.DELIVER, payer, SUSPENSE):
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=payer_number
                )
            )
        elif undeliverable(line):
            self._suspense[line.position] = (line.amount_fen, "")

    def _held(
        self,
        line: Line,
        *,
        device_key: bytes = b"",
        payer: str = "",
        payee: str = "",
        payment_id: str = "",
        refunded: Refunded = NOTHING_REFUNDED,
    ) -> None:
        """Notes a hold; `payment_id` is that of the order if it is no other."""
        named = payment_id or f"{payer}-{line.sequence}"
        self._holds[line.detail] = Hold(
            line.position, line.debit, line.amount_fen, device_key, payer, payee, named, refunded
        )

    def _topped_up(self, payment: Line, currency: Line, deposit: Line) -> None:
        """Checks a payment that is topped up: a chain of it and the two sides of an exchange."""
        account = payment.origin
        holder = self._holder(account)
        if payment.purpose != purposes_pb2.PURPOSE_PAYMENT or payment.debit != account:
            raise Wrong(_("it is linked to more than an exchange, a top-up or a sweep is"))
        self._paid(payment, holder, currency.amount_fen)
        moved = [
            (line.kind, line.origin, line.sequence, line.amount_fen, line.debit, line.credit)
            for line in (currency, deposit)
        ]
        from_deposit = (self._deposit_of.get(account, account), CONTROL)
        if moved != [
            (Kind.TRANSFER, account, 0, currency.amount_fen, *sides)
            for sides in ((VAULT, account), from_deposit)
        ]:
            raise Wrong(_("it moves something else than its order says"))
        for line in (currency, deposit):
            purposed(line, purposes_pb2.PURPOSE_TOP_UP)

    def _by_mandate(self, payment: Line, money: Line) -> None:
        """Checks a payment that its payee has asked for: a chain of it and of its money."""
        if not payment.accepted:
            return
        holder = self._holder(payment.debit)
        same("account", payment.origin, payment.debit)
        asker = read(orders_pb2.RequestToPay, payment.note).wallet_number
        payee = self._accounts.get(asker)
        known = set() if payee is None else self._holder(payee).ever()
        terms = self._subs.asked(payment, money, asker)
        order = self._requests.asked(payment, holder.number, known)
        giver = self._holder(self._subs.parent(payment.debit))
        self._mandates.take(payment, order.request_to_pay_id, terms, giver)
        purposed(payment, purposes_pb2.PURPOSE_MANDATE)
        limited(payment)
        self._policy.judged(payment)
        if payment.kind == Kind.HOLD and payee is None:
            self._held(payment, payer=holder.number, payee=asker)
        elif (payment.kind, payment.credit) != (Kind.TRANSFER, payee):
            raise Wrong(
                _("its order's payee is {payee_number}, another was paid").format(
                    payee_number=asker
                )
            )

    def _not_paid(self, position: int) -> None:
        """Takes the end of a hold that did not settle, or the return of what had settled."""
        self._requests.not_paid(position)
        self._mandates.not_paid(position)

    def _exchange(self, first: Line, second: Line) -> None:
        """Checks an exchange: a chain of two records, one in each of the bank's ledgers."""
        holder = self._holder(first.origin)
        if self._subs.parent(first.origin):
            raise Wrong(_("a sub-wallet has no cash and no deposit"))
        order = ordered(first, orders_pb2.ExchangeOrder, holder.number)
        self._signed(first, holder, orders_pb2.ExchangeOrder)
        account = first.origin
        currency: tuple[int, int] = (VAULT, account)
        deposit = self._deposit_of.get(account, account)
        own = (deposit, CONTROL) if order.medium == _DEPOSIT else (CONTROL, TILL)
        if order.direction != _TOP_UP:
            currency, own = currency[::-1], own[::-1]
        if first.accepted and order.medium == _CASH:
            where = _("table journal, position={position}").format(position=first.position)
            self._machines.stands_behind(order, self._name, where)
        same("amount", order.amount_fen, second.amount_fen)
        kinds = (first.kind, second.kind, second.sequence)
        if kinds != (Kind.TRANSFER, Kind.TRANSFER, 0) or (
            (first.debit, first.credit),
            (second.debit, second.credit),
        ) != (currency, own):
            raise Wrong(_("it moves something else than its order says"))
        top_up = order.direction == _TOP_UP
        for line in (first, second):
            purposed(line, purposes_pb2.PURPOSE_TOP_UP if top_up else purposes_pb2.PURPOSE_CASH_OUT)

    def _fed(self, line: Line) -> None:
        """Checks what an entry of the feed moved. Raises Wrong."""
        if not line.accepted and line.kind != Kind.REFUSAL:
            return
        try:
            self._as_said(line)
        except Wrong:
            if not self._settled.says(line.note):
                self.unsaid.count(line)
            raise

    def _as_said(self, line: Line) -> None:
        """Raises Wrong unless the central bank's journal says what a record does."""
        said = self._settled.at(line.sequence)
        if line.kind in ENDING_HOLDS:
            self._end_of_hold(line, said)
        elif line.debit == LOST:
            self._lost.moved(line, said, self._settled)
            if line.purpose == said.purpose == purposes_pb2.PURPOSE_REFUND:
                self._refunds.lost(read(registration_pb2.OutboundPayment, said.note))
            elif line.purpose == said.purpose == purposes_pb2.PURPOSE_PAYMENT:
                self._requests.lost(read(registration_pb2.OutboundPayment, said.note))
        elif line.kind == Kind.DELIVER:
            self._delivered(line, said)
        else:
            self._settled.own_move(line, said)
        same_purpose(line, said)

    def _end_of_hold(self, line: Line, said: Line) -> None:
        hold = self._holds.pop(line.ref, None)
        if hold is None:
            raise Wrong(_("there is no ordered hold that it ends"))
        same("account", hold.account, line.debit)
        # The rule allows partial captures and releases, but a bank ends each hold as a whole.
        same("amount", hold.amount_fen, line.amount_fen)
        settled = line.kind == Kind.CAPTURE
        if settled and line.credit != MIRROR:
            raise Wrong(_("it pays somebody else than the central bank's word says"))
        self._settled.of_outbound(said, hold, settled=settled)
        self._refunds.end(hold.position, hold.amount_fen, settled=settled)
        if not settled:
            self._not_paid(hold.position)
        if line.debit == SUSPENSE and not settled:
            self._suspense[line.position] = (line.amount_fen, "")

    def _delivered(self, line: Line, said: Line) -> None:
        payer, payment = "", None
        if said.origin == self._settled.deposits and said.accepted:
            lost = line.credit == SUSPENSE and self._lost.has(line)
            account = SUSPENSE if lost else self._depositor(said)
        elif said.origin == self._settled.restored and said.accepted:
            account = self._loads.get(said.sequence, -1)
        elif (payment := self._settled.incoming(said)) is not None:
            account = self._accounts.get(payment.payee_number, SUSPENSE)
            # A refund that cannot be delivered is not returned.
            payer = "" if payment.refunds_payment_id else payment.payer_number
        else:
            raise Wrong(
                _("the central bank's position {position} delivers nothing").format(
                    position=said.position
                )
            )
        same("amount", said.amount_fen, line.amount_fen)
        if (line.debit, line.ref) != (MIRROR, SUSPENSE) or line.credit not in (account, SUSPENSE):
            raise Wrong(_("it was credited to another wallet than the central bank's word names"))
        if payment is not None and line.credit != SUSPENSE:
            if payment.returns_payment_id:
                self._not_paid(payment.returns_number)
            elif not undeliverable(line):
                self._requests.came(line, payment)
        if undeliverable(line):
            self._suspense[line.position] = (line.amount_fen, payer)

    def _depositor(self, said: Line) -> int:
        """The account of the wallet that made a deposit, whose order is verified. Raises Wrong."""
        note = read(registration_pb2.TokensDeposited, said.note)
        query = select(_deposits).where(_deposits.c.id == note.number)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise Wrong(_("table token_deposits has no row id={number}").format(number=note.number))
        account = self._account_of_row.get(row.wallet, -1)
        holder = self._holder(account)
        payload = bytes(row.order_payload)
        order = read(orders_pb2.DepositOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("digest", record_digest(order.offline_payment), said.digest)
        self._owned(order)
        where = _("table token_deposits, row id={id}").format(id=row.id)
        signature = bytes(row.order_signature)
        key = self._keys.of_sequence(order.sequence, holder)
        self._verify(where, key, orders_pb2.DepositOrder, payload, signature)
        return account

    def _owned(self, order: orders_pb2.DepositOrder) -> None:
        """Raises Wrong unless the pieces' owners have signed them over to the order's wallet."""
        try:
            deposit = Deposit.decode(order.offline_payment)
            signed = signed_by_owners(deposit, deposit.pieces(), self._name)
        except (FormatError, Bad) as error:
            raise Wrong(_("the deposit cannot be read: {error}").format(error=error)) from None
        account = account_of(order.wallet_number, order.nonce)
        if signed != Reason.GOOD or deposit.account != account:
            raise Wrong(_("the owners of the pieces have not signed them over to this wallet"))

    def _out_of_suspense(self, line: Line) -> None:
        """Checks a return, or a payment out of suspense by two officers. Raises Wrong."""
        source = self._stands_for.pop(line.sequence, line.sequence)
        if not line.accepted:
            self._stands_for[line.position] = source
            return
        amount_fen, payer = self._suspense.pop(source, (0, ""))
        same("amount", amount_fen, line.amount_fen)
        if line.kind == Kind.HOLD:
            back = read(registration_pb2.OutboundPayment, line.note)
            if back.payee_number != payer:
                raise Wrong(
                    _("it goes back to {payee_number}, and came from {payer}").format(
                        payee_number=back.payee_number, payer=payer
                    )
                )
            purposed(line, purposes_pb2.PURPOSE_RETURN)
            named = back.payment_id
            self._held(line, payer=back.payer_number, payee=payer, payment_id=named)
        elif line.kind == Kind.TRANSFER:
            number = self._holder(line.credit).number
            self._acts.took_effect(line, "pay_suspense", position=source, wallet_number=number)
            purposed(line, purposes_pb2.PURPOSE_SUSPENSE_PAYOUT)
        else:
            raise Wrong(_("nothing leaves the suspense account so"))

    def _settled_of_lost(self, line: Line) -> None:
        """Checks that two officers took this for a lost payment, from its payer or the vault."""
        if not line.accepted:
            return
        if line.kind != Kind.TRANSFER or line.credit != LOST:
            raise Wrong(_("nothing is settled so"))
        number = "" if line.debit == VAULT else self._holder(line.debit).number
        asked = self._acts.took_effect(
            line, "settle_lost", wallet_number=number, amount_fen=line.amount_fen
        )
        self._lost.settled(asked)
        purposed(line, purposes_pb2.PURPOSE_LOST_SETTLEMENT)

    def _check_devices(self) -> None:
        with self._engine.connect() as connection:
            for row in connection.execute(select(_devices)):
                where = _("table devices, row device_key={device_key}").format(
                    device_key=bytes(row.device_key).hex()
                )
                try:
                    self._check_device(row, where)
                except Wrong as wrong:
                    self._problems.say(f"{where}: {wrong}")

    def _check_device(self, row: Row[Any], where: str) -> None:
        holder = self._holder(self._account_of_row.get(row.wallet, -1))
        payload = bytes(row.order_payload)
        order = read(orders_pb2.CertifyDeviceOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("key", order.device_key.hex(), bytes(row.device_key).hex())
        account = account_of(order.wallet_number, order.nonce)
        if not Possession(account, order.possession).proves(order.device_key, self._name):
            raise Wrong(_("the key has not asked for it itself"))
        signature = bytes(row.order_signature)
        key = self._keys.of_sequence(order.sequence, holder)
        self._verify(where, key, orders_pb2.CertifyDeviceOrder, payload, signature)
