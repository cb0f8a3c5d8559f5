"""Policies in tests: limits of wallets, as the central bank's officers publish them."""

from __future__ import annotations

from collections.abc import Mapping

from nacl.signing import SigningKey

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from runtime.envelope import key_id, sign
from tests.feeds import CENTRAL_KEY

NAMES = ("balance_cap_fen", "single_fen", "day_fen", "year_fen")
Limits = Mapping[int, tuple[int, int, int, int]]
"""Balance cap, single, day and year of classes, in fen; 0 is none, and so is a class left out."""


def policy_of(
    limits: Limits, from_day: int, *, wallets_per_phone: int = 0, wallets_per_document: int = 0
) -> office_pb2.PublishPolicy:
    """A policy with limits of some classes."""
    return office_pb2.PublishPolicy(
        from_day=from_day,
        classes=[
            office_pb2.ClassLimits(
                wallet_class=of, **dict(zip(NAMES, limits.get(of, (0, 0, 0, 0)), strict=True))
            )
            for of in (1, 2, 3, 4)
        ],
        wallets_per_phone=wallets_per_phone,
        wallets_per_document=wallets_per_document,
    )


def announcing(
    policy: office_pb2.PublishPolicy, number: int, time_ms: int, by: SigningKey = CENTRAL_KEY
) -> SignedEnvelope:
    """What the central bank announces, signed with a key."""
    told = authentication_pb2.Announcement(number=number, from_time_ms=time_ms, policy=policy)
    return sign(told, by, key_id(bytes(by.verify_key)))
