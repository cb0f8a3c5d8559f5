"""Audits a whole stack from its databases alone: every chain, every row, three equations.

The banks are read before the central bank. So everything that a bank has applied is in the part of
the central bank's journal that is read; what a bank had not applied yet is on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Engine, MetaData, text
from sqlalchemy.exc import SQLAlchemyError

from auditor.books import (
    CIRCULATION,
    CONTROL,
    CURRENCY,
    FIRST_WALLET,
    LOSS,
    LOST,
    MIRROR,
    OFFLINE_FLOAT,
    PAID_IN,
    REDEMPTION_RESERVE,
    RESERVES,
    SUSPENSE,
    VAULT,
    Owned,
)
from auditor.copies import older_bank, older_centre
from auditor.signatures.stack import (
    EVERY_SIGNATURE,
    Ledger,
    SignaturesAsked,
    SignaturesFound,
    audit_signatures,
)
from auditor.suspense import suspense_problems
from auditor.tokens import TokenSums, bank_indexes, token_sums
from deployment.databases import DatabaseMissing, reading_engine
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from runtime.database import OtherSchema, check_at_head, newer_schema
from settlement.audit import LedgerReport, audit_ledger
from settlement.journal import Journal
from settlement.records import AccountFlag, Result
from settlement.tables import JournalTables, journal_tables


class AuditImpossible(Exception):
    """A database cannot be read at all."""


@dataclass
class CentralSums:
    """Equation 1, in fen: paid in − paid out = Σ reserves + Σ circulation + offline float.

    What was taken from reserves for a double spend, and not paid out yet, counts with the float.
    """

    paid_in_fen: int
    reserves_fen: dict[str, int]
    circulation_fen: dict[str, int]
    offline_float_fen: int
    offline_loss_fen: int

    @property
    def out_fen(self) -> int:
        """The right-hand side."""
        parts = (self.offline_float_fen, self.offline_loss_fen)
        return sum(self.reserves_fen.values()) + sum(self.circulation_fen.values()) + sum(parts)

    @property
    def ok(self) -> bool:
        """Whether the two sides agree."""
        return self.paid_in_fen == self.out_fen


@dataclass
class BankSums:
    """Equation 2 of one bank, in fen."""

    bank: str
    mirror_fen: int
    vault_fen: int
    wallets_fen: int
    holds_fen: int
    suspense_fen: int
    open_lost_fen: int
    """Minus what left it before its database was put back and is not settled yet."""
    circulation_fen: int
    inbound_on_its_way_fen: int
    outbound_on_its_way_fen: int
    feed_position: int
    lost_window_fen: int = 0
    """All that had left it in that way, settled or not."""
    lost_fen: int = 0
    """What it has paid out of its reserves for double spends by its devices."""

    @property
    def inside_fen(self) -> int:
        """What the bank's own accounts hold."""
        held_fen = self.vault_fen + self.wallets_fen + self.holds_fen + self.suspense_fen
        return held_fen + self.open_lost_fen

    @property
    def outside_fen(self) -> int:
        """What the bank's accounts must hold by the central bank's books."""
        return self.circulation_fen - self.inbound_on_its_way_fen + self.outbound_on_its_way_fen

    @property
    def ok(self) -> bool:
        """Whether the three sides agree."""
        return -self.mirror_fen == self.inside_fen == self.outside_fen


@dataclass
class StackAudit:
    """What the audit of a stack found."""

    central: CentralSums
    banks: list[BankSums]
    tokens: TokenSums
    journals: dict[str, LedgerReport]
    signatures: SignaturesFound
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is proved."""
        return not self.problems

    def as_fields(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "ok": self.ok,
            "paid_in_fen": self.central.paid_in_fen,
            "reserves_fen": sum(self.central.reserves_fen.values()),
            "circulation_fen": sum(self.central.circulation_fen.values()),
            "offline_float_fen": self.central.offline_float_fen,
            "offline_loss_fen": self.central.offline_loss_fen,
            "tokens_outstanding_fen": self.tokens.outstanding_fen,
            "tokens_restored_fen": self.tokens.restored_fen,
            "banks": [{**vars(bank), "ok": bank.ok} for bank in self.banks],
            "journals": {
                name: {"rows": report.rows, "records": report.position, "ok": report.ok}
                for name, report in self.journals.items()
            },
            **self.signatures.as_fields(),
            "problems": self.problems,
        }


@dataclass
class _Audited:
    """One service's database with what the replay of its journal found."""

    engine: Engine
    tables: JournalTables
    report: LedgerReport


