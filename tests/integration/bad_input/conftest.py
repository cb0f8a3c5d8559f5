"""A stack, which is the same after each of these tests as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployment.connections import certified_channel, officer_channel
from sandbox.demo.environment import System
from tests.integration.bad_input.scene import Scene
from tests.integration.raw_wallet import (
    BankStubs,
    RawWallet,
)


@pytest.fixture(scope="module")
def scene(system: System) -> Iterator[Scene]:
    """The shared stack, with wallets of these tests' own."""
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    alice, mallory = RawWallet(alpha, name="Alice"), RawWallet(alpha, name="Mallory")
    bob = RawWallet(beta, name="Bob")
    alice.top_up(50_000)
    plan = system.plan
    folder = plan.central_folder
    inner = plan.bank("alpha").inner_address
    bank_folder = plan.bank_folder("alpha")
    channels = {
        "public": alpha.channel,
        "office": officer_channel(plan, inner, plan.bank("alpha").officer),
        "inbound": certified_channel(plan, inner, folder / "tls.crt", folder / "tls.key"),
        "central-officer": officer_channel(plan, plan.central_address, "lin"),
        "central-bank": certified_channel(
            plan, plan.central_address, bank_folder / "tls.crt", bank_folder / "tls.key"
        ),
    }
    yield Scene(system, alpha, alice, mallory, bob, channels)
    for channel in channels.values():
        channel.close()


@pytest.fixture(autouse=True)
def nothing_moves(scene: Scene) -> Iterator[None]:
    """Whatever a test here sends, no sum anywhere changes, and everybody still answers."""
    before = scene.sums()
    yield
    assert scene.sums() == before
