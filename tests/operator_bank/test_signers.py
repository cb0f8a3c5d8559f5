"""A wallet on several phones: each has its own sequences, and any of them can be cut off."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, sub_wallets_pb2
from operator_bank.limits import KEY_REQUEST_KEPT_MS, SIGNER_LISTS_PER_DAY
from operator_bank.signers.tables import signer_lists, signer_signatures
from operator_bank.wallets.orders import WalletOrder
from operator_bank.wallets.signers import PLACES
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.records import first_sequence
from tests.operator_bank.keys import (
    IN_FORCE,
    OBJECTED,
    REPLACED,
    approved,
    asked,
    in_force,
    objection,
    said,
    state,
    wish,
)
from tests.operator_bank.signers import (
    PREPARE,
    RELEASE,
    SEE,
    Member,
    every_order,
    first,
    listed,
    listing,
)
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for


@pytest.fixture
def phone(bob: Holder) -> Member:
    """Bob's first phone, with money in the wallet."""
    bob.exchange(1_000)
    return first(bob)


@pytest.fixture
def second(phone: Member) -> Member:
    """A second phone, that the first one has let in."""
    other = Member(phone.system, phone.number, 1)
    listed(phone, [phone, other])
    return other


def test_either_phone_pays_and_no_sequence_is_used_twice(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    before = alice.fen
    ids = [one.pay(alice.number, 10).payment_id for one in (phone, second, second, phone)]
    assert alice.fen == before + 40
    assert len(set(ids)) == 4
    sequences = [int(each.partition("-")[2]) for each in ids]
    assert [each % PLACES for each in sequences] == [0, 1, 1, 0]
    assert min(sequences) > first_sequence(1)
    many = [one.order(alice.number, 1) for one in (phone, second) * 3]
    assert not any(isinstance(one, Refusal) for one in system.bank.payments.pay_many(many))
    system.restart()
    second.pay(alice.number, 10)
    phone.pay(alice.number, 10)
    second.exchange(5)
    query = second.signed(orders_pb2.Query)
    assert system.bank.wallets.asking(query, "dcep.bank.v1.WalletService/GetWallet").number
    assert state(system, phone.number, second.key).signer.place == 1
    assert state(system, phone.number, phone.key).signer.role == RELEASE


def test_a_phone_that_is_far_behind_the_other_pays_too(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    """Its sequences are older than the rule's window; the journal says that they are new."""
    late = second.order(alice.number, 7)
    for _ in range(70):
        phone.pay(alice.number, 1)
    before = alice.fen
    for _ in range(2):
        system.bank.payments.pay(late, 0.0)
    assert alice.fen == before + 7


def test_a_phone_takes_only_its_own_sequences(phone: Member, second: Member, alice: Holder) -> None:
    low = first_sequence(1)
    own = low + PLACES + 1
    for sequence in (own - 1, own + 1, low + PLACES, first_sequence(2) + 1, first_sequence(0) + 1):
        assert refused_for(second.pay, alice.number, 1, sequence=sequence) == "SEQUENCE_INVALID"
    assert second.pay(alice.number, 1, sequence=own)


def test_a_phone_that_is_cut_off_orders_nothing(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    kept = phone.order(alice.number, 5)
    listed(second, [second])
    for envelope in (kept, phone.order(alice.number, 5)):
        assert refused_for(system.bank.payments.pay, envelope, 0.0) == "SIGNATURE_INVALID"
    query = phone.signed(orders_pb2.Query)
    asking = system.bank.wallets.asking
    assert refused_for(asking, query, "dcep.bank.v1.WalletService/GetWallet") == "SIGNATURE_INVALID"
    cut = state(system, phone.number, phone.key)
    assert (cut.state, cut.in_force_time_ms) == (REPLACED, system.clock.now_ms())
    assert state(system, phone.number, second.key).state == IN_FORCE
    assert second.pay(alice.number, 5)
    # It never comes back, not even by the other one's word.
    for one in (
        Member(system, phone.number, 0, phone.key),
        Member(system, phone.number, 3, phone.key),
    ):
        back = listing(second, [second, one])
        assert refused_for(system.bank.signers.change, back) == "ALREADY_DECIDED"
    system.restart()
    assert refused_for(system.bank.payments.pay, kept, 0.0) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("many", [False, True])
def test_an_order_that_waits_for_the_writer_while_its_phone_is_cut_off_is_not_carried_out(
    system: System,
    phone: Member,
    second: Member,
    alice: Holder,
    monkeypatch: pytest.MonkeyPatch,
    many: bool,
) -> None:
    ledger, submit = system.bank.books.ledger, system.bank.books.ledger.submit
    order, before = phone.order(alice.number, 5), alice.fen

    def cut_off_first(batch: Batch) -> Answers:
        monkeypatch.undo()
        listed(second, [second])
        return submit(batch)

    monkeypatch.setattr(ledger, "submit", cut_off_first)
    if many:
        [answer] = system.bank.payments.pay_many([order])
        assert isinstance(answer, Refusal)
        assert answer.name == "KEY_REPLACED"
    else:
        assert refused_for(system.bank.payments.pay, order, 0.0) == "KEY_REPLACED"
    assert alice.fen == before


def test_what_a_phone_that_stays_has_ordered_before_a_change_is_answered_once(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    done, lost = second.order(alice.number, 5), second.order(alice.number, 6)
    old = phone.order(alice.number, 7)
    before = alice.fen
    paid = system.bank.payments.pay(done, 0.0)[0]
    third = Member(system, phone.number, 2)
    listed(phone, [phone, second, third])
    again = system.bank.payments.pay(done, 0.0)[0]
    assert (again.payment_id, again.repeated) == (paid.payment_id, True)
    for envelope in (lost, old):
        assert refused_for(system.bank.payments.pay, envelope, 0.0) == "KEY_REPLACED"
    assert alice.fen == before + 5
    assert second.pay(alice.number, 6)
    # A key takes no sequence of a list that it was not in.
    early = third.order(alice.number, 1, sequence=first_sequence(1) + PLACES + 2)
    assert refused_for(system.bank.payments.pay, early, 0.0) == "SEQUENCE_INVALID"


def test_a_list_is_put_in_force_once_and_follows_on_the_one_before(
    system: System, phone: Member
) -> None:
    second, third = Member(system, phone.number, 1), Member(system, phone.number, 2)
    change = system.bank.signers.change
    order, rival = listing(phone, [phone, second]), listing(phone, [phone, third])
    assert not change(order)
    assert change(order)  # repeats
    assert refused_for(change, rival) == "SIGNERS_CHANGED"
    ahead = listing(phone, [phone, second, third], list_number=3)
    assert refused_for(change, ahead) == "SIGNERS_CHANGED"
    system.clock.advance(120_000)
    assert change(order)
    with system.engine.connect() as connection:
        assert len(connection.execute(select(signer_lists)).all()) == 1
        [signed] = connection.execute(select(signer_signatures)).all()
    assert bytes(signed.signature) == order.signature
    late = listing(phone, [phone, second, third])
    system.clock.advance(60_001)
    assert refused_for(change, late) == "EXPIRED"


def test_only_lists_by_which_somebody_can_order_are_taken(system: System, phone: Member) -> None:
    second = Member(system, phone.number, 1)
    stranger = Member(system, phone.number, 2)
    change = system.bank.signers.change
    looker = Member(system, phone.number, 1, second.key, SEE)
    of_alice = second.item()
    of_alice.request.CopyFrom(
        said(system, keys_pb2.KeyRequest, system.open(name="Eve").number, second.key)
    )
    forged = second.item()
    forged.request.signature = bytes(64)
    others = second.item()
    others.request.CopyFrom(stranger.item().request)
    moved = Member(system, phone.number, 4, phone.key)
    cases: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("FIELD_INVALID", [phone, Member(system, phone.number, 0)], {}),
        ("FIELD_INVALID", [phone, Member(system, phone.number, 1, phone.key)], {}),
        ("FIELD_INVALID", [looker], {}),
        ("FIELD_INVALID", [phone, second], {"threshold": 3}),
        ("FIELD_INVALID", [phone, second], {"bank": "beta"}),
        ("FIELD_INVALID", [moved, second], {}),
        ("FIELD_INVALID", [phone, others], {}),
        ("REQUEST_UNKNOWN", [phone, second.item(asks=False)], {}),
        ("WRONG_WALLET", [phone, of_alice], {}),
        ("SIGNATURE_INVALID", [phone, forged], {}),
    ]
    for reason, members, more in cases:
        assert refused_for(change, listing(phone, members, **more)) == reason, (members, more)
    request = second.item()
    system.clock.advance(KEY_REQUEST_KEPT_MS + 1)
    assert refused_for(change, listing(phone, [phone, request])) == "EXPIRED"
    assert system.bank.directory.get(phone.number).key_number == 0


def test_strangers_and_lookers_change_no_list(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    looker = Member(system, phone.number, 2, role=SEE)
    listed(phone, [phone, second, looker])
    stranger = Member(system, phone.number, 1)
    change = system.bank.signers.change
    assert refused_for(change, listing(stranger, [stranger])) == "SIGNATURE_INVALID"
    assert refused_for(change, listing(looker, [looker])) == "SIGNER_MAY_NOT"
    of_alice = listing(alice, [second], wallet_number=phone.number)
    assert refused_for(change, of_alice) == "WRONG_WALLET"
    nobody = Member(system, phone.number, 0, SigningKey.generate(), named=False)
    assert refused_for(change, listing(nobody, [second])) == "SIGNATURE_INVALID"
    assert looker.signed(orders_pb2.Query)


def test_who_may_look_moves_nothing_by_any_call(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    looker = Member(system, phone.number, 2, role=SEE)
    clerk = Member(system, phone.number, 3, role=PREPARE)
    listed(phone, [phone, second, looker, clerk])
    position = system.bank.books.ledger.position()
    for one in (looker, clerk):
        for name, call in every_order(one, alice.number).items():
            assert refused_for(call) == "SIGNER_MAY_NOT", name
        assert (
            refused_for(
                system.bank.keys.replacements.object, objection(system, one, SigningKey.generate())
            )
            == "SIGNER_MAY_NOT"
        )
        query = one.signed(orders_pb2.Query)
        assert system.bank.wallets.asking(query, "dcep.bank.v1.WalletService/GetWallet")
    assert system.bank.books.ledger.position() == position


def test_every_order_of_a_wallet_is_in_the_list_of_calls_above() -> None:
    tested = {
        orders_pb2.PaymentOrder, orders_pb2.RefundOrder, orders_pb2.ExchangeOrder,
        orders_pb2.LoadOrder, orders_pb2.DepositOrder, orders_pb2.CertifyDeviceOrder,
        orders_pb2.CloseOrder, orders_pb2.RequestToPay, orders_pb2.ChangeAskedOrder,
        orders_pb2.BlockAskerOrder, orders_pb2.ChangeClassOrder, signers_pb2.SignersOrder,
        keys_pb2.KeyObjection, signers_pb2.WithdrawOrder, orders_pb2.AliasOrder,
        keys_pb2.RotateKeyOrder, sub_wallets_pb2.SubWalletOrder, orders_pb2.SweepOrder,
        signers_pb2.ReleaseOrder,
    }  # fmt: skip
    assert set(get_args(WalletOrder)) - tested == {orders_pb2.Query}


def test_a_wallets_signers_are_shown_to_them_with_who_asks_to_be_one(
    system: System, phone: Member, second: Member
) -> None:
    new = SigningKey.generate()
    request = asked(system, phone.number, new)
    asked(system, phone.number, second.key)  # is one already
    shown = system.bank.signers.shown(system.bank.directory.get(phone.number))
    assert [(one.place, one.role, one.label) for one in shown.signers] == [
        (0, RELEASE, "place 0"),
        (1, RELEASE, "place 1"),
    ]
    assert not any(one.HasField("request") for one in shown.signers)
    assert (shown.number, shown.threshold) == (1, 1)
    assert [one.payload for one in shown.asked] == [request.payload]
    alone = system.open(name="Eve")
    shown = system.bank.signers.shown(alone.wallet)
    assert [(one.place, one.public_key) for one in shown.signers] == [(0, alone.wallet.public_key)]


def test_officers_give_one_key_in_place_of_the_list_and_each_signer_can_object(
    system: System, phone: Member, second: Member, alice: Holder
) -> None:
    unwanted, key = SigningKey.generate(), SigningKey.generate()
    approved(system, phone, unwanted)
    system.bank.keys.replacements.object(objection(system, second, unwanted))
    assert state(system, phone.number, unwanted).state == OBJECTED
    assert refused_for(system.propose, wish(system, phone, second.key)) == "ALREADY_DECIDED"
    approved(system, phone, key)
    kept = second.order(alice.number, 3)
    new = in_force(system, phone, key)
    assert new.wallet.signers is None
    assert new.wallet.key_number == 2
    new.pay(alice.number, 3)
    for one in (phone, second):
        assert state(system, phone.number, one.key).state == REPLACED
        assert refused_for(one.pay, alice.number, 1) == "SIGNATURE_INVALID"
    assert refused_for(system.bank.payments.pay, kept, 0.0) == "SIGNATURE_INVALID"
    # And it may have signers again, none of those before among them.
    again = Member(system, phone.number, 0, key, named=False)
    back = listing(again, [again, Member(system, phone.number, 1, second.key)])
    assert refused_for(system.bank.signers.change, back) == "ALREADY_DECIDED"
    other = Member(system, phone.number, 1)
    listed(again, [again, other])
    system.restart()
    assert other.pay(alice.number, 1)
    assert again.pay(alice.number, 1)


def test_lists_are_bounded_in_a_day(system: System, phone: Member) -> None:
    second = Member(system, phone.number, 1)
    for _ in range(SIGNER_LISTS_PER_DAY):
        listed(phone, [phone, second])
    assert refused_for(listed, phone, [phone]) == "OVERLOADED"
    system.clock.advance(86_400_000)
    listed(phone, [phone])


def test_a_closed_wallet_gets_no_list(system: System, phone: Member) -> None:
    phone.exchange(phone.fen, out=True)
    system.bank.wallets.close(phone.closing())
    assert refused_for(listed, phone, [phone]) == "WALLET_CLOSED"
