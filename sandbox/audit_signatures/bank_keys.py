"""When which business key was a bank's: by the acts of officers, with which the table has to agree.

A key signs for its bank from the act that gave it until the one that replaced it says. What stands
in the table is derived; so whoever writes a key into it, or an end out of it, is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine, column, select, table

from sandbox.audit_signatures.acts import Approved
from sandbox.audit_signatures.verifying import Problems

LATE_MS = 60_000
"""A batch is settled so long after its signature was verified, at most: other banks are asked."""

_COLUMNS = ("business_key", "bank", "from_time_ms", "until_time_ms", "revoked")
_keys = table("bank_keys", *map(column, _COLUMNS))


class Term(NamedTuple):
    """A key of a bank and when it was good; an end of 0 is none."""

    key: bytes
    from_ms: int
    until_ms: int
    revoked: bool

    def covers(self, time_ms: int) -> bool:
        """Whether something that was journaled then may have been signed by it."""
        begun = self.from_ms <= time_ms + LATE_MS
        return begun and (not self.until_ms or time_ms <= self.until_ms + LATE_MS)


def terms_of(acts: Iterable[Approved]) -> dict[str, list[Term]]:
    """The keys of each bank by name, as the approved acts of officers say."""
    found: dict[str, list[Term]] = {}
    for act in sorted(acts, key=lambda act: (act.time_ms, act.number)):
        kind = act.content.WhichOneof("kind")
        if kind == "admit_bank":
            asked = act.content.admit_bank
            first = [Term(asked.business_key, act.time_ms, 0, False)]
            found.setdefault(asked.name, first)
        elif kind == "renew_bank":
            renewed = act.content.renew_bank
            found[renewed.name] = _renewed(found.get(renewed.name, []), renewed, act.time_ms)
    return found


def _renewed(before: list[Term], asked: Any, now_ms: int) -> list[Term]:
    """What a renewal makes of a bank's terms."""
    nothing_new = not asked.business_key and not asked.certificate_fingerprint
    if not asked.business_key and not nothing_new:
        return before
    until_ms = max(asked.old_until_time_ms, now_ms)
    after: list[Term] = []
    for term in before:
        ended = 0 < term.until_ms <= now_ms
        if not term.revoked and not (term.until_ms == 0 if nothing_new else ended):
            end_ms = min(term.until_ms or until_ms, until_ms)
            term = term._replace(until_ms=end_ms, revoked=not asked.old_until_time_ms)
        after.append(term)
    if asked.business_key:
        after.append(Term(asked.business_key, now_ms, 0, False))
    return after


def compare(
    engine: Engine,
    names: Mapping[int, str],
    terms: Mapping[str, list[Term]],
    problems: Problems,
) -> None:
    """Names each row of the table that the acts do not say."""
    said = {(name, *term) for name, found in terms.items() for term in found}
    with engine.connect() as connection:
        rows = connection.execute(select(_keys)).all()
    stand = {
        (
            names.get(row.bank, ""),
            bytes(row.business_key),
            row.from_time_ms,
            row.until_time_ms,
            bool(row.revoked),
        )
        for row in rows
    }
    for name, key, *_ in sorted(stand - said):
        problems.say(
            f"table bank_keys, row business_key={key.hex()}: no act of two officers says this of"
            f" bank {name}"
        )
    for name, key, *_ in sorted(said - stand):
        if not any(key == other for _, other, *_ in stand):
            problems.say(f"table bank_keys: bank {name}'s key {key.hex()} is missing")
