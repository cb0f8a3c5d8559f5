"""One root of offline money takes over from another: whose bundle may take a bundle's place.

A bundle lists its root's successor, signed by the root, before that takes over. A bundle of the
successor lists its predecessor until that one's end, and what that one has signed of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.bundle import TrustBundle
from offline_token.signing import verified


def heirs(bundle: TrustBundle, root: bytes, now_ms: int) -> list[bytes]:
    """Roots whose bundle may take a bundle's place: its own, and successors that it lists.

    Not its predecessor, whose signature may still count otherwise: nobody steps back to it.
    """
    introductions = bundle.introductions(root, now_ms)
    return [
        root,
        *(
            key
            for key in bundle.roots(root, now_ms)[1:]
            if not any(verified(key, each.signed_part(), each.signature) for each in introductions)
        ),
    ]


def may_follow(bundle: TrustBundle, root: bytes, trusted: Sequence[bytes], now_ms: int) -> bool:
    """Whether a bundle is by a root that is trusted, or that one of those has introduced."""
    return root in trusted or any(
        verified(key, each.signed_part(), each.signature)
        for each in bundle.introductions(root, now_ms)
        for key in trusted
    )
