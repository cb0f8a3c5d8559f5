"""Trust for offline payments: banks' certificates, revoked devices, the signed bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, select, update

from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.registry import Also, Bank, nothing
from central_bank.limits import (
    MAX_OFFLINE_HOLDING_FEN,
    MAX_OFFLINE_PAYMENT_FEN,
    MAX_REVOKED_BY_BANK,
    MAX_TOKEN_FEN,
    REVOKED_KEPT_MS,
)
from central_bank.tables import bank_keys, banks, revoked_devices
from dcep.errors.v1 import errors_pb2
from offline_token.formats import (
    BANK,
    DEVICE,
    SIGNATURE_BYTES,
    Certificate,
    Chain,
    FormatError,
    TrustBundle,
)
from offline_token.limits import MAX_BANKS, MAX_HOPS, MAX_REVOKED
from offline_token.ruling import End, sign_ruling
from offline_token.signing import certify_bank, sign_bundle, verified
from runtime.checks import exact_bytes, invalid, text
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.signing_keys import Signer

_CERTIFICATE_LIFETIME_MS = 2 * 366 * 86_400_000
_BUNDLE_AGE_MS = 30 * 86_400_000
_ANY_FEN = (1 << 64) - 1
_MAX_SIGNED_ANEW = 10_000
_MAX_HOPS = 16
"""Below the format's bound, so that whatever is paid can be given back."""


