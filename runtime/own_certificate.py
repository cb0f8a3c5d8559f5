"""Reads a party's own certificate and key from files, and again when they are renewed."""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from runtime.certificates import fingerprint
from runtime.files import stamp_of
from runtime.logs import logger
from runtime.settings import SettingsError


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the own certificate, its key, and the root that is trusted."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True)
class Shown:
    """What the files held when they were last read and fitted together.

    Attributes:
        certificate_pem: the own certificate.
        ca_pem: the root.
        fingerprint: the certificate's SHA-256, hex.
        ends: when the certificate ends, UTC.
        key_pem: the private key.
    """

    certificate_pem: bytes
    ca_pem: bytes
    fingerprint: str
    ends: datetime.datetime
    key_pem: bytes = field(repr=False)


class OwnCertificate:
    """The newest certificate in the files. Any thread may ask for it.

    A renewal writes one file after the other. In between, or when one of them is bad, the
    certificate that was read before stays in use, and the next question looks at the files again.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Reads the files.

        Raises:
            SettingsError: they cannot be read, or do not fit together.
        """
        self._files = files
        self._lock = threading.Lock()
        self._stamp = self._stamps()
        try:
            self._shown = self._read()
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise SettingsError(f"{files.certificate} and {files.key}: {error}") from error

    def latest(self) -> Shown:
        """The certificate to show now."""
        stamp = self._stamps()
        if stamp != self._stamp:
            with self._lock:
                self._renew(stamp)
        return self._shown

    def days_left(self) -> float:
        """Days until the certificate ends, negative when it has."""
        left = self.latest().ends - datetime.datetime.now(datetime.UTC)
        return round(left / datetime.timedelta(days=1), 3)

    def _renew(self, stamp: tuple[object, ...]) -> None:
        try:
            shown = self._read()
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            logger("tls").warning("the renewed certificate is not taken yet", why=str(error))
            return
        if shown.fingerprint != self._shown.fingerprint:
            logger("tls").info("certificate renewed", fingerprint=shown.fingerprint)
        self._shown, self._stamp = shown, stamp

    def _stamps(self) -> tuple[object, ...]:
        # A file may be missing between two steps of a renewal; reading it says what is wrong.
        return tuple(map(stamp_of, (self._files.certificate, self._files.key, self._files.ca)))

    def _read(self) -> Shown:
        certificate_pem, key_pem = (
            self._files.certificate.read_bytes(),
            self._files.key.read_bytes(),
        )
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = serialization.load_pem_private_key(key_pem, None)
        if _public(certificate.public_key()) != _public(key.public_key()):
            raise ValueError("the key is another certificate's")
        return Shown(
            certificate_pem,
            self._files.ca.read_bytes(),
            fingerprint(certificate_pem),
            certificate.not_valid_after_utc,
            key_pem,
        )


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
