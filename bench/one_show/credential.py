"""Coins that reveal their owner only when they are shown twice.

They follow Stefan Brands, "Untraceable Off-line Cash in Wallets with Observers" (CRYPTO '93). An
issuer blindly signs a pair (A, B). The owner's secret is fixed in A, though nobody can see it
there. A show answers a payee's challenge. One answer fits every owner; two answers are two lines
that meet in the owner's secret. In the paper `Owner.secret` is u1, and `Owner.public` is I.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.one_show.group import (
    ORDER,
    POINT_BYTES,
    NotInGroup,
    Point,
    decoded,
    encoded,
    generator,
    hashed,
    inverse,
    power,
    random_scalar,
    times,
)


@dataclass(frozen=True)
class Generators:
    """Three elements; nobody knows the logarithm of one to another."""

    g: Point = field(default_factory=lambda: generator("g"))
    g1: Point = field(default_factory=lambda: generator("g1"))
    g2: Point = field(default_factory=lambda: generator("g2"))


GENERATORS = Generators()


class Refused(Exception):
    """A coin or a show is not valid."""


@dataclass(frozen=True)
class Owner:
    """Somebody who withdraws: a secret, whose public key the issuer has under a person's name."""

    secret: int
    at: Generators = GENERATORS

    @property
    def public(self) -> Point:
        """The public key by which the issuer knows the owner."""
        return power(self.at.g1, self.secret)

    def blank(self) -> Point:
        """The element, with the owner's secret in it, of which each coin has a secret power."""
        return times(self.public, self.at.g2)


@dataclass(frozen=True)
class IssuerPublic:
    """The public key for one value: the generators g, g1 and g2, each to the secret power."""

    h: Point
    h1: Point
    h2: Point
    at: Generators = GENERATORS


@dataclass(frozen=True)
class Opening:
    """The issuer's side of one withdrawal, while it waits for its challenge; to be used once."""

    blank: Point
    nonce: int
    a: Point
    b: Point


@dataclass(frozen=True)
class Issuer:
    """The issuer's key for one value: a coin is worth what its issuer's key stands for.

    Withdrawals under one key must come one after the other. Somebody with some 256 open at once can
    make one more coin of them (the ROS problem; Benhamouda and others, EUROCRYPT 2021).
    """

    secret: int
    at: Generators = GENERATORS

    def public(self) -> IssuerPublic:
        """The public key."""
        h, h1, h2 = (power(base, self.secret) for base in (self.at.g, self.at.g1, self.at.g2))
        return IssuerPublic(h, h1, h2, self.at)

    def open(self, owner: Point) -> Opening:
        """Begins a withdrawal of one coin by an owner, whose account is to be debited."""
        blank, nonce = times(owner, self.at.g2), random_scalar()
        return Opening(blank, nonce, power(self.at.g, nonce), power(blank, nonce))

    def answer(self, opening: Opening, challenge: int) -> int:
        """Ends a withdrawal with the answer to the owner's challenge."""
        return challenge * self.secret + opening.nonce


@dataclass(frozen=True)
class Credential:
    """What a payee sees of a coin: (A, B), and the issuer's signature (z, c, r) over them."""

    a: Point
    b: Point
    z: Point
    c: int
    r: int

    def encode(self) -> bytes:
        """The credential as 160 bytes."""
        return self.a + self.b + self.z + encoded(self.c) + encoded(self.r)

    def check(self, issuer: IssuerPublic) -> None:
        """Raises Refused unless the issuer has signed it."""
        try:
            back = -self.c
            one = times(power(issuer.at.g, self.r), power(issuer.h, back))
            other = times(power(self.a, self.r), power(self.z, back))
        except NotInGroup as error:
            raise Refused(str(error)) from None
        if _signed(self.a, self.b, self.z, one, other) != self.c:
            raise Refused("the issuer has not signed it")


@dataclass(frozen=True)
class Coin:
    """A credential with the secrets that only its owner knows."""

    credential: Credential
    owner: Owner
    s: int
    x1: int
    x2: int

    def show(self, challenge: bytes) -> Show:
        """Pays the coin, by answering a payee's challenge; it must be done only once."""
        d = _asked(self.credential, challenge)
        r1 = d * self.owner.secret * self.s + self.x1
        r2 = d * self.s + self.x2
        return Show(self.credential, encoded(r1), encoded(r2))


