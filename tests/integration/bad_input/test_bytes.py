"""Bad bytes to every RPC: a status with a reason, nothing moved, and the service goes on."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.analysis.v1 import analysis_pb2
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    exchange_pb2,
    inbound_pb2,
    officers_pb2,
    offline_pb2,
    payments_pb2,
    wallets_pb2,
)
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from sandbox.demo.environment import refused
from tests.integration.bad_input.scene import Scene
from tests.integration.raw_wallet import (
    TIMEOUT_S,
)

pytestmark = pytest.mark.xdist_group("shared-stack")

# Every method there is, by the port that serves it.
SERVED = [
    ("public", wallets_pb2),
    ("public", exchange_pb2),
    ("public", payments_pb2),
    ("public", offline_pb2),
    ("office", officers_pb2),
    ("office", office_pb2),
    ("inbound", inbound_pb2),
    ("central-officer", issuance_pb2),
    ("central-officer", office_pb2),
    ("central-officer", authentication_pb2),
    ("central-officer", analysis_pb2),
    ("central-bank", registration_pb2),
]
OF_BANKS = {"CreateRequest": "central-bank", "RevokeOwnDevices": "central-bank"}
"""Methods that banks alone may call, of services that officers call too."""

METHODS = [
    (OF_BANKS.get(method.name, port), method)
    for port, module in SERVED
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
NAMES = [method.full_name for _, method in METHODS]


def send_bytes(scene: Scene, port: str, method: Any, payload: bytes) -> Any:
    """Call a method with these very bytes."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    channel = scene.channels[port]
    if method.server_streaming:
        return next(channel.unary_stream(path)(payload, timeout=TIMEOUT_S))
    return channel.unary_unary(path)(payload, timeout=TIMEOUT_S)


@pytest.mark.parametrize(("port", "method"), METHODS, ids=NAMES)
def test_garbage_bytes_are_unreadable(scene: Scene, port: str, method: Any) -> None:
    refusal = refused(lambda: send_bytes(scene, port, method, b"\xff\xfe\xfd garbage \x00" * 9))
    assert refusal.name == "MESSAGE_UNREADABLE"


@pytest.mark.parametrize(("port", "method"), METHODS, ids=NAMES)
def test_a_field_that_nobody_knows_is_refused(scene: Scene, port: str, method: Any) -> None:
    field_9999 = b"\xfa\xf0\x04\x03abc"
    refusal = refused(lambda: send_bytes(scene, port, method, field_9999))
    assert refusal.name == "FIELD_UNKNOWN"
    assert refusal.field == "9999"


EMPTY_IS_FINE = {
    "ListBanks",
    "ListEvidence",
    "GetBooks",
    "GetTrustBundle",
    "ListCentralKeys",
    "GetFlows",
    "GetFeed",
    "ListActs",
    "ListOfficers",
    "ListRequests",
    "ListSuspense",
    "ListLost",
    "ListLooks",
    "FollowFeed",
}


@pytest.mark.parametrize(
    ("port", "method"),
    [found for found in METHODS if found[1].name not in EMPTY_IS_FINE],
    ids=[name for name in NAMES if name.rpartition(".")[2] not in EMPTY_IS_FINE],
)
def test_an_empty_request_is_refused_with_the_field(scene: Scene, port: str, method: Any) -> None:
    if method.name in ("OpenWallets", "ExchangeMany", "PayMany", "CheckPayees"):
        expected = {"FIELD_MISSING", "FIELD_INVALID", "TOO_MANY_ITEMS"}
    else:
        expected = {"FIELD_MISSING", "FIELD_INVALID"}
    refusal = refused(lambda: send_bytes(scene, port, method, b""))
    assert refusal.name in expected
    assert refusal.field
