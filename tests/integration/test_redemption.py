"""Redemption: the vault reserves the money once a second officer approves."""

from __future__ import annotations

from contextlib import suppress

import pytest
from nacl.signing import SigningKey

from console.clients import BankOfficerClient, CentralOfficerClient
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2, office_pb2_grpc
from deployment.connections import ask, stub
from deployment.provisioning import officer_key_file
from deployment.topology import CENTRAL_BANK
from officers.signing import OfficerKey
from runtime.clock import SystemClock
from runtime.errors import Refusal
from sandbox.demo.environment import System, refused, wait_until
from sandbox.demo.scenario import audited
from tests.integration.systems import ISSUED_FEN, RESERVES_FEN, MakeSystem

pytestmark = pytest.mark.xdist_group("redemption")
OUT_FEN = 100_000


@pytest.fixture(scope="module")
def own(systems: MakeSystem) -> System:
    """Bank alpha has sold 1,000.00 yuan, so that its vault holds less than its circulation."""
    system = systems()
    alice = system.person("alice", "alpha", holder_name="Alice")
    alice.top_up(OUT_FEN)
    return system


@pytest.fixture
def lin(own: System) -> CentralOfficerClient:
    return own.central("lin")


def redeem(fen: int) -> office_pb2.Redeem:
    return office_pb2.Redeem(bank="alpha", amount_fen=fen)


def free_fen(system: System) -> int:
    """What alpha can still redeem: its circulation less what the refusal says is missing."""
    with system.central("lin") as lin, system.central("mei") as mei:
        out_fen = lin.books_of("alpha").circulation_fen
        said: list[Refusal] = []

        def asked() -> bool:
            act = lin.propose(redeem(out_fen))
            try:
                mei.approve(act)
            except Refusal as no:
                # Told of late, it ends the act and has no figure any more.
                said.extend([no] if "missing_fen" in no.metadata else [])
            if not said:
                with suppress(Refusal):  # it has ended by itself meanwhile
                    lin.reject(act)
            return bool(said)

        # A bank that has just been started again answers at once within a moment.
        wait_until(asked, "alpha can be asked")
    no = said[-1]
    assert no.reason == errors_pb2.REASON_VAULT_SHORT, no
    return out_fen - int(no.metadata["missing_fen"])


def test_more_than_the_vault_holds_is_refused_with_what_is_missing(own: System) -> None:
    assert free_fen(own) == ISSUED_FEN - OUT_FEN


def test_one_officer_leaves_the_banks_vault_as_it_is(
    own: System, lin: CentralOfficerClient
) -> None:
    """All of it proposed by one alone: whoever wants currency gets it as before."""
    act = lin.propose(redeem(free_fen(own)))
    own.people["alice"].top_up(100)
    lin.reject(act)
    own.people["alice"].cash_out(100)


def test_a_rejected_redemption_goes_back_to_the_vault(
    own: System, lin: CentralOfficerClient
) -> None:
    """It was approved while the bank was away, and turned down once it was reserved."""
    before_fen = free_fen(own)
    own.stack.kill("alpha")
    asked = lin.propose(redeem(70_000))
    with own.central("mei") as mei:
        assert refused(lambda: mei.approve(asked)).reason == errors_pb2.REASON_PEER_UNAVAILABLE
        own.stack.restart("alpha")
        wait_until(lambda: free_fen(own) == before_fen - 70_000, "it was asked again")
        mei.reject(asked)
        wait_until(lambda: free_fen(own) == before_fen, "the vault has it back")
        assert refused(lambda: mei.approve(asked)).reason == errors_pb2.REASON_ALREADY_DECIDED


def test_asking_again_reserves_once(own: System, lin: CentralOfficerClient) -> None:
    before_fen = free_fen(own)
    proposal = OfficerKey(CENTRAL_BANK, "lin", SigningKey(key_of(own, "lin"))).propose(
        redeem(1_000), "asked thrice", SystemClock().now_ms()
    )
    request = office_pb2.ProposeActRequest(proposal=proposal)
    service = stub(office_pb2_grpc.ActServiceStub, lin.channel)
    for _ in range(3):
        act = ask(service.ProposeAct, request, office_pb2.ProposeActResponse).act
    with own.central("mei") as mei:
        first = mei.approve(act)
        assert mei.approve(act) == first
        assert mei.books_of("alpha").reserves_fen == RESERVES_FEN - ISSUED_FEN + 1_000
    own.wait_vault("alpha", before_fen - 1_000)


def key_of(system: System, officer: str) -> bytes:
    return officer_key_file(system.plan, officer).read_bytes()


def test_a_bank_that_is_down_is_asked_again_later(own: System, lin: CentralOfficerClient) -> None:
    before_fen = free_fen(own)
    own.stack.kill("alpha")
    asked = lin.propose(redeem(5_000))
    with own.central("mei") as mei:
        no = refused(lambda: mei.approve(asked))
    assert no.reason == errors_pb2.REASON_PEER_UNAVAILABLE
    rejected = lin.reject(asked)
    assert rejected.state == office_pb2.ACT_STATE_REJECTED
    own.stack.restart("alpha")
    with BankOfficerClient(own.plan, "alpha") as office:
        assert office.books().vault_fen == before_fen
    assert free_fen(own) == before_fen
    assert audited(own).ok
