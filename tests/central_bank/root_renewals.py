"""A root of offline money, and the one that succeeds it."""

from __future__ import annotations

from nacl.signing import SigningKey

from central_bank.authentication.offline_roots import OWNER
from central_bank.limits import MIN_ROOT_OVERLAP_MS
from dcep.office.v1 import office_pb2
from runtime.envelope import possession
from tests.central_bank.system import NOW_MS
from tests.offline.centre import Centre

NEW = SigningKey(b"\x71" * 32)
UNTIL_MS = NOW_MS + MIN_ROOT_OVERLAP_MS + 1_000


def renewal(key: SigningKey = NEW, until_ms: int = UNTIL_MS) -> office_pb2.RenewOfflineRoot:
    return office_pb2.RenewOfflineRoot(
        root_key=bytes(key.verify_key), proof=possession(key, OWNER), old_until_time_ms=until_ms
    )


def take_over(centre: Centre, key: SigningKey = NEW) -> None:
    """The successor lies where the settings say."""
    centre.central.offline_roots.signer.named = key
