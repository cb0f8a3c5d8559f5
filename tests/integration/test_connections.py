"""Outsiders who hold connections to the ports with mutual TLS: nobody else waits for them."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from dcep.bank.v1 import payments_pb2, states_pb2
from sandbox.demo.environment import System
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("connections"), pytest.mark.any_database]
FEWER = 200
"""Files that services may open at first, beside as many as the test itself has open; on many
systems a process begins with 1,024."""


class Narrow(NamedTuple):
    """A stack whose services begin with few files each."""

    system: System
    files: int


@pytest.fixture(scope="module")
def narrow(systems: MakeSystem) -> Iterator[Narrow]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = len(os.listdir("/proc/self/fd")) + FEWER
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        system = systems()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield Narrow(system, files)


def test_silent_connections_stop_no_officer_no_bank_and_no_process(narrow: Narrow) -> None:
    """More than a process has files for at first, from many addresses, to three ports."""
    system, plan = narrow.system, narrow.system.plan
    ports = [plan.central_address, plan.bank("alpha").inner_address]
    alpha, beta = BankStubs(plan, "alpha"), BankStubs(plan, "beta")
    payer, payee = RawWallet(alpha), RawWallet(beta)
    payer.top_up(5_000)
    with ExitStack() as opened:
        for address in ports:
            host, _, port = address.rpartition(":")
            for number in range(3 * narrow.files):
                one = socket.create_connection(
                    (host, int(port)), 10, source_address=(f"127.0.2.{number % 50 + 1}", 0)
                )
                opened.enter_context(one)
        answer = alpha.payments.Pay(
            payments_pb2.PayRequest(order=payer.payment(payee.number, 1_200)), timeout=30.0
        )
        assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
        system.pay_in("alpha", 100)
        for name in ("central-bank", "alpha"):
            assert system.stack.healthy(name)
            assert system.stack.running[name].alive()
