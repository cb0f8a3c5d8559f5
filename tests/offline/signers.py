"""Who signs in tests of offline money: a root, two banks, some devices, all from fixed seeds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from nacl.signing import SigningKey

from offline_token.bundle import TrustBundle
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import (
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    Endorsement,
    Hop,
    Payment,
    Request,
    Token,
)
from offline_token.signing import (
    certify_bank,
    certify_device,
    sign_bundle,
    sign_endorsement,
    sign_request,
    sign_token,
)
from offline_token.verify import Verdict, piece_of, verify

NOW = 1_800_000_000_000
DAY = 86_400_000
MAX_U64 = 2**64 - 1
CHALLENGE = bytes(range(16))


def key_of(name: str) -> SigningKey:
    """The same key for the same name."""
    return SigningKey(hashlib.sha256(b"test key: " + name.encode()).digest())


_OWNERS = {
    bytes(key_of(name).verify_key): key_of(name)
    for name in ("alice", "bob", "carol", "dan", "erin", "mallory", "alice2", "frank")
}


@dataclass(frozen=True)
class Device:
    """A device's key with its certificate."""

    key: SigningKey
    certificate: Certificate

    @property
    def public(self) -> bytes:
        """The public key."""
        return bytes(self.key.verify_key)

    @property
    def revocation(self) -> bytes:
        """What a bundle lists when it is revoked."""
        return self.certificate.revocation()


class Signers:
    """Makes signed things. Alice and Carol bank at alpha, Bob at beta."""

    def __init__(self) -> None:
        self.root = key_of("root")
        self.banks = {name: key_of(name) for name in ("alpha", "beta")}
        self.alice = self.device("alice", "alpha")
        self.bob = self.device("bob", "beta")
        self.carol = self.device("carol", "alpha")

    @property
    def root_public(self) -> bytes:
        """The root's public key."""
        return bytes(self.root.verify_key)

    def device(self, name: str, bank: str, *, expires: int = NOW + 100 * DAY) -> Device:
        """A device that its bank has certified."""
        key = key_of(name)
        return Device(key, self.certify(bytes(key.verify_key), bank, expires=expires))

    def certify(self, public: bytes, bank: str, *, expires: int = NOW + 100 * DAY) -> Certificate:
        """A device's certificate for any key."""
        return certify_device(self.banks[bank], bank, public, expires)

    def bank_certificate(self, name: str, *, expires: int = NOW + 200 * DAY) -> Certificate:
        """A bank's certificate."""
        return certify_bank(self.root, name, bytes(self.banks[name].verify_key), expires)

    def bundle(self, **changes: Any) -> TrustBundle:
        """The trust bundle, an hour old, with whatever a test wants different."""
        usual = TrustBundle(
            created_time_ms=NOW - 3_600_000,
            max_age_ms=30 * DAY,
            max_hops=16,
            max_value_fen=10_000_000,
            max_payment_fen=20_000_000,
            max_holding_fen=100_000_000,
            banks=tuple(self.bank_certificate(name) for name in self.banks),
        )
        return sign_bundle(self.root, replace(usual, **changes))

    def mint(
        self,
        owner: Device | bytes,
        value: int,
        *,
        number: int = 1,
        expires: int = NOW + 90 * DAY,
        by: SigningKey | None = None,
    ) -> Chain:
        """A fresh token; another number, another token."""
        public = owner.public if isinstance(owner, Device) else owner
        token_id = hashlib.sha256(b"test token: %d" % number).digest()[:16]
        return Chain(
            sign_token(by or self.root, Token(token_id, value, public, NOW - DAY, expires))
        )

    def endorse(
        self,
        chain: Chain,
        by: Device,
        to: Device | bytes,
        amount: int,
        *,
        spend: int = PAYEE_OUTPUT,
        **changes: Any,
    ) -> Chain:
        """The chain with one more hop, which spends output `spend` of the one before."""
        public = to.public if isinstance(to, Device) else to
        blank = Endorsement(spend, amount, public, CHALLENGE, len(chain.hops) + 1)
        endorsement = sign_endorsement(by.key, piece_of(chain, spend).id, replace(blank, **changes))
        return Chain(chain.token, (*chain.hops, Hop(by.certificate, endorsement)))

    def deposit(
        self,
        *chains: Chain,
        output: int = PAYEE_OUTPUT,
        bank: str = "alpha",
        account: bytes = bytes(32),
        number: int = 1,
    ) -> Deposit:
        """The chains' pieces, each signed over to a bank by its owner, if it is one of ours."""
        blank = DepositEndorsement(output, bank, account, number.to_bytes(16, "big"))
        ends: list[DepositEndorsement] = []
        for chain in chains:
            piece = piece_of(chain, output)
            owner = _OWNERS.get(piece.owner)
            ends.append(sign_deposit(owner, piece.id, blank) if owner is not None else blank)
        return Deposit(Payment(chains), tuple(ends))

    def long_chain(self, hops: int, value: int = 500, *, number: int = 1) -> Chain:
        """Money of Alice's that goes to and fro and is Bob's after an odd number of hops."""
        chain = self.mint(self.alice, value, number=number)
        for hop in range(hops):
            pair = (self.alice, self.bob) if hop % 2 == 0 else (self.bob, self.alice)
            chain = self.endorse(chain, *pair, value)
        return chain

    def small_payments(self, count: int, value: int = 1_000) -> Chain:
        """Money of Alice's of which she has paid a fen to Carol so often; the rest is output 1."""
        chain = self.endorse(self.mint(self.alice, value), self.alice, self.carol, 1)
        for _ in range(count - 1):
            chain = self.endorse(chain, self.alice, self.carol, 1, spend=1)
        return chain

    def request(self, payee: Device, amount: int, challenge: bytes = CHALLENGE) -> Request:
        """What a payee asks for."""
        blank = Request(payee.certificate, amount, challenge, NOW + DAY)
        return sign_request(payee.key, blank)

    def paid_to_bob(self, *chains: Chain, amount: int, **changes: Any) -> Verdict:
        """What Bob, who asked for the amount, makes of a payment."""
        return self.verdict(
            Payment(chains).encode(), request=self.request(self.bob, amount), **changes
        )

    def verdict(self, payment: bytes, **changes: Any) -> Verdict:
        """What a verifier with the usual bundle makes of a payment."""
        usual: dict[str, Any] = {
            "root": self.root_public,
            "bundle": self.bundle(),
            "now_ms": NOW,
            "request": None,
        }
        return verify(payment, **(usual | changes))
