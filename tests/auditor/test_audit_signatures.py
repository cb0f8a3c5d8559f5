"""A forger with the database in hands, who makes every hash right again, is named by the audit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, select, update

from auditor.audit import StackAudit, audit_engines
from auditor.signatures.orders import TAGS
from auditor.signatures.stack import EVERY_SIGNATURE, SignaturesAsked
from auditor.signatures.verifying import Signatures
from central_bank.ledger.accounts import circulation
from central_bank.ledger.tables import ledger as central_tables
from central_bank.registration.tables import bank_batches
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.tables import feed_tips
from operator_bank.ledger import accounts
from operator_bank.ledger.tables import ledger as bank_tables
from operator_bank.payments.tables import outbound as outgoing
from operator_bank.wallets.tables import wallets
from runtime.envelope import sign
from settlement.journal import Journal, Tip
from settlement.records import AccountFlag, Kind, RecordFlag, record_digest
from tests.auditor.forging import Beside, forge, journal, made
from tests.simulation.network import CENTRAL, PREFIXES, SimulatedSystem

ALICE, BOB, CAROL, DAN = (f"wallet-{index}" for index in range(4))
STRANGER = SigningKey(b"\x99" * 32)


class Stack:
    """Two banks with two wallets each: alice and carol at alpha, bob and dan at beta."""

    def __init__(self, folder: Path) -> None:
        self.system = SimulatedSystem(1, folder, 4)
        self.settle()
        for name in (ALICE, BOB, CAROL, DAN):
            self.holder(name).top_up(100_000)

    def holder(self, name: str) -> Any:
        return self.system.built[name].holder()

    def number(self, name: str) -> str:
        return self.system.numbers[name]

    def account(self, name: str) -> int:
        bank = "alpha" if name in (ALICE, CAROL) else "beta"
        query = select(wallets.c.id).where(wallets.c.number == self.number(name))
        with self.system.engines[bank].connect() as connection:
            return accounts.wallet(connection.execute(query).scalar_one())

    def settle(self) -> None:
        """Everything that is on its way arrives."""
        for _ in range(3):
            for bank in PREFIXES:
                while self.system.built[bank].send():
                    pass
                self.system.built[bank].follower.step()

    def pay(self, payer: str, payee: str, fen: int) -> None:
        self.holder(payer).pay(self.number(payee), fen, memo="for tea")

    def forge(self, name: str, change: Callable[[list[Beside]], None]) -> None:
        tables = central_tables if name == CENTRAL else bank_tables
        forge(self.system.engines[name], tables, change)

    def audit(self, asked: SignaturesAsked = EVERY_SIGNATURE) -> StackAudit:
        engines = self.system.engines
        return audit_engines({name: engines[name] for name in [*PREFIXES, CENTRAL]}, asked)

    def problems(self) -> list[str]:
        return self.audit().signatures.problems

    def order(self, kind: Any, wallet: str, key: SigningKey, **values: Any) -> tuple[bytes, bytes]:
        """(payload, signature) of an order, by whatever key."""
        now_ms = self.system.clock.now_ms()
        content = kind(
            wallet_number=self.number(wallet),
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            **values,
        )
        signed = sign(TAGS[kind], content.SerializeToString(), key, b"")
        return signed.payload, signed.signature

    def payment(self, payer: str, credit: int, fen: int, sequence: int, order: bytes) -> Any:
        """The record of a payment, or of a hold when nobody is credited."""
        return made(
            origin=self.account(payer),
            debit=self.account(payer),
            credit=credit,
            kind=Kind.TRANSFER if credit else Kind.HOLD,
            sequence=sequence,
            amount_fen=fen,
            time_ms=self.system.clock.now_ms(),
            expires_ms=self.system.clock.now_ms() + 60_000,
            digest=record_digest(order),
        )


def told_stack(folder: Path) -> Stack:
    """A history of every kind of payment, all of it in order."""
    made = Stack(folder)
    made.pay(ALICE, CAROL, 1_000)
    made.pay(ALICE, BOB, 2_000)
    made.pay(DAN, CAROL, 3_000)
    made.holder(CAROL).cash_out(500)
    made.settle()
    made.pay(CAROL, DAN, 700)  # on its way
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return told_stack(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def stack(shared: Stack) -> Iterator[Stack]:
    """The history, of which only databases are changed; they are as before afterwards."""
    kept: dict[str, sqlite3.Connection] = {}
    for name in (*PREFIXES, CENTRAL):
        kept[name] = sqlite3.connect(":memory:")
        with _driver(shared, name) as connection:
            connection.backup(kept[name])
    yield shared
    for name, copy in kept.items():
        with _driver(shared, name) as connection:
            copy.backup(connection)
        copy.close()


@contextmanager
def _driver(stack: Stack, name: str) -> Iterator[sqlite3.Connection]:
    with closing(stack.system.engines[name].raw_connection()) as connection:
        yield connection.driver_connection  # type: ignore[misc]


def named(problems: list[str], *parts: str) -> bool:
    """Whether one problem says all of this."""
    return any(all(part in problem for part in parts) for problem in problems)


def test_an_honest_history_is_proved_and_says_how_many_signatures_it_has(stack: Stack) -> None:
    found = stack.audit()
    assert found.ok, found.problems
    # 4 openings, 4 top-ups, 4 payments, a cash-out; 2 batches (the third is on its way); 6 acts
    # of two officers each, 3 founding records, and 5 words of the central bank about feeds.
    assert found.signatures.checked == 35
    assert found.as_fields()["signatures_checked"] == 35


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


def first(told: list[Beside], **wanted: int) -> Beside:
    """The first signed record with these values."""
    return next(
        one
        for one in told
        if one.signature and all(one.record[name] == value for name, value in wanted.items())
    )


def paid(stack: Stack, told: list[Beside]) -> Beside:
    """Alice's payment to carol."""
    return first(told, debit=stack.account(ALICE), credit=stack.account(CAROL))


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


