"""Refunds across banks: once each, whatever is killed meanwhile, and never more than was paid."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress

import pytest

from currency.contract_words import purpose_word
from dcep.bank.v1 import states_pb2
from dcep.wallet.v1 import wallet_pb2
from deployment.topology import CENTRAL_BANK
from runtime.errors import NoAnswer
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from sandbox.demo.wallet_process import Person
from tests.integration.commands import dcep
from tests.integration.systems import MakeSystem
from tests.refusals import refused_for

PART_FEN, PARTS, WHOLE_FEN = 1_000, 6, 10_000
LONGEST_S = 120.0


def insist(shop: Person, payment_id: str, fen: int, request_id: str) -> wallet_pb2.RefundResponse:
    """The same request again and again, until the refund has ended."""
    ends_at = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_at:
        try:
            answer = shop.refund(payment_id, fen, request_id=request_id)
        except NoAnswer:
            time.sleep(0.2)
            continue
        if answer.state != states_pb2.PAYMENT_STATE_PENDING:
            return answer
    raise AssertionError(f"no end after {LONGEST_S} s")


def refunds(person: Person) -> list[tuple[int, str]]:
    """(fen, what is refunded) of each refund in a history, oldest first."""
    lines = [line for line in person.history() if purpose_word(line.purpose) == "refund"]
    return [(line.change_fen, line.refunds_payment_id) for line in reversed(lines)]


def settled(system: System, ann: Person, shop: Person, fen: int) -> str:
    """A payment that has arrived; its id."""
    before_fen = shop.show().available_fen
    paid = ann.pay(shop.number, fen)
    system.wait_available(shop, before_fen + fen)
    return paid.payment_id


@pytest.mark.any_database
@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_each_part_goes_back_once_though_everybody_is_killed(systems: MakeSystem) -> None:
    system = systems()
    ann = system.person("ann", "alpha", holder_name="Ann")
    shop = system.person("shop", "beta", holder_name="Shop")
    ann.top_up(3 * WHOLE_FEN)
    payment_id = settled(system, ann, shop, WHOLE_FEN)
    left_fen = ann.show().available_fen
    ids = [str(uuid.uuid4()) for _ in range(PARTS)]
    for victim, request_id in zip(("beta", CENTRAL_BANK, "alpha"), ids, strict=False):
        system.stack.kill(victim)
        with suppress(NoAnswer):
            shop.refund(payment_id, PART_FEN, request_id=request_id)
        shop.kill()
        system.stack.restart(victim)
        shop.start()
    for _ in range(2):
        for request_id in ids:
            answer = insist(shop, payment_id, PART_FEN, request_id)
            assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
    system.wait_available(ann, left_fen + PARTS * PART_FEN)
    expected = [(PART_FEN, payment_id)] * PARTS
    assert refunds(ann) == expected
    assert refunds(shop) == [(-fen, of) for fen, of in expected]
    assert shop.history()[-1].refunded_fen == PARTS * PART_FEN
    rest_fen = WHOLE_FEN - PARTS * PART_FEN
    assert refused_for(lambda: shop.refund(payment_id, rest_fen + 1)) == "REFUND_TOO_LARGE"
    assert shop.refund(payment_id).amount_fen == rest_fen
    assert refused_for(lambda: shop.refund(payment_id, 1)) == "REFUND_TOO_LARGE"
    assert refused_for(lambda: ann.refund(payment_id, 1)) == "PAYMENT_UNKNOWN"
    frozen_payer(system, ann, shop)
    audited(system)
    system.close()


def frozen_payer(system: System, ann: Person, shop: Person) -> None:
    """What a frozen wallet is refunded lies at its bank, and the shop is told no more than done."""
    folder = str(system.plan.folder)
    payment_id = settled(system, ann, shop, 700)
    proposed = dcep(
        "wallet", "freeze", ann.number, "--cause", "court order 9", "--json", "--stack", folder
    )
    approving = ("--as", "zhou", "--json", "--stack", folder)
    approved = dcep("approve", proposed.answer["act_id"], *approving)
    assert approved.code == 0, approved
    assert shop.refund(payment_id).state == states_pb2.PAYMENT_STATE_SETTLED
    system.wait_quiet()
    entries = dcep("suspense", "--bank", "alpha", "--json", "--stack", folder).answer["entries"]
    [entry] = [found for found in entries if found["number"] == ann.number]
    assert (entry["kind"], entry["amount_fen"]) == ("refund", 700)
