"""Devices out of use: by an officer, or by the bank that certified them."""

from __future__ import annotations

import pytest

from central_bank.authentication.authorization import central_authorizer
from dcep.office.v1 import office_pb2
from offline_token.formats import DEVICE, Certificate
from offline_token.signing import certify_device
from runtime.errors import Refusal
from runtime.tls import Identity
from tests.central_bank.admitting import KEYS, identity
from tests.central_bank.system import NOW_MS, System
from tests.refusals import refused, refused_for

OWN = "/dcep.authentication.v1.AuthenticationService/RevokeOwnDevices"
ACT = "/dcep.office.v1.ActService/ProposeAct"


def certificate(number: int, bank: str = "alpha", signer: str = "alpha") -> bytes:
    return certify_device(KEYS[signer], bank, key(number), NOW_MS + 1).encode()


def key(number: int) -> bytes:
    return bytes([number]) * 32


def is_revoked(system: System, number: int, bank: str = "alpha") -> bool:
    return system.central.devices.is_revoked(
        Certificate.decode(certificate(number, bank, bank), DEVICE)
    )


def test_a_bank_revokes_what_it_certified(system: System) -> None:
    devices = system.central.devices
    devices.revoke(system.alpha, key(1), "it spent a piece twice")
    for _ in range(2):
        devices.revoke_own(system.alpha, [certificate(n) for n in (1, 2, 3, 3)], "of one wallet")
    assert [is_revoked(system, n) for n in (1, 2, 3, 4)] == [True, True, True, False]


@pytest.mark.parametrize(
    "foreign",
    [
        certificate(9, "beta", "beta"),
        certificate(9, "beta", "alpha"),
        certificate(9, "alpha", "beta"),
        certificate(9)[:-1],
        b"",
    ],
)
def test_what_it_did_not_certify_it_does_not_revoke(system: System, foreign: bytes) -> None:
    assert refused(
        system.central.devices.revoke_own, system.alpha, [certificate(1), foreign], "of one wallet"
    ) == ("FIELD_INVALID", "device_certificates")
    assert not is_revoked(system, 1)


def test_two_officers_revoke_any_device(system: System) -> None:
    act = system.propose(office_pb2.RevokeDevice(bank="alpha", device_key=key(7)))
    assert not is_revoked(system, 7)
    system.approve(act)
    assert is_revoked(system, 7)
    assert refused(system.propose, office_pb2.RevokeDevice(bank="alpha", device_key=b"short")) == (
        "FIELD_INVALID",
        "revoke_device.device_key",
    )
    assert (
        refused_for(system.propose, office_pb2.RevokeDevice(bank="gamma", device_key=key(7)))
        == "BANK_UNKNOWN"
    )


def test_a_bank_that_certifies_anothers_key_can_bar_nothing_but_its_own_certificate(
    system: System,
) -> None:
    """It needs nobody's leave to certify a key that it has seen, and to say it is revoked."""
    system.central.devices.revoke_own(system.beta, [certificate(1, "beta", "beta")], "a lie")
    assert is_revoked(system, 1, "beta")
    assert not is_revoked(system, 1, "alpha")
    revoked = set(system.central.devices.bundle().revoked)
    assert revoked == {Certificate.decode(certificate(1, "beta", "beta"), DEVICE).revocation()}


def test_banks_revoke_their_own_devices_only(system: System) -> None:
    authorize = central_authorizer(
        system.central.registry, system.central.officers, system.central.standing
    )
    authorize(identity(system.alpha), OWN)
    with pytest.raises(Refusal, match="may not call"):
        authorize(identity(system.alpha), ACT)
    with pytest.raises(Refusal, match="may not call"):
        authorize(Identity("officer", "alpha/mo", "3" * 64), OWN)
    system.central.registry.set_suspended("alpha", True)
    with pytest.raises(Refusal, match="suspended"):
        authorize(identity(system.alpha), OWN)
