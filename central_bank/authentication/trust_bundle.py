"""Makes the trust bundle for offline payments: banks' certificates, revoked devices, roots,
limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from central_bank.authentication.banks import AdmittedBank, InTransaction, nothing
from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.revocation_list import Listed, RevocationList
from central_bank.authentication.tables import bank_keys, banks, revoked_devices
from central_bank.limits import (
    BUNDLE_MADE_EACH_MS,
    MAX_FULL_BANKS,
    MAX_OFFLINE_HOLDING_FEN,
    MAX_OFFLINE_PAYMENT_FEN,
    MAX_OFFLINE_ROOTS,
    MAX_OWN_REVOKED,
    MAX_REVOKED_BY_BANK,
    MAX_TOKEN_FEN,
)
from dcep.errors.v1 import errors_pb2
from offline_token.bundle import TrustBundle
from offline_token.formats import (
    BANK,
    CERTIFICATE_BYTES,
    DEVICE,
    KEY_BYTES,
    REVOCATION_BYTES,
    SIGNATURE_BYTES,
    Certificate,
    Chain,
    FormatError,
    Statement,
    bank_name,
)
from offline_token.limits import (
    MAX_BARRED,
    MAX_BUNDLE_BANKS,
    MAX_BUNDLE_BYTES,
    MAX_HOPS,
    MAX_LISTED,
)
from offline_token.ruling import End, sign_ruling
from offline_token.signing import certify_bank, sign_bundle, sign_clearance, verified
from offline_token.verify import certifier
from runtime.checks import exact_bytes, invalid, text
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.randomness import Randomness, SystemRandomness
from runtime.signing_keys import Signer

_CERTIFICATE_LIFETIME_MS = 2 * 366 * 86_400_000
BUNDLE_AGE_MS = 30 * 86_400_000
_ANY_FEN = (1 << 64) - 1
_NONE_LISTED = Listed((), 0, b"")
_HEAD_BYTES = 160
"""Bytes of a bundle without what it lists, with its signature."""
_MAX_SIGNED = 10_000
_MAX_HOPS = 16
"""Below the format's bound, so that every payment can be returned, which is one hop more."""


class _Every(NamedTuple):
    """All keys of banks: their rows, and their certificates as the root signs them.

    Attributes:
        of: the root's key, and what `banks_now` gave; the rest was made from these.
    """

    of: tuple[bytes, object]
    rows: Sequence[Row[Any]]
    certificates: Sequence[Certificate]


class _Last(NamedTuple):
    """The bundle that was signed last, what it was made from, and when, by the monotonic clock."""

    of: tuple[object, ...]
    at_ms: int
    bundle: TrustBundle


