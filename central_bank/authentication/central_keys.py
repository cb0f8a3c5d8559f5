"""Keeps the central bank's own business keys, and announces to banks what all of them are to know.

Two officers announce a successor, in a statement that the key in use signs. Banks that trust that
key trust the successor from then on. The successor is used as soon as it is where the settings say
that the business key is. TLS certificates of the central bank that are revoked, and the limits of
wallets, are announced in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from central_bank.authentication.announced import AnnouncedSigner
from central_bank.authentication.bank_rows import Given
from central_bank.authentication.banks import INSTITUTION
from central_bank.authentication.possession import check_possession
from central_bank.authentication.tables import announcements, central_keys
from central_bank.authentication.terms import Ending
from central_bank.limits import MAX_ANNOUNCEMENTS, MAX_CENTRAL_KEYS, MAX_OVERLAP_MS, MAX_POLICIES
from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from runtime.checks import invalid, public_key
from runtime.clock import Clock
from runtime.database import Database
from runtime.envelope import key_id, sign
from runtime.errors import Refusal
from runtime.remembered import Remembered
from runtime.settings import SettingsError
from runtime.signing_keys import Signer

_KeyEnd = authentication_pb2.KeyEnd
_Announcement = authentication_pb2.Announcement


class KnownKey(NamedTuple):
    """A key of the central bank; `until_time_ms` is 0 if it has no end."""

    key: bytes
    from_time_ms: int
    until_time_ms: int
    revoked: bool


class _Announced(NamedTuple):
    """The keys, and the statements about them, in order of the acts' numbers."""

    keys: Mapping[bytes, KnownKey]
    told: Sequence[SignedEnvelope]
    number: int
    """Number of the last statement."""


