"""Certificates that end soon: people are warned, and one command renews them meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dcep.bank.v1.states_pb2 import PAYMENT_STATE_SETTLED
from runtime import certificates
from sandbox.demo.environment import System
from sandbox.stack.supervisor import Stack, init
from tests.integration.commands import dcep
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("ending"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack all of whose certificates end in ten days, the root's aside."""
    folder = tmp_path_factory.mktemp("ending")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "LEAF_DAYS", 10)
        plan = init(folder / "stack")
    with System(Stack(plan), folder / "homes") as made:
        made.stack.up()
        fund(made)
        yield made


def test_what_ends_soon_is_said_and_renewed_while_payments_go_on(system: System) -> None:
    folder = str(system.plan.folder)
    people = [*system.plan.central_officers, *system.plan.bank("alpha").officers]
    people += system.plan.bank("beta").officers
    said = dcep("status", "--stack", folder)
    assert said.code == 0 and "the certificate of bank/alpha ends in 9 days" in said.out
    ending = dcep("status", "--json", "--stack", folder).answer["certificates_ending"]
    assert len(ending) == 3 + len(people) and {row["days_left"] for row in ending} == {9}

    alice = system.person("alice", "alpha", holder_name="Alice")
    bob = system.person("bob", "beta", holder_name="Bob")
    alice.top_up(1_000)
    renewed = dcep("keys", "renew", "--json", "--stack", folder)
    assert renewed.code == 0, renewed.err
    assert set(renewed.answer["renewed"]) == {row["role"] for row in ending}
    assert dcep("status", "--json", "--stack", folder).answer["certificates_ending"] == []
    again = dcep("keys", "renew", "--stack", folder)
    assert (again.code, again.out) == (0, "no certificate ends within 60 days\n")

    alice.pay(bob.number, 400)
    system.wait_available(bob, 400)
    act = dcep("reserves", "alpha", "1", "--json", "--stack", folder).answer["act_id"]
    done = dcep("approve", act, "--amount", "1", "--as", "han", "--stack", folder)
    assert done.code == 0, done.err
    system.stack.stop("alpha")
    system.stack.restart("alpha")
    assert alice.pay(bob.number, 100).state == PAYMENT_STATE_SETTLED
    assert dcep("audit", "--json", "--stack", folder).answer["ok"] is True


def test_the_root_is_named_when_it_ends_and_nothing_claims_to_renew_it(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "ROOT_DAYS", 10)
        plan = init(tmp_path / "stack")
    said = dcep("status", "--stack", str(plan.folder))
    assert "the certificate of root ends in 9 days\n" in said.out
    renewed = dcep("keys", "renew", "--json", "--stack", str(plan.folder))
    assert renewed.answer == {"renewed": [], "left": ["root"]}
