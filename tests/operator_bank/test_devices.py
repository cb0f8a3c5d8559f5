"""A device's certificate is the same until it is due, and then new."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import orders_pb2
from offline_token.formats import DEVICE, Certificate
from operator_bank.limits import DEVICE_LIFETIME_MS, DEVICE_RENEWAL_MS
from tests.operator_bank.conftest import Holder, World

KEY = bytes(range(32))


def certify(world: World, holder: Holder) -> Certificate:
    order = holder.signed(orders_pb2.CertifyDeviceOrder, sequence=holder.next(), device_key=KEY)
    certificate, _ = world.bank.offline.certify(order)
    return Certificate.decode(certificate, DEVICE)


def test_a_certificate_is_renewed_when_it_is_due(
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.bank.offline, "_bank_certificate", lambda: b"")
    first = certify(world, alice)
    world.clock.advance(DEVICE_LIFETIME_MS - DEVICE_RENEWAL_MS)
    assert certify(world, alice) == first
    world.clock.advance(1)
    renewed = certify(world, alice)
    assert renewed.expires_time_ms == world.clock.now_ms() + DEVICE_LIFETIME_MS
    assert renewed.key == first.key
