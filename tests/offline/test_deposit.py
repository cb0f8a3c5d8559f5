"""Where a double payment comes to light: the registration centre."""

from __future__ import annotations

from pathlib import Path

import pytest

from central_bank import limits
from tests.offline.centre import Centre


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def test_what_was_paid_and_what_was_kept_are_deposited_once_each(centre: Centre) -> None:
    paid = centre.signers.endorse(centre.token(centre.alice, 100), centre.alice, centre.bob, 30)
    assert centre.deposit(paid) == (30, "")
    assert centre.deposit(paid, output=1) == (70, "")
    for output in (0, 1):
        assert centre.deposit(paid, output=output) == (0, "ALREADY_DEPOSITED")


def test_the_limits_of_a_payment_and_of_a_device_do_not_apply(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that come in together may be of several payments, and of older rules."""
    monkeypatch.setattr("central_bank.registration.offline.issuance.sizes", lambda fen: [fen])
    bundle = centre.central.devices.bundle()
    assert bundle.max_payment_fen == limits.MAX_OFFLINE_PAYMENT_FEN
    assert bundle.max_holding_fen == limits.MAX_OFFLINE_HOLDING_FEN
    centre.issue(centre.alpha, limits.MAX_OFFLINE_HOLDING_FEN + 2)
    part = limits.MAX_OFFLINE_HOLDING_FEN // 2 + 1
    tokens = [centre.token(centre.alice, part) for _ in range(2)]
    paid = [centre.pay(token, centre.alice, centre.bob, part) for token in tokens]
    assert centre.deposit(*paid) == (2 * part, "")


def test_a_piece_and_what_it_was_spent_on_are_not_both_deposited(centre: Centre) -> None:
    """Money that somebody endorsed to himself is worth no more for it."""
    centre.token(centre.carol, 1_900)
    bob = centre.bob
    earlier = centre.signers.endorse(centre.token(bob, 100), bob, bob, 100)
    later = centre.signers.endorse(earlier, bob, bob, 100)
    assert centre.deposit(earlier, later)[0] == 0
    assert centre.deposit(later, earlier)[0] == 0
    assert centre.deposit(later) == (100, "")
