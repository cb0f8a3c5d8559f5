"""Says when which business key was a bank's, by the acts of officers, and compares the tables.

A key may sign for its bank from the act that gave it to the time that the act which replaced it
says. The tables follow from the acts. So a key that was written into a table, or an end that was
taken out of it, is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.signatures.acts import Approved
from auditor.signatures.key_rows import CERTIFICATES, KEYS, Given, Term
from auditor.signatures.verifying import Problems, Verifying
from dcep.office.v1 import office_pb2
from language import _
from offline_token.formats import Token
from offline_token.ruling import Ruling
from runtime.envelope import possessed

LATE_MS = 60_000
"""A batch is settled at most so long after its signature was verified: other banks are asked."""

Terms = dict[str, list[Term]]


def covers(term: Term, time_ms: int) -> bool:
    """Whether a key may have signed something that was journaled at a time."""
    begun = term.from_ms <= time_ms + LATE_MS
    return begun and (not term.until_ms or time_ms <= term.until_ms + LATE_MS)


def keys_of(terms: Iterable[Term], time_ms: int) -> list[bytes]:
    """The keys of one owner, or roots, that may have signed something that says this time.

    A clock may have been set back: to before the first key, to before the newest, which signs
    whatever the time, or after a key had ended. So a key that is not revoked counts for times
    before its own, too. When no key covers the time, all keys that are not revoked count.
    """
    every = list(terms)
    good = [term for term in every if not term.revoked]
    of_then = [term for term in every if covers(term, time_ms)]
    later = [term for term in good if term.from_ms > time_ms + LATE_MS] if of_then else good
    return [term.value for term in (*of_then, *later)]


def check_root(
    verifying: Verifying,
    problems: Problems,
    where: str,
    roots: Iterable[Term],
    signed: Token | Ruling,
    time_ms: int,
) -> None:
    """Has it verified that a root of offline money signed something.

    Args:
        verifying: verifies the signature.
        problems: gets a sentence if no root did.
        where: the place, as the beginning of that sentence.
        roots: all that there are.
        signed: what must be signed.
        time_ms: the time that it says.
    """
    keys = keys_of(roots, time_ms)
    if not keys:
        problems.say(
            _("{where}: no root of offline money of its time has signed it").format(where=where)
        )
        return
    verifying.add_part(
        problems,
        where,
        key=keys[0],
        others=keys[1:],
        signed_part=signed.signed_part(),
        signature=signed.signature,
    )


def terms_of(acts: Iterable[Approved], what: str) -> Terms:
    """The terms of each bank's keys or certificates, by the bank's name.

    Args:
        acts: that took effect, in order.
        what: KEYS or CERTIFICATES.
    """
    found: Terms = {}
    for act in acts:
        kind = act.content.WhichOneof("kind")
        if kind == "admit_bank":
            new = act.content.admit_bank
            found.setdefault(new.name, [Term(_value(new, what), act.time_ms, 0, False)])
        elif kind == "renew_bank":
            asked = act.content.renew_bank
            value, before = _value(asked, what), found.get(asked.name, [])
            if value or not (asked.business_key or asked.certificate_fingerprint):
                until_ms = asked.old_until_time_ms
                found[asked.name] = renewed(before, value, until_ms, act.time_ms)
    return found


def _value(asked: office_pb2.RenewBank, what: str) -> bytes:
    if what == KEYS:
        return bytes(asked.business_key)
    return str(asked.certificate_fingerprint).encode()


def renewed(before: list[Term], value: bytes, old_until_ms: int, now_ms: int) -> list[Term]:
    """The terms after a renewal: those before, some of which end by it, and the new one.

    Args:
        before: the terms until now.
        value: the new key; empty: there is none, and keys that were replaced before end now.
        old_until_ms: when they end; 0: at once, and they are revoked.
        now_ms: when the act took effect.
    """
    ends = {term.value: term for term in ended(before, value, old_until_ms, now_ms)}
    after = [ends.get(term.value, term) for term in before]
    return [*after, Term(value, now_ms, 0, False)] if value else after


def ended(before: list[Term], value: bytes, old_until_ms: int, now_ms: int) -> list[Term]:
    """The terms that end by a renewal, with their new ends; it takes what `renewed` takes."""
    until_ms = max(old_until_ms, now_ms)
    found = []
    for term in before:
        spared = 0 < term.until_ms <= now_ms if value else term.until_ms == 0
        if not (term.revoked or spared):
            end_ms = min(term.until_ms or until_ms, until_ms)
            found.append(Term(term.value, term.from_ms, end_ms, not old_until_ms))
    return found


def check_possession(acts: Iterable[Approved], problems: Problems) -> None:
    """Names acts that gave a bank a key without its proof of possession as that bank's key."""
    for act in acts:
        kind = act.content.WhichOneof("kind")
        if kind not in ("admit_bank", "renew_bank"):
            continue
        asked = getattr(act.content, kind)
        key = asked.business_key
        if key and not possessed(key, asked.name, asked.proof):
            problems.say(
                _(
                    "table officer_acts, row id={number}: key {key} has not signed for itself "
                    "as a key of {asked}"
                ).format(number=act.number, key=key.hex(), asked=asked.name)
            )


def compare(
    rows: Iterable[Given],
    names: Mapping[int, str],
    terms: Mapping[str, Terms],
    last: Iterable[Given],
    problems: Problems,
) -> None:
    """Names each row that does not follow from the acts, and each that is missing.

    Args:
        rows: the rows that were the same before and after the acts were read.
        names: of the banks, by their ids.
        terms: by table, what follows from the acts.
        last: the rows after the acts were read.
        problems: gets a sentence for each.
    """
    there = {(row.table, names.get(row.bank, ""), row.term.value) for row in last}
    for table, of_banks in terms.items():
        wanted = {(table, bank, term.value) for bank, given in of_banks.items() for term in given}
        for _first, bank, value in sorted(wanted - there):
            problems.say(
                _("table {table}, row {named} of bank {bank} is missing").format(
                    table=table, named=_named(table, value), bank=bank
                )
            )
    for row in sorted(rows):
        name = names.get(row.bank, "")
        if row.term not in terms[row.table].get(name, []):
            problems.say(
                _(
                    "table {table}, row {named}: no act of two officers says this of bank {name}"
                ).format(table=row.table, named=_named(row.table, row.term.value), name=name)
            )


def _named(table: str, value: bytes) -> str:
    if table == CERTIFICATES:
        return f"fingerprint={value.decode('ascii', 'replace')}"
    return f"business_key={value.hex()}"
