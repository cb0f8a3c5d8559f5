"""Reads the central bank's tables of keys and certificates, while it may be running.

They are read before the acts of officers, and again afterwards. Rows that were there both times
must follow from the acts; what an act has just changed is left to the next audit.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from sqlalchemy import Connection, Engine, column, select, table

_TERM = ("act", "from_time_ms", "until_time_ms", "revoked")
KEYS, CERTIFICATES = "bank_keys", "bank_certificates"
_keys = table(KEYS, column("business_key"), column("bank"), *map(column, _TERM))
_certificates = table(CERTIFICATES, column("fingerprint"), column("bank"), *map(column, _TERM))
_central = table("central_keys", column("business_key"), *map(column, _TERM))
_roots = table("offline_roots", column("root_key"), *map(column, _TERM))
_told = table("announcements", column("act"), column("envelope"))


class Term(NamedTuple):
    """A key, or a certificate's fingerprint, and when it was good; `until_ms` 0: no end."""

    value: bytes
    from_ms: int
    until_ms: int
    revoked: bool


class Given(NamedTuple):
    """A row: its table, its bank (-1: none), the act that gave it (0: none), and its term."""

    table: str
    bank: int
    act: int
    term: Term


class KeyRows(NamedTuple):
    """The rows of all these tables.

    Attributes:
        of_banks: the banks' keys and certificates.
        of_centre: the central bank's own keys.
        roots: the roots of offline money.
        told: (act, signed envelope) of what the central bank announced.
    """

    of_banks: frozenset[Given]
    of_centre: frozenset[Given]
    roots: frozenset[Given]
    told: frozenset[tuple[int, bytes]]

    @classmethod
    def read(cls, engine: Engine) -> Self:
        """Reads them as they are now."""
        with engine.connect() as connection:
            keys = _rows(connection, _keys, KEYS, "business_key")
            certificates = _rows(connection, _certificates, CERTIFICATES, "fingerprint")
            central = _rows(connection, _central, _central.name, "business_key")
            roots = _rows(connection, _roots, _roots.name, "root_key")
            told = connection.execute(select(_told)).all()
        rows = frozenset((row.act, bytes(row.envelope)) for row in told)
        return cls(keys | certificates, central, roots, rows)

    def also_in(self, other: Self) -> Self:
        """The rows that are in both."""
        both = (mine & theirs for mine, theirs in zip(self, other, strict=True))
        return type(self)(*both)  # type: ignore[arg-type]


def _rows(connection: Connection, wanted: object, name: str, value: str) -> frozenset[Given]:
    found = connection.execute(select(wanted)).all()  # type: ignore[call-overload]
    rows = []
    for row in found:
        held = getattr(row, value)
        term = Term(
            held.encode() if isinstance(held, str) else bytes(held),
            row.from_time_ms,
            row.until_time_ms,
            bool(row.revoked),
        )
        rows.append(Given(name, getattr(row, "bank", -1), row.act, term))
    return frozenset(rows)
