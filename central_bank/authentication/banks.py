"""Keeps the admitted banks, and admits their calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import replace

from sqlalchemy import Connection, update

from central_bank.authentication.bank import AdmittedBank as AdmittedBank
from central_bank.authentication.bank_rows import Given, Renewal, put_bank, read_banks, renew_bank
from central_bank.authentication.tables import banks
from central_bank.ledger import accounts
from central_bank.ledger.accounts import BankAccounts, Purpose
from central_bank.limits import MAX_BANK_CREDENTIALS, MAX_BANKS, MAX_OVERLAP_MS
from dcep.errors.v1 import errors_pb2
from runtime.checks import invalid, public_key, required, text
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.remembered import Remembered
from runtime.tls import Identity
from settlement import builders
from settlement.accounts import opening_digest
from settlement.builders import records_of
from settlement.core import Answers, Batch
from settlement.ledger import Ledger
from settlement.records import Records

INSTITUTION = "central-bank"
"""The central bank's own name among institutions."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,15}")
_PREFIX = re.compile(r"[0-9]{4}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]{1,200}:[0-9]{1,5}")

InTransaction = Callable[[Connection], object]


def nothing(_: Connection) -> None:
    """Adds no further SQL."""


class Registry:
    """The banks, in SQL and in memory. Calls are decided by what is in memory."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        # One change at a time, so that an index is given only once and no change is lost.
        self._remembered = Remembered(database, read_banks)

    @property
    def _by_name(self) -> Mapping[str, AdmittedBank]:
        return self._remembered.now()

    def now(self) -> object:
        """An object that is another one after banks have changed."""
        return self._by_name

    def all(self) -> list[AdmittedBank]:
        """All banks, by index."""
        return sorted(self._by_name.values(), key=lambda bank: bank.index)

    def by_index(self) -> Mapping[int, AdmittedBank]:
        """All banks, by their ids in tables."""
        return {bank.index: bank for bank in self._by_name.values()}

    def get(self, name: str, field: str = "bank") -> AdmittedBank:
        """The bank of that name. Raises Refusal: BANK_UNKNOWN; FIELD_MISSING for no name at all."""
        required(name, field)
        bank = self._by_name.get(name)
        if bank is None:
            raise Refusal(errors_pb2.REASON_BANK_UNKNOWN, f"no bank {name!r}", field=field)
        return bank

    def admit(
        self,
        bank: AdmittedBank,
        in_transaction: InTransaction = nothing,
        *,
        by: Given | None = None,
    ) -> AdmittedBank:
        """Admits a bank, or finds it admitted already with the same particulars.

        Args:
            bank: as officers described it.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.

        Raises:
            Refusal: the bank cannot be admitted.
        """
        with self._remembered.change():
            if self._check_new(bank) is None:
                self._admit(bank, in_transaction, by or Given(0, self._clock.now_ms()))
            else:
                self._database.transaction(lambda c: in_transaction(c))
        return self._by_name[bank.name]

    def change(self, write: InTransaction) -> None:
        """Changes rows that banks are made of; the next look at a bank sees the change."""
        with self._remembered.change():
            self._database.transaction(lambda c: write(c) and None)

    def check_new(self, bank: AdmittedBank) -> None:
        """Raises Refusal if a bank cannot be admitted."""
        self._check_new(bank)

    def renew(
        self,
        renewal: Renewal,
        shortened: Callable[[bytes], bytes],
        in_transaction: InTransaction = nothing,
        *,
        by: Given | None = None,
    ) -> AdmittedBank:
        """Gives a bank a new certificate or key; the next look at the bank sees it.

        Args:
            renewal: what replaces what.
            shortened: see `bank_rows.renew_bank`.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.

        Raises:
            Refusal: the renewal is not possible.
        """
        with self._remembered.change():
            self.check_renewal(renewal)
            bank = self.get(renewal.name, "name")
            given = by or Given(0, self._clock.now_ms())

            def body(connection: Connection) -> None:
                renew_bank(connection, bank, renewal, given, shortened)
                in_transaction(connection)

            self._database.transaction(body)
        return self._by_name[renewal.name]

    def check_renewal(self, renewal: Renewal) -> None:
        """Raises Refusal if a renewal is not possible."""
        bank = self.get(renewal.name, "name")
        if renewal.old_until_time_ms > self._clock.now_ms() + MAX_OVERLAP_MS:
            raise Refusal(
                errors_pb2.REASON_VALIDITY_TOO_LONG,
                f"what is replaced is good for {MAX_OVERLAP_MS} ms more at most",
                field="old_until_time_ms",
            )
        if renewal.nothing_new and not (bank.replaced_certificates or bank.replaced_keys):
            raise Refusal(
                errors_pb2.REASON_FIELD_MISSING,
                f"there is nothing new, and nothing that {bank.name} had before",
                field="certificate_fingerprint",
            )
        if renewal.certificate_fingerprint:
            _check_fingerprint(renewal.certificate_fingerprint, "certificate_fingerprint")
            self._check_free("", "certificate_fingerprint", renewal.certificate_fingerprint)
            _check_few(bank.every_fingerprint)
        if renewal.business_key:
            public_key(renewal.business_key, "business_key")
            self._check_free("", "business_key", renewal.business_key)
            _check_few(bank.every_key)

    def _check_new(self, bank: AdmittedBank) -> AdmittedBank | None:
        """The bank, if it is admitted already with the same particulars; None if it may be
        admitted.
        """
        _check(bank)
        known = self._by_name.get(bank.name)
        if known is not None:
            same = replace(
                bank, index=known.index, suspended=known.suspended, accounts=known.accounts
            )
            if same == known:
                return known
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                f"bank {bank.name!r} is admitted with other particulars",
                field="bank.name",
            )
        for other in self._by_name.values():
            if other.prefix == bank.prefix:
                raise _taken("bank.prefix", other)
        self._check_free("bank.", "certificate_fingerprint", bank.certificate_fingerprint)
        self._check_free("bank.", "business_key", bank.business_key)
        if len(self._by_name) >= MAX_BANKS:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there are {MAX_BANKS} banks already")
        return None

    def _check_free(self, where: str, field: str, value: str | bytes) -> None:
        """Checks that no bank has or had this certificate or key: it is never given again."""
        for other in self._by_name.values():
            if value in other.every_fingerprint or value in other.every_key:
                raise _taken(where + field, other)

    def _admit(self, bank: AdmittedBank, in_transaction: InTransaction, by: Given) -> None:
        numbers = self._next_numbers(len(Purpose))
        admitted = replace(
            bank,
            index=len(self._by_name),
            suspended=False,
            accounts=BankAccounts.of(dict(zip(Purpose, numbers, strict=True))),
        )
        records = opening(numbers, self._clock.now_ms())
        records["digest"] = [opening_digest(bank.name.encode(), purpose) for purpose in Purpose]

        def body(connection: Connection, _: Answers) -> None:
            put_bank(connection, admitted, by)
            in_transaction(connection)

        self._ledger.submit(Batch(records, None, body))

    def _next_numbers(self, count: int) -> list[int]:
        """Numbers for further accounts. They are taken only when they are written in the same
        change.
        """
        given = (n for bank in self.all() for n in bank.accounts.by_purpose().values())
        first = max(given, default=accounts.FIRST_OF_BANKS - 1) + 1
        return list(range(first, first + count))

    def set_suspended(
        self, name: str, suspended: bool, in_transaction: InTransaction = nothing
    ) -> AdmittedBank:
        """Suspends or reinstates a bank; the next look at the bank sees it.

        Args:
            name: the bank's.
            suspended: whether it is to be suspended.
            in_transaction: further SQL for the same transaction.
        """
        statement = update(banks).where(banks.c.name == name).values(suspended=int(suspended))
        with self._remembered.change():
            self.get(name, "name")
            self._database.transaction(lambda c: (c.execute(statement), in_transaction(c)))
        return self._by_name[name]

    def require_active(self, peer: Identity | None) -> AdmittedBank:
        """The bank that calls, if it is admitted and not suspended.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, BANK_NOT_ADMITTED, BANK_SUSPENDED.
        """
        if peer is None or peer.role != "bank":
            raise Refusal(errors_pb2.REASON_ROLE_NOT_ALLOWED, "only banks may call this")
        bank = self._by_name.get(peer.name)
        if bank is None or peer.fingerprint not in bank.fingerprints(self._clock.now_ms()):
            raise Refusal(
                errors_pb2.REASON_BANK_NOT_ADMITTED,
                f"bank {peer.name!r} is not admitted with this certificate",
            )
        if bank.suspended:
            raise Refusal(errors_pb2.REASON_BANK_SUSPENDED, f"bank {peer.name!r} is suspended")
        return bank


def opening(numbers: list[int], now_ms: int, flags: int = 0) -> Records:
    """OPEN records, shape (len(numbers),), for accounts; opening one twice changes nothing."""
    return records_of(
        builders.opening(number, ledger=accounts.LEDGER, flags=flags, time_ms=now_ms)
        for number in numbers
    )


def _check(bank: AdmittedBank) -> None:
    text(bank.name, "bank.name", longest=16)
    if not _NAME.fullmatch(bank.name):
        raise invalid("bank.name", "has 2 to 16 lower-case letters, digits and hyphens")
    if bank.name == INSTITUTION:
        raise invalid("bank.name", "is not the central bank's own")
    if not _PREFIX.fullmatch(bank.prefix):
        raise invalid("bank.prefix", "has four digits")
    _check_fingerprint(bank.certificate_fingerprint, "bank.certificate_fingerprint")
    public_key(bank.business_key, "bank.business_key")
    if not _ADDRESS.fullmatch(bank.inner_address):
        raise invalid("bank.inner_address", "looks like host:port")


def _check_fingerprint(value: str, field: str) -> None:
    if not _FINGERPRINT.fullmatch(value):
        raise invalid(field, "is a SHA-256 in hexadecimal")


def _check_few(had: Sized) -> None:
    if len(had) >= MAX_BANK_CREDENTIALS:
        raise Refusal(errors_pb2.REASON_OVERLOADED, f"{MAX_BANK_CREDENTIALS} were given before")


def _taken(field: str, other: AdmittedBank) -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_EXISTS,
        f"{field} is, or was, bank {other.name!r}'s",
        field=field,
    )
