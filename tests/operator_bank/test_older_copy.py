"""A bank that was put back to an older copy of its database: what it stops, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.bank.v1 import (
    exchange_pb2,
    keys_pb2,
    offline_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.ledger.standing import public_authorizer
from operator_bank.limits import FEED_AGAIN_MS
from operator_bank.tables import metadata
from runtime.errors import NoAnswer, Refusal, is_undecided
from tests.operator_bank.system import FOREIGN, Holder, System, made
from tests.refusals import refused_for

R = registration_pb2
TABLES = metadata.sorted_tables
REQUEST = "00000000-0000-4000-8000-000000000999"
STEPPED_BACK = Refusal(
    errors_pb2.REASON_FEED_STEPPED_BACK, "asks for less than it has acknowledged", field="after"
)
PUBLIC = [
    service
    for file in (wallets_pb2, keys_pb2, exchange_pb2, payments_pb2, offline_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]
NOT_KNOWN: dict[str, dict[str, Any]] = {
    "a payment": {"outgoing_settled": R.OutgoingSettled(number=999, payment=b"\x08\x01")},
    "a load": {
        "tokens_registered": R.TokensRegistered(
            number=999, amount_fen=5, certificate_digest=bytes(32)
        )
    },
    "a deposit": {
        "tokens_deposited": R.TokensDeposited(
            number=999, amount_fen=5, whole_fen=5, payment_digest=bytes(32)
        )
    },
    "a redemption": {"redeemed": R.Redeemed(number=999, amount_fen=5, request_id=REQUEST)},
}


def refused_at_the_port(system: System, method: str) -> str:
    """How the public port refuses a method; "" when it does not."""
    try:
        public_authorizer(system.bank.standing)(None, method)
    except Refusal as refusal:
        assert is_undecided(refusal.reason)
        return refusal.name
    return ""


def test_who_has_acknowledged_more_serves_nobody_and_sends_nothing(
    system: System, alice: Holder
) -> None:
    alice.pay(FOREIGN, 700)
    system.bank.send()
    sent = len(system.central.submitted)
    system.central.refuses_the_feed = STEPPED_BACK
    system.restart()
    system.bank.follower.ask()
    assert not system.bank.follower.step()
    assert system.bank.standing.wait(0)

    for service in PUBLIC:
        for method in service.methods:
            told = refused_at_the_port(system, f"/{service.full_name}/{method.name}")
            assert told == ("" if method.name == "GetTrustBundle" else "BANK_BEHIND"), method.name
    for method in ("PayTogether", "BeginWatch", "Arrivals", "AwaitEnd"):
        assert refused_at_the_port(system, f"/dcep.bank.v1.EdgeService/{method}") == "BANK_BEHIND"
    assert (
        refused_at_the_port(system, "/dcep.bank.v1.AnyService/WhateverComesLater") == "BANK_BEHIND"
    )
    with pytest.raises(Refusal, match="older than they should be"):
        alice.pay(FOREIGN, 1)
    system.bank.send()
    assert len(system.central.submitted) == sent
    assert not system.central.receipts


@pytest.mark.parametrize("event", NOT_KNOWN.values(), ids=NOT_KNOWN.keys())
def test_an_entry_about_what_is_not_known_here_shows_an_older_copy(
    system: System, event: dict[str, Any]
) -> None:
    system.entry(**event)
    assert not system.bank.follower.step()
    assert system.bank.standing.is_behind
    assert refused_at_the_port(system, "/dcep.bank.v1.WalletService/GetWallet") == "BANK_BEHIND"


def test_an_entry_that_cannot_be_for_another_reason_does_not(system: System) -> None:
    system.bank.vault.reserve_for_redemption(1, 4_000)
    system.entry(redeemed=R.Redeemed(number=1, amount_fen=5_000))
    assert not system.bank.follower.step()
    assert not system.bank.standing.is_behind
    assert refused_at_the_port(system, "/dcep.bank.v1.PaymentService/Pay") == ""


def test_as_long_as_the_central_bank_is_away_no_number_is_given_out_and_wallets_pay_within_the_bank(
    system: System, alice: Holder, bob: Holder
) -> None:
    system.central.silent = True
    system.restart()
    system.bank.follower.ask()
    with pytest.raises(NoAnswer):
        system.bank.follower.step()
    assert not system.bank.standing.wait(0)

    assert refused_at_the_port(system, "/dcep.bank.v1.PaymentService/Pay") == ""
    assert alice.pay(bob.number, 100).state == states_pb2.PAYMENT_STATE_SETTLED
    assert refused_for(alice.pay, FOREIGN, 1) == "PEER_UNAVAILABLE"
    mixed = [alice.order(FOREIGN, 1), alice.order(bob.number, 1)]
    answers = system.bank.payments.pay_many(mixed)
    assert isinstance(answers[0], Refusal)
    assert not isinstance(answers[1], Refusal)
    assert system.bank.vault.books().pending_outbound == 0

    # The same order again, once the central bank has confirmed where this database stands.
    system.central.silent = False
    assert system.bank.follower.step()
    assert (
        made(system.bank.payments.pay_many(mixed[:1])[0]).state == states_pb2.PAYMENT_STATE_PENDING
    )


def test_a_bank_that_is_started_again_before_it_is_answered_shows_no_more_than_it_had_at_first(
    system: System, alice: Holder, bob: Holder
) -> None:
    had, acts = system.bank.books.ledger.position(), system.bank.acts.chain.place()
    system.central.silent = True
    for _ in range(2):
        system.restart().follower.ask()
        alice.pay(bob.number, 100)
        system.both(office_pb2.FreezeWallet(wallet_number=bob.number))
        system.both(office_pb2.UnfreezeWallet(wallet_number=bob.number))
    assert system.bank.follower.acts_known() == acts

    system.central.silent = False
    assert system.bank.follower.step()
    assert (system.central.shown, system.central.acts_shown) == ([had], [acts.number])
    assert system.bank.follower.acts_known() == system.bank.acts.chain.place() > acts
    has = system.bank.books.ledger.position()
    system.restart().follower.ask()
    assert system.bank.follower.step()
    assert system.central.shown == [had, has]


def test_a_central_bank_that_knows_nothing_of_it_does_not_make_it_the_newest_copy(
    system: System, alice: Holder
) -> None:
    """The central bank may be on an older copy itself, for a while, and go on from there."""
    system.central.refuses_the_feed = STEPPED_BACK
    system.bank.follower.step()
    assert system.bank.standing.is_behind
    ends = system.bank.follower.acts_known()
    system.central.refuses_the_feed = None
    system.clock.advance(FEED_AGAIN_MS)
    system.bank.follower.step()
    assert system.bank.standing.is_behind
    system.restart().follower.ask()
    assert system.bank.standing.is_behind, "and a process that is started there knows it at once"
    system.bank.follower.step()
    assert system.bank.standing.is_behind
    assert system.bank.follower.acts_known() == ends
    assert refused_for(lambda: alice.pay(FOREIGN, 1)) == "BANK_BEHIND"


def test_once_the_newest_copy_is_there_it_goes_on(system: System, alice: Holder) -> None:
    with system.engine.connect() as connection:
        newest = {table: connection.execute(table.select()).all() for table in TABLES}
    system.central.refuses_the_feed = STEPPED_BACK
    system.bank.follower.step()
    assert system.bank.standing.is_behind
    system.central.refuses_the_feed = None
    with system.engine.begin() as connection:
        for table, rows in newest.items():
            connection.execute(table.delete())
            if rows:
                connection.execute(table.insert(), [row._asdict() for row in rows])
    system.restart().follower.ask()
    system.bank.follower.step()
    assert not system.bank.standing.is_behind
    assert alice.pay(FOREIGN, 1).state == states_pb2.PAYMENT_STATE_PENDING


def test_officers_pay_nothing_out_of_suspense_at_an_older_copy(
    system: System, alice: Holder, bob: Holder
) -> None:
    system.both(office_pb2.FreezeWallet(wallet_number=bob.number))
    system.hear(tokens_deposited=system.depositing(bob, 500))
    (entry,) = system.bank.suspense.page(10, 0)
    payout = office_pb2.PaySuspense(position=entry.position, wallet_number=alice.number)
    proposed = system.propose(payout)
    system.central.refuses_the_feed = STEPPED_BACK
    system.bank.follower.step()
    for call in (lambda: system.propose(payout), lambda: system.approve(proposed)):
        assert refused_for(call) == "BANK_BEHIND"
    assert system.bank.vault.books().suspense_fen == 500