def audit_stack(plan: StackPlan, asked: SignaturesAsked = EVERY_SIGNATURE) -> StackAudit:
    """Audits every database of a stack; it only reads.

    Args:
        plan: where the databases are.
        asked: which signatures to verify.

    Raises:
        AuditImpossible: a database is missing, cannot be read, or has another version's schema.
    """
    try:
        with _opened(plan) as engines:
            for name, engine in engines.items():
                _check_schema(name, engine)
            return audit_engines(engines, asked)
    except DatabaseMissing as missing:
        raise AuditImpossible(str(missing)) from None
    except SQLAlchemyError as cause:
        raise AuditImpossible(str(cause).splitlines()[0]) from cause


def _check_schema(name: str, engine: Engine) -> None:
    """Raises AuditImpossible unless a database has this version's schema."""
    service = "central_bank" if name == CENTRAL_BANK else "operator_bank"
    try:
        check_at_head(engine, service)
    except OtherSchema:
        if newer_schema(engine, service):
            advice = _("the database of {name} was written by a newer version; audit with that one")
        else:
            advice = _(
                "the database of {name} has the schema of an earlier version; `dcep up` brings it "
                "up to this one, then audit again"
            )
        raise AuditImpossible(advice.format(name=name)) from None


def audit_engines(
    engines: Mapping[str, Engine], asked: SignaturesAsked = EVERY_SIGNATURE
) -> StackAudit:
    """Audits the databases of the central bank and of the banks, given by name; it only reads.

    What it finds is in the answer's `problems`.
    """
    audited = {name: _replay(engine) for name, engine in engines.items() if name != CENTRAL_BANK}
    audited[CENTRAL_BANK] = _replay(engines[CENTRAL_BANK])
    return _judge(audited, asked)


def audit_one(engine: Engine) -> list[str]:
    """Audits a bank's database by itself: its chain, its replay, and what lies in suspense.

    Whether the bank's money is all there only the central bank's books can say.

    Returns:
        A sentence for each problem.
    """
    audited = _replay(engine)
    return [*audited.report.problems, *suspense_problems(engine, audited.tables)]


def _replay(engine: Engine) -> _Audited:
    tables = journal_tables(MetaData())
    return _Audited(engine, tables, audit_ledger(engine, tables))


def _judge(audited: dict[str, _Audited], asked: SignaturesAsked) -> StackAudit:
    central = audited[CENTRAL_BANK]
    with central.engine.connect() as connection:
        indexes, accounts = bank_indexes(connection), Owned.read(connection)
    sums = _central_sums(central.report, indexes, accounts)
    tokens = token_sums(central.engine, central.tables, central.report.position)
    banks = [
        _bank_sums(name, part.report, central, accounts.number(indexes[name], CIRCULATION))
        for name, part in audited.items()
        if name in indexes
    ]
    for bank in banks:
        bank.lost_fen = tokens.lost_fen.get(indexes[bank.bank], 0)
        bank.lost_window_fen = _lost_fen(audited[bank.bank].engine)
    ledgers = {
        name: Ledger(part.engine, part.tables, part.report) for name, part in audited.items()
    }
    found = StackAudit(
        central=sums,
        banks=banks,
        tokens=tokens,
        journals={name: part.report for name, part in audited.items()},
        signatures=audit_signatures(ledgers, indexes, asked),
    )
    found.problems += older_centre(found.signatures.unsaid)
    for name, index in indexes.items():
        if name in ledgers:
            found.problems += older_bank(name, index, ledgers[name], ledgers[CENTRAL_BANK])
    for name, part in audited.items():
        found.problems += [f"{name}: {problem}" for problem in part.report.problems]
        may = {PAID_IN} if name == CENTRAL_BANK else {MIRROR, LOST, CONTROL}
        found.problems += _below_zero(name, part.report, may)
        if name in indexes:
            problems = suspense_problems(part.engine, part.tables)
            found.problems += [f"{name}: {problem}" for problem in problems]
    found.problems += [f"{CENTRAL_BANK}: {problem}" for problem in tokens.problems]
    found.problems += found.signatures.problems
    found.problems += _equation_problems(found)
    return found


def _below_zero(name: str, report: LedgerReport, may: set[int]) -> Iterator[str]:
    """Names accounts, other than these, that were opened so that they may go below zero.

    Nothing takes that flag away again, and without it the rule lets no account go there: so who has
    made money of nothing is named even if the balance has been made good since.
    """
    flags = report.state.accounts["flags"]
    for account in np.flatnonzero(flags & AccountFlag.MAY_GO_NEGATIVE).tolist():
        if account not in may:
            yield _("{name}: account {account} may go below zero").format(
                name=name, account=account
            )


