"""Checks the signatures of a whole stack: reads each journal again, with what was signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, column, select, table

from auditor.signatures.act_chain import ends_told
from auditor.signatures.acts import ActsDone
from auditor.signatures.acts_told import ActsTold
from auditor.signatures.aliases import check_aliases
from auditor.signatures.bank import BankWalk
from auditor.signatures.bank_rows import BankRows
from auditor.signatures.central_keys import CentralTerms
from auditor.signatures.centre import CentreWalk
from auditor.signatures.certificates import CertificateRows
from auditor.signatures.evidence import check_evidence
from auditor.signatures.feed import Unsaid
from auditor.signatures.feed_chain import FeedChain
from auditor.signatures.feed_tips import ends_of_central_acts
from auditor.signatures.key_rows import KeyRows
from auditor.signatures.looks import check_looks, look_rows
from auditor.signatures.lost import LostTime, check_put_backs, come_back_rows, put_back_rows
from auditor.signatures.machines import machine_rows
from auditor.signatures.presences import presence_rows
from auditor.signatures.redemptions import check_redemptions, redemption_rows
from auditor.signatures.refusals import check_refusals
from auditor.signatures.settled import SettledEntries
from auditor.signatures.tokens import check_tokens
from auditor.signatures.verifying import Problems, Signatures, Verifying
from auditor.signatures.wallet_keys import replacement_rows
from deployment.topology import CENTRAL_BANK
from settlement.audit import LedgerReport
from settlement.tables import JournalTables

_banks = table("banks", column("id"), column("name"))
_keys = table("bank_keys", column("bank"), column("business_key"))


@dataclass(frozen=True)
class SignaturesAsked:
    """Which signatures to verify.

    Attributes:
        wanted: None: all of a small stack, a sample of a large one.
        seed: of the sample; None: a random one.
        progress: called now and then with the number verified since the last call.
    """

    wanted: Signatures | None = None
    seed: int | None = None
    progress: Callable[[int], None] = lambda _: None


EVERY_SIGNATURE = SignaturesAsked(Signatures.ALL)


@dataclass(frozen=True)
class Ledger:
    """A ledger that was replayed, its database, and what the replay found."""

    engine: Engine
    tables: JournalTables
    report: LedgerReport


@dataclass(frozen=True)
class SignaturesFound:
    """What was verified, and what has no valid signature behind it."""

    wanted: Signatures
    checked: int
    left_out: int
    seconds: float
    seed: int
    problems: list[str] = field(default_factory=list)
    unsaid: dict[str, Unsaid] = field(default_factory=dict)
    """By bank, the entries that the central bank signed to it and no longer has in its journal."""

    def as_fields(self) -> dict[str, Any]:
        """The fields of the audit's JSON."""
        return {
            "signatures": self.wanted.value,
            "signatures_checked": self.checked,
            "signatures_left_out": self.left_out,
            "signatures_seconds": round(self.seconds, 3),
            "signatures_seed": self.seed,
        }