class Devices:
    """Makes and keeps what devices trust. The root's key is used in here only."""

    def __init__(
        self,
        database: Database,
        roots: OfflineRoots,
        clock: Clock,
        randomness: Randomness | None = None,
    ) -> None:
        self._database = database
        self._roots = roots
        self._clock = clock
        self.revocations = RevocationList(database, clock, randomness or SystemRandomness())
        self.banks_now: Callable[[], object] = object
        """Gives another object after banks or their keys have changed; until it is set, each
        time."""
        self._known: _Every | None = None
        self._last: _Last | None = None
        self._signed: dict[tuple[bytes, bytes], Certificate] = {}
        """Banks' certificates as a root signs them, by the root's key and the certificate as it
        was."""

    @property
    def root_key(self) -> bytes:
        """The public key of the root in use, 32 bytes."""
        return bytes(self._root.verify_key)

    @property
    def _root(self) -> Signer:
        return self._roots.signing()

    def rule(self, chain: Chain, output: int, end: End) -> bytes:
        """The root's ruling that the piece at the end of a chain has ended, encoded.

        Args:
            chain: of the deposit.
            output: which output of its last hop the piece is.
            end: how the piece has ended.
        """
        return sign_ruling(self._root, chain, output, end, self._clock.now_ms()).encode()

    def certify_bank(self, name: str, key: bytes) -> bytes:
        """A bank's certificate for offline use, encoded; the one that it has, if the key is the
        same.
        """
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
        """The certificate of a bank's key that is revoked now, with an earlier end; for deposits
        only.

        Until then some device may have a bundle in which the key is good. What was loaded by then
        is still accepted from whoever took it in good faith.
        """
        certificate = Certificate.decode(encoded, BANK)
        ends = min(certificate.expires_time_ms, self._clock.now_ms() + BUNDLE_AGE_MS)
        return certify_bank(self._root, certificate.bank, certificate.key, ends).encode()

    def revoke(
        self, bank: AdmittedBank, key: bytes, cause: str, in_transaction: InTransaction = nothing
    ) -> None:
        """Revokes a bank's device for good at two officers' word, from the next bundle on.

        Args:
            bank: the bank that certified the device. The same key certified by another bank stays
                good.
            key: the device's public key, 32 bytes.
            cause: why.
            in_transaction: further SQL for the same transaction.
        """
        exact_bytes(key, "device_key", 32)
        self._revoke(
            bank.index, [revocation_of(bank.name, key)], cause, in_transaction, by_officer=True
        )

    def revoke_proven(self, bank: AdmittedBank, key: bytes, cause: str) -> None:
        """Revokes a device that its own signatures convict; it counts in the share of its bank."""
        self._revoke(bank.index, [revocation_of(bank.name, key)], cause)

    def revoke_own(self, bank: AdmittedBank, certificates: Sequence[bytes], cause: str) -> None:
        """Revokes devices of a bank, which shows the certificates that it gave them.

        Another bank's devices with the same keys stay good: each bank decides about its own. Old
        revocations of the bank make room (registration/offline/pruning.py).

        Raises:
            Refusal: FIELD_INVALID for a certificate that is not the bank's; OVERLOADED for more
                than `MAX_REVOKED_BY_BANK`.
        """
        own = [_own(bank, certificate).revocation() for certificate in certificates]
        of = revoked_devices.c
        count = select(func.count()).where(of.bank == bank.index, of.by_officer == 0)
        if self._database.read(lambda c: c.execute(count).scalar_one()) >= MAX_REVOKED_BY_BANK:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_REVOKED_BY_BANK} devices of the bank are revoked already",
                field="device_certificates",
            )
        self._revoke(bank.index, own, cause)

    def _revoke(
        self,
        bank: int,
        revocations: Sequence[bytes],
        cause: str,
        in_transaction: InTransaction = nothing,
        *,
        by_officer: bool = False,
    ) -> None:
        text(cause, "cause", longest=200)
        these = revoked_devices.c.revocation.in_(revocations)
        known = select(revoked_devices.c.revocation).where(these)
        by = {"by_officer": int(by_officer)}

        def write(connection: Connection, now_ms: int) -> list[bytes]:
            before = {bytes(each) for each in connection.execute(known).scalars()}
            new = [each for each in dict.fromkeys(revocations) if each not in before]
            rows = [
                {"revocation": each, "bank": bank, "cause": cause, "time_ms": now_ms, **by}
                for each in new
            ]
            if rows:
                connection.execute(insert(revoked_devices), rows)
            if by_officer and before:
                # Whoever revoked it before: from now on it counts as an officer's, and no bank's
                # share can push it out.
                connection.execute(update(revoked_devices).where(these).values(by))
            in_transaction(connection)
            return new

        with self.revocations.revoking() as now_ms:
            self.revocations.note(self._database.transaction(lambda c: write(c, now_ms)), now_ms)

    def is_revoked(self, certificate: Certificate) -> bool:
        """Whether a device is revoked, even if the bundle no longer lists it."""
        return bool(self._revoked([certificate.revocation()]))

    def _revoked(self, names: Sequence[bytes]) -> set[bytes]:
        of = revoked_devices.c
        query = select(of.revocation).where(of.revocation.in_(names))
        return self._database.read(lambda c: set(map(bytes, c.execute(query).scalars())))

    def bundle(self) -> TrustBundle:
        """See `signed_bundle`."""
        return self.signed_bundle()[1]

    def signed_bundle(self) -> tuple[bytes, TrustBundle]:
        """The root in use, 32 bytes, and the trust bundle: that of the last second, or a new one if
        it would differ.

        It lists the root's successor and predecessor, and then the banks that were admitted first;
        `statements` gives what devices of other banks show. A bank whose key was replaced is listed
        with both keys, while there is room. A revoked key of a bank is listed too, as long as
        devices may have bundles in which it is good. Revoked keys and suspended banks are barred.
        """
        root, at_ms = self._root, self._clock.monotonic_ms()
        of = (
            bytes(root.verify_key),
            self.banks_now(),
            self._roots.now(),
            self.revocations.changes(),
        )
        last = self._last
        if last is not None and last.of == of and 0 <= at_ms - last.at_ms < BUNDLE_MADE_EACH_MS:
            return of[0], last.bundle
        rows = self._every().rows
        roots = self._roots.entries(root)
        full = _listed(rows, self._clock.now_ms())[: MAX_BUNDLE_BANKS - len(roots)]
        banks_ = [*roots, *(self._by(root, certificate) for certificate in full)]
        barred = _barred(rows, self._clock.now_ms())
        listed = self.revocations.now(_room(len(banks_), len(barred)))
        made = sign_bundle(root, self._bundle(banks_, barred=barred, listed=listed))
        self._last = _Last(of, at_ms, made)
        return of[0], made

    def statements(self, encoded: Sequence[bytes]) -> list[Statement]:
        """The root's statements about devices and their banks that the bundle does not cover.

        For each device that is not revoked: the certificate of the bank's key that certified it, if
        the bundle lacks that; and the root's word that the device is not revoked, if the bundle
        cannot tell.

        Args:
            encoded: certificates of devices.

        Raises:
            Refusal: FIELD_INVALID, one of them is not a device's certificate.
        """
        certificates = [_device(each) for each in dict.fromkeys(encoded)]
        root, bundle = self._root, self.bundle()
        known, full = self.known_banks(), {each.key for each in bundle.banks}
        said: dict[bytes, Statement] = {}
        cleared_ms = self.revocations.cleared_time_ms()  # before the look at what is revoked
        revoked = self._revoked([each.revocation() for each in certificates])
        for certificate in certificates:
            bank = certifier(certificate, known)
            if bank is None or certificate.revocation() in revoked:
                continue
            if bank.key not in full:
                said[bank.key] = self._by(root, bank)
            device = certificate.revocation()
            if bundle.may_be_revoked(device):
                said[device] = sign_clearance(root, device, cleared_ms)
        return list(said.values())

    def own_revoked(self, bank: AdmittedBank, since_time_ms: int) -> list[tuple[bytes, int]]:
        """A bank's devices that were revoked at that time or later, and when; oldest first."""
        of = revoked_devices.c
        query = (
            select(of.revocation, of.time_ms)
            .where(of.bank == bank.index, of.time_ms >= since_time_ms)
            .order_by(of.time_ms, of.revocation)
            .limit(MAX_OWN_REVOKED)
        )
        rows = self._database.read(lambda c: c.execute(query).all())
        return [(bytes(row.revocation), int(row.time_ms)) for row in rows]

    def known_banks(self) -> TrustBundle:
        """A bundle of every bank with every key, more than a real one has room for. It is not
        signed, and used only here.
        """
        every = self._every()
        return self._bundle(every.certificates, barred=_barred(every.rows, self._clock.now_ms()))

    def deposit_bundle(self) -> tuple[bytes, TrustBundle]:
        """The root, 32 bytes, and the bundle by which deposits are verified: every bank, every key,
        no revocation, and the most hops.

        Whoever took the money could not know that a device or its bank would be revoked, or a limit
        lowered; and a returned payment has one hop more than a payee would take. The bundle is not
        signed, because it is not sent to anybody.
        """
        root, every = self._root, self._every()
        known = [*self._roots.entries(root, ended_too=True), *every.certificates]
        made = self._bundle(known, max_hops=MAX_HOPS, max_value_fen=_ANY_FEN)
        return bytes(root.verify_key), made

    def _every(self) -> _Every:
        """Every key of every bank; read again when one has changed."""
        of = bytes(self._root.verify_key), self.banks_now()  # before the rows are read
        known = self._known
        if known is None or known.of != of:
            rows = self._database.read(lambda c: c.execute(_keys()).all())
            root = self._root
            certificates = [self._by(root, _certificate(row)) for row in rows]
            self._known = known = _Every((bytes(root.verify_key), of[1]), rows, certificates)
        return known

    def _by(self, root: Signer, certificate: Certificate) -> Certificate:
        """A bank's certificate as this root signs it."""
        key = bytes(root.verify_key)
        name = (key, certificate.encode())
        if (known := self._signed.get(name)) is not None:
            return known
        if len(self._signed) >= _MAX_SIGNED:
            self._signed.clear()
        own = verified(key, certificate.signed_part(), certificate.signature)
        self._signed[name] = (
            certificate
            if own
            else certify_bank(root, certificate.bank, certificate.key, certificate.expires_time_ms)
        )
        return self._signed[name]

    def _bundle(
        self,
        certificates: Sequence[Certificate],
        *,
        barred: Sequence[bytes] = (),
        listed: Listed = _NONE_LISTED,
        max_hops: int = _MAX_HOPS,
        max_value_fen: int = MAX_TOKEN_FEN,
    ) -> TrustBundle:
        return TrustBundle(
            created_time_ms=self._clock.now_ms(),
            max_age_ms=BUNDLE_AGE_MS,
            max_hops=max_hops,
            max_value_fen=max_value_fen,
            max_payment_fen=MAX_OFFLINE_PAYMENT_FEN,
            max_holding_fen=MAX_OFFLINE_HOLDING_FEN,
            banks=tuple(certificates),
            barred=tuple(barred),
            revoked=listed.revoked,
            since_time_ms=listed.since_time_ms,
            filter=listed.filter,
        )

    def trust_bundle(self) -> bytes:
        """The root's public key, 32 bytes, followed by the encoded bundle."""
        key, bundle = self.signed_bundle()
        return key + bundle.encode()