class Devices:
    """Keeps what devices trust. The root key stays in here."""

    def __init__(self, database: Database, roots: OfflineRoots, clock: Clock) -> None:
        self._database = database
        self._roots = roots
        self._clock = clock
        self._signed_anew: dict[tuple[bytes, bytes], Certificate] = {}
        """Certificates of banks that a root before has signed, by the root in use."""

    @property
    def root_key(self) -> bytes:
        """The public key of the root in use, 32 bytes."""
        return bytes(self._root.verify_key)

    @property
    def _root(self) -> Signer:
        return self._roots.signing()

    def rule(self, chain: Chain, output: int, end: End) -> bytes:
        """The root's ruling that a deposited chain has ended."""
        return sign_ruling(self._root, chain, output, end, self._clock.now_ms()).encode()

    def certify_bank(self, name: str, key: bytes) -> bytes:
        """A bank's certificate for offline use; the one it has already, if the key is the same."""
        exact_bytes(key, "bank.business_key", 32)
        text(name, "bank.name", longest=16)
        its = (banks.c.id == bank_keys.c.bank) & (banks.c.name == name)
        query = select(bank_keys.c.offline_certificate).join(banks, its)
        mine = query.where(bank_keys.c.business_key == key)
        known = self._database.read(lambda c: c.execute(mine).scalar())
        if known is not None:
            return bytes(known)
        expires = self._clock.now_ms() + _CERTIFICATE_LIFETIME_MS
        return certify_bank(self._root, name, key, expires).encode()

    def shortened(self, encoded: bytes) -> bytes:
        """The certificate of a bank's key that is revoked now; only deposits are judged by it.

        What was loaded until no device can have a bundle with the key any more is still taken in,
        from whoever took it in good faith.
        """
        certificate = Certificate.decode(encoded, BANK)
        ends = min(certificate.expires_time_ms, self._clock.now_ms() + _BUNDLE_AGE_MS)
        return certify_bank(self._root, certificate.bank, certificate.key, ends).encode()

    def revoke(self, bank: Bank, key: bytes, cause: str, also: Also = nothing) -> None:
        """Takes a bank's device out of use at two officers' word, for good, from the next bundle.

        Args:
            bank: the one that certified it. Another one that did so too is not meant.
            also: further SQL for the same transaction.
        """
        exact_bytes(key, "device_key", 32)
        self._revoke(bank.index, [revocation_of(bank.name, key)], cause, also, by_officer=True)

    def revoke_proven(self, bank: Bank, key: bytes, cause: str) -> None:
        """The same for a device whose own signatures convict it, in the share of its bank."""
        self._revoke(bank.index, [revocation_of(bank.name, key)], cause)

    def revoke_own(self, bank: Bank, certificates: Sequence[bytes], cause: str) -> None:
        """The same for devices of a bank, which shows the certificates that it gave them.

        Whoever else has certified these keys, their devices stay good: each bank speaks of its own.
        What it revoked long ago makes room.

        Raises:
            Refusal: OVERLOADED for more than `MAX_REVOKED_BY_BANK`.
        """
        own = [_own(bank, certificate).revocation() for certificate in certificates]
        of = revoked_devices.c
        self._forget_old(bank)
        count = select(func.count()).where(of.bank == bank.index, of.by_officer == 0)
        if self._database.read(lambda c: c.execute(count).scalar_one()) >= MAX_REVOKED_BY_BANK:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_REVOKED_BY_BANK} devices of the bank are revoked already",
                field="device_certificates",
            )
        self._revoke(bank.index, own, cause)

    def _forget_old(self, bank: Bank) -> None:
        """Deletes what was revoked so long ago that no certificate of it can be valid."""
        of, before_ms = revoked_devices.c, self._clock.now_ms() - REVOKED_KEPT_MS
        old = (of.bank == bank.index) & (of.by_officer == 0) & (of.time_ms < before_ms)
        self._database.transaction(lambda c: c.execute(delete(revoked_devices).where(old)) and None)

    def _revoke(
        self,
        bank: int,
        revocations: Sequence[bytes],
        cause: str,
        also: Also = nothing,
        *,
        by_officer: bool = False,
    ) -> None:
        text(cause, "cause", longest=200)
        these = revoked_devices.c.revocation.in_(revocations)
        known = select(revoked_devices.c.revocation).where(these)
        by, now_ms = {"by_officer": int(by_officer)}, self._clock.now_ms()

        def body(connection: Connection) -> None:
            before = {bytes(each) for each in connection.execute(known).scalars()}
            rows = [
                {"revocation": each, "bank": bank, "cause": cause, "time_ms": now_ms, **by}
                for each in dict.fromkeys(revocations)
                if each not in before
            ]
            if rows:
                connection.execute(insert(revoked_devices), rows)
            if by_officer and before:
                # However it came there: from now on no bank's share can push it out.
                connection.execute(update(revoked_devices).where(these).values(by))
            also(connection)

        self._database.transaction(body)

    def is_revoked(self, certificate: Certificate) -> bool:
        """Whether a device was taken out of use, in the bundle or not any more."""
        of = revoked_devices.c
        query = select(of.time_ms).where(of.revocation == certificate.revocation())
        return self._database.read(lambda c: c.execute(query).first()) is not None

    def bundle(self) -> TrustBundle:
        """See `signed_bundle`."""
        return self.signed_bundle()[1]

    def signed_bundle(self) -> tuple[bytes, TrustBundle]:
        """The root in use, and the trust bundle of this moment; suspended banks are left out.

        It lists the root's successor and predecessor, then banks.

        A bank whose key was replaced is in it with both, while there is room. A key of a bank that
        was revoked is so listed too, as long as devices may have bundles in which it is not.
        It lists `MAX_REVOKED` of them: these, all devices that officers named, and of each bank's
        those that were revoked last, as many of one bank's as of another's while there is room.
        """
        welcome = _keys().where(banks.c.suspended == 0)
        rows = self._database.read(lambda c: c.execute(welcome).all())
        root = self._root
        roots = self._roots.entries(root)
        banks_ = _listed(rows, self._clock.now_ms())[: MAX_BANKS - len(roots)]
        listed = [self._by(root, certificate) for certificate in banks_]
        known = {bytes(row.business_key) for row in rows if row.revoked}
        ended = (certificate for certificate in listed if certificate.key in known)
        revoked = [certificate.revocation() for certificate in ended]
        devices = self._revoked_devices(MAX_REVOKED - len(revoked))
        made = self._bundle(root, [*roots, *listed], [*revoked, *devices])
        return bytes(root.verify_key), made

    def _revoked_devices(self, most: int) -> list[bytes]:
        of = revoked_devices.c
        newest = (of.time_ms.desc(), of.revocation)
        share = (of.by_officer, case((of.by_officer == 1, 0), else_=of.bank))
        place = func.row_number().over(partition_by=share, order_by=newest).label("place")
        ranked = select(of.revocation, of.time_ms, of.by_officer, place).subquery().c
        revoked = (
            select(ranked.revocation)
            .order_by(
                ranked.by_officer.desc(), ranked.place, ranked.time_ms.desc(), ranked.revocation
            )
            .limit(most)
        )
        found = self._database.read(lambda c: c.execute(revoked).scalars().all())
        return [bytes(each) for each in found]

    def deposit_bundle(self) -> tuple[bytes, TrustBundle]:
        """What a deposit is judged by: each bank, each key, no revocation, the most hops there are.

        Whoever took the money could not know that a device or its bank would be cut off, or that a
        limit would be lowered; and what was given back has a hop more than a payee would take.
        """
        rows = self._database.read(lambda c: c.execute(_keys()).all())
        root = self._root
        every = [
            *self._roots.entries(root, ended_too=True),
            *(self._by(root, _certificate(row)) for row in rows),
        ]
        made = self._bundle(root, every, [], max_hops=MAX_HOPS, max_value_fen=_ANY_FEN)
        return bytes(root.verify_key), made

    def _by(self, root: Signer, certificate: Certificate) -> Certificate:
        """A bank's certificate as this root signs it."""
        key = bytes(root.verify_key)
        if verified(key, certificate.signed_part(), certificate.signature):
            return certificate
        name = (key, certificate.encode())
        if name not in self._signed_anew:
            if len(self._signed_anew) >= _MAX_SIGNED_ANEW:
                self._signed_anew.clear()
            self._signed_anew[name] = certify_bank(
                root, certificate.bank, certificate.key, certificate.expires_time_ms
            )
        return self._signed_anew[name]

    def _bundle(
        self,
        root: Signer,
        certificates: Sequence[Certificate],
        revoked: Sequence[bytes],
        *,
        max_hops: int = _MAX_HOPS,
        max_value_fen: int | None = None,
    ) -> TrustBundle:
        return sign_bundle(
            root,
            TrustBundle(
                created_time_ms=self._clock.now_ms(),
                max_age_ms=_BUNDLE_AGE_MS,
                max_hops=max_hops,
                max_value_fen=MAX_TOKEN_FEN if max_value_fen is None else max_value_fen,
                max_payment_fen=MAX_OFFLINE_PAYMENT_FEN,
                max_holding_fen=MAX_OFFLINE_HOLDING_FEN,
                banks=tuple(certificates),
                revoked=tuple(revoked),
            ),
        )

    def trust_bundle(self) -> bytes:
        """The encoded bundle, behind the root's public key of 32 bytes."""
        key, bundle = self.signed_bundle()
        return key + bundle.encode()


