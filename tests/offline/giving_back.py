"""What the tests of payments that come back share."""

from __future__ import annotations

from tests.offline.devices import make_device, pay
from tests.offline.signers import NOW, Signers


def newer(signers: Signers, **changes: object) -> bytes:
    """A bundle that is newer than the usual one."""
    return signers.root_public + signers.bundle(created_time_ms=NOW, **changes).encode()


class System:
    """Bob has 100 of Alice's, who is revoked since. Carol knows it, Bob does not."""

    def __init__(self, signers: Signers, *values: int) -> None:
        self.signers = signers
        self.alice = make_device(signers, "alice", *(values or (100,)))
        self.bob, self.carol = make_device(signers, "bob"), make_device(signers, "carol")
        pay(self.alice, self.bob, sum(values or (100,)))
        self.carol.element.trust.follow(newer(signers, revoked=(signers.alice.revocation,)))

    def paid(self, fen: int = 60) -> bytes:
        """Bob's payment to Carol."""
        return self.bob.element.payer.pay(self.carol.element.payee.request(fen))

    @property
    def hands(self) -> tuple[int, int]:
        return self.bob.balance, self.carol.balance