def _lost_fen(engine: Engine) -> int:
    """What a bank lost by its own rows; `auditor.signatures.lost` checks them by its journal."""
    query = text("SELECT SUM(amount_fen) FROM lost_moves")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)


def _equation_problems(found: StackAudit) -> list[str]:
    problems = []
    if not found.central.ok:
        problems.append(
            _("equation 1: {paid_in} fen paid in, {out} accounted for").format(
                paid_in=found.central.paid_in_fen, out=found.central.out_fen
            )
        )
    for bank in found.banks:
        if not bank.ok:
            problems.append(
                _(
                    "equation 2, {bank}: mirror {mirror} fen, inside {inside}, by the central "
                    "bank's books {outside}"
                ).format(
                    bank=bank.bank,
                    mirror=-bank.mirror_fen,
                    inside=bank.inside_fen,
                    outside=bank.outside_fen,
                )
            )
    if found.central.offline_float_fen != found.tokens.outstanding_fen:
        problems.append(
            _(
                "equation 3: offline float {offline_float} fen, tokens outstanding {outstanding}"
            ).format(
                offline_float=found.central.offline_float_fen,
                outstanding=found.tokens.outstanding_fen,
            )
        )
    return problems


def _central_sums(report: LedgerReport, indexes: dict[str, int], accounts: Owned) -> CentralSums:
    def balances(purpose: int) -> dict[str, int]:
        return {
            name: _balance(report, accounts.number(index, purpose))
            for name, index in indexes.items()
        }

    return CentralSums(
        paid_in_fen=-_balance(report, PAID_IN),
        reserves_fen=balances(RESERVES),
        circulation_fen=balances(CIRCULATION),
        offline_float_fen=_balance(report, OFFLINE_FLOAT),
        offline_loss_fen=sum(balances(LOSS).values()),
    )


def _bank_sums(name: str, report: LedgerReport, central: _Audited, circulation: int) -> BankSums:
    accounts = report.state.accounts
    position = int(accounts[MIRROR]["last_sequence"]) if len(accounts) else 0
    inbound_fen, outbound_fen = _on_their_way(central, circulation, position)
    wallets = accounts[FIRST_WALLET:]
    wallets = wallets[wallets["ledger"] == CURRENCY]
    own = accounts[accounts["ledger"] == CURRENCY]
    return BankSums(
        bank=name,
        mirror_fen=_balance(report, MIRROR),
        vault_fen=_available(report, VAULT) + _available(report, REDEMPTION_RESERVE),
        wallets_fen=int(wallets["available_fen"].sum()),
        holds_fen=int(own["held_fen"].sum()),
        suspense_fen=_available(report, SUSPENSE),
        open_lost_fen=_available(report, LOST),
        circulation_fen=_balance(central.report, circulation),
        inbound_on_its_way_fen=inbound_fen,
        outbound_on_its_way_fen=outbound_fen,
        feed_position=position,
    )


def _on_their_way(central: _Audited, circulation: int, position: int) -> tuple[int, int]:
    """Fen that moved into and out of a bank's circulation after a position of the journal."""
    journal = Journal(central.engine, central.tables)
    end = central.report.position
    inbound_fen = outbound_fen = 0
    at = position
    while at < end:
        entries = journal.read(at)
        if not entries:
            break
        for entry in entries:
            for i, record in enumerate(entry.records):
                where = entry.first_position + i
                if not position < where <= end or not Result(int(entry.results[i])).accepted:
                    continue
                amount_fen = int(record["amount_fen"])
                inbound_fen += amount_fen if int(record["credit"]) == circulation else 0
                outbound_fen += amount_fen if int(record["debit"]) == circulation else 0
            at = entry.last_position
    return inbound_fen, outbound_fen


def _balance(report: LedgerReport, account: int) -> int:
    accounts = report.state.accounts
    if not 0 <= account < len(accounts):
        return 0
    return int(accounts[account]["available_fen"]) + int(accounts[account]["held_fen"])


def _available(report: LedgerReport, account: int) -> int:
    accounts = report.state.accounts
    return int(accounts[account]["available_fen"]) if account < len(accounts) else 0


@contextmanager
def _opened(plan: StackPlan) -> Iterator[dict[str, Engine]]:
    urls = {name: plan.database_url(name) for name in plan.commands()}
    engines = {name: reading_engine(url) for name, url in urls.items()}
    try:
        yield engines
    finally:
        for engine in engines.values():
            engine.dispose()
