"""A payment with the answer it deserves, and the table that collects them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nacl.signing import SigningKey

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    Chain,
    Hop,
    Payment,
    Request,
)
from offline_token.verify import Reason
from tests.offline.signers import DAY, NOW, Signers

DEPOSIT_GRACE_MS = 37 * DAY


@dataclass(frozen=True)
class Case:
    """A question to the verifier, and the answer."""

    name: str
    reason: Reason
    payment: bytes
    root: bytes
    bundle: TrustBundle
    now_ms: int
    request: Request | None
    output: int

    def question(self) -> dict[str, Any]:
        """The arguments of `verify` but the payment."""
        return {
            "root": self.root,
            "bundle": self.bundle,
            "now_ms": self.now_ms,
            "request": self.request,
            "output": self.output,
            "grace_ms": DEPOSIT_GRACE_MS if self.request is None else 0,
        }


class Table:
    """Collects cases; Bob is the payee where nothing else is said."""

    def __init__(self, signers: Signers) -> None:
        self.signers = signers
        self.cases: list[Case] = []

    def paid(
        self, name: str, reason: Reason, *chains: Chain, asks: int = 100, **other: Any
    ) -> None:
        """Chains shown to Bob, who asked for the amount."""
        self.bytes(
            name,
            reason,
            Payment(chains).encode(),
            request=other.pop("request", self.signers.request(self.signers.bob, asks)),
            **other,
        )

    def deposited(self, name: str, reason: Reason, *chains: Chain, **other: Any) -> None:
        """Chains verified without a request."""
        self.bytes(name, reason, Payment(chains).encode(), **other)

    def bytes(self, name: str, reason: Reason, payment: bytes, **other: Any) -> None:
        """Any bytes."""
        usual: dict[str, Any] = {
            "root": self.signers.root_public,
            "bundle": self.signers.bundle(),
            "now_ms": NOW,
            "request": None,
            "output": 0,
        }
        self.cases.append(Case(name, reason, payment, **(usual | other)))


def public_of(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def changed(chain: Chain, **changes: Any) -> Chain:
    """The chain with its last endorsement changed and not signed anew."""
    last = chain.hops[-1]
    hop = Hop(last.certificate, replace(last.endorsement, **changes))
    return Chain(chain.token, (*chain.hops[:-1], hop))