def revocation_of(bank: str, key: bytes) -> bytes:
    """What a bundle lists of a bank's device with this key. Raises FormatError."""
    return Certificate(DEVICE, bank, key, 0, bytes(SIGNATURE_BYTES)).revocation()


def _keys() -> Select[Any]:
    """Banks' keys: those that they have now, then those that were replaced, the newest first."""
    of = bank_keys.c
    return (
        select(bank_keys)
        .join(banks, banks.c.id == of.bank)
        .order_by(of.until_time_ms != 0, of.from_time_ms.desc(), of.act.desc(), of.bank)
    )


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate.decode(bytes(row.offline_certificate), BANK)


def _listed(rows: Sequence[Row[Any]], now_ms: int) -> list[Certificate]:
    """What a bundle lists of keys in that order: of those that were replaced no ended ones."""
    found = [(row.until_time_ms, _certificate(row)) for row in rows]
    good = [each for until_ms, each in found if not until_ms or each.expires_time_ms >= now_ms]
    return good[:MAX_BANKS]


def _own(bank: Bank, encoded: bytes) -> Certificate:
    """A device's certificate that the bank has given. Raises Refusal."""
    try:
        certificate = Certificate.decode(encoded, DEVICE)
    except FormatError as error:
        raise invalid("device_certificates", f"holds one that is unreadable: {error}") from None
    part, signature = certificate.signed_part(), certificate.signature
    its = any(verified(key, part, signature) for key in bank.every_key)
    if certificate.bank != bank.name or not its:
        raise invalid("device_certificates", "holds one that the calling bank has not given")
    return certificate
