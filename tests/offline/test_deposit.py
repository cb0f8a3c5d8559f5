"""Where a double payment comes to light: the registration centre."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import Chain, Payment, Token
from offline_token.signing import certify_device
from runtime.envelope import sign
from tests.central_bank.conftest import KEYS, World, particulars
from tests.offline.country import DAY, Country, Device, key_of

WALLET = "6201000000000017"


class Centre(World):
    """A central bank whose banks have certificates for offline money."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.issue(self.alpha, 100_000)
        self.numbers = itertools.count(1)
        self.country = Country()
        self.alice, self.bob, self.carol = (self._device(n) for n in ("alice", "bob", "carol"))

    def token(self, owner: Device, fen: int) -> Chain:
        """A fresh token, paid for by alpha."""
        order = registration_pb2.TokenRegistration(
            bank="alpha",
            number=next(self.numbers),
            amount_fen=fen,
            device_certificate=owner.certificate.encode(),
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
        )
        signed = sign("token-registration/v1", order.SerializeToString(), KEYS["alpha"], b"alpha")
        _, (token,) = self.central.tokens.register(self.alpha, signed)
        return Chain(Token.decode(token))

    def deposit(self, *chains: Chain, output: int = 0) -> tuple[int, str]:
        """(fen, verdict or reason) of a deposit."""
        item = registration_pb2.TokenDepositItem(
            number=next(self.numbers),
            wallet_number=WALLET,
            offline_payment=bytes([output]) + Payment(chains).encode(),
        )
        order = registration_pb2.TokenDeposit(
            bank="alpha",
            created_time_ms=self.clock.now_ms(),
            expires_time_ms=self.clock.now_ms() + 60_000,
            items=[item],
        )
        signed = sign("token-deposit/v1", order.SerializeToString(), KEYS["alpha"], b"alpha")
        (outcome,) = self.central.tokens.deposit(self.alpha, signed)
        if outcome.reason == errors_pb2.REASON_ALREADY_DEPOSITED:
            return 0, "ALREADY_DEPOSITED"
        return outcome.amount_fen, outcome.verdict

    def _admit(self, name: str, prefix: str):  # type: ignore[no-untyped-def]
        key = bytes(KEYS[name].verify_key)
        certificate = self.central.devices.certify_bank(name, key)
        bank = replace(particulars(name, prefix, key), offline_certificate=certificate)
        return self.central.registry.admit(bank)

    def _device(self, name: str) -> Device:
        key = key_of(name)
        expires = self.clock.now_ms() + DAY
        return Device(key, certify_device(KEYS["alpha"], "alpha", bytes(key.verify_key), expires))


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def test_what_was_paid_and_what_was_kept_are_deposited_once_each(centre: Centre) -> None:
    paid = centre.country.endorse(centre.token(centre.alice, 100), centre.alice, centre.bob, 30)
    assert centre.deposit(paid) == (30, "")
    assert centre.deposit(paid, output=1) == (70, "")
    for output in (0, 1):
        assert centre.deposit(paid, output=output) == (0, "ALREADY_DEPOSITED")


def test_of_two_payments_with_one_token_the_second_is_refused(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    to_bob = centre.country.endorse(token, centre.alice, centre.bob, 100)
    to_carol = centre.country.endorse(token, centre.alice, centre.carol, 100)
    assert centre.deposit(to_bob) == (100, "")
    assert centre.deposit(to_carol) == (0, "SPENT_TWICE")
    assert centre.deposit(token) == (0, "SPENT_TWICE")


def test_a_piece_and_what_it_was_spent_on_are_not_both_deposited(centre: Centre) -> None:
    """Money that somebody endorsed to himself is worth no more for it."""
    centre.token(centre.carol, 5_000)
    bob = centre.bob
    earlier = centre.country.endorse(centre.token(bob, 100), bob, bob, 100)
    later = centre.country.endorse(earlier, bob, bob, 100)
    assert centre.deposit(earlier, later)[0] == 0
    assert centre.deposit(later, earlier)[0] == 0
    assert centre.deposit(later) == (100, "")