def test_a_wallet_that_may_go_below_zero_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one = next(
            one for one in told
            if one.record["kind"] == Kind.OPEN and one.record["credit"] == stack.account(ALICE)
        )  # fmt: skip
        one.record["ref"] = AccountFlag.MAY_GO_NEGATIVE

    stack.forge("alpha", change)
    assert named(stack.problems(), "OPEN", "with flags")


def change_wallet(stack: Stack, name: str, **values: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        of = wallets.c.number == stack.number(name)
        assert connection.execute(update(wallets).where(of).values(values)).rowcount == 1


def test_a_changed_key_of_a_wallet_is_named(stack: Stack) -> None:
    change_wallet(stack, ALICE, public_key=bytes(STRANGER.verify_key))
    problems = stack.problems()
    assert named(problems, "table wallets", "key")
    assert named(problems, "table journal", "not by the key"), "nor are its orders by that key"


def test_a_changed_key_with_an_opening_of_its_own_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].connect() as connection:
        query = select(wallets.c.order_payload).where(wallets.c.number == stack.number(CAROL))
        order = orders_pb2.OpenWalletOrder.FromString(connection.execute(query).scalar_one())
    order.public_key = bytes(STRANGER.verify_key)
    signed = sign("open-wallet/v1", order.SerializeToString(), STRANGER, b"")
    change_wallet(
        stack, CAROL, public_key=order.public_key, order_payload=signed.payload,
        order_signature=signed.signature,
    )  # fmt: skip
    assert named(stack.problems(), "OPEN", "opened by another order")


def test_a_payment_that_the_bank_sent_to_another_payee_is_named(tmp_path: Path) -> None:
    """The bank signs what it likes to the central bank; its customer's order says otherwise."""
    stack = told_stack(tmp_path)
    dan = stack.number(DAN)
    stack.pay(ALICE, BOB, 800)
    of = outgoing.c.amount_fen == 800
    with stack.system.engines["alpha"].begin() as connection:
        body = connection.execute(select(outgoing.c.body).where(of)).scalar_one()
        payment = registration_pb2.OutboundPayment.FromString(bytes(body))
        payment.payee_number = dan
        connection.execute(update(outgoing).where(of).values(body=payment.SerializeToString()))
    stack.settle()
    problems = stack.problems()
    assert named(problems, "alpha", "CAPTURE of 800 fen", f"payee is {stack.number(BOB)}", dan)


