"""Proof of possession: every field has its length, and it is good for one key at one bank."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offline_token.formats import FormatError
from offline_token.possession import POSSESSION_BYTES, Possession, account_of, prove
from tests.offline.signers import Signers, key_of

WALLET, NONCE = "6201000000000012", bytes(16)


@pytest.mark.parametrize(
    ("wallet", "nonce"),
    [(WALLET[:-1], NONCE), (WALLET + "0", NONCE), (WALLET, NONCE[:-1]), (WALLET, NONCE + b"\0")],
)
def test_an_account_is_of_a_whole_number_and_a_whole_nonce(wallet: str, nonce: bytes) -> None:
    with pytest.raises(FormatError):
        account_of(wallet, nonce)


def test_a_proof_is_good_for_its_key_at_its_bank_alone(signers: Signers) -> None:
    key = key_of("alice")
    made = prove(key, "alpha", account_of(WALLET, NONCE))
    assert Possession.decode(made.encode()) == made
    assert made.proves(signers.alice.public, "alpha")
    assert not made.proves(signers.alice.public, "beta")
    assert not made.proves(signers.bob.public, "alpha")
    assert not replace(made, account=bytes(32)).proves(signers.alice.public, "alpha")


@pytest.mark.parametrize("field", ["account", "signature"])
def test_a_proof_with_a_field_of_another_length_is_not_written(field: str) -> None:
    made = prove(key_of("alice"), "alpha", account_of(WALLET, NONCE))
    for wrong in (getattr(made, field)[:-1], getattr(made, field) + b"\0"):
        with pytest.raises(FormatError):
            replace(made, **{field: wrong}).encode()


@pytest.mark.parametrize("length", [0, POSSESSION_BYTES - 1, POSSESSION_BYTES + 1])
def test_a_proof_of_another_length_is_not_read(length: int) -> None:
    with pytest.raises(FormatError):
        Possession.decode(bytes(length))
