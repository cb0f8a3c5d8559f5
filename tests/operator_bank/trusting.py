"""What a bank trusts, and what the central bank announces."""

from __future__ import annotations

from collections.abc import Sequence

from nacl.signing import SigningKey

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.peers.central_keys import CentralKeys
from operator_bank.peers.trusted_keys import TrustedKeys
from runtime.envelope import key_id, sign, sign_payload
from runtime.errors import Refusal
from tests.operator_bank.system import System

FIRST, SECOND, THIRD, THIEF = (SigningKey(bytes([n]) * 32) for n in (0x31, 0x32, 0x33, 0x34))


def public(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def end(key: SigningKey, until_ms: int, *, revoked: bool = False) -> authentication_pb2.KeyEnd:
    return authentication_pb2.KeyEnd(key=public(key), until_time_ms=until_ms, revoked=revoked)


def announced(
    by: SigningKey,
    number: int,
    successor: SigningKey | None,
    *ends: authentication_pb2.KeyEnd,
    certificates: Sequence[str] = (),
) -> SignedEnvelope:
    """What the central bank says with a key."""
    told = authentication_pb2.Announcement(
        number=number,
        successor=public(successor) if successor else b"",
        from_time_ms=1,
        ended=ends,
        revoked_certificates=certificates,
    )
    return sign(told, by, key_id(public(by)))


class Trust:
    """What a bank trusts whose settings list some keys; `restart` reads its database again."""

    def __init__(self, system: System, *listed: SigningKey) -> None:
        self.system = system
        self.listed = listed
        self.keys = self.restart()

    def restart(self) -> TrustedKeys:
        listed = CentralKeys([public(key) for key in self.listed])
        bank = self.system.bank
        self.keys = TrustedKeys(bank.context, listed, bank.contradictions)
        return self.keys

    def hear(self, *announcements: SignedEnvelope) -> None:
        self.system.central.announced = list(announcements)
        self.keys.step()

    def takes(self, *keys: SigningKey) -> list[bool]:
        """Whether what each of these keys signs is taken."""
        return [self._takes(key) for key in keys]

    def _takes(self, key: SigningKey) -> bool:
        envelope = sign_payload(registration_pb2.FeedTip, b"payload", key, key_id(public(key)))
        try:
            return self.keys.verify(registration_pb2.FeedTip, envelope) == b"payload"
        except Refusal as refusal:
            assert refusal.name == "SIGNATURE_INVALID"
            return False
