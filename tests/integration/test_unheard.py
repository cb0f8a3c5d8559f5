"""Officers repeat what nobody heard of safely, and an audit that is not seen tells no lie."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.topology import CENTRAL_BANK
from sandbox.demo.environment import System
from tests.integration.commands import dcep
from tests.integration.commands_typed import typed
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("unheard"), pytest.mark.any_database]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


@pytest.fixture
def stack(system: System) -> str:
    return str(system.plan.folder)


def waiting(stack: str) -> list[int]:
    """The amounts of the acts that wait."""
    found = dcep("requests", "--json", "--stack", stack).answer["requests"]
    return [act["amount_fen"] for act in found]


def reserves_fen(system: System, bank: str) -> int:
    """A bank's reserves in the central bank's books."""
    with system.central("lin") as office:
        return office.books_of(bank).reserves_fen


@needs_full
def test_a_proposal_that_could_not_be_printed_is_made_once(stack: str) -> None:
    for _ in range(2):
        done = typed("dcep redeem alpha 1.01 > /dev/full", DCEP_STACK=stack)
        assert done.code == 3, done.err
        assert "Traceback" not in done.err
    told = dcep("redeem", "alpha", "1.01", "--stack", stack)
    assert told.code == 0 and "was proposed at" in told.out and "--anew" in told.out
    assert waiting(stack).count(101) == 1
    assert dcep("redeem", "alpha", "1.01", "--json", "--stack", stack).answer["repeated"] is False
    assert waiting(stack).count(101) == 2, "somebody has heard of the first"


@needs_full
def test_what_was_decided_meanwhile_is_told_and_not_done_again(stack: str, system: System) -> None:
    before_fen = reserves_fen(system, "alpha")
    assert typed("dcep reserves alpha 7.03 > /dev/full", DCEP_STACK=stack).code == 3
    (act,) = [
        act
        for act in dcep("requests", "--json", "--stack", stack).answer["requests"]
        if act["amount_fen"] == 703
    ]
    approve = ("approve", act["act_id"], "--amount", "7.03", "--as", "mei")
    assert dcep(*approve, "--stack", stack).code == 0
    told = dcep("reserves", "alpha", "7.03", "--json", "--stack", stack)
    assert (told.answer["act_id"], told.answer["repeated"]) == (act["act_id"], True)
    assert told.answer["state"] == "approved"
    assert 703 not in waiting(stack)
    assert reserves_fen(system, "alpha") == before_fen + 703


def test_a_proposal_that_never_arrived_is_sent_by_the_repeat(stack: str, system: System) -> None:
    system.stack.kill(CENTRAL_BANK)
    assert dcep("issue", "alpha", "1.05", "--stack", stack).code == 3
    system.stack.restart(CENTRAL_BANK)
    assert dcep("issue", "alpha", "1.05", "--json", "--stack", stack).answer["repeated"] is True
    assert waiting(stack).count(105) == 1


@needs_full
def test_anew_proposes_another(stack: str) -> None:
    assert typed("dcep issue alpha 1.07 > /dev/full", DCEP_STACK=stack).code == 3
    assert dcep("issue", "alpha", "1.07", "--anew", "--stack", stack).code == 0
    assert waiting(stack).count(107) == 2


def test_an_id_of_ones_own_is_good_for_one_act(stack: str) -> None:
    own = ("--request-id", str(uuid.uuid4()), "--json", "--stack", stack)
    first, again = (dcep("issue", "alpha", "1.09", *own).answer for _ in range(2))
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["act_id"] == again["act_id"]
    other = dcep("issue", "alpha", "1.10", *own)
    assert (other.code, other.answer["reason"]) == (1, "ID_REUSED")
    assert waiting(stack).count(109) == 1 and 110 not in waiting(stack)


def test_a_bank_is_told_only_by_its_own_officers_what_to_pay(stack: str, system: System) -> None:
    (beta,) = [bank for bank in system.plan.banks if bank.name == "beta"]
    done = dcep("suspense", "pay", "alpha", "1", "--as", beta.officer, "--json", "--stack", stack)
    assert done.code != 0 and "only officers of alpha" in done.out + done.err


@needs_full
def test_an_approval_that_could_not_be_printed_is_told_by_the_repeat(
    stack: str, system: System
) -> None:
    act_id = dcep("reserves", "beta", "9.00", "--json", "--stack", stack).answer["act_id"]
    before_fen = reserves_fen(system, "beta")
    for _ in range(2):
        line = f"dcep approve {act_id} --amount 9 --as mei --json > /dev/full"
        done = typed(line, DCEP_STACK=stack)
        assert done.code == 3, done.err
        assert reserves_fen(system, "beta") == before_fen + 900
    assert dcep("approve", act_id, "--as", "mei", "--stack", stack).code == 0
    assert reserves_fen(system, "beta") == before_fen + 900


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_an_audit_on_a_terminal_of_another_character_set_finds_nothing_changed(
    stack: str, encoding: str
) -> None:
    done = typed("dcep audit", DCEP_STACK=stack, PYTHONIOENCODING=encoding)
    assert done.code == 0, done.err
    assert "every fen is accounted for" in done.out


@needs_full
@pytest.mark.parametrize("line", ["dcep audit > /dev/full", "dcep audit --json >&-"])
def test_an_audit_that_cannot_be_printed_does_not_say_that_something_was_changed(
    stack: str, line: str
) -> None:
    assert typed(line, DCEP_STACK=stack).code == 3
