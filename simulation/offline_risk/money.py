"""Makes the keys, devices and money of a simulated country: real tokens and chains, from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from nacl.signing import SigningKey

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CHANGE_OUTPUT,
    ID_BYTES,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    Endorsement,
    Hop,
    Token,
)
from offline_token.limits import MAX_CERTIFICATE_MS, MAX_FILTER_BITS, MAX_HOPS, MAX_LISTED
from offline_token.revoked_filter import build_filter
from offline_token.signing import (
    certify_bank,
    certify_device,
    sign_bundle,
    sign_endorsement,
    sign_token,
)
from offline_token.verify import piece_of
from simulation.offline_risk.parameters import Parameters

_FOR_EVER_MS = 1 << 60
"""Nothing expires in a simulation: tokens, bundles and banks' certificates have this end, and
devices' certificates last longer than the simulation."""

NOBODY = -1


@dataclass(frozen=True)
class Coin:
    """A piece of money in a device.

    Attributes:
        value_fen: what it is worth.
        hands: how often it has changed hands.
        hops: how many endorsements are behind it.
        chain: the piece itself; None when its bytes are not simulated.
        output: which output of the chain's last endorsement it is.
        source: the index of the broken device that it came from, or NOBODY.
    """

    value_fen: int
    hands: int = 0
    hops: int = 0
    chain: Chain | None = None
    output: int = PAYEE_OUTPUT
    source: int = NOBODY


@dataclass
class Device:
    """A device with its key and what it carries."""

    index: int
    bank: int
    key: SigningKey
    certificate: Certificate
    bundle: TrustBundle
    coins: list[Coin] = field(default_factory=list)
    returned: list[Coin] = field(default_factory=list)
    """What payees did not take and gave back; it can only be deposited."""

    @property
    def public(self) -> bytes:
        """Its public key."""
        return bytes(self.key.verify_key)

    @property
    def balance_fen(self) -> int:
        """What it holds."""
        return sum(coin.value_fen for coin in self.coins)

    def endorse(self, coin: Coin, payee: Device, amount_fen: int, challenge: bytes) -> Coin:
        """The coin that a payee gets from `coin`, which is not changed."""
        if coin.chain is None:
            return Coin(amount_fen, coin.hands + 1, coin.hops + 1)
        piece = piece_of(coin.chain, coin.output)
        spent = coin.output if coin.chain.hops else PAYEE_OUTPUT
        blank = Endorsement(spent, amount_fen, payee.public, challenge, salt=coin.hops)
        # A device has one certificate here, so change is spent under the one that was shown.
        hop = Hop(self.certificate, sign_endorsement(self.key, piece.id, blank))
        chain = Chain(coin.chain.token, (*coin.chain.hops, hop))
        return Coin(amount_fen, coin.hands + 1, coin.hops + 1, chain, PAYEE_OUTPUT, coin.source)


def change_of(coin: Coin, paid: Coin) -> Coin | None:
    """The coin that the payer keeps from a coin, if anything is left."""
    rest_fen = coin.value_fen - paid.value_fen
    if not rest_fen:
        return None
    return Coin(rest_fen, coin.hands, paid.hops, paid.chain, CHANGE_OUTPUT, coin.source)


class Load(NamedTuple):
    """A load, whose tokens share one cap of loss."""

    number: int
    value_fen: int


class Mint:
    """The root and the banks: it certifies devices, and makes tokens and trust bundles."""

    def __init__(self, random: Random, rules: Parameters) -> None:
        self._random = random
        self._root = SigningKey(random.randbytes(32))
        self._banks = [SigningKey(random.randbytes(32)) for _ in range(rules.banks)]
        self._rules = rules
        self._certificates = tuple(
            certify_bank(self._root, _name(index), bytes(key.verify_key), _FOR_EVER_MS)
            for index, key in enumerate(self._banks)
        )
        self._bundles: dict[tuple[bytes, ...], TrustBundle] = {}
        self.loads: dict[bytes, Load] = {}
        """By a token's id, the load that it comes from."""

    @property
    def root_public(self) -> bytes:
        """The root's public key."""
        return bytes(self._root.verify_key)

    def device(self, index: int) -> Device:
        """A new device, certified by its bank."""
        key, bank = SigningKey(self._random.randbytes(32)), index % len(self._banks)
        public = bytes(key.verify_key)
        certificate = certify_device(self._banks[bank], _name(bank), public, MAX_CERTIFICATE_MS)
        return Device(index, bank, key, certificate, self.bundle(()))

    def load(self, owner: Device, sizes: Sequence[int], source: int = NOBODY) -> list[Coin]:
        """New tokens, with their real bytes, of one load."""
        load = Load(len(self.loads), sum(sizes))
        coins = []
        for size in sizes:
            token_id = self._random.randbytes(ID_BYTES)
            self.loads[token_id] = load
            blank = Token(token_id, size, owner.public, 0, _FOR_EVER_MS)
            coins.append(Coin(size, chain=Chain(sign_token(self._root, blank)), source=source))
        return coins

    def deposit_bundle(self) -> TrustBundle:
        """The bundle that judges deposits: a piece given back has more hops than payees take."""
        return sign_bundle(self._root, replace(self.bundle(()), max_hops=MAX_HOPS))

    def bundle(self, revoked: tuple[bytes, ...]) -> TrustBundle:
        """The bundle with which devices verify when these are revoked, in order of discovery."""
        if revoked not in self._bundles:
            blank = TrustBundle(
                created_time_ms=0,
                max_age_ms=_FOR_EVER_MS,
                max_hops=self._rules.hops,
                max_value_fen=1 << 60,
                max_payment_fen=self._rules.payment_limit_fen,
                max_holding_fen=self._rules.device_limit_fen,
                banks=self._certificates,
                revoked=revoked[-MAX_LISTED:],
                filter=self._filter(revoked[:-MAX_LISTED]),
            )
            self._bundles[revoked] = sign_bundle(self._root, blank)
        return self._bundles[revoked]

    @staticmethod
    def _filter(revoked: tuple[bytes, ...]) -> bytes:
        if not revoked:
            return b""
        return build_filter(revoked, MAX_FILTER_BITS, Random(len(revoked)).randbytes).encode()


def _name(bank: int) -> str:
    return f"bank{bank}"
