"""What the tests of devices share."""

from __future__ import annotations

import itertools
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import orders_pb2
from offline_token.formats import DEVICE, Certificate
from offline_token.signing import certify_device
from operator_bank.offline.tables import devices
from tests.device_keys import made_key
from tests.operator_bank.system import Holder, System

numbers = itertools.count(1)


def some_key() -> bytes:
    """One that nobody has had before."""
    return made_key(next(numbers).to_bytes(32, "big"))


def certify(system: System, holder: Holder, key: bytes) -> Certificate:
    certificate, _ = system.bank.offline.certifying.certify(holder.certifying(key))
    found = Certificate.decode(certificate, DEVICE)
    assert found.key == key
    return found


def load_order(holder: Holder, key: bytes, fen: int = 1) -> Any:
    return holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), device_key=key, amount_fen=fen
    )


# Revocations
def revocation_of(system: System, key: bytes, bank: str = "alpha") -> bytes:
    return certify_device(SigningKey(bytes(32)), bank, key, 0).revocation()


def revoke(system: System, *keys: bytes) -> None:
    """The central bank revokes, and the bank gets to know."""
    system.central.revoked += [revocation_of(system, key) for key in keys]
    while system.bank.offline.revocations.step():
        pass


def reported(system: System) -> set[bytes]:
    return {Certificate.decode(each, DEVICE).key for each in system.central.reported}


# What is forgotten
def known(system: System) -> set[bytes]:
    with system.engine.connect() as connection:
        return set(connection.execute(select(devices.c.device_key)).scalars())


def step(system: System) -> bool:
    """A round of the bank's work on its devices."""
    return system.bank.offline.revocations.step()
