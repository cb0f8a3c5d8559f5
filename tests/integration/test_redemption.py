"""Redemption: the vault sets the money aside before an officer decides."""

from __future__ import annotations

import uuid

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.issuance.v1 import issuance_pb2
from runtime.errors import Refusal
from sandbox.offices import BankOffice, CentralOffice
from sandbox.story import audited
from sandbox.world import World, refused, wait_until
from tests.integration.conftest import ISSUED_FEN, RESERVES_FEN, MakeWorld

pytestmark = pytest.mark.xdist_group("redemption")
REDEEM = issuance_pb2.DIRECTION_REDEEM
OUT_FEN = 100_000


@pytest.fixture(scope="module")
def own(worlds: MakeWorld) -> World:
    """Bank alpha has sold 1,000.00 yuan, so that its vault holds less than its circulation."""
    world = worlds()
    alice = world.person("alice", "alpha", holder_name="Alice")
    alice.top_up(OUT_FEN)
    return world


@pytest.fixture
def lin(own: World) -> CentralOffice:
    return own.central("lin")


def free_fen(world: World) -> int:
    """What alpha can still redeem: its circulation less what the refusal says is missing."""
    with world.central("lin") as office:
        out_fen = next(b.circulation_fen for b in office.books().banks if b.bank == "alpha")
        said: list[Refusal] = []

        def asked() -> bool:
            try:
                office.request("alpha", REDEEM, out_fen)
            except Refusal as no:
                said.append(no)
            return bool(said)

        # A bank that has just been started again answers at once within a moment.
        wait_until(asked, "alpha can be asked")
    no = said[-1]
    assert no.reason == errors_pb2.REASON_VAULT_SHORT, no
    return out_fen - int(no.metadata["missing_fen"])


def test_more_than_the_vault_holds_is_refused_with_what_is_missing(own: World) -> None:
    assert free_fen(own) == ISSUED_FEN - OUT_FEN


def test_a_rejected_redemption_goes_back_to_the_vault(own: World, lin: CentralOffice) -> None:
    before_fen = free_fen(own)
    asked = lin.request("alpha", REDEEM, 70_000)
    assert free_fen(own) == before_fen - 70_000
    lin.reject(asked.request_id)
    wait_until(lambda: free_fen(own) == before_fen, "the vault has it back")
    with own.central("mei") as office:
        no = refused(lambda: office.approve(asked.request_id))
    assert no.reason == errors_pb2.REASON_ALREADY_DECIDED


def test_asking_again_sets_aside_once(own: World, lin: CentralOffice) -> None:
    before_fen = free_fen(own)
    request_id = str(uuid.uuid4())
    for _ in range(3):
        lin.request("alpha", REDEEM, 1_000, request_id)
    assert free_fen(own) == before_fen - 1_000
    with own.central("mei") as office:
        first = office.approve(request_id)
        assert office.approve(request_id) == first
    assert first.reserves_fen == RESERVES_FEN - ISSUED_FEN + 1_000
    own.wait_vault("alpha", before_fen - 1_000)


def test_a_bank_that_is_down_is_asked_again_later(own: World, lin: CentralOffice) -> None:
    before_fen = free_fen(own)
    request_id = str(uuid.uuid4())
    own.stack.kill("alpha")
    asked = lin.request("alpha", REDEEM, 5_000, request_id)
    assert asked.state == issuance_pb2.REQUEST_STATE_ASKING
    with own.central("mei") as office:
        no = refused(lambda: office.approve(request_id))
    assert no.reason == errors_pb2.REASON_PEER_UNAVAILABLE
    rejected = lin.reject(request_id)
    assert rejected.state == issuance_pb2.REQUEST_STATE_REJECTED
    own.stack.restart("alpha")
    with BankOffice(own.plan, "alpha") as office:
        assert office.books().vault_fen == before_fen
    assert free_fen(own) == before_fen
    assert audited(own).ok
