"""What a root's signature alone does not do at a deposit, be the root stolen, ended or in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit
from offline_token.formats import BANK, Certificate, Chain, Statement, Token
from offline_token.signing import certify_bank, certify_device, sign_token
from runtime.envelope import possession
from tests.central_bank.admitting import KEYS
from tests.central_bank.root_renewals import NEW, renewal, take_over
from tests.central_bank.system import ROOT
from tests.offline.centre import Centre
from tests.offline.signers import DAY, Device, key_of
from tests.refusals import verdict_name

RESERVES = 50_000
FORGED = SigningKey(b"\x55" * 32)


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path)
    centre.issue(centre.beta, 100_000)
    for bank in ("alpha", "beta"):
        centre.pay_in(bank, RESERVES)
    return centre


def end_the_root(centre: Centre) -> None:
    """Whoever has stolen it goes on signing with `ROOT`."""
    centre.both(renewal())
    take_over(centre)
    centre.both(office_pb2.RenewOfflineRoot())


def minted(centre: Centre, fen: int, token_id: bytes = b"\x99" * 16) -> Chain:
    """A token of Dan's by the root's key that nobody has registered."""
    now_ms = centre.clock.now_ms()
    blank = Token(token_id, fen, centre.dan.public, now_ms, now_ms + 90 * DAY)
    return Chain(sign_token(ROOT, blank))


def certified_by(centre: Centre, bank_key: SigningKey) -> Device:
    """A device that a key certifies in alpha's name."""
    key = key_of("mallory")
    expires_ms = centre.clock.now_ms() + 100 * DAY
    return Device(key, certify_device(bank_key, "alpha", bytes(key.verify_key), expires_ms))


def spent_twice_by(centre: Centre, thief: Device) -> tuple[Chain, Chain]:
    """Money that the thief was paid with, and paid on to two people at beta."""
    dan, erin = centre.device("dan", "beta"), centre.device("erin", "beta")
    paid = centre.pay(centre.token(dan, 100), dan, thief, 100)
    return centre.pay(paid, thief, erin, 100), centre.pay(paid, thief, dan, 100)


def deposited_with(centre: Centre, chain: Chain, beside: Sequence[Statement]) -> tuple[int, str]:
    """(fen, verdict) of a deposit at beta with statements brought along."""
    item: registration_pb2.TokenDepositItem = centre.item(chain, bank="beta")
    made = Deposit.decode(item.offline_payment)
    payment = replace(made.payment, statements=tuple(beside))
    item.offline_payment = Deposit(payment, made.endorsements).encode()
    (outcome,) = centre.send(item, bank="beta")
    return outcome.amount_fen, verdict_name(outcome.verdict)


@pytest.mark.parametrize("ended", [False, True])
def test_money_that_was_never_registered_is_not_paid_out_of_the_float(
    centre: Centre, ended: bool
) -> None:
    honest = centre.token(centre.alice, 500)
    if ended:
        end_the_root(centre)
    before = centre.books()
    for forged in (
        minted(centre, 300),
        minted(centre, 10_000_000, b"\x98" * 16),
        minted(centre, 600, honest.token.id),
        minted(centre, 500, honest.token.id),  # of another owner
    ):
        assert centre.deposit(forged, bank="beta") == (0, "NOT_REGISTERED")
        assert centre.deposit(forged, honest, bank="beta")[0] == 0
    assert centre.books() == before
    assert centre.deposit(honest) == (500, "")


def test_of_money_that_is_not_in_these_books_nothing_is_said_for_good(centre: Centre) -> None:
    """They may be an older copy than the token: its owner keeps it, and may sign it over anew."""
    (outcome,) = centre.send(centre.item(minted(centre, 300), bank="beta"), bank="beta")
    assert outcome.refusal is not None
    refusal = registration_pb2.DepositRefusal.FromString(outcome.refusal.payload)
    assert (verdict_name(refusal.verdict), refusal.ruling) == ("NOT_REGISTERED", b"")


def test_what_was_never_registered_is_refused_when_it_has_expired_too(centre: Centre) -> None:
    forged = minted(centre, 300)
    centre.clock.advance(200 * DAY)
    assert centre.deposit(forged, bank="beta") == (0, "NOT_REGISTERED")


@pytest.mark.parametrize("ended", [False, True])
def test_a_bank_pays_for_no_device_by_a_key_that_a_stolen_root_has_certified(
    centre: Centre, ended: bool
) -> None:
    if ended:
        end_the_root(centre)
    expires_ms = centre.clock.now_ms() + 700 * DAY
    statement = certify_bank(ROOT, "alpha", bytes(FORGED.verify_key), expires_ms)
    before = centre.books()["alpha"]
    for chain in spent_twice_by(centre, certified_by(centre, FORGED)):
        assert deposited_with(centre, chain, [statement]) == (0, "DEVICE_FORGED")
    assert centre.books()["alpha"] == before


def test_a_key_that_was_revoked_is_made_good_by_no_certificate_that_is_brought_along(
    centre: Centre,
) -> None:
    """The root's own, from before: what ends with the revocation is what is written down here."""
    before = Certificate.decode(centre.bank("alpha").offline_certificate, BANK)
    centre.both(
        office_pb2.RenewBank(
            name="alpha",
            business_key=bytes(NEW.verify_key),
            proof=possession(NEW, "alpha"),
        )
    )
    centre.clock.advance(40 * DAY)
    reserves = centre.books()["alpha"]
    for chain in spent_twice_by(centre, certified_by(centre, KEYS["alpha"])):
        assert deposited_with(centre, chain, [before]) == (0, "DEVICE_FORGED")
    assert centre.books()["alpha"] == reserves