def revocation_of(bank: str, key: bytes) -> bytes:
    """What a bundle lists for a revoked device of a bank with this key, 32 bytes. Raises
    FormatError.
    """
    return Certificate(DEVICE, bank, key, 0, bytes(SIGNATURE_BYTES)).revocation()


def _keys() -> Select[Any]:
    """Selects banks' keys: first those that they have now, then replaced ones, newest first."""
    of = bank_keys.c
    return (
        select(bank_keys, banks.c.name, banks.c.suspended)
        .join(banks, banks.c.id == of.bank)
        .order_by(of.until_time_ms != 0, of.from_time_ms.desc(), of.act.desc(), of.bank)
    )


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate.decode(bytes(row.offline_certificate), BANK)


def _listed(rows: Sequence[Row[Any]], now_ms: int) -> list[Certificate]:
    """The certificates that a bundle lists, in the order of the rows, without those that have
    ended.

    They are of the banks that were admitted first. So always the same banks are listed, and devices
    of the others know that they have to show their bank's certificate.
    """
    active = sorted({row.bank for row in rows if not row.suspended})[:MAX_FULL_BANKS]
    found = [(row.until_time_ms, _certificate(row)) for row in rows if row.bank in active]
    good = [each for until_ms, each in found if not until_ms or each.expires_time_ms >= now_ms]
    return good[: MAX_BUNDLE_BANKS - MAX_OFFLINE_ROOTS]


