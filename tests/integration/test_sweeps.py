"""Sweeps across banks: each payment once, and each fen in the wallet or the deposit account."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from dcep.bank.v1 import orders_pb2, wallets_pb2
from deployment.topology import CENTRAL_BANK
from runtime.errors import NoAnswer
from sandbox.demo.scenario import audited
from sandbox.demo.wallet_process import Person
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

TIMEOUT_S, LONGEST_S = 20.0, 120.0
LEVEL, FEN, PAYMENTS = 12_000, 1_000, 6


def insist(ann: Person, payee: str, request_id: str) -> None:
    """The same payment again and again, until there is an answer."""
    ends_at = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_at:
        try:
            ann.pay(payee, 4 * FEN, request_id=request_id)
            return
        except NoAnswer:
            time.sleep(0.2)
    raise AssertionError(f"no answer after {LONGEST_S} s")


@pytest.mark.any_database
@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_each_arrival_is_swept_once_though_everybody_is_killed(systems: MakeSystem) -> None:
    system = systems()
    ann = system.person("ann", "alpha", holder_name="Ann")
    ann.top_up(100 * FEN)
    shop = RawWallet(BankStubs(system.plan, "beta"), name="Shop")
    till = RawWallet(BankStubs(system.plan, "alpha"), name="Till")
    begins_fen = shop.show().deposit_fen
    for wallet in (shop, till):
        order = wallet.envelope(orders_pb2.SweepOrder, sweeps=True, above_fen=LEVEL)
        asked = wallets_pb2.OrderSweepRequest(order=order)
        wallet.stubs.wallets.OrderSweep(asked, timeout=TIMEOUT_S)
    ids = [f"123e4567-e89b-42d3-a456-4266141740{n:02}" for n in range(2 * PAYMENTS)]
    for victim, request_id in zip(("beta", CENTRAL_BANK, "alpha"), ids, strict=False):
        system.stack.kill(victim)
        with suppress(NoAnswer):
            ann.pay(shop.number, 4 * FEN, request_id=request_id)
        system.stack.restart(victim)
    for _ in range(2):
        for request_id in ids[:PAYMENTS]:
            insist(ann, shop.number, request_id)
        for request_id in ids[PAYMENTS:]:
            insist(ann, till.number, request_id)
    system.wait_quiet()
    for wallet in (shop, till):
        told = wallet.show()
        assert told.available_fen == LEVEL
        assert told.deposit_fen == begins_fen + PAYMENTS * 4 * FEN - LEVEL
        assert (told.sweeps, told.sweep_above_fen) == (True, LEVEL)
    audited(system)
    system.close()
