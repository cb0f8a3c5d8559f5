"""``dcep bank add`` on a stack that runs: the others go on, and the new one takes part."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployment.topology import load
from sandbox.demo.environment import Stream, System
from sandbox.stack.supervisor import Stack, init
from tests.integration.commands import dcep
from tests.integration.systems import MakeSystem

pytestmark = pytest.mark.xdist_group("bank-add")


def test_a_bank_comes_while_the_others_pay_and_pays_with_them(systems: MakeSystem) -> None:
    system: System = systems()
    folder = str(system.plan.folder)
    alice = system.person("alice", "alpha", holder_name="Alice")
    bob = system.person("bob", "beta", holder_name="Bob")
    alice.top_up(10_000)
    rotated = dcep("keys", "rotate", "central-bank", "--what", "key", "--stack", folder)
    assert rotated.code == 0, rotated.err
    stream = Stream(alice, bob.number, 1, 60)
    stream.wait_settled(1)
    added = dcep("bank", "add", "gamma", "--json", "--stack", folder)
    assert added.code == 0, added.err
    assert (added.answer["prefix"], added.answer["running"]) == ("6203", True)
    assert len(stream.finish()) == 60 and stream.unanswered == 0
    again = dcep("bank", "add", "gamma", "--json", "--stack", folder)
    assert again.answer == added.answer

    system.stack = Stack(load(system.plan.folder))
    system.pay_in("gamma", 1_000_00)
    system.issue("gamma", 500_00)
    system.wait_vault("gamma", 500_00)
    gina = system.person("gina", "gamma", holder_name="Gina")
    gina.top_up(2_000)
    gina.pay(bob.number, 500)
    system.wait_available(bob, 560)
    alice.pay(gina.number, 300)
    system.wait_available(gina, 1_800)
    assert gina.offline_load(1_000) == 1_000
    system.wait_quiet()
    status = dcep("status", "--json", "--stack", folder)
    assert status.answer["services"]["gamma"] == "serving"
    assert dcep("audit", "--json", "--stack", folder).answer["ok"] is True


def test_without_the_central_bank_it_waits_for_up(tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    done = dcep("bank", "add", "gamma", "--stack", str(plan.folder))
    assert done.code == 0 and "`dcep up` has it admitted" in done.out
    wrong = dcep("bank", "add", "Gamma", "--json", "--stack", str(plan.folder))
    assert (wrong.code, wrong.answer["reason"]) == (2, "BANK_NAMES")
    port = plan.bank("alpha").inner_address.rpartition(":")[2]
    words = ("bank", "add", "delta", "--public-port", port, "--json", "--stack", str(plan.folder))
    taken = dcep(*words)
    assert (taken.code, taken.answer["reason"]) == (2, "PORT_TAKEN")
    assert [bank.name for bank in load(plan.folder).banks] == ["alpha", "beta", "gamma"]
