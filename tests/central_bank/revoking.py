"""Devices by number, and their revocations."""

from __future__ import annotations

from central_bank.authentication.trust_bundle import revocation_of
from offline_token.formats import Certificate
from offline_token.signing import certify_device
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import NOW_MS, System

DAY_MS = 86_400_000


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def certificate(number: int) -> Certificate:
    return certify_device(KEYS["alpha"], "alpha", key(number), NOW_MS + DAY_MS)


def name(number: int) -> bytes:
    return revocation_of("alpha", key(number))


def revoke(system: System, numbers: range) -> None:
    encoded = [certificate(number).encode() for number in numbers]
    system.central.devices.revoke_own(system.alpha, encoded, "lost")
