"""The tables of keys and certificates at the central bank, as they stand while it may be running.

They are read before the acts of officers and once more afterwards. What stood in them both times
has to follow from the acts; what an act has just changed is left to the next audit.
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
_told = table("key_successions", column("act"), column("envelope"))


class Term(NamedTuple):
    """A key, or a certificate's fingerprint, and when it was good; an end of 0 is none."""

    value: bytes
    from_ms: int
    until_ms: int
    revoked: bool


class Given(NamedTuple):
    """A row: whose, by which act, in which table."""

    table: str
    bank: int
    act: int
    term: Term


class KeyRows(NamedTuple):
    """The rows.

    Attributes:
        of_banks: keys and certificates.
        of_centre: the central bank's own keys.
        roots: of offline money.
        told: what it announced of them: (act, envelope).
    """

    of_banks: frozenset[Given]
    of_centre: frozenset[Given]
    roots: frozenset[Given]
    told: frozenset[tuple[int, bytes]]

    @classmethod
    def read(cls, engine: Engine) -> Self:
        """What stands there now."""
        with engine.connect() as connection:
            keys = _rows(connection, _keys, KEYS, "business_key")
            certificates = _rows(connection, _certificates, CERTIFICATES, "fingerprint")
            central = _rows(connection, _central, _central.name, "business_key")
            roots = _rows(connection, _roots, _roots.name, "root_key")
            told = connection.execute(select(_told)).all()
        rows = frozenset((row.act, bytes(row.envelope)) for row in told)
        return cls(keys | certificates, central, roots, rows)

    def also_in(self, other: Self) -> Self:
        """What stands in both."""
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
