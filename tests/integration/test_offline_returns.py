"""Money of a device that was revoked since is not lost between honest people: it comes back."""

from __future__ import annotations

import pytest

from dcep.office.v1 import office_pb2
from offline_token.formats import Payment
from sandbox.demo.environment import refused
from sandbox.demo.scenario import audited
from tests.integration.bundles import wait_handed_on
from tests.integration.systems import MakeSystem
from wallet.offline import text_format

pytestmark = [pytest.mark.xdist_group("signed return"), pytest.mark.any_database]
LOADED_FEN, PAID_FEN, SMALL_FEN = 10_000, 6_000, 100


def test_who_paid_on_money_of_a_revoked_device_has_it_again_at_once(systems: MakeSystem) -> None:
    system = systems()
    alice = system.person("alice", "alpha", holder_name="Alice")
    bob = system.person("bob", "beta", holder_name="Bob")
    carol = system.person("carol", "alpha", holder_name="Carol")
    for person in (alice, carol):
        person.top_up(2 * LOADED_FEN)
    alice.offline_load(LOADED_FEN)
    system.wait_quiet()
    paid = alice.offline_pay(bob.offline_request(LOADED_FEN))
    assert bob.offline_accept(paid) == LOADED_FEN

    chain = Payment.decode(text_format.read(text_format.PAYMENT, paid)).chains[0]
    certificate = chain.hops[0].certificate
    lost = office_pb2.RevokeDevice(bank=certificate.bank, device_key=certificate.key)
    system.by_two(lost, "its holder lost it")
    wait_handed_on(system)
    carol.offline_load(SMALL_FEN)  # with the newest bundle

    payment = bob.offline_pay(carol.offline_request(PAID_FEN))
    answer = carol.offline_answer(payment)
    assert (answer.amount_fen, answer.refusal) == (0, "a device was revoked")
    assert carol.offline_answer(payment).return_text == answer.return_text
    came = bob.offline_answer(answer.return_text)
    assert (came.amount_fen, came.came_back_fen, came.offline_fen) == (0, PAID_FEN, LOADED_FEN)
    assert refused(lambda: alice.offline_answer(answer.return_text)).name == "PAYMENT_UNKNOWN"

    done = bob.offline_deposit()
    assert (done.amount_fen, list(done.refused)) == (LOADED_FEN, [])
    system.wait_available(bob, LOADED_FEN)
    assert carol.offline_deposit().amount_fen == SMALL_FEN
    found = audited(system)
    assert found.ok, found.problems