class CentralKeys:
    """The central bank's keys, in SQL and in memory."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        clock: Clock,
        shown: Callable[[], str] = lambda: "",
    ) -> None:
        """Reads the keys; the first one ever is the one that the settings name.

        Args:
            database: where they are kept.
            signer: the key in the settings, which may be replaced while the service runs.
            clock: the time.
            shown: gives the fingerprint of the TLS certificate that the service shows now.

        Raises:
            SettingsError: the key in the settings was never announced.
        """
        self._database = database
        self._clock = clock
        self._shown = shown
        self._remembered = Remembered(database, _read)
        self.signer = AnnouncedSigner(signer, "key", lambda: self._known)
        public = bytes(self.signing().verify_key)
        if not self._known:
            row = _row(public, Given(0, clock.now_ms()))
            with self._remembered.change():
                database.transaction(lambda c: c.execute(insert(central_keys), row) and None)
        if public not in self._known:
            raise SettingsError(
                f"the business key {public.hex()} was never announced to banks: two officers do it"
            )

    @property
    def _known(self) -> Mapping[bytes, KnownKey]:
        return self._remembered.now().keys

    @property
    def number(self) -> int:
        """Number of the last statement that was announced; 0 if there is none."""
        return self._remembered.now().number

    def signing(self) -> Signer:
        """The key to sign with: the one in the settings, once it has been announced."""
        return self.signer.now()

    def all(self) -> list[KnownKey]:
        """All keys that there are and were, newest last."""
        return list(self._known.values())

    def announcements(self) -> list[SignedEnvelope]:
        """The statements that were announced, in order."""
        return list(self._remembered.now().told)

    def revoked_certificates(self) -> set[str]:
        """Fingerprints of TLS certificates of the central bank that are revoked."""
        return {mark for told in self._told() for mark in told.revoked_certificates}

    def _told(self) -> Iterator[authentication_pb2.Announcement]:
        return (_Announcement.FromString(envelope.payload) for envelope in self.announcements())

    def check_revocation(self, fingerprint: str) -> None:
        """Raises Refusal if a TLS certificate cannot be revoked.

        Args:
            fingerprint: SHA-256, hex.
        """
        if fingerprint == self._shown():
            raise invalid("certificate_fingerprint", "is of the one that is in use: replace it")
        if fingerprint in self.revoked_certificates():
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                "this certificate is revoked already",
                field="certificate_fingerprint",
            )
        self._check_room()

    def revoke_certificate(
        self, fingerprint: str, in_transaction: Callable[[Connection], object], by: Given
    ) -> None:
        """Announces that a TLS certificate of the central bank is revoked.

        Args:
            fingerprint: SHA-256, hex.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.

        Raises:
            Refusal: it cannot be revoked.
        """
        with self._remembered.change():
            self.check_revocation(fingerprint)
            told = _Announcement(
                number=by.act, from_time_ms=by.time_ms, revoked_certificates=[fingerprint]
            )
            self._announce(told, in_transaction)

    def publish(
        self,
        policy: office_pb2.PublishPolicy,
        in_transaction: Callable[[Connection], object],
        by: Given,
    ) -> None:
        """Announces the limits of wallets, which the caller has checked.

        Args:
            policy: as two officers have signed it.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.

        Raises:
            Refusal: OVERLOADED, nothing more can be announced.
        """
        with self._remembered.change():
            self._check_room()
            if sum(told.HasField("policy") for told in self._told()) >= MAX_POLICIES:
                raise Refusal(
                    errors_pb2.REASON_OVERLOADED, f"{MAX_POLICIES} policies were published"
                )
            told = _Announcement(number=by.act, from_time_ms=by.time_ms, policy=policy)
            self._announce(told, in_transaction)

    def _announce(
        self, told: _Announcement, in_transaction: Callable[[Connection], object]
    ) -> None:
        row = self._signed(told)

        def body(connection: Connection) -> None:
            connection.execute(insert(announcements), row)
            in_transaction(connection)

        self._database.transaction(body)

    def _check_room(self) -> None:
        if len(self.announcements()) >= MAX_ANNOUNCEMENTS:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED, f"{MAX_ANNOUNCEMENTS} changes were announced"
            )

    def _signed(self, told: _Announcement) -> dict[str, object]:
        """The row of a statement, signed by the key in use.

        Raises:
            Refusal: ALREADY_DECIDED. Banks take a statement with a number below the last one's for
                somebody else's, so its act has come too late.
        """
        if told.number <= self.number:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "a later act has been announced to banks since: propose this one anew",
            )
        key = self.signing()
        name = key_id(bytes(key.verify_key))
        envelope = sign(told, key, name)
        return {"act": told.number, "envelope": envelope.SerializeToString()}

    def check(self, successor: bytes, proof: bytes, old_until_ms: int) -> None:
        """Raises Refusal if a change of keys is not possible.

        Args:
            successor: a new key; b"" to only end what was replaced before.
            proof: the new key's signature over itself, which shows that somebody has its private
                half.
            old_until_ms: until when the keys before are good; 0 to revoke them.
        """
        now_ms = self._clock.now_ms()
        self._check_room()
        if successor and len(self._known) >= MAX_CENTRAL_KEYS:  # the first key was not announced
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there were {MAX_CENTRAL_KEYS} keys")
        if old_until_ms > now_ms + MAX_OVERLAP_MS:
            raise Refusal(
                errors_pb2.REASON_VALIDITY_TOO_LONG,
                f"what is replaced is good for {MAX_OVERLAP_MS} ms more at most",
                field="old_until_time_ms",
            )
        used = self._known[bytes(self.signing().verify_key)]
        if not successor:
            if len(self._known) == 1:
                raise Refusal(
                    errors_pb2.REASON_FIELD_MISSING,
                    "there is no new key, and none that was replaced",
                    field="business_key",
                )
            if used.until_time_ms:
                raise invalid("business_key", "is missing: the key in use is to be replaced")
            return
        public_key(successor, "business_key")
        check_possession(successor, INSTITUTION, proof)
        if successor in self._known:
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS, "it is, or was, a key", field="business_key"
            )

    def renew(
        self,
        successor: bytes,
        old_until_ms: int,
        in_transaction: Callable[[Connection], object],
        by: Given,
    ) -> None:
        """Announces a successor, or the end of keys that were replaced before.

        The key in use signs, even if it has ended. Banks do not believe it then, and their
        operators list the successor. So a key can be replaced even if its successor was lost.

        Args:
            successor: the new key; b"" for none.
            old_until_ms: until when the keys before are good; 0 to revoke them.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.
        """
        with self._remembered.change():
            ends = self._ends(successor, old_until_ms, by.time_ms)
            told = _Announcement(
                number=by.act, successor=successor, from_time_ms=by.time_ms, ended=ends
            )

            def change(connection: Connection) -> None:
                for end in ends:
                    same = central_keys.c.business_key == end.key
                    values = {"until_time_ms": end.until_time_ms, "revoked": int(end.revoked)}
                    connection.execute(update(central_keys).where(same).values(values))
                if successor:
                    connection.execute(insert(central_keys), _row(successor, by))
                in_transaction(connection)

            self._announce(told, change)

    def _ends(self, successor: bytes, old_until_ms: int, now_ms: int) -> list[_KeyEnd]:
        """The ends of the keys that are good, or, without a successor, of those replaced before."""
        ending = Ending(old_until_ms, now_ms, nothing_new=not successor)
        ends: list[_KeyEnd] = []
        for known in self._known.values():
            end_ms = ending.end_of(known.until_time_ms, revoked=known.revoked)
            if end_ms is not None:
                ends.append(_KeyEnd(key=known.key, until_time_ms=end_ms, revoked=ending.revokes))
        return ends


def _read(connection: Connection) -> _Announced:
    of = central_keys.c
    rows = connection.execute(select(central_keys).order_by(of.from_time_ms, of.act)).all()
    keys = {
        bytes(row.business_key): KnownKey(
            bytes(row.business_key), row.from_time_ms, row.until_time_ms, bool(row.revoked)
        )
        for row in rows
    }
    told = connection.execute(select(announcements).order_by(announcements.c.act)).all()
    envelopes = [SignedEnvelope.FromString(bytes(row.envelope)) for row in told]
    return _Announced(keys, envelopes, told[-1].act if told else 0)


def _row(key: bytes, by: Given) -> dict[str, object]:
    return {
        "business_key": key,
        "act": by.act,
        "from_time_ms": by.time_ms,
        "until_time_ms": 0,
        "revoked": 0,
    }
