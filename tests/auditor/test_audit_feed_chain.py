"""The audit makes each bank's feed anew, and holds it against all that was signed of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from central_bank.registration.tables import feed_ledger, feed_marks, feed_receipts
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.tables import feed_place, feed_tips
from operator_bank.ledger.accounts import MIRROR
from settlement.records import ADMINISTRATIVE
from tests.auditor.forging import Beside
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import Stack, named


def change(stack: Stack, name: str, *statements: Any) -> None:  # noqa: F811
    with stack.system.engines[name].begin() as connection:
        for statement in statements:
            connection.execute(statement)


def tips(stack: Stack, bank: str = "alpha") -> list[tuple[int, bytes]]:  # noqa: F811
    """(number, hash) of what the central bank has signed of a bank's feed, the last one last."""
    with stack.system.engines[bank].connect() as connection:
        rows = connection.execute(select(feed_tips).order_by(feed_tips.c.number)).all()
    return [
        (row.number, registration_pb2.FeedTip.FromString(envelope.payload).place.hash)
        for row in rows
        for envelope in [SignedEnvelope.FromString(row.envelope)]
    ]


def entries(told: list[Beside]) -> list[Beside]:
    """Records that entries of the feed became."""
    return [
        one
        for one in told
        if one.record["origin"] == MIRROR and one.record["kind"] not in ADMINISTRATIVE
    ]


def index(stack: Stack, bank: str) -> int:  # noqa: F811
    return int(stack.system.built[CENTRAL].registry.get(bank).index)


def mark(stack: Stack, digest: bytes, number: int) -> Any:  # noqa: F811
    row = {"bank": index(stack, "alpha"), "number": number, "hash": digest, "position": 1}
    return insert(feed_marks).values(row)


def test_an_entry_that_was_changed_is_named(stack: Stack) -> None:  # noqa: F811
    """All hashes of the journal were made right again; the signed chain cannot be."""

    def later(told: list[Beside]) -> None:
        one = entries(told)[1]
        entry = registration_pb2.FeedEntry.FromString(one.note)
        entry.time_ms += 1
        one.note = entry.SerializeToString()

    stack.forge("alpha", later)
    (problem,) = stack.problems()
    assert named([problem], "alpha: table feed_tips", "are not those that the central bank has")


def test_entries_in_another_order_are_named(stack: Stack) -> None:  # noqa: F811
    def later(told: list[Beside]) -> None:
        one = entries(told)[1]
        told.append(told.pop(next(at for at, other in enumerate(told) if other is one)))

    stack.forge("alpha", later)
    assert named(stack.problems(), "alpha", "entry 3 follows entry 1 of the feed")


def test_words_of_the_central_bank_that_were_thrown_away_are_missed(stack: Stack) -> None:  # noqa: F811
    (number, _), (last, _) = tips(stack)[-2:]
    change(stack, "alpha", delete(feed_tips).where(feed_tips.c.number == last))
    assert named(stack.problems(), "alpha", f"has not signed the entries after {number}")


def test_words_of_the_central_bank_that_cannot_be_read_are_named(stack: Stack) -> None:  # noqa: F811
    (last, _) = tips(stack)[-1]
    mine = feed_tips.c.number == last
    change(stack, "alpha", update(feed_tips).where(mine).values(envelope=b"\xff"))
    change(
        stack,
        CENTRAL,
        insert(feed_receipts).values(
            bank=index(stack, "alpha"), number=last, journal_position=0, receipt=b"\xff"
        ),
    )
    problems = stack.problems()
    assert named(problems, f"table feed_tips, row number={last}", "cannot be read")
    assert named(problems, "table feed_receipts", "cannot be read")


def test_a_place_that_was_set_back_or_ahead_is_named(stack: Stack) -> None:  # noqa: F811
    (last, _) = tips(stack)[-1]
    change(stack, "alpha", update(feed_place).values(number=last + 1))
    assert named(
        stack.problems(), "alpha", f"stands at entry {last + 1}, and the journal has {last}"
    )
    change(stack, "alpha", update(feed_place).values(number=last, hash=bytes(32)))
    assert named(stack.problems(), "alpha", f"the chain of entry {last} has another hash")


def test_two_histories_of_one_feed_are_named(stack: Stack) -> None:  # noqa: F811
    number, digest = tips(stack)[0]
    change(stack, CENTRAL, mark(stack, digest, number))
    assert stack.problems() == []
    change(stack, CENTRAL, update(feed_marks).values(hash=bytes(32)))
    assert named(stack.problems(), "alpha", "feed_marks", f"another history up to entry {number}")


def test_a_bank_behind_what_the_central_bank_has_told_it_is_an_older_copy(stack: Stack) -> None:  # noqa: F811
    (last, digest) = tips(stack)[-1]
    change(stack, CENTRAL, mark(stack, digest, last + 1))
    assert named(stack.problems(), "alpha", "feed_marks", "an older copy")


def test_a_feed_of_another_ledger_is_named(stack: Stack) -> None:  # noqa: F811
    change(stack, CENTRAL, update(feed_ledger).values(ledger=b"\x01" * 16))
    assert named(stack.problems(), "alpha", "another ledger")


def test_receipts_are_the_banks_and_of_its_chain(stack: Stack) -> None:  # noqa: F811
    stack.system.built["alpha"].follower.acknowledge()
    assert stack.problems() == []
    mine = feed_receipts.c.bank == index(stack, "alpha")
    with stack.system.engines[CENTRAL].connect() as connection:
        row = connection.execute(select(feed_receipts).where(mine)).one()
    change(stack, CENTRAL, update(feed_receipts).values(number=row.number + 1).where(mine))
    assert named(stack.problems(), "feed_receipts", "for another place")
    envelope = SignedEnvelope.FromString(row.receipt)
    envelope.signature = bytes(64)
    forged = {"number": row.number, "receipt": envelope.SerializeToString()}
    change(stack, CENTRAL, update(feed_receipts).values(forged).where(mine))
    assert named(stack.problems(), "feed_receipts", "not signed by the bank")
