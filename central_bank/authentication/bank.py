"""Defines an admitted bank, with the certificates and business keys that it has and had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central_bank.ledger.accounts import UNOPENED, BankAccounts


@dataclass(frozen=True)
class Replaced:
    """When a bank had something that has been replaced.

    Attributes:
        from_time_ms: since when the bank had it.
        until_time_ms: from then on it is no longer good.
        revoked: it ended at once and for good, whatever the clock says.
    """

    from_time_ms: int
    until_time_ms: int
    revoked: bool

    def good(self, now_ms: int) -> bool:
        """Whether it is still accepted beside its successor."""
        return not self.revoked and now_ms < self.until_time_ms


@dataclass(frozen=True)
class ReplacedCertificate(Replaced):
    """A replaced TLS certificate, by its fingerprint."""

    fingerprint: str


@dataclass(frozen=True)
class ReplacedKey(Replaced):
    """A replaced business key, with the certificate by which devices that it certified are
    trusted.
    """

    key: bytes
    offline_certificate: bytes


@dataclass(frozen=True)
class AdmittedBank:
    """An admitted bank.

    Attributes:
        index: the bank's id in tables.
        certificate_fingerprint: of its newest TLS certificate.
        business_key: the newest.
        offline_certificate: of the newest business key.
        replaced_certificates: newest first.
        replaced_keys: newest first.
        incarnation: number of the act by which it was last put back to an older copy; 0 if it never
            was.
    """

    index: int
    name: str
    prefix: str
    certificate_fingerprint: str
    business_key: bytes
    inner_address: str
    suspended: bool
    offline_certificate: bytes
    replaced_certificates: tuple[ReplacedCertificate, ...] = ()
    replaced_keys: tuple[ReplacedKey, ...] = ()
    incarnation: int = 0
    accounts: BankAccounts = UNOPENED

    def fingerprints(self, now_ms: int) -> list[str]:
        """Fingerprints of the certificates that are good now, newest first."""
        before = [old.fingerprint for old in self.replaced_certificates if old.good(now_ms)]
        return [self.certificate_fingerprint, *before]

    def keys(self, now_ms: int) -> list[bytes]:
        """The business keys that are good now, newest first."""
        return [self.business_key, *(old.key for old in self.replaced_keys if old.good(now_ms))]

    @property
    def every_fingerprint(self) -> list[str]:
        """Fingerprints of all certificates that it has and had."""
        before = (old.fingerprint for old in self.replaced_certificates)
        return [self.certificate_fingerprint, *before]

    @property
    def every_key(self) -> list[bytes]:
        """All business keys that it has and had; what a key signed in its time remains the
        bank's.
        """
        return [self.business_key, *(old.key for old in self.replaced_keys)]

    @property
    def every_offline_certificate(self) -> list[bytes]:
        """The offline certificates of all business keys that it has and had, newest first."""
        return [self.offline_certificate, *(old.offline_certificate for old in self.replaced_keys)]

    def replaced(self, most: int) -> Sequence[ReplacedCertificate | ReplacedKey]:
        """The newest replaced certificates and keys, up to `most` of each."""
        both: list[ReplacedCertificate | ReplacedKey]
        both = [*self.replaced_certificates[:most], *self.replaced_keys[:most]]
        return sorted(both, key=lambda old: old.from_time_ms, reverse=True)
