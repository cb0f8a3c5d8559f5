"""Keeps the officers of an institution, in SQL and in memory; calls are decided by what is in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.message import Message
from sqlalchemy import Connection, insert, select, update

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.limits import MAX_CREDENTIALS, MAX_OFFICERS
from officers.tables import OfficerTables
from officers.well_formed import (
    bits_of,
    check_credential,
    check_registration,
    rights_of,
)
from runtime.checks import invalid, public_key, required
from runtime.clock import Clock
from runtime.database import Database
from runtime.envelope import verify
from runtime.errors import Refusal
from runtime.messages import read_payload
from runtime.remembered import Remembered
from runtime.settings import SettingsError
from runtime.tls import Identity

FEWEST = 2
"""The fewest officers with the right to register others; with fewer, nobody could be registered any
more."""


class NoOfficers(SettingsError):
    """There are no officers, and no founding record that names them; the message says what to
    do.
    """


@dataclass(frozen=True)
class Credential:
    """A certificate and a key that an officer has or had.

    Attributes:
        over: it had ended when the next one was given, so it has ended whatever the clock says now.
    """

    fingerprint: str
    signing_key: bytes
    from_time_ms: int
    until_time_ms: int
    over: bool = False

    def live(self, now_ms: int) -> bool:
        """Whether it is good now."""
        ended = self.over or 0 < self.until_time_ms <= now_ms
        return self.from_time_ms <= now_ms and not ended


@dataclass(frozen=True)
class Officer:
    """A person whom two officers registered, or the founding record named."""

    name: str
    rights: frozenset[int]
    removed: bool
    credentials: tuple[Credential, ...]

    def keys(self, now_ms: int) -> list[bytes]:
        """The keys that are good now."""
        return [known.signing_key for known in self.credentials if known.live(now_ms)]


class Officers:
    """The officers. After the founding only acts change them."""

    def __init__(
        self,
        database: Database,
        tables: OfficerTables,
        institution: str,
        clock: Clock,
        founding: SignedEnvelope | None,
        business_key: bytes,
    ) -> None:
        """Reads the officers; an empty registry takes those of the founding record.

        Args:
            database: where they are kept.
            tables: the officers'.
            institution: its name.
            clock: the time.
            founding: the founding record, signed by the institution's business key; later it may be
                missing.
            business_key: the public half of that key, 32 bytes.

        Raises:
            NoOfficers: the registry is empty, and there is no good founding record.
        """
        self.institution = institution
        self._database = database
        self._tables = tables
        self._clock = clock
        self._remembered = Remembered(database, self._read)
        if not self._by_name:
            with self.change():
                self._found(founding, business_key)

    @contextmanager
    def change(self) -> Iterator[None]:
        """A context for a transaction that changes officers; memory follows, whether it succeeds or
        not.
        """
        with self._remembered.change():
            yield

    def founding(self) -> office_pb2.FoundingRecord:
        """The record that they were founded by, as it was verified then."""
        payload = self._database.read(
            lambda c: c.execute(select(self._tables.founding.c.payload)).scalar_one()
        )
        record: office_pb2.FoundingRecord = office_pb2.FoundingRecord.FromString(bytes(payload))
        return record

    @property
    def _by_name(self) -> Mapping[str, Officer]:
        return self._remembered.now()

    def _read(self, connection: Connection) -> dict[str, Officer]:
        people, credentials = self._tables.officers, self._tables.credentials
        rows = connection.execute(select(people)).all()
        newest_last = select(credentials).order_by(
            credentials.c.from_time_ms, credentials.c.registered_by
        )
        known = connection.execute(newest_last).all()
        held: dict[str, list[Credential]] = {row.name: [] for row in rows}
        last = {row.officer: row.from_time_ms for row in known}
        for row in known:
            over = 0 < row.until_time_ms <= last[row.officer]
            key, term = bytes(row.signing_key), (row.from_time_ms, row.until_time_ms)
            held[row.officer].append(Credential(row.fingerprint, key, *term, over))
        return {
            row.name: Officer(
                row.name, rights_of(row.rights), row.removed_by is not None, tuple(held[row.name])
            )
            for row in rows
        }

    def all(self) -> list[Officer]:
        """All officers, removed ones included, by name."""
        return sorted(self._by_name.values(), key=lambda officer: officer.name)

    def find(self, name: str) -> Officer | None:
        """The officer with exactly this name, removed or not; None if there is none."""
        return self._by_name.get(name)

    def get(self, name: str, field: str = "name") -> Officer:
        """An officer who is not removed. Raises Refusal: OFFICER_UNKNOWN."""
        required(name, field)
        officer = self._by_name.get(name)
        if officer is None or officer.removed:
            raise Refusal(
                errors_pb2.REASON_OFFICER_UNKNOWN,
                f"{name!r} is no officer of {self.institution}",
                field=field,
            )
        return officer

    def known(self, peer: Identity | None) -> Officer:
        """The officer who calls, by the registered certificate and not by what is written in it.

        Raises:
            Refusal: CERTIFICATE_REQUIRED, ROLE_NOT_ALLOWED, OFFICER_UNKNOWN.
        """
        if peer is None:
            raise Refusal(
                errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role"
            )
        institution, _, name = peer.name.partition("/")
        if peer.role != "officer" or institution != self.institution:
            raise Refusal(
                errors_pb2.REASON_ROLE_NOT_ALLOWED,
                f"only officers of {self.institution} may call this",
            )
        officer, now_ms = self._by_name.get(name), self._clock.now_ms()
        if (
            officer is None
            or officer.removed
            or not any(
                known.fingerprint == peer.fingerprint and known.live(now_ms)
                for known in officer.credentials
            )
        ):
            raise Refusal(
                errors_pb2.REASON_OFFICER_UNKNOWN,
                f"no officer {name!r} is registered at {self.institution} with this certificate",
            )
        return officer

    def verified(self, kind: type[Message], officer: Officer, envelope: SignedEnvelope) -> bytes:
        """The payload that an officer signed, with any of their keys that is good now.

        Raises:
            Refusal: SIGNATURE_INVALID, FIELD_INVALID.
        """
        refusal = Refusal(
            errors_pb2.REASON_SIGNATURE_INVALID,
            f"it is not signed by a key of {officer.name}",
            field="signature",
        )
        for key in officer.keys(self._clock.now_ms()):
            try:
                return verify(kind, envelope, key)
            except Refusal as no:
                refusal = no
        raise refusal

    def next_end_ms(self) -> int:
        """When the next key that is good now ends, Unix milliseconds; 0 if none ends."""
        now_ms = self._clock.now_ms()
        ends = [
            known.until_time_ms
            for officer in self._by_name.values()
            for known in officer.credentials
            if known.live(now_ms) and known.until_time_ms
        ]
        return min(ends, default=0)

    def check_new(self, wanted: office_pb2.RegisterOfficer) -> None:
        """Raises Refusal if an officer cannot be registered."""
        check_registration(wanted)
        if wanted.name in self._by_name:
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                f"the name {wanted.name!r} was given before",
                field="name",
            )
        if len(self._by_name) >= MAX_OFFICERS:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there are {MAX_OFFICERS} officers")
        self._check_free(wanted.name, wanted.certificate_fingerprint, wanted.signing_key)

    def check_renewal(self, wanted: office_pb2.RenewOfficer) -> None:
        """Raises Refusal if an officer cannot have this certificate or key."""
        officer = self.get(wanted.name)
        pair = self.renewed(wanted)
        check_credential(*pair)
        self._check_free(wanted.name, *pair)
        if pair in {(known.fingerprint, known.signing_key) for known in officer.credentials}:
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                f"{wanted.name} had this certificate with this key before",
                field="certificate_fingerprint",
            )
        if len(officer.credentials) >= MAX_CREDENTIALS:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"{MAX_CREDENTIALS} were given before")
        if wanted.old_until_time_ms < 0:
            raise invalid("old_until_time_ms", "is a time, or 0")

    def renewed(
        self, wanted: office_pb2.RenewOfficer, now_ms: int | None = None
    ) -> tuple[str, bytes]:
        """The certificate and the key after a renewal; what it leaves out stays as it was last.

        Args:
            wanted: the renewal.
            now_ms: the time of it; None for now.

        Raises:
            Refusal: OFFICER_UNKNOWN; or FIELD_MISSING, if it names nothing new, or leaves out
                something that has ended.
        """
        officer = self.get(wanted.name)
        now_ms = self._clock.now_ms() if now_ms is None else now_ms
        fingerprint, key = wanted.certificate_fingerprint, wanted.signing_key
        if not fingerprint and not key:
            required(fingerprint, "certificate_fingerprint")
        live = [known for known in officer.credentials if known.live(now_ms)]
        if not live:
            required(fingerprint, "certificate_fingerprint")
            required(key, "signing_key")
            return fingerprint, key
        return fingerprint or live[-1].fingerprint, key or live[-1].signing_key

    def check_enough(self, without: str) -> None:
        """Raises Refusal if too few officers could register others without this one."""
        left = [
            officer
            for officer in self._by_name.values()
            if officer.name != without
            and not officer.removed
            and office_pb2.RIGHT_OFFICERS in officer.rights
        ]
        if len(left) < FEWEST:
            raise Refusal(
                errors_pb2.REASON_OFFICERS_TOO_FEW,
                f"{FEWEST} officers with RIGHT_OFFICERS have to stay",
                field="name",
            )

    def _check_free(self, name: str, fingerprint: str, key: bytes) -> None:
        """Checks that this certificate and this key never belonged to another officer."""
        for other in self._by_name.values():
            if other.name == name:
                continue
            if any(known.fingerprint == fingerprint for known in other.credentials):
                raise _taken("certificate_fingerprint", other)
            if any(known.signing_key == key for known in other.credentials):
                raise _taken("signing_key", other)

    def _found(self, founding: SignedEnvelope | None, business_key: bytes) -> None:
        if founding is None:
            raise NoOfficers(
                f"{self.institution} has no officers yet: name a founding record in officers_file"
            )
        try:
            record = read_founding(founding, self.institution, business_key)
        except Refusal as refusal:
            raise NoOfficers(f"the founding record is not good: {refusal.message}") from None
        now_ms = self._clock.now_ms()
        values = {
            "institution": self.institution,
            "payload": founding.payload,
            "signature": founding.signature,
            "time_ms": now_ms,
        }

        def body(connection: Connection) -> None:
            connection.execute(insert(self._tables.founding).values(values))
            for officer in record.officers:
                put_officer(connection, self._tables, officer, act=0, now_ms=now_ms)

        self._database.transaction(body)


def read_founding(
    envelope: SignedEnvelope, institution: str, business_key: bytes
) -> office_pb2.FoundingRecord:
    """A founding record, after checking its signature and its officers.

    Raises:
        Refusal: what is wrong with it.
    """
    payload = verify(office_pb2.FoundingRecord, envelope, business_key)
    record = read_payload(office_pb2.FoundingRecord, payload)
    if record.institution != institution:
        raise invalid("institution", f"is {institution!r}, not {record.institution!r}")
    for officer in record.officers:
        check_registration(officer)
    for field in ("name", "certificate_fingerprint", "signing_key"):
        _check_distinct(record.officers, field, field, "officers")
    for machine in record.cash_machines:
        public_key(machine.public_key, "cash_machines.public_key")
    for field in ("name", "public_key"):
        _check_distinct(record.cash_machines, field, f"cash_machines.{field}", "machines")
    may_register = [o for o in record.officers if office_pb2.RIGHT_OFFICERS in o.rights]
    if not FEWEST <= len(may_register) <= len(record.officers) <= MAX_OFFICERS:
        raise invalid("officers", f"has at least {FEWEST} with RIGHT_OFFICERS")
    return record


def _check_distinct(records: Sequence[Message], field: str, shown: str, whose: str) -> None:
    """Raises Refusal if two of these have the same value in a field."""
    if len({getattr(record, field) for record in records}) != len(records):
        raise invalid(shown, f"belongs to two {whose}")


def put_officer(
    connection: Connection,
    tables: OfficerTables,
    wanted: office_pb2.RegisterOfficer,
    *,
    act: int,
    now_ms: int,
) -> None:
    """Inserts a new officer, in the transaction of the act that registers them."""
    row = {"name": wanted.name, "rights": bits_of(wanted.rights), "registered_by": act}
    connection.execute(insert(tables.officers).values(row))
    put_credential(
        connection,
        tables,
        wanted.name,
        (wanted.certificate_fingerprint, wanted.signing_key),
        act=act,
        now_ms=now_ms,
    )


def put_credential(
    connection: Connection,
    tables: OfficerTables,
    name: str,
    pair: tuple[str, bytes],
    *,
    act: int,
    now_ms: int,
) -> None:
    """Inserts a certificate and a key of an officer."""
    row: dict[str, object] = {
        "fingerprint": pair[0],
        "signing_key": pair[1],
        "officer": name,
        "registered_by": act,
        "from_time_ms": now_ms,
        "until_time_ms": 0,
    }
    connection.execute(insert(tables.credentials).values(row))


def end_credentials(
    connection: Connection, tables: OfficerTables, name: str, until_ms: int
) -> None:
    """Ends an officer's credentials at a time; those that end earlier stay as they are."""
    table = tables.credentials
    later = (table.c.until_time_ms == 0) | (table.c.until_time_ms > until_ms)
    connection.execute(
        update(table).where(table.c.officer == name, later).values(until_time_ms=until_ms)
    )


def _taken(field: str, other: Officer) -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_EXISTS, f"{field} was given to {other.name!r}", field=field
    )
