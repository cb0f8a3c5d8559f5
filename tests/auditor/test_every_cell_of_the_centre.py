"""Who writes the central bank's database: each cell altered, each sort of row deleted and added.

The audit reads the databases alone, and must name it; or it stands below why nobody's money hangs
on that cell, or who else notices. A new column, or a new table, must be in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select

from auditor.audit import _judge, _replay, audit_engines
from auditor.signatures.stack import EVERY_SIGNATURE
from central_bank.ledger.tables import ledger
from central_bank.registration.offline.tables import losses, refused_deposits
from central_bank.tables import metadata
from dcep.errors.v1 import errors_pb2
from deployment.topology import CENTRAL_BANK
from tests.auditor.cells import COPIED, DELETED, alterations, done, rows_of
from tests.auditor.whole_centre import WholeCentre

_WITH_BANKS = "held against what the banks' own databases have of the feed, where they are audited"
_REQUEST = "what a bank asks for moves nothing: two officers sign an act that says bank and amount"
_PROOF = "to which banks a proof is shown, in which order, and when it came out"
_RECEIPT = "a bank's receipt: without it an older copy of the bank is noticed by the bank's feed"
_INDEX = "made anew from the journal, and held against it where it was sealed"
_TIME = "a note of when, by which nothing is decided"
_OPEN = "of an open act nothing that stands here is read"
_SNAPSHOT = "one that the journal does not have is passed over when the service starts"
_WAITS = (
    "that a deposit came in time and waits is told to its bank alone: a deletion lets what is left "
    "go back to the loader once the grace is over, and an addition keeps it for as long again"
)
_REFUSED = (
    "what was refused is kept by its digest, not whole; a device ends a piece by the root's ruling "
    "on that very chain alone, which is verified; its bank has deposit and refusal, signed"
)
_REVOKED = (
    "a bank's word about its own device is not signed; what is loaded and deposited is not refused "
    "by it but new loads, and payees who ask"
)
_EPOCH = "who may write: whoever changes it stops the service, which no audit has to tell"
_WITH_ALIASES = "held against the banks' own rows of their aliases, where they are audited"
_CLAIM = (
    "until when a claim waits, or that there is none: whoever writes it gives a claimed label to "
    "one of the two banks sooner or later, and both have signed that they want it; the payee's "
    "name is still that of whoever is paid, and the payer sees it"
)
_BUDGET = "how much of a bank's budget is used up: by it a bank asks and changes more, or less"
_CLOCK = (
    "the time of refunds never runs ahead of the clock; refunds are late by what it is set back"
)


def _all(table: str, columns: str, why: str) -> dict[tuple[str, str], str]:
    """Of one table these columns, by their names, and whole rows."""
    return {(table, what): why for what in (*columns.split(), DELETED, COPIED)}


UNNOTICED: Mapping[tuple[str, str], str] = {
    **_all("acts_told", "bank incarnation number receipt time_ms", _WITH_BANKS),
    **_all("alias_budgets", "number day held changes lookups", _BUDGET),
    ("alias_directory", "claim_bank"): _CLAIM,
    ("alias_directory", "claim_until_ms"): _CLAIM,
    ("alias_directory", "quiet_until_ms"): _CLAIM,
    ("alias_directory", "claim_payload"): "where nobody claims the label it is not read",
    ("alias_directory", "claim_signature"): "where nobody claims the label it is not read",
    ("alias_directory", DELETED): _WITH_ALIASES,
    ("bank_batches", "count"): "of payments alone it is read; the others are kept whole",
    ("bank_batches", COPIED): "the same signature again moves nothing: each number counts once",
    ("bank_certificates", "act"): _TIME,
    ("bank_keys", "act"): _TIME,
    ("central_keys", "act"): _TIME,
    ("central_keys", "from_time_ms"): "of the first key: it was there before anything it signed",
    ("evidence", "id"): _PROOF,
    ("evidence", "token_id"): "by which it is counted how many proofs of a token are kept",
    ("evidence", "first_bank"): _PROOF,
    ("evidence", "second_bank"): _PROOF,
    ("evidence", "time_ms"): _PROOF,
    ("evidence", DELETED): "of a double spend that cost nobody anything; any other is named",
    **_all("feed_ledger", "id ledger", _WITH_BANKS),
    **_all("feed_marks", "bank number hash position", _WITH_BANKS),
    **_all("feed_receipts", "bank number journal_position receipt", _RECEIPT),
    **_all(
        "issuance_requests",
        "id request_id digest kind bank amount_fen state act created_time_ms decided_time_ms",
        _REQUEST,
    ),
    ("officer_acts", "decider"): _OPEN,
    ("officer_acts", "decision"): _OPEN,
    ("officer_acts", "decision_signature"): _OPEN,
    ("officer_acts", "decided_time_ms"): _OPEN,
    ("officer_acts", "position"): _OPEN,
    ("officer_acts", "reason"): _OPEN,
    ("officer_founding", "institution"): "the record, which the business key signed, says it",
    ("officer_founding", COPIED): "the service reads its own, and its officers come from acts",
    ("offline_roots", "act"): _TIME,
    ("offline_roots", "from_time_ms"): "of the first root: it was there before its tokens",
    **_all("postings", "kind run first_key first_position keys positions", _INDEX),
    ("projected", "seq"): _INDEX,
    ("projected", "id"): _INDEX,
    ("projected", COPIED): _INDEX,
    ("projected", DELETED): _INDEX,
    ("put_backs", "receipt"): _RECEIPT,
    ("put_backs", "time_ms"): _TIME,
    ("put_backs", COPIED): "of an act that is not there: it is looked at once there is one",
    **_all("refund_clock", "id time_ms", _CLOCK),
    **_all("refused_deposits", "bank number digest", _REFUSED),
    **_all("revoked_devices", "revocation bank by_officer cause time_ms", _REVOKED),
    **_all("sealed", "first_position last_position", _INDEX),
    ("snapshot", "seq"): _SNAPSHOT,
    ("snapshot", "hash"): _SNAPSHOT,
    ("snapshot", DELETED): _SNAPSHOT,
    ("snapshot", COPIED): _SNAPSHOT,
    ("snapshot_parts", "part"): _SNAPSHOT,
    **_all("writer_epoch", "id epoch renewals holder", _EPOCH),
    **_all("waiting_deposits", "bank number token_id digest time_ms", _WAITS),
}

_LEDGER = {table.name for table in vars(ledger).values()}
_SORTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "bank_batches": lambda row: row["kind"],
    "officer_acts": lambda row: row["state"],
    "pieces": lambda row: (
        bytes(row["spent_by"]).startswith(b"deposited"),
        row["retired_fen"] == row["claimed_fen"],
    ),
    "pruned": lambda row: row["what"],
    "refused_deposits": lambda row: row["verdict"],
    "tokens": lambda row: row["restored_fen"] is None,
}


def _is_left(table: str, what: str) -> bool:
    return (table, what) in UNNOTICED


def _what(table: Table) -> list[str]:
    return [*table.columns.keys(), DELETED, COPIED]


_WATCHED = [
    table
    for table in metadata.sorted_tables
    if not all(_is_left(table.name, what) for what in _what(table))
]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCentre]:
    made = WholeCentre(tmp_path_factory.mktemp("centre"))
    assert audit_engines({CENTRAL_BANK: made.engine}).problems == []
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("table", _WATCHED, ids=lambda table: table.name)
def test_whatever_is_altered_in_the_central_banks_database_is_named(
    centre: WholeCentre, table: Table
) -> None:
    replayed = _replay(centre.engine)
    rows = rows_of(centre.engine, table, _SORTS.get(table.name, _last_two(centre, table)))
    assert rows, "there is nothing to alter"
    unnoticed = []
    for alteration in alterations(table, rows, lambda what: _is_left(table.name, what)):
        with done(centre.engine, alteration) as taken:
            if not taken:
                continue
            if table.name in _LEDGER:
                found = _replay(centre.engine).report.problems
            else:
                found = _judge({CENTRAL_BANK: replayed}, EVERY_SIGNATURE).problems
        if not found:
            unnoticed.append(f"{alteration.what}, row {alteration.where}")
    assert unnoticed == []


def test_a_deposit_that_was_paid_and_stands_among_the_refused_too_is_named(
    centre: WholeCentre,
) -> None:
    """Its bank would be told, signed, that it was refused, when it asks once more."""
    with centre.engine.begin() as connection:
        paid = connection.execute(select(losses.c.bank, losses.c.number)).one()
        before = errors_pb2.REASON_ALREADY_DEPOSITED
        forged = {"digest": bytes(32), "reason": before, "verdict": 0, "ruling": b""}
        connection.execute(insert(refused_deposits).values(bank=paid[0], number=paid[1], **forged))
    named = audit_engines({CENTRAL_BANK: centre.engine}).problems
    with centre.engine.begin() as connection:
        its = (refused_deposits.c.bank == paid[0]) & (refused_deposits.c.number == paid[1])
        connection.execute(delete(refused_deposits).where(its))
    assert named and all("it was paid, and is refused" in problem for problem in named)


def test_what_may_stay_unnoticed_is_of_columns_that_there_are() -> None:
    there = {(table.name, what) for table in metadata.sorted_tables for what in _what(table)}
    assert set(UNNOTICED) <= there


def _last_two(centre: WholeCentre, table: Table) -> Callable[[Mapping[str, Any]], object]:
    """Sorts of rows where nothing tells them apart but their keys."""
    keys = [key.name for key in table.primary_key.columns]
    last = rows_of(centre.engine, table, lambda row: tuple(row[key] for key in keys))[-2:]
    wanted = [tuple(row[key] for key in keys) for row in last]

    def sort(row: Mapping[str, Any]) -> object:
        key = tuple(row[each] for each in keys)
        return wanted.index(key) if key in wanted else 0

    return sort
