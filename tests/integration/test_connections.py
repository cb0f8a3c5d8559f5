"""Outsiders who hold connections to the ports with mutual TLS: nobody else waits for them."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dcep.bank.v1 import bank_pb2
from sandbox.demo.environment import World
from tests.integration.conftest import MakeWorld
from tests.integration.raw_wallet import BankStubs, RawWallet

pytestmark = [pytest.mark.xdist_group("connections"), pytest.mark.any_database]
FEW_FILES = 256
"""What many systems give a process at first is 1,024; here it is less."""


@pytest.fixture(scope="module")
def narrow(worlds: MakeWorld) -> Iterator[World]:
    """A stack whose services begin with few files each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    try:
        world = worlds()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield world


def test_silent_connections_stop_no_officer_no_bank_and_no_process(narrow: World) -> None:
    """More than a process has files for at first, from many addresses, to three ports."""
    plan = narrow.plan
    ports = [plan.central_address, plan.bank("alpha").inner_address]
    alpha, beta = BankStubs(plan, "alpha"), BankStubs(plan, "beta")
    payer, payee = RawWallet(alpha), RawWallet(beta)
    payer.top_up(5_000)
    with ExitStack() as opened:
        for address in ports:
            host, _, port = address.rpartition(":")
            for number in range(3 * FEW_FILES):
                one = socket.create_connection(
                    (host, int(port)), 10, source_address=(f"127.0.2.{number % 50 + 1}", 0)
                )
                opened.enter_context(one)
        answer = alpha.payments.Pay(
            bank_pb2.PayRequest(order=payer.payment(payee.number, 1_200)), timeout=30.0
        )
        assert answer.state == bank_pb2.PAYMENT_STATE_SETTLED
        narrow.pay_in("alpha", 100)
        for name in ("central-bank", "alpha"):
            assert narrow.stack.healthy(name)
            assert narrow.stack.running[name].alive()