@dataclass
class Withdrawal:
    """The owner's side of one withdrawal, which blinds what the issuer opened."""

    owner: Owner
    issuer: IssuerPublic
    s: int = field(default_factory=random_scalar)
    x1: int = field(default_factory=random_scalar)
    x2: int = field(default_factory=random_scalar)
    u: int = field(default_factory=random_scalar)
    v: int = field(default_factory=random_scalar)

    def challenge(self, a: Point, b: Point) -> int:
        """The challenge that the issuer has to answer, from its a and b."""
        at, blank = self.issuer.at, self.owner.blank()
        self._opened = (a, b)
        self._z = times(power(self.issuer.h1, self.owner.secret), self.issuer.h2)
        self._a_of = power(blank, self.s)
        self._b_of = times(power(at.g1, self.x1), power(at.g2, self.x2))
        self._z_of = power(self._z, self.s)
        one = times(power(a, self.u), power(at.g, self.v))
        other = times(power(b, self.s * self.u), power(self._a_of, self.v))
        self._c_of = _signed(self._a_of, self._b_of, self._z_of, one, other)
        return self._c_of * inverse(self.u)

    def coin(self, answer: int) -> Coin:
        """The coin, made from the issuer's answer; raises Refused when that is wrong."""
        credential = Credential(
            self._a_of, self._b_of, self._z_of, self._c_of, answer * self.u + self.v
        )
        credential.check(self.issuer)
        return Coin(credential, self.owner, self.s, self.x1, self.x2)


@dataclass(frozen=True)
class Show:
    """One payment of a coin: the credential and two scalars, 224 bytes."""

    credential: Credential
    r1: bytes
    r2: bytes

    def encode(self) -> bytes:
        """The show as 224 bytes."""
        return self.credential.encode() + self.r1 + self.r2

    @classmethod
    def decode(cls, data: bytes) -> Show:
        """Reads a show from its bytes; raises Refused when it cannot."""
        if len(data) != 7 * POINT_BYTES:
            raise Refused("not a show")
        parts = [data[at : at + POINT_BYTES] for at in range(0, len(data), POINT_BYTES)]
        a, b, z, c, r, r1, r2 = parts
        try:
            return cls(Credential(a, b, z, decoded(c), decoded(r)), r1, r2)
        except NotInGroup as error:
            raise Refused(str(error)) from None

    def check(self, issuer: IssuerPublic, challenge: bytes) -> None:
        """Verifies a show, as the payee who sent the challenge does; raises Refused."""
        self.credential.check(issuer)
        at, d = issuer.at, _asked(self.credential, challenge)
        try:
            answered = times(power(at.g1, decoded(self.r1)), power(at.g2, decoded(self.r2)))
            expected = times(power(self.credential.a, d), self.credential.b)
        except NotInGroup as error:
            raise Refused(str(error)) from None
        if answered != expected:
            raise Refused("its owner has not answered this challenge")


def traced(one: Show, one_challenge: bytes, other: Show, other_challenge: bytes) -> int | None:
    """The secret of an owner who showed a coin twice.

    Both shows must have been checked. Knowing the secret proves that its owner cheated: neither the
    issuer nor a payee could know it otherwise.

    Returns:
        The secret; None for two different coins, and for the same show twice.
    """
    if one.credential.a != other.credential.a:
        return None
    over = decoded(one.r1) - decoded(other.r1)
    under = decoded(one.r2) - decoded(other.r2)
    if not under:
        return None
    return over * inverse(under) % ORDER


def withdrawn(owner: Owner, issuer: Issuer) -> Coin:
    """Withdraws one coin, playing both sides."""
    opening = issuer.open(owner.public)
    withdrawal = Withdrawal(owner, issuer.public())
    challenge = withdrawal.challenge(opening.a, opening.b)
    return withdrawal.coin(issuer.answer(opening, challenge))


def _signed(a: Point, b: Point, z: Point, one: Point, other: Point) -> int:
    return hashed("signature", a, b, z, one, other)


def _asked(credential: Credential, challenge: bytes) -> int:
    """The challenge, bound to the coin."""
    return hashed("show", credential.a, credential.b, challenge)
