"""A question for an alias is answered at one moment, whatever the answer; and waits in bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import central_bank.api.aliases as api
from central_bank.limits import ALIASES_FOUND_EACH
from dcep.registration.v1 import aliases_pb2
from runtime.errors import Refusal
from tests.central_bank.admitting import identity
from tests.central_bank.aliases import LABEL, OTHER, REGISTER, change
from tests.central_bank.system import System

WAIT_S = 0.25


class FakeCall:
    """A call whose work runs on the loop."""

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)


@pytest.fixture
def service(system: System, monkeypatch: pytest.MonkeyPatch) -> api.GrpcAliasDirectory:
    central = system.central
    monkeypatch.setattr(api, "FIND_ALIAS_S", WAIT_S)
    monkeypatch.setattr(api, "peer", lambda call: identity(system.alpha))
    change(system, system.beta, REGISTER)
    return api.GrpcAliasDirectory(
        central.registry, central.alias_changes, central.alias_finding, central.standing
    )


async def ask(service: api.GrpcAliasDirectory, label: bytes) -> tuple[float, bytes]:
    """How many seconds an answer took, and the answer."""
    loop, call = asyncio.get_running_loop(), FakeCall()
    began_s = loop.time()
    request = aliases_pb2.FindAliasRequest(label=label, nonce=bytes(16))
    found = await service.FindAlias(request, call)  # type: ignore[arg-type]
    return loop.time() - began_s, found.answer


def test_no_answer_comes_sooner_than_another(
    service: api.GrpcAliasDirectory, system: System
) -> None:
    took_s, answers = [], []
    for silent, label in ((False, LABEL), (False, OTHER), (True, LABEL)):
        system.banks.silent = {"beta"} if silent else set()
        spent_s, answer = asyncio.run(ask(service, label))
        took_s.append(spent_s)
        answers.append(answer)
    system.banks.silent, system.banks.hanging = set(), {"beta"}
    spent_s, answer = asyncio.run(ask(service, LABEL))
    assert all(each >= WAIT_S for each in (*took_s, spent_s))
    assert {len(each) for each in (*answers, answer)} == {256}
    assert answers[0] == LABEL * 8
    assert len({*answers, answer}) == 4


def test_a_bank_waits_for_so_many_at_once(service: api.GrpcAliasDirectory) -> None:
    async def many() -> list[Any]:
        asked = (ask(service, OTHER) for _ in range(ALIASES_FOUND_EACH + 3))
        return await asyncio.gather(*asked, return_exceptions=True)

    ends = asyncio.run(many())
    refusals = [each for each in ends if isinstance(each, Refusal)]
    assert [each.name for each in refusals] == ["OVERLOADED"] * 3
    assert len(asyncio.run(ask(service, OTHER))[1]) == 256
