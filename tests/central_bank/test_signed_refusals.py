"""A deposit that is refused for good is refused under the central bank's signature."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.envelope import verify
from tests.feeds import CENTRAL_KEY
from tests.offline.centre import Centre

REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
DepositRefusal = registration_pb2.DepositRefusal


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = Centre(tmp_path)
    made.issue(made.beta, 100_000)
    return made


def signed_refusal(centre: Centre, item: registration_pb2.TokenDepositItem) -> DepositRefusal:
    """What the central bank signs about a deposit of bank alpha that it refuses."""
    (outcome,) = centre.send(item)
    assert outcome.state == REFUSED and outcome.refusal is not None
    public = bytes(CENTRAL_KEY.verify_key)
    told = DepositRefusal.FromString(
        verify(registration_pb2.DepositRefusal, outcome.refusal, public)
    )
    assert (told.reason, told.verdict) == (outcome.reason, outcome.verdict)
    return told


def test_a_refusal_names_bank_deposit_payment_and_reason(centre: Centre) -> None:
    chain = centre.token(centre.alice, 100)
    assert centre.deposit(chain) == (100, "")
    again = centre.item(chain)
    for told in (signed_refusal(centre, again), signed_refusal(centre, again)):
        assert (told.bank, told.number) == ("alpha", again.number)
        assert told.payment_digest == hashlib.sha256(again.offline_payment).digest()
        assert (told.reason, told.verdict) == (errors_pb2.REASON_ALREADY_DEPOSITED, 0)


def test_what_settles_has_no_refusal(centre: Centre) -> None:
    (outcome,) = centre.send(centre.item(centre.token(centre.alice, 100)))
    assert outcome.refusal is None


def test_a_refusal_of_one_payment_is_not_signed_for_another(centre: Centre) -> None:
    """A number that comes again, with other money: what was never judged is not called spent."""
    chain = centre.token(centre.alice, 100)
    centre.deposit(chain)
    refused = centre.item(chain)
    signed_refusal(centre, refused)
    other = centre.item(centre.token(centre.alice, 50))
    other.number = refused.number
    told = signed_refusal(centre, other)
    assert (told.reason, told.verdict) == (errors_pb2.REASON_ID_REUSED, 0)
    other.number = other.number + 1_000
    assert centre.send(other)[0].amount_fen == 50
