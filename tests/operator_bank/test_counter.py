"""Presence at a counter, and what turned out false: two officers decide, and no money moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from currency.number import make
from currency.proofs import Proof
from dcep.bank.v1 import orders_pb2
from dcep.office.v1 import office_pb2
from operator_bank.counter.tables import presences
from operator_bank.customers.tables import class_changes, customers
from operator_bank.payments.tables import outbound
from settlement.records import Kind
from tests.officers.people import Person
from tests.operator_bank.classes import asked, change
from tests.operator_bank.counter import (
    ID_CARD,
    II,
    III,
    IV,
    NAME,
    ONE,
    PAPERS,
    PHONE,
    known,
    seen,
    withdrawn,
)
from tests.operator_bank.device_orders import certify, load_order, some_key
from tests.operator_bank.system import CHEN, WANG, ZHOU, Holder, System
from tests.refusals import refused, refused_for

ALL = Proof.PHONE | Proof.DOCUMENT | Proof.ACCOUNT | Proof.PRESENCE
NOT_CONFIRMED = "IDENTITY_NOT_CONFIRMED"


def shown(system: System) -> list[int]:
    with system.engine.connect() as connection:
        return list(
            connection.execute(select(customers.c.shown).order_by(customers.c.id)).scalars()
        )


def test_who_was_at_a_counter_can_have_class_one(system: System) -> None:
    holder = known(system)
    assert refused(change, holder, ONE) == (NOT_CONFIRMED, "wallet_class")
    act = system.both(seen(holder.number))
    assert shown(system) == [ALL]
    assert system.bank.directory.get(holder.number).wallet_class == II, "its holder decides"
    assert change(holder, ONE).wallet_class == ONE
    system.restart()
    assert system.bank.directory.get(holder.number).wallet_class == ONE
    with system.engine.connect() as connection:
        [row] = connection.execute(select(presences)).all()
    assert (row.act, row.wallet, row.shown) == (act.number, holder.wallet.row_id, ALL)


def test_one_officer_confirms_nothing(system: System) -> None:
    holder = known(system)
    act = system.propose(seen(holder.number))
    assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
    assert shown(system) == [ALL & ~Proof.PRESENCE]
    beta = Person("beta", "wang")
    assert refused_for(system.propose, seen(holder.number), beta) == "ROLE_NOT_ALLOWED"
    assert refused_for(system.approve, act, Person("beta", "zhou")) == "ROLE_NOT_ALLOWED"
    no_right = office_pb2.ChangeRights(name="chen", rights=[office_pb2.RIGHT_WALLETS])
    system.both(no_right)
    assert refused_for(system.approve, act, CHEN) == "RIGHT_MISSING"
    assert refused_for(system.propose, withdrawn(holder.number, IV), CHEN) == "RIGHT_MISSING"
    assert shown(system) == [ALL & ~Proof.PRESENCE]


def test_a_proposer_learns_of_nobody_who_they_are(system: System) -> None:
    holder = known(system)
    right, wrong = (system.propose(seen(holder.number, name)) for name in (NAME, "Li Na"))
    assert (right.state, right.reason) == (wrong.state, wrong.reason)
    differs = ("HOLDER_DIFFERS", "shown_digest")
    assert refused(system.approve, wrong) == differs
    assert refused(system.approve, wrong) == differs
    assert shown(system) == [ALL & ~Proof.PRESENCE]
    assert b"Quexiang" not in right.proposal.payload
    assert PAPERS.encode() not in right.proposal.payload
    system.approve(right)
    assert shown(system) == [ALL]


def test_a_customer_is_confirmed_for_no_other_wallet(system: System) -> None:
    mine, others = known(system), known(system, "Mallory", "M7654321", "13900000002")
    for wish in (
        # Mine is shown for Mallory's wallet.
        seen(others.number),
        # What officers signed for mine is given for Mallory's.
        office_pb2.ConfirmPresence(
            wallet_number=others.number,
            salt=seen(mine.number).salt,
            shown_digest=seen(mine.number).shown_digest,
        ),
        seen(mine.number, papers="M7654321"),
    ):
        act = system.propose(wish)
        assert refused(system.approve, act)[0] == "HOLDER_DIFFERS"
    assert Proof.PRESENCE not in Proof(shown(system)[0] | shown(system)[1])
    guessed = seen(make("6201", 99))
    assert refused_for(system.propose, guessed) == "WALLET_UNKNOWN"


def test_who_has_no_document_cannot_be_confirmed(system: System, phone: Holder) -> None:
    act = system.propose(seen(phone.number, "", ""))
    assert refused(system.approve, act)[0] == "HOLDER_DIFFERS"
    system.bank.wallets.close(phone.closing())
    assert refused_for(system.propose, seen(phone.number)) == "WALLET_CLOSED"
    assert refused_for(system.propose, withdrawn(phone.number, IV)) == "WALLET_CLOSED"


def test_what_turned_out_false_counts_no_more_and_no_money_is_taken(system: System) -> None:
    holder = known(system)
    system.both(seen(holder.number))
    change(holder, ONE)
    holder.exchange(100_000)
    system.central.makes_tokens, key = True, some_key()
    certify(system, holder, key)
    system.bank.offline.loads.load(load_order(holder, key, 2_000))
    assert holder.pay(make("6202", 1), 700).state
    holder.wallet = system.bank.directory.get(holder.number)
    assert (holder.fen, holder.held_fen) == (100_000 - 2_700, 2_700)
    act = system.both(withdrawn(holder.number, IV))
    holder.wallet = system.bank.directory.get(holder.number)
    assert holder.wallet.wallet_class == IV
    assert (holder.fen, holder.held_fen) == (100_000 - 2_700, 2_700)
    # What is over the new cap can be paid out, and nothing comes in until then.
    other = system.open("Bob")
    holder.pay(other.number, 1_000)
    assert refused(other.pay, holder.number, 1)[0] == "PAYEE_CANNOT_BE_PAID"
    # What was held ends as it would have.
    with system.engine.connect() as connection:
        numbers = select(outbound.c.number).order_by(outbound.c.number.desc())
        payment = connection.execute(numbers).scalars().first()
    assert payment is not None
    system.turned_down(payment)
    assert (holder.fen, holder.held_fen) == (97_000, 2_000)
    with system.engine.connect() as connection:
        row = connection.execute(
            select(class_changes).order_by(class_changes.c.position.desc())
        ).first()
    assert row is not None
    assert (row.act, row.wallet_class, row.shown) == (act.number, IV, Proof.PHONE)
    assert act.position == row.position
    [entry] = system.bank.books.journal.read(act.position - 1, limit_rows=1)
    record = entry.records[act.position - entry.first_position]
    assert (int(record["kind"]), int(record["digest"])) == (Kind.SET_LIMIT_SET, act.record_digest)


def test_offline_money_survives_both_directions(system: System) -> None:
    holder = known(system)
    holder.exchange(100_000)
    money = system.depositing(holder, 3_000)
    system.both(withdrawn(holder.number, III))
    holder.wallet = system.bank.directory.get(holder.number)
    system.hear(tokens_deposited=money)
    assert holder.fen == 103_000
    again = system.depositing(holder, 500)
    system.both(seen(holder.number))
    change(holder, II, bank_account="CN2")
    change(holder, ONE)
    system.hear(tokens_deposited=again)
    assert holder.fen == 103_500


def test_a_withdrawn_document_counts_only_after_two_officers_saw_it(system: System) -> None:
    holder = known(system)
    system.both(withdrawn(holder.number, IV))
    assert refused(change, holder, III)[0] == NOT_CONFIRMED
    document = orders_pb2.Document(kind=ID_CARD, number=PAPERS)
    assert refused(change, holder, III, name=NAME, document=document)[0] == NOT_CONFIRMED
    other = orders_pb2.Document(kind=ID_CARD, number="E7654321")
    assert refused(change, holder, III, name=NAME, document=other)[0] == NOT_CONFIRMED
    assert refused(change, holder, III, bank_account="CN3")[0] == NOT_CONFIRMED
    # Nor at another wallet of the bank.
    no = (NOT_CONFIRMED, "")
    assert refused(system.open, NAME, "13900000009", document=document) == no
    phone = system.open(phone="13900000008")
    assert refused(change, phone, III, name=NAME, document=document) == no
    system.both(seen(holder.number))
    assert change(holder, III).wallet_class == III
    assert refused(change, holder, ONE) == (NOT_CONFIRMED, "wallet_class"), "the account is missing"
    assert change(holder, ONE, bank_account="CN3").wallet_class == ONE


def test_an_order_of_before_does_not_undo_what_officers_did(system: System) -> None:
    holder = known(system)
    change(holder, IV)
    system.clock.advance(1_000)
    kept_back = asked(holder, II)
    system.clock.advance(1_000)
    system.both(withdrawn(holder.number, III))
    assert refused_for(system.bank.class_changes.change, kept_back) == "EXPIRED"
    assert system.bank.directory.get(holder.number).wallet_class == IV, "as its holder wanted"
    assert change(holder, III).wallet_class == III


@pytest.mark.parametrize("to", [II, III])
def test_there_is_something_to_withdraw(system: System, to: int) -> None:
    holder = known(system) if to == II else system.open(phone=PHONE)
    act = system.propose(withdrawn(holder.number, to))
    assert refused(system.approve, act) == ("FIELD_INVALID", "wallet_class")
    assert system.bank.acts.get(act.content.act_id).state == office_pb2.ACT_STATE_OPEN
    assert refused(system.propose, withdrawn(holder.number, ONE)) == (
        "FIELD_INVALID",
        "downgrade_wallet.wallet_class",
    )


def test_the_database_has_no_name_of_whom_officers_saw(system: System, tmp_path: Path) -> None:
    holder = known(system)
    system.both(seen(holder.number))
    system.restart()
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert NAME.encode() not in content and PAPERS.encode() not in content


def test_presence_is_confirmed_again_and_by_whom(system: System) -> None:
    holder = known(system)
    for _ in range(2):
        system.approve(system.propose(seen(holder.number), ZHOU), CHEN)
    with system.engine.connect() as connection:
        assert len(connection.execute(select(presences)).all()) == 2


def test_what_is_on_its_way_goes_on_over_an_upgrade(system: System) -> None:
    holder = known(system)
    holder.exchange(100_000)
    system.central.makes_tokens, key = True, some_key()
    certify(system, holder, key)
    system.bank.offline.loads.load(load_order(holder, key, 2_000))
    holder.pay(make("6202", 1), 700)
    system.both(seen(holder.number))
    change(holder, ONE)
    assert (holder.fen, holder.held_fen) == (97_300, 2_700)
    with system.engine.connect() as connection:
        going = dict(connection.execute(select(outbound.c.kind, outbound.c.number)).all())  # type: ignore[arg-type]
    payment = next(number for kind, number in going.items() if kind != "load")
    system.hear(outgoing_settled={"number": payment})
    assert (holder.fen, holder.held_fen) == (97_300, 2_000)
    # And down again, with the load still on its way.
    system.both(withdrawn(holder.number, III))
    holder.wallet = system.bank.directory.get(holder.number)
    assert (holder.wallet.wallet_class, holder.fen, holder.held_fen) == (III, 97_300, 2_000)
