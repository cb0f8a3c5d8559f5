"""A forger with the database in hands, who makes every hash right again, is named by the audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.feed.tables import feed_tips
from operator_bank.ledger import accounts
from operator_bank.ledger.tables import ledger as bank_tables
from settlement.journal import Journal, Tip
from settlement.records import AccountFlag, Kind, RecordFlag, record_digest
from tests.auditor.forging import Beside, journal, made
from tests.auditor.told import (
    ALICE,
    BOB,
    CAROL,
    STRANGER,
    Stack,
    change_wallet,
    first,
    named,
    paid,
)


def test_an_honest_history_is_proved_and_says_how_many_signatures_it_has(stack: Stack) -> None:
    found = stack.audit()
    assert found.ok, found.problems
    # 4 openings, 4 top-ups, 4 payments, a cash-out; 2 batches (the third is on its way); 7 acts
    # of two officers each, 3 founding records, and of the central bank 5 words about feeds and one
    # about limits.
    assert found.signatures.checked == 38
    assert found.as_fields()["signatures_checked"] == 38


def test_what_is_signed_after_clocks_were_set_back_to_before_all_keys_is_no_alarm(
    tmp_path: Path,
) -> None:
    stack = Stack(tmp_path)
    stack.system.clock.set_back(7_200_000)
    stack.pay(ALICE, BOB, 2_000)
    stack.settle()
    assert stack.problems() == []


NEXT = 50
"""A sequence that no wallet has used."""


def test_a_payment_that_nobody_signed_is_named(stack: Stack) -> None:
    order, _ = stack.order(
        orders_pb2.PaymentOrder, ALICE, STRANGER, sequence=NEXT, amount_fen=9_000,
        payee_number=stack.number(CAROL),
    )  # fmt: skip
    record = stack.payment(ALICE, stack.account(CAROL), 9_000, NEXT, order)
    stack.forge("alpha", lambda told: told.append(Beside(record, order)))
    found = stack.audit()
    assert found.problems == found.signatures.problems, "all else was made right again"
    assert named(found.problems, "alpha", stack.number(ALICE), "9000 fen", "nobody signed")


def test_a_payment_signed_by_another_key_is_named(stack: Stack) -> None:
    order, signature = stack.order(
        orders_pb2.PaymentOrder, ALICE, STRANGER, sequence=NEXT, amount_fen=9_000,
        payee_number=stack.number(CAROL),
    )  # fmt: skip
    record = stack.payment(ALICE, stack.account(CAROL), 9_000, NEXT, order)
    position = len(journal(stack.system.engines["alpha"], bank_tables)) + 1
    stack.forge("alpha", lambda told: told.append(Beside(record, order, signature)))
    assert named(stack.problems(), f"position={position}", "not by the key")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount_fen", 1_001, "amount"),
        ("sequence", NEXT, "sequence"),
        ("digest", 7, "digest"),
        ("expires_ms", 0, "expiry"),
        ("flags", RecordFlag.NO_LIMIT, "limits"),
    ],
)
def test_a_record_that_says_something_else_than_its_order_is_named(
    stack: Stack, field: str, value: int, said: str
) -> None:
    def change(told: list[Beside]) -> None:
        paid(stack, told).record[field] = value

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE), said)


def test_a_payment_to_another_payee_than_the_order_names_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        hold = first(told, kind=Kind.HOLD, debit=stack.account(ALICE))
        hold.record["kind"], hold.record["credit"] = Kind.TRANSFER, stack.account(CAROL)

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE), "payee is " + stack.number(BOB))


def test_signatures_that_were_swapped_are_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one, other = paid(stack, told), first(told, kind=Kind.HOLD, debit=stack.account(ALICE))
        one.signature, other.signature = other.signature, one.signature

    stack.forge("alpha", change)
    problems = [text for text in stack.problems() if "not by the key" in text]
    assert len(problems) == 2


def test_an_order_replayed_under_a_new_sequence_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one = paid(stack, told)
        again = Beside(one.record.copy(), one.note, one.signature)
        again.record["sequence"] = NEXT
        told.append(again)

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE), "sequence")


def test_an_order_replayed_as_if_it_were_late_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        # Alice's sequences are far ahead, so that the core would have to look this one up.
        far, one = stack.payment(ALICE, 0, 1, 1_000, b""), paid(stack, told)
        again = Beside(one.record.copy(), one.note, one.signature)
        again.record["flags"] |= RecordFlag.KNOWN_NEW
        told += [Beside(far), again]

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE), "1000 fen", "accepted before")


def test_a_cash_out_that_nobody_ordered_is_named(stack: Stack) -> None:
    carol = stack.account(CAROL)
    same = {"origin": carol, "kind": Kind.TRANSFER, "amount_fen": 400}
    flags = RecordFlag.NO_LIMIT

    def change(told: list[Beside]) -> None:
        out = made(**same, debit=carol, credit=accounts.VAULT, sequence=NEXT, flags=flags | 1)
        own = made(**same, debit=accounts.CONTROL, credit=carol + 1, flags=flags)
        told += [Beside(out), Beside(own)]

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(CAROL), "400 fen", "nobody signed")


def test_a_cash_out_into_another_deposit_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        out = first(told, debit=stack.account(CAROL), credit=accounts.VAULT)
        own = told[told.index(out) + 1]
        own.record["credit"] = stack.account(ALICE) + 1

    stack.forge("alpha", change)
    assert named(stack.problems(), "something else than its order")


def test_a_hold_that_nobody_ordered_is_named(stack: Stack) -> None:
    record = stack.payment(ALICE, 0, 9_000, NEXT, b"")
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "HOLD", stack.number(ALICE), "nobody signed")


def test_a_capture_that_the_central_bank_did_not_order_is_named(stack: Stack) -> None:
    *_, (newest, _) = Journal(stack.system.engines["alpha"], bank_tables).rows(Tip())
    reference = int(newest.details[-1])

    def change(told: list[Beside]) -> None:
        # Carol's payment to dan is on its way; the bank takes it at once.
        last = told[-1].record
        held = max(
            one.record["sequence"] for one in told if one.record["origin"] == accounts.MIRROR
        )
        told.append(
            Beside(
                made(
                    origin=accounts.MIRROR,
                    debit=last["debit"],
                    credit=accounts.MIRROR,
                    kind=Kind.CAPTURE,
                    sequence=int(held) + 1,
                    amount_fen=last["amount_fen"],
                    ref=reference,
                )
            )
        )

    stack.forge("alpha", change)
    assert named(stack.problems(), "CAPTURE of 700 fen", stack.number(CAROL))


def test_money_that_arrived_and_was_credited_to_another_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one = next(
            one for one in told
            if one.record["kind"] == Kind.DELIVER and one.record["credit"] == stack.account(CAROL)
        )  # fmt: skip
        one.record["credit"] = stack.account(ALICE)

    stack.forge("alpha", change)
    assert named(stack.problems(), "DELIVER of 3000 fen", "another wallet")


@pytest.mark.parametrize(
    ("place", "changed"),
    [("signature", bytes(64)), ("key_id", b"0" * 16)],
)
def test_a_kept_word_that_the_central_bank_did_not_sign_is_named(
    stack: Stack, place: str, changed: bytes
) -> None:
    with stack.system.engines["beta"].begin() as connection:
        row = connection.execute(select(feed_tips).limit(1)).one()
        envelope = SignedEnvelope.FromString(bytes(row.envelope))
        setattr(envelope, place, changed)
        values = {"envelope": envelope.SerializeToString()}
        same = feed_tips.c.number == row.number
        connection.execute(update(feed_tips).where(same).values(values))
    assert named(stack.problems(), f"table feed_tips, row number={row.number}")


def test_money_of_the_vault_in_a_wallet_is_named(stack: Stack) -> None:
    record = made(
        origin=accounts.VAULT, debit=accounts.VAULT, credit=stack.account(ALICE), sequence=1,
        kind=Kind.TRANSFER, amount_fen=5, flags=RecordFlag.NO_LIMIT,
    )  # fmt: skip
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "TRANSFER of 5 fen", "neither an order")


def test_a_wallet_closed_without_its_holder_is_named(stack: Stack) -> None:
    alice = stack.account(ALICE)
    record = made(
        kind=Kind.SET_FLAGS, origin=alice, sequence=NEXT, credit=alice, ref=AccountFlag.CLOSED
    )

    def change(told: list[Beside]) -> None:
        at = told.index(first(told, debit=accounts.VAULT, credit=stack.account(ALICE)))
        told.insert(at, Beside(record))

    stack.forge("alpha", change)
    assert named(stack.problems(), "SET_FLAGS", "nobody signed")


def test_a_sequence_that_was_used_up_without_an_order_is_named(stack: Stack) -> None:
    alice = stack.account(ALICE)
    record = made(kind=Kind.REFUSAL, origin=alice, debit=alice, sequence=NEXT)
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "REFUSAL", stack.number(ALICE), "nobody signed")


@pytest.mark.parametrize("key", ["alice's", "another's"])
def test_an_order_that_was_refused_at_once_is_proved_too(stack: Stack, key: str) -> None:
    order, signature = stack.order(
        orders_pb2.LoadOrder, ALICE, STRANGER, sequence=NEXT, amount_fen=1, device_key=bytes(32)
    )
    alice = stack.account(ALICE)
    record = made(
        kind=Kind.REFUSAL, origin=alice, debit=alice, sequence=NEXT, digest=record_digest(order)
    )
    stack.forge("alpha", lambda told: told.append(Beside(record, order, signature)))
    if key == "alice's":
        change_wallet(stack, ALICE, public_key=bytes(STRANGER.verify_key))
    told = named(stack.problems(), "REFUSAL", "not by the wallet's key")
    assert told == (key == "another's")