def move(sequence: int, fen: int, note: bytes = b"") -> Any:
    """Circulation from alpha to beta."""
    return made(
        origin=circulation(0), debit=circulation(0), credit=circulation(1), kind=Kind.TRANSFER,
        sequence=sequence, amount_fen=fen, flags=RecordFlag.NO_LIMIT, digest=record_digest(note),
    )  # fmt: skip


def outbound(stack: Stack, number: int, fen: int) -> bytes:
    payment = registration_pb2.OutboundPayment(
        number=number, payment_id="x", payer_number=stack.number(ALICE),
        payee_number=stack.number(BOB), amount_fen=fen,
    )  # fmt: skip
    return payment.SerializeToString()


def test_circulation_that_moved_without_its_bank_is_named(stack: Stack) -> None:
    note = outbound(stack, 9_999, 123)
    record = move(9_999, 123, note)
    stack.forge(CENTRAL, lambda told: told.append(Beside(record, note)))
    assert named(
        stack.problems(), "central-bank", "TRANSFER of 123 fen", "no batch that bank alpha"
    )


@pytest.mark.parametrize("field", ["amount_fen", "sequence", "credit"])
def test_a_settlement_that_says_something_else_than_the_bank_signed_is_named(
    stack: Stack, field: str
) -> None:
    def change(told: list[Beside]) -> None:
        one = next(one for one in told if one.record["origin"] == circulation(0))
        one.record[field] = int(one.record[field]) + (-1 if field == "credit" else 1)

    stack.forge(CENTRAL, change)
    assert named(stack.problems(), "central-bank: table journal")


def change_batch(stack: Stack, **values: Any) -> None:
    with stack.system.engines[CENTRAL].begin() as connection:
        first = select(bank_batches.c.position).order_by(bank_batches.c.position).limit(1)
        of = bank_batches.c.position == first.scalar_subquery()
        statement = (
            update(bank_batches).where(of).values(values)
            if values
            else (delete(bank_batches).where(of))
        )
        assert connection.execute(statement).rowcount == 1


def test_a_banks_batch_with_another_signature_is_named(stack: Stack) -> None:
    change_batch(stack, signature=bytes(64))
    assert named(stack.problems(), "table bank_batches", "not by the key")


def test_a_batch_made_out_for_another_bank_is_named(stack: Stack) -> None:
    change_batch(stack, bank=1)
    problems = stack.problems()
    assert named(problems, "table bank_batches")


def test_what_stands_in_no_batch_any_more_is_named(stack: Stack) -> None:
    change_batch(stack)
    assert named(stack.problems(), "no batch that bank alpha signed")


def test_a_settlement_replayed_as_if_it_were_late_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        one = next(one for one in told if one.record["origin"] == circulation(0))
        again = Beside(one.record.copy(), one.note)
        again.record["flags"] |= RecordFlag.KNOWN_NEW
        told += [Beside(move(9_999, 1)), again]

    stack.forge(CENTRAL, change)
    assert named(stack.problems(), "central-bank", "accepted before")


def test_without_verification_what_orders_say_is_still_compared(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        paid(stack, told).record["amount_fen"] += 1

    stack.forge("alpha", change)
    found = stack.audit(SignaturesAsked(Signatures.NONE))
    assert found.signatures.checked == 0
    assert named(found.problems, "amount")


def test_a_sample_is_drawn_again_from_its_seed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.signatures.verifying.SAMPLED", 30)
    drawn = stack.audit(SignaturesAsked(Signatures.SAMPLE)).signatures
    again = stack.audit(SignaturesAsked(Signatures.SAMPLE, seed=drawn.seed)).signatures
    assert drawn.left_out > 0
    assert (drawn.checked, drawn.left_out) == (again.checked, again.left_out)
    others = {
        stack.audit(SignaturesAsked(Signatures.SAMPLE, seed=seed)).signatures.checked
        for seed in range(8)
    }
    assert len(others) > 1
