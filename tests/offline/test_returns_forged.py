"""Give-backs that are forged, or not for this payment, are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.deposit import Deposit
from offline_token.formats import (
    CHANGE_OUTPUT,
    FormatError,
    Payment,
)
from offline_token.payment_return import SignedReturn, returned
from offline_token.possession import NONCE_BYTES
from offline_token.signing import sign_endorsement
from offline_token.verify import Reason, piece_of
from runtime.errors import Refusal
from tests.offline import second_verifier
from tests.offline.devices import deposits
from tests.offline.giving_back import System
from tests.offline.signers import Signers, key_of
from tests.refusals import refused_as, refused_because


@pytest.fixture
def system(signers: Signers) -> System:
    return System(signers)


# Forged returns
def altered(good: SignedReturn) -> dict[str, tuple[SignedReturn, Reason]]:
    """Give-backs of Carol's that she has not signed, or not for this."""
    (end,) = good.endorsements
    mallory = key_of("mallory")

    def signed(signer: str, **changes: Any) -> SignedReturn:
        made = sign_endorsement(key_of(signer), bytes(32), replace(end, **changes))
        return SignedReturn(good.challenge, (made,))

    return {
        "another's signature": (signed("mallory"), Reason.ENDORSEMENT_FORGED),
        "the payer's own": (signed("bob"), Reason.ENDORSEMENT_FORGED),
        "of another piece": (signed("carol"), Reason.ENDORSEMENT_FORGED),
        "a fen more": (signed("carol", amount_fen=61), Reason.WRONG_AMOUNT),
        "a fen less": (signed("carol", amount_fen=59), Reason.WRONG_AMOUNT),
        "to another": (
            signed("carol", payee=bytes(mallory.verify_key)),
            Reason.NOT_FOR_THIS_PAYEE,
        ),
        "the change": (signed("carol", output=CHANGE_OUTPUT), Reason.OUTPUT_INVALID),
        "another challenge within": (signed("carol", challenge=bytes(16)), Reason.WRONG_CHALLENGE),
        "twice": (SignedReturn(good.challenge, (end, end)), Reason.WRONG_AMOUNT),
        "another salt": (
            SignedReturn(good.challenge, (replace(end, salt=9),)),
            Reason.ENDORSEMENT_FORGED,
        ),
    }


def test_a_forged_give_back_is_refused(system: System) -> None:
    good = SignedReturn.decode(system.carol.element.payee.return_payment(system.paid()))
    before = system.bob.store.data
    for name, (forged, reason) in altered(good).items():
        with pytest.raises(Refusal) as caught:
            system.bob.element.payer.take_back(forged.encode())
        assert caught.value.metadata["verdict"] == reason.name, name
    assert system.bob.store.data == before
    assert system.bob.element.payer.take_back(good.encode()) == 60


def test_bytes_of_no_give_back_are_refused(system: System) -> None:
    good = system.carol.element.payee.return_payment(system.paid())
    for end in range(len(good)):
        with pytest.raises(FormatError):
            SignedReturn.decode(good[:end])
    for wrong in (good + b"\0", b"B2" + good[2:], good[:18] + bytes([17]) + good[19:]):
        with pytest.raises(FormatError):
            SignedReturn.decode(wrong)
    for at in range(len(good)):
        with pytest.raises(Refusal):
            system.bob.element.payer.take_back(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    assert SignedReturn.decode(good).encode() == good


def test_one_payment_is_not_taken_back_for_another(signers: Signers) -> None:
    system = System(signers, 100)
    first = system.paid(30)
    second = system.paid(30)
    backs = [
        SignedReturn.decode(system.carol.element.payee.return_payment(each))
        for each in (first, second)
    ]
    crossed = SignedReturn(backs[0].challenge, backs[1].endorsements)
    with refused_as(Reason.WRONG_CHALLENGE):
        system.bob.element.payer.take_back(crossed.encode())
    for back in backs:
        assert system.bob.element.payer.take_back(back.encode()) == 30
    assert system.bob.balance == 100


def test_what_the_device_has_not_paid_it_does_not_take_back(system: System) -> None:
    back = system.carol.element.payee.return_payment(system.paid())
    refused_because(errors_pb2.REASON_PAYMENT_UNKNOWN, system.alice.element.payer.take_back, back)


def test_nobody_but_the_payer_owns_what_came_back(system: System) -> None:
    payment = Payment.decode(system.paid())
    back = SignedReturn.decode(system.carol.element.payee.return_payment(payment.encode()))
    (chain,) = returned(payment, system.signers.carol.certificate, back)
    assert piece_of(chain, 0).owner == system.signers.bob.public
    assert piece_of(chain, 0).value_fen == 60


def test_a_second_implementation_makes_the_same_deposit_of_what_a_device_gave_back(
    system: System,
) -> None:
    payment = system.paid()
    back = system.carol.element.payee.return_payment(payment)
    payee = system.signers.carol.certificate.encode()
    reason, came_back = second_verifier.taken_back(payment, payee, back)
    system.bob.element.payer.take_back(back)
    assert reason == "GOOD"
    bodies = [Deposit.decode(each[NONCE_BYTES:]) for each in deposits(system.bob)[1:]]
    assert came_back == [body.payment.encode() for body in bodies]
