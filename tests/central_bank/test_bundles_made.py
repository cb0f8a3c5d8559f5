"""What it costs the central bank that somebody asks for bundles and statements without end.

Whoever stands at any bank's public port can have that bank ask, without a key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nacl.signing import SigningKey

from central_bank.authentication import trust_bundle as module
from central_bank.authentication.offline_roots import OWNER
from central_bank.limits import BUNDLE_MADE_EACH_MS, MIN_ROOT_OVERLAP_MS
from dcep.office.v1 import office_pb2
from offline_token.bundle import TrustBundle
from offline_token.formats import KEY_BYTES, bank_name
from runtime.envelope import possession
from tests.central_bank.admitting import admission, particulars
from tests.central_bank.revoking import certificate, name, revoke
from tests.central_bank.system import NOW_MS, System

NEW = SigningKey(b"\x71" * 32)


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often the root has signed a bundle, and a clearance."""
    counts = {"sign_bundle": 0, "sign_clearance": 0}

    def counted(what: str, sign: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            counts[what] += 1
            return sign(*arguments)

        return count

    for what in counts:
        monkeypatch.setattr(module, what, counted(what, getattr(module, what)))
    return counts


def shown(system: System) -> TrustBundle:
    return TrustBundle.decode(system.central.devices.trust_bundle()[KEY_BYTES:])


def test_who_asks_without_end_costs_a_signature_of_the_root_a_second(
    system: System, signed: dict[str, int]
) -> None:
    for _ in range(20):
        system.central.devices.trust_bundle()
        system.central.devices.statements([certificate(1).encode()])
    assert signed["sign_bundle"] == 1
    before = shown(system)
    system.clock.advance(BUNDLE_MADE_EACH_MS)
    assert shown(system).created_time_ms == before.created_time_ms + BUNDLE_MADE_EACH_MS
    assert signed["sign_bundle"] == 2


def test_a_device_that_is_asked_for_many_times_is_spoken_of_once(
    system: System, signed: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrustBundle, "may_be_revoked", lambda *_: True)
    said = system.central.devices.statements([certificate(1).encode()] * 32)
    assert (len(said), signed["sign_clearance"]) == (1, 1)


def test_whatever_changes_is_in_the_very_next_bundle(system: System) -> None:
    """Revoked devices, suspended and admitted banks, new and revoked keys, and roots."""
    shown(system)
    revoke(system, range(1))
    assert shown(system).lists(name(0))
    system.both(office_pb2.SuspendBank(name="beta"))
    assert bank_name("beta") in shown(system).barred
    system.both(office_pb2.ReinstateBank(name="beta"))
    assert bank_name("beta") not in shown(system).barred
    system.both(admission(particulars("gamma", "6203")))
    assert shown(system).of_bank("gamma")
    (old,) = shown(system).of_bank("alpha")
    proof = possession(NEW, "alpha")
    key = bytes(NEW.verify_key)
    system.both(office_pb2.RenewBank(name="alpha", business_key=key, proof=proof))
    assert key in {each.key for each in shown(system).of_bank("alpha")}
    assert shown(system).bars_key(old)
    successor = SigningKey(b"\x72" * 32)
    until_ms = NOW_MS + MIN_ROOT_OVERLAP_MS + 1_000
    system.both(
        office_pb2.RenewOfflineRoot(
            root_key=bytes(successor.verify_key),
            proof=possession(successor, OWNER),
            old_until_time_ms=until_ms,
        )
    )
    root = system.central.devices.root_key
    assert bytes(successor.verify_key) in shown(system).roots(root, NOW_MS)
