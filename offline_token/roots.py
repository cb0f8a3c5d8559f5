"""How one root of offline money takes over from another: which bundle may replace a bundle.

Before a successor takes over, the bundle lists it, signed by the root in use. Afterwards the
successor's bundle lists the predecessor until that one ends, with the certificate that the
predecessor signed for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.bundle import TrustBundle
from offline_token.signing import verified


def heirs(bundle: TrustBundle, root: bytes, now_ms: int) -> list[bytes]:
    """The roots whose bundles may replace this one: its own root and the successors that it lists.

    A predecessor is not among them, even while its tokens still count: nobody goes back to it.
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
    """Whether a bundle's root is trusted, or was introduced by a trusted one."""
    return root in trusted or any(
        verified(key, each.signed_part(), each.signature)
        for each in bundle.introductions(root, now_ms)
        for key in trusted
    )
