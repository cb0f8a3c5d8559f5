"""The trust bundle: what a device needs to verify payments offline, signed by the root.

A bundle is a head followed by a filter. The head holds what changes often. The filter holds older
revocations, and the head names it by its digest, so a device can take a newer head and keep the
filter it already has. Source:
docs/explanation/offline_token.md.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from offline_token.formats import (
    BANK,
    CENTRAL_BANK,
    CERTIFICATE_BYTES,
    DIGEST_BYTES,
    KEY_BYTES,
    REVOCATION_BYTES,
    SIGNATURE_BYTES,
    Certificate,
    FormatError,
    Reader,
    bank_name,
    pack,
    tagged,
)
from offline_token.limits import MAX_BARRED, MAX_BUNDLE_BANKS, MAX_BUNDLE_BYTES, MAX_LISTED
from offline_token.revoked_filter import RevokedFilter

_HEAD = struct.Struct(f">2sQQBQQQ{DIGEST_BYTES}sQHHH")
_KIND = b"U4"


@dataclass(frozen=True)
class TrustBundle:
    """The limits, the banks' certificates, and which banks, keys and devices are revoked.

    Attributes:
        max_value_fen: the most that one token may be worth.
        max_payment_fen: the most of one payment, all its chains together.
        max_holding_fen: the most that a device may hold; each device enforces this itself.
        banks: certificates of banks' keys. A bank has several while it changes its key. Banks
            that are missing here send their certificates along with a payment. Certificates of
            `CENTRAL_BANK` are those of roots; see `roots` and `introductions`.
        barred: suspended banks, by name as `bank_name` encodes it, and revoked keys of banks, as
            `Certificate.revocation` names them.
        revoked: the devices revoked most recently, as `Certificate.revocation` names them.
        since_time_ms: every device revoked at or after this time is listed in `revoked`.
        filter: an encoded `RevokedFilter` of the devices revoked earlier; b"" where `revoked`
            lists all.
    """

    created_time_ms: int
    max_age_ms: int
    max_hops: int
    max_value_fen: int
    max_payment_fen: int
    max_holding_fen: int
    banks: tuple[Certificate, ...]
    barred: tuple[bytes, ...] = ()
    revoked: tuple[bytes, ...] = ()
    since_time_ms: int = 0
    filter: bytes = b""
    signature: bytes = field(default=b"", compare=False)

    def encode(self) -> bytes:
        """Head and filter. Raises FormatError."""
        data = self.head() + self.filter
        if len(data) > MAX_BUNDLE_BYTES - KEY_BYTES:
            raise FormatError(f"trust bundle: more than {MAX_BUNDLE_BYTES} bytes with its root key")
        return data

    def head(self) -> bytes:
        """The bundle without its filter, signature included. Raises FormatError."""
        if len(self.signature) != SIGNATURE_BYTES:
            raise FormatError("trust bundle: a signature of the wrong length")
        return self._body() + self.signature

    def signed_part(self) -> bytes:
        """What the root signs: the head, which includes the digest of the filter."""
        return tagged("trust-bundle/v4", self._body())

    @cached_property
    def filter_digest(self) -> bytes:
        """The digest by which the head names its filter: 32 bytes."""
        return hashlib.sha256(self.filter).digest()

    def lists(self, name: bytes) -> bool:
        """Whether the head lists a device as revoked. This is never wrong."""
        return name in self._listed

    def may_be_revoked(self, name: bytes) -> bool:
        """Whether a device is listed or in the filter, which also matches a few honest devices."""
        return name in self._listed or (self._filter is not None and self._filter.has(name))

    def bars(self, bank: str) -> bool:
        """Whether a bank is suspended."""
        return bool(self.barred) and bank_name(bank) in self._barred

    def bars_key(self, certificate: Certificate) -> bool:
        """Whether a bank's key was revoked."""
        return bool(self.barred) and certificate.revocation() in self._barred

    @cached_property
    def _listed(self) -> frozenset[bytes]:
        return frozenset(self.revoked)

    @cached_property
    def _barred(self) -> frozenset[bytes]:
        return frozenset(self.barred)

    @cached_property
    def _filter(self) -> RevokedFilter | None:
        return RevokedFilter.decode(self.filter) if self.filter else None

    @cached_property
    def _of_roots(self) -> tuple[Certificate, ...]:
        return tuple(each for each in self.banks if each.bank == CENTRAL_BANK)

    def of_bank(self, name: str) -> list[Certificate]:
        """A bank's certificates: several while it changes its key."""
        return [each for each in self.banks if each.bank == name != CENTRAL_BANK]

    def certifiers(self, name: str, now_ms: int) -> list[Certificate]:
        """A bank's certificates that are valid now."""
        return [each for each in self.of_bank(name) if each.expires_time_ms >= now_ms]

    def roots(self, root: bytes, now_ms: int = 0) -> list[bytes]:
        """The roots whose tokens are accepted.

        These are the root that signed the bundle, and the ones that the bundle lists: an announced
        successor, and predecessors until they end.

        Args:
            root: the key that signed the bundle.
            now_ms: the time; 0 includes roots that have ended.
        """
        listed = (each for each in self._of_roots if each.key != root)
        return [root, *(each.key for each in listed if each.expires_time_ms >= now_ms)]

    def introductions(self, root: bytes, now_ms: int) -> list[Certificate]:
        """Certificates of the bundle's own root; whoever trusts a signer of one trusts the root."""
        own = (each for each in self._of_roots if each.key == root)
        return [each for each in own if each.expires_time_ms >= now_ms]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decodes a head and the filter that it names. Raises FormatError."""
        if len(data) > MAX_BUNDLE_BYTES - KEY_BYTES:
            raise FormatError(f"trust bundle: more than {MAX_BUNDLE_BYTES} bytes with its root key")
        reader = Reader(data, "trust bundle")
        (
            found,
            created,
            age,
            hops,
            value,
            payment,
            holding,
            digest,
            since,
            banks,
            barred,
            revoked,
        ) = _HEAD.unpack(reader.take(_HEAD.size))
        _check_counts(found, banks, barred, revoked)
        certificates = tuple(
            Certificate.decode(reader.take(CERTIFICATE_BYTES), BANK) for _ in range(banks)
        )
        out = tuple(reader.take(REVOCATION_BYTES) for _ in range(barred))
        listed = tuple(reader.take(REVOCATION_BYTES) for _ in range(revoked))
        signature, rest = reader.take(SIGNATURE_BYTES), reader.rest()
        rules = (hops, value, payment, holding)
        made = cls(created, age, *rules, certificates, out, listed, since, rest, signature)
        if made.filter_digest != digest:
            raise FormatError("trust bundle: its head names another filter")
        _ = made._filter  # readable, or FormatError
        return made

    def _body(self) -> bytes:
        if any(len(each) != REVOCATION_BYTES for each in (*self.barred, *self.revoked)):
            raise FormatError("trust bundle: a revocation of the wrong length")
        counts = (len(self.banks), len(self.barred), len(self.revoked))
        _check_counts(_KIND, *counts)
        fields = (
            _KIND,
            self.created_time_ms,
            self.max_age_ms,
            self.max_hops,
            self.max_value_fen,
            self.max_payment_fen,
            self.max_holding_fen,
            self.filter_digest,
            self.since_time_ms,
            *counts,
        )
        certificates = (certificate.encode() for certificate in self.banks)
        head = pack(_HEAD, fields, "trust bundle")
        return b"".join((head, *certificates, *self.barred, *self.revoked))


def head_bytes(data: bytes) -> int:
    """The length in bytes of the head at the start of a bundle. Raises FormatError."""
    if len(data) < _HEAD.size:
        raise FormatError(f"trust bundle: cut short at byte {len(data)}")
    found, *_, banks, barred, revoked = _HEAD.unpack(data[: _HEAD.size])
    _check_counts(found, banks, barred, revoked)
    lists: int = CERTIFICATE_BYTES * banks + REVOCATION_BYTES * (barred + revoked)
    return _HEAD.size + lists + SIGNATURE_BYTES


def with_own_filter(data: bytes, kept: TrustBundle | None) -> TrustBundle:
    """A whole bundle from one that came, with the kept filter put in where only the head came.

    Raises FormatError.
    """
    alone = len(data) == head_bytes(data)
    if alone and kept is not None and hashlib.sha256().digest() != _digest_in(data):
        return TrustBundle.decode(data + kept.filter)
    return TrustBundle.decode(data)


def _digest_in(head: bytes) -> bytes:
    return bytes(_HEAD.unpack(head[: _HEAD.size])[7])


def _check_counts(kind: bytes, banks: int, barred: int, revoked: int) -> None:
    if kind != _KIND or banks > MAX_BUNDLE_BANKS or barred > MAX_BARRED or revoked > MAX_LISTED:
        raise FormatError("trust bundle: of another kind, or too large")
