"""A mandate at a bank that was put back to an older copy."""

from __future__ import annotations

from dcep.registration.v1 import registration_pb2
from tests.operator_bank import asking, mandates, sub_wallets
from tests.operator_bank.lost import Lost
from tests.operator_bank.system import FOREIGN, Holder, System


def test_a_mandate_pays_under_no_number_that_was_lost(system: System, alice: Holder) -> None:
    """The clock is not later than when the lost payment was made."""
    lost = Lost(system)
    mandate, now_ms = mandates.given(alice, FOREIGN), system.clock.now_ms()
    lost.number += 1
    gone = registration_pb2.OutboundPayment(
        number=lost.number,
        payment_id=f"{mandate}-{now_ms // 1_000 + 60}",
        payer_number=mandate,
        payee_number=FOREIGN,
        amount_fen=4_000,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    system.entry(outgoing_settled=gone)
    lost.come_back()
    terms = mandates.wanted(alice, FOREIGN, 3_000, 5_000)
    again = sub_wallets.order(alice, sub_wallets.CHANGE, sub_wallet_number=mandate, terms=terms)
    system.bank.sub_wallets.order(again)
    system.bank.taking.take([asking.carried(system, mandate, 700)])
    system.bank.mandates.step()
    page, _ = system.bank.history.page(system.bank.directory.get(mandate), 9, "")
    assert f"{mandate}-{now_ms // 1_000 + 61}" in {line.payment_id for line in page}
    assert alice.fen == 99_300
