"""When which business key was a bank's: by the acts of officers, with which the table has to agree.

A key signs for its bank from the act that gave it until the one that replaced it says. What stands
in the table is derived; so whoever writes a key into it, or an end out of it, is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

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
            new = act.content.admit_bank
            found.setdefault(new.name, [Term(new.business_key, act.time_ms, 0, False)])
        elif kind == "renew_bank":
            asked = act.content.renew_bank
            if asked.business_key or not asked.certificate_fingerprint:
                key, until_ms = asked.business_key, asked.old_until_time_ms
                before = found.get(asked.name, [])
                found[asked.name] = renewed(before, key, until_ms, act.time_ms)
    return found


def renewed(before: list[Term], key: bytes, old_until_ms: int, now_ms: int) -> list[Term]:
    """What a new key makes of those before: the good ones end; without one, the replaced ones.

    Args:
        old_until_ms: when; 0: at once, and they are revoked.
    """
    until_ms = max(old_until_ms, now_ms)
    after: list[Term] = []
    for term in before:
        spared = 0 < term.until_ms <= now_ms if key else term.until_ms == 0
        if term.revoked or spared:
            after.append(term)
            continue
        end_ms = min(term.until_ms or until_ms, until_ms)
        after.append(Term(term.key, term.from_ms, end_ms, not old_until_ms))
    return [*after, Term(key, now_ms, 0, False)] if key else after


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
