"""Reads and writes banks, their certificates and their keys in SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from central_bank.authentication.bank import AdmittedBank, ReplacedCertificate, ReplacedKey
from central_bank.authentication.tables import bank_certificates, bank_keys, banks
from central_bank.authentication.terms import Ending
from central_bank.ledger.accounts import BankAccounts
from central_bank.ledger.tables import accounts
from central_bank.registration.tables import put_backs

Rows = dict[int, list[Row[Any]]]


class Given(NamedTuple):
    """The act of officers by which a bank got something, and when; act 0 for none."""

    act: int
    time_ms: int


@dataclass(frozen=True)
class Renewal:
    """What replaces a bank's certificate or key.

    Attributes:
        name: the bank's.
        certificate_fingerprint: of a new TLS certificate, or "".
        business_key: a new one, or b"".
        offline_certificate: of the new key.
        old_until_time_ms: until when the replaced ones are good; 0 if they are revoked.
    """

    name: str
    certificate_fingerprint: str = ""
    business_key: bytes = b""
    offline_certificate: bytes = b""
    old_until_time_ms: int = 0

    @property
    def nothing_new(self) -> bool:
        """Whether it brings nothing new and only ends what was replaced before."""
        return not self.certificate_fingerprint and not self.business_key


def read_banks(connection: Connection) -> dict[str, AdmittedBank]:
    """All banks by name."""
    certificates, keys = _by_bank(connection, bank_certificates), _by_bank(connection, bank_keys)
    found = connection.execute(select(banks)).all()
    newest = select(put_backs.c.bank, func.max(put_backs.c.act)).group_by(put_backs.c.bank)
    incarnations = {bank: act for bank, act in connection.execute(newest)}
    numbers = _numbers(connection)
    return {
        row.name: replace(
            _bank(row, certificates[row.id], keys[row.id], incarnations.get(row.id, 0)),
            accounts=BankAccounts.of(numbers[row.id]),
        )
        for row in found
    }


def put_bank(connection: Connection, bank: AdmittedBank, by: Given) -> None:
    """Inserts a new bank, and which accounts are its own."""
    values = {
        "id": bank.index,
        "name": bank.name,
        "prefix": bank.prefix,
        "inner_address": bank.inner_address,
        "suspended": int(bank.suspended),
    }
    connection.execute(insert(banks).values(values))
    connection.execute(
        insert(accounts),
        [
            {"number": number, "owner": bank.index, "purpose": purpose}
            for purpose, number in bank.accounts.by_purpose().items()
        ],
    )
    _put_certificate(connection, bank.index, bank.certificate_fingerprint, by)
    _put_key(connection, bank.index, bank.business_key, bank.offline_certificate, by)


def renew_bank(
    connection: Connection,
    bank: AdmittedBank,
    renewal: Renewal,
    by: Given,
    shortened: Callable[[bytes], bytes],
) -> None:
    """Ends what is replaced, and inserts what replaces it.

    Args:
        connection: of the transaction.
        bank: as it was.
        renewal: what replaces what.
        by: the officers' act.
        shortened: turns a revoked key's offline certificate into the one that it has from now on.
    """
    if renewal.certificate_fingerprint or renewal.nothing_new:
        _end(connection, bank_certificates, bank, renewal, by.time_ms, lambda row: {})
    if renewal.business_key or renewal.nothing_new:

        def revoked(row: Row[Any]) -> dict[str, bytes]:
            return {"offline_certificate": shortened(bytes(row.offline_certificate))}

        _end(connection, bank_keys, bank, renewal, by.time_ms, revoked)
    if renewal.certificate_fingerprint:
        _put_certificate(connection, bank.index, renewal.certificate_fingerprint, by)
    if renewal.business_key:
        _put_key(connection, bank.index, renewal.business_key, renewal.offline_certificate, by)


def _end(
    connection: Connection,
    table: Table,
    bank: AdmittedBank,
    renewal: Renewal,
    now_ms: int,
    on_revoked: Callable[[Row[Any]], dict[str, bytes]],
) -> None:
    """Ends what is good, at the renewal's time; if nothing is new, ends what was replaced
    before.
    """
    (primary,) = table.primary_key.columns
    ending = Ending(renewal.old_until_time_ms, now_ms, renewal.nothing_new)
    rows = connection.execute(select(table).where(table.c.bank == bank.index)).all()
    for row in rows:
        end_ms = ending.end_of(row.until_time_ms, revoked=bool(row.revoked))
        if end_ms is None:
            continue
        values: dict[str, object] = {"until_time_ms": end_ms}
        if ending.revokes:
            values |= {"revoked": 1, **on_revoked(row)}
        same = primary == getattr(row, primary.name)
        connection.execute(update(table).where(same).values(values))


def _put_certificate(connection: Connection, bank: int, fingerprint: str, by: Given) -> None:
    row = {"fingerprint": fingerprint, **_term(bank, by)}
    connection.execute(insert(bank_certificates).values(row))


def _put_key(connection: Connection, bank: int, key: bytes, certificate: bytes, by: Given) -> None:
    row = {"business_key": key, "offline_certificate": certificate, **_term(bank, by)}
    connection.execute(insert(bank_keys).values(row))


def _term(bank: int, by: Given) -> dict[str, int]:
    return {
        "bank": bank,
        "act": by.act,
        "from_time_ms": by.time_ms,
        "until_time_ms": 0,
        "revoked": 0,
    }


def _numbers(connection: Connection) -> dict[int, dict[int, int]]:
    """The numbers of each bank's accounts by their purpose."""
    found: dict[int, dict[int, int]] = {}
    for row in connection.execute(select(accounts)):
        found.setdefault(row.owner, {})[row.purpose] = row.number
    return found


def _by_bank(connection: Connection, table: Table) -> Rows:
    """The rows of each bank: first the one without an end, then the others, newest first."""
    order = (table.c.until_time_ms != 0, table.c.from_time_ms.desc(), table.c.act.desc())
    found: Rows = {}
    for row in connection.execute(select(table).order_by(*order)):
        found.setdefault(row.bank, []).append(row)
    return found


def _bank(
    row: Row[Any], certificates: list[Row[Any]], keys: list[Row[Any]], incarnation: int
) -> AdmittedBank:
    return AdmittedBank(
        incarnation=incarnation,
        index=row.id,
        name=row.name,
        prefix=row.prefix,
        certificate_fingerprint=certificates[0].fingerprint,
        business_key=bytes(keys[0].business_key),
        inner_address=row.inner_address,
        suspended=bool(row.suspended),
        offline_certificate=bytes(keys[0].offline_certificate),
        replaced_certificates=tuple(
            ReplacedCertificate(
                old.from_time_ms, old.until_time_ms, bool(old.revoked), old.fingerprint
            )
            for old in certificates[1:]
        ),
        replaced_keys=tuple(
            ReplacedKey(
                old.from_time_ms,
                old.until_time_ms,
                bool(old.revoked),
                bytes(old.business_key),
                bytes(old.offline_certificate),
            )
            for old in keys[1:]
        ),
    )