def _barred(rows: Sequence[Row[Any]], now_ms: int) -> list[bytes]:
    """What a bundle bars: suspended banks, and revoked keys as long as their first certificate
    would last.
    """
    suspended = {row.name for row in rows if row.suspended}
    revoked = [
        _certificate(row).revocation()
        for row in rows
        if row.revoked and row.from_time_ms + _CERTIFICATE_LIFETIME_MS >= now_ms
    ]
    return [*(bank_name(name) for name in sorted(suspended)), *revoked][:MAX_BARRED]


def _room(certificates: int, barred: int) -> int:
    """How many bytes a filter may have beside the rest of a bundle."""
    lists = certificates * CERTIFICATE_BYTES + (barred + MAX_LISTED) * REVOCATION_BYTES
    return MAX_BUNDLE_BYTES - KEY_BYTES - _HEAD_BYTES - lists


def _device(encoded: bytes) -> Certificate:
    """Decodes a device's certificate. Raises Refusal: FIELD_INVALID."""
    try:
        return Certificate.decode(encoded, DEVICE)
    except FormatError as error:
        raise invalid("certificates", f"holds one that is unreadable: {error}") from None


def _own(bank: AdmittedBank, encoded: bytes) -> Certificate:
    """Decodes a device's certificate that this bank gave. Raises Refusal: FIELD_INVALID."""
    try:
        certificate = Certificate.decode(encoded, DEVICE)
    except FormatError as error:
        raise invalid("device_certificates", f"holds one that is unreadable: {error}") from None
    part, signature = certificate.signed_part(), certificate.signature
    its = any(verified(key, part, signature) for key in bank.every_key)
    if certificate.bank != bank.name or not its:
        raise invalid("device_certificates", "holds one that the calling bank has not given")
    return certificate
