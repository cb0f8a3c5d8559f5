"""Banks bring offline money in at the same time: none waits for what another one brings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from central_bank.limits import MAX_CLEARED_SINGLY
from central_bank.registration.offline.tables import refused_deposits
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from deployment.provisioning import business_key
from deployment.topology import CENTRAL_BANK
from runtime.database import open_engine
from runtime.envelope import sign_payload
from sandbox.demo.environment import System, wait_until
from tests.fuzz.roles import channel_to
from tests.refusals import verdict_name

pytestmark = [pytest.mark.any_database]
TIMEOUT_S = 60.0
FIRST = 10**12
"""Numbers that these banks' own deposits do not come to."""


class Depositor:
    """A bank at the registration centre, driven by hand."""

    def __init__(self, system: System, bank: str) -> None:
        self._plan, self._bank = system.plan, bank
        folder = system.plan.bank_folder(bank)
        own = folder / "tls.crt", folder / "tls.key"
        channel = channel_to(system.plan, system.plan.central_address, *own)
        self._stub = registration_pb2_grpc.RegistrationServiceStub(channel)

    def bring(self, numbers: Sequence[int]) -> Any:
        """Deposits that nobody can read, in one call."""
        now_ms = time.time_ns() // 1_000_000
        deposit = registration_pb2.TokenDeposit(
            bank=self._bank,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            items=[
                registration_pb2.TokenDepositItem(number=number, offline_payment=b"nothing")
                for number in numbers
            ],
        )
        key = business_key(self._plan.bank_folder(self._bank))
        payload = deposit.SerializeToString()
        signed = sign_payload(registration_pb2.TokenDeposit, payload, key, self._bank.encode())
        request = registration_pb2.DepositTokensRequest(deposit=signed)
        return self._stub.DepositTokens.future(request, timeout=TIMEOUT_S)


def test_a_call_full_of_bad_deposits_holds_up_no_other_bank(system: System) -> None:
    engine = open_engine(system.plan.database_url(CENTRAL_BANK))
    found = refused_deposits.c

    def refused(numbers: range) -> int:
        """How many of these deposits the centre has refused by now."""
        within = found.number.between(numbers.start, numbers.stop - 1)
        with engine.connect() as connection:
            return int(connection.execute(select(func.count()).where(within)).scalar_one())

    bad = range(FIRST, FIRST + 25 * MAX_CLEARED_SINGLY)
    alphas = Depositor(system, "alpha").bring(bad)
    wait_until(lambda: refused(bad) > 0, "alpha's deposits are looked at")
    other = range(2 * FIRST, 2 * FIRST + 1)
    outcomes = Depositor(system, "beta").bring(other).result().outcomes
    before = refused(bad)
    assert [verdict_name(one.verdict) for one in outcomes] == ["UNREADABLE"]
    assert before < len(bad)
    assert [one.number for one in alphas.result().outcomes] == list(bad)
    assert refused(bad) == len(bad)
    engine.dispose()
