"""Tokens are made for a key at one bank: at the one that the key itself has asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from tests.offline.centre import Centre
from tests.offline.signers import Device

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = Centre(tmp_path)
    made.issue(made.beta, 100_000)
    return made


def answer(
    centre: Centre, owner: Device, bank: str, number: int, *, asked: str = ""
) -> tuple[int, int]:
    outcome, tokens = centre.register(owner, 10, number, bank, asked=asked)
    assert bool(tokens) == (outcome.state == SETTLED)
    return outcome.state, outcome.reason


def test_a_bank_has_no_tokens_made_for_a_key_that_it_has_only_seen(centre: Centre) -> None:
    """Beta certifies Alice's key, and shows what she has signed for alpha."""
    seen = centre.device("alice", "beta")
    refused = (REFUSED, errors_pb2.REASON_SIGNATURE_INVALID)
    assert answer(centre, seen, "beta", 1, asked="alpha") == refused
    assert answer(centre, seen, "beta", 1, asked="alpha") == refused, "and for good"
    assert answer(centre, centre.alice, "alpha", 1) == (SETTLED, 0)


def test_a_key_for_which_tokens_were_made_gets_none_at_another_bank(centre: Centre) -> None:
    """Even a device that was broken, and asks two banks, loads at one of them."""
    assert answer(centre, centre.alice, "alpha", 1) == (SETTLED, 0)
    elsewhere = centre.device("alice", "beta")
    refused = (REFUSED, errors_pb2.REASON_ALREADY_EXISTS)
    assert answer(centre, elsewhere, "beta", 1) == refused
    centre.restart()
    assert answer(centre, elsewhere, "beta", 2) == refused
    assert answer(centre, centre.alice, "alpha", 2) == (SETTLED, 0)


def test_a_key_that_asks_two_banks_at_the_same_moment_loads_at_one(centre: Centre) -> None:
    loads = centre.central.loads
    with loads._loading(centre.alpha, centre.alice.public) as first:
        assert first
        with loads._loading(centre.alpha, centre.alice.public) as again:
            assert again
        refused = (REFUSED, errors_pb2.REASON_ALREADY_EXISTS)
        assert answer(centre, centre.device("alice", "beta"), "beta", 1) == refused
    assert not loads._busy


def test_who_is_convicted_is_revoked_at_each_bank_whose_certificate_he_used(
    centre: Centre,
) -> None:
    """One key, certified by two banks at its own wish, spends a piece under both certificates."""
    token = centre.token(centre.alice, 100)
    elsewhere = centre.device("alice", "beta")
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 100))[0] == 100
    assert centre.deposit(centre.pay(token, elsewhere, centre.carol, 100))[1] != ""
    assert set(centre.central.devices.bundle().revoked) == {
        centre.alice.revocation,
        elsewhere.revocation,
    }