def audit_signatures(
    ledgers: Mapping[str, Ledger], indexes: Mapping[str, int], asked: SignaturesAsked
) -> SignaturesFound:
    """Names each movement that nobody ordered, and each signature that is not valid.

    Args:
        ledgers: of the central bank and of the banks, by name; the banks were replayed first.
        indexes: the banks' ids at the central bank, by name.
        asked: which signatures to verify.
    """
    records = sum(ledger.report.position for ledger in ledgers.values())
    verifying = Verifying(asked.wanted, records, seed=asked.seed, progress=asked.progress)
    central = ledgers[CENTRAL_BANK]
    keys = _business_keys(central.engine)
    # Before the acts themselves, which only go on meanwhile.
    put_backs = put_back_rows(central.engine)
    told = ActsTold(central.engine, indexes, keys, put_backs)
    others = {name: ledger.engine for name, ledger in ledgers.items() if name in indexes}
    central_ends = ends_told(ends_of_central_acts(others))
    before, banks_before = KeyRows.read(central.engine), BankRows.read(central.engine)
    certified, redeeming = CertificateRows.read(central.engine), redemption_rows(central.engine)
    first = [row.term.value for row in before.of_centre if not row.act]
    decided = ActsDone(central.engine, CENTRAL_BANK, verifying, business_keys=first)
    decided.chain.told(central_ends)
    after = KeyRows.read(central.engine)
    rows = before.also_in(after)
    terms = CentralTerms(rows, after, decided.approved, verifying)
    found = [(CENTRAL_BANK, part.problems) for part in (decided, terms, told)]
    names = {index: name for name, index in indexes.items()}
    put_back, unordered = check_put_backs(
        put_backs, names, decided.approved, put_back_rows(central.engine)
    )
    found.append((CENTRAL_BANK, unordered))
    found.append((CENTRAL_BANK, certified.check(names, decided.approved, terms.roots)))
    acts_there = [step.act for step in decided.chain.steps]
    last = redemption_rows(central.engine)
    redeemed = check_redemptions(redeeming, acts_there, last, indexes)
    found.append((CENTRAL_BANK, redeemed))
    found.append((CENTRAL_BANK, check_evidence(central.engine, indexes, keys, verifying)))
    found.append((CENTRAL_BANK, check_refusals(central.engine, terms.roots, verifying)))
    aliases = check_aliases(central.engine, others, indexes, keys, verifying)
    found += [(name or CENTRAL_BANK, problems) for name, problems in aliases.items()]
    walks = _BankWalks(central, indexes, keys, told, terms, put_back, verifying)
    unsaid: dict[str, Unsaid] = {}
    for name, ledger in ledgers.items():
        if name == CENTRAL_BANK:
            given = (rows.of_banks, after.of_banks)
            centre = CentreWalk(ledger.engine, ledger.tables, decided, verifying, *given)
            found.append((name, centre.run(ledger.report.rows)))
            found.append((name, check_tokens(ledger.engine, centre.owners, terms.roots, verifying)))
            found.append((name, banks_before.check(decided.approved, BankRows.read(ledger.engine))))
        elif name in indexes:
            problems, not_said = walks.run(name, ledger)
            found += [(name, each) for each in problems]
            if not_said is not None:
                unsaid[name] = not_said
    verifying.finish()
    return SignaturesFound(
        verifying.wanted,
        verifying.checked,
        verifying.left_out,
        verifying.seconds,
        verifying.seed,
        [f"{name}: {problem}" for name, problems in found for problem in problems.all()],
        unsaid,
    )


def _business_keys(central: Engine) -> dict[str, list[bytes]]:
    """The banks' business keys, by name."""
    keys: dict[str, list[bytes]] = {}
    query = select(_banks.c.name, _keys.c.business_key).join(_keys, _keys.c.bank == _banks.c.id)
    with central.connect() as connection:
        for row in connection.execute(query):
            keys.setdefault(row.name, []).append(bytes(row.business_key))
    return keys


@dataclass(frozen=True)
class _BankWalks:
    """What the audits of all banks' journals have in common.

    Attributes:
        central: the central bank's ledger.
        indexes: the banks' ids there, by name.
        keys: the banks' business keys, by name.
        told: what the banks told of their officers' acts.
        terms: when the central bank's keys counted.
        put_back: the times that banks lost, by name, as the central bank's officers decided.
        verifying: verifies signatures.
    """

    central: Ledger
    indexes: Mapping[str, int]
    keys: Mapping[str, Sequence[bytes]]
    told: ActsTold
    terms: CentralTerms
    put_back: Mapping[str, Sequence[Any]]
    verifying: Verifying

    def run(self, name: str, ledger: Ledger) -> tuple[list[Problems], Unsaid | None]:
        """Audits one bank; returns what is wrong, and what its feed said that is gone now."""
        come_backs, machines = come_back_rows(ledger.engine), machine_rows(ledger.engine)
        replacements, presences = replacement_rows(ledger.engine), presence_rows(ledger.engine)
        looked = look_rows(ledger.engine)
        keys, index = self.keys.get(name, ()), self.indexes[name]
        acts = ActsDone(ledger.engine, name, self.verifying, business_keys=keys)
        looks = check_looks(name, looked, acts, self.verifying)
        acts.chain.told(ends_told(self.told.ends[name]))
        problems = [acts.problems, looks, self.terms.check_tips(ledger.engine, name)]
        settled = SettledEntries(self.central.engine, self.central.tables, index)
        chain = FeedChain(name, index, ledger.engine, self.central.engine, keys)
        lost = LostTime(ledger.engine, come_backs, self.put_back.get(name, ()), acts.approved)
        bank = BankWalk(
            name,
            ledger.engine,
            ledger.tables,
            settled,
            acts,
            self.verifying,
            chain,
            lost,
            machines,
            replacements,
            presences,
            self.terms.policies,
        )
        problems.append(bank.run(ledger.report.rows))
        broken = chain.finish()
        problems.append(broken)
        has_unsaid = bank.unsaid.entries and not broken.said
        return problems, bank.unsaid if has_unsaid else None
