"""Trust for offline payments: banks' certificates, revoked devices, the signed bundle."""

from __future__ import annotations

from nacl.signing import SigningKey
from sqlalchemy import insert, select

from central_bank.limits import MAX_TOKEN_FEN
from central_bank.tables import banks, revoked_devices
from offline_token.formats import BANK, Certificate, TrustBundle
from offline_token.limits import MAX_REVOKED
from offline_token.signing import certify_bank, sign_bundle
from runtime.checks import exact_bytes, text
from runtime.clock import Clock
from runtime.database import Database

_CERTIFICATE_LIFETIME_MS = 2 * 366 * 86_400_000
_BUNDLE_AGE_MS = 30 * 86_400_000
_MAX_HOPS = 16


class Devices:
    """Keeps what devices trust. The root key stays in here."""

    def __init__(self, database: Database, root: SigningKey, clock: Clock) -> None:
        self._database = database
        self._root = root
        self._clock = clock

    @property
    def root_key(self) -> bytes:
        """The root's public key, 32 bytes."""
        return bytes(self._root.verify_key)

    def certify_bank(self, name: str, key: bytes) -> bytes:
        """A bank's certificate for offline use; the one it has already, if the key is the same."""
        exact_bytes(key, "bank.business_key", 32)
        text(name, "bank.name", longest=16)
        query = select(banks.c.offline_certificate).where(
            banks.c.name == name, banks.c.business_key == key
        )
        known = self._database.read(lambda c: c.execute(query).scalar())
        if known is not None:
            return bytes(known)
        expires = self._clock.now_ms() + _CERTIFICATE_LIFETIME_MS
        return certify_bank(self._root, name, key, expires).encode()

    def revoke(self, key: bytes, cause: str) -> None:
        """Takes a device out of use from the next bundle on; again changes nothing."""
        exact_bytes(key, "device_key", 32)
        text(cause, "cause", longest=200)
        known = select(revoked_devices.c.device_key).where(revoked_devices.c.device_key == key)
        row = {"device_key": key, "cause": cause, "time_ms": self._clock.now_ms()}
        self._database.transaction(
            lambda c: (
                None
                if c.execute(known).first()
                else c.execute(insert(revoked_devices), row) and None
            )
        )

    def bundle(self) -> TrustBundle:
        """The trust bundle of this moment, signed; suspended banks are left out."""
        certificates = self._database.read(
            lambda c: (
                c.execute(
                    select(banks.c.offline_certificate)
                    .where(banks.c.suspended == 0)
                    .order_by(banks.c.id)
                )
                .scalars()
                .all()
            )
        )
        revoked = self._database.read(
            lambda c: (
                c.execute(
                    select(revoked_devices.c.device_key)
                    .order_by(revoked_devices.c.time_ms.desc())
                    .limit(MAX_REVOKED)
                )
                .scalars()
                .all()
            )
        )
        return sign_bundle(
            self._root,
            TrustBundle(
                created_time_ms=self._clock.now_ms(),
                max_age_ms=_BUNDLE_AGE_MS,
                max_hops=_MAX_HOPS,
                max_value_fen=MAX_TOKEN_FEN,
                banks=tuple(Certificate.decode(bytes(c), BANK) for c in certificates),
                revoked=tuple(bytes(key) for key in revoked),
            ),
        )

    def trust_bundle(self) -> bytes:
        """The encoded bundle, behind the root's public key of 32 bytes."""
        return self.root_key + self.bundle().encode()
