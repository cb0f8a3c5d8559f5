"""Turns what somebody shows who asks for a wallet into proofs, or refuses.

The telephone comes first: who has not shown that it is theirs is told nothing of anything else.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace

from currency.papers import one_document
from currency.proofs import Proof, class_of
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.customers.checks import IdentityChecks, Outcome
from operator_bank.customers.codes import PhoneCodes
from operator_bank.customers.person import Person
from runtime.checks import invalid, of_item
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.messages import read_payload
from runtime.shares import overloaded

_AGAIN_MS = 2_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says to be, and the code that came to their telephone.

    Attributes:
        key: of the wallet, 32 bytes.
        person: as they describe themselves; nothing of it is shown yet.
        code: "" for none.
    """

    key: bytes
    person: Person
    code: str

    @classmethod
    def of(cls, key: bytes, holder: bytes, digest: bytes, code: str) -> Claim:
        """Reads a Holder, which must be the one that the wallet's order has the digest of.

        Raises:
            Refusal: it is not, or something in it is out of bounds; it names the field.
        """
        said = _said(holder, digest)
        if not said.name and not said.phone:
            raise Refusal(
                errors_pb2.REASON_FIELD_MISSING,
                "give a telephone number, or a name with a document",
                field="holder.phone",
            )
        if said.HasField("document") and not said.name:
            raise Refusal(
                errors_pb2.REASON_FIELD_MISSING, "a document has a name", field="holder.name"
            )
        return cls(key, Person.of(said), code)

    @classmethod
    def more(cls, key: bytes, holder: bytes, digest: bytes, code: str) -> Claim:
        """As `of`, for somebody who is known: only what the bank does not know yet, or nothing."""
        if not holder and not digest:
            return cls(key, Person(), code)
        return cls(key, Person.of(_said(holder, digest)), code)


def _said(holder: bytes, digest: bytes) -> orders_pb2.Holder:
    """A Holder, read. Raises Refusal."""
    if not hmac.compare_digest(hashlib.sha256(holder).digest(), digest):
        raise invalid("holder", "is not the one that the order has the digest of")
    try:
        said = read_payload(orders_pb2.Holder, holder)
    except Refusal as refusal:
        raise of_item("holder", refusal) from None
    if said.name and said.name.isspace():
        raise invalid("holder.name", "has more than blanks")
    return said


class Proving:
    """Has what people show confirmed. Any thread may ask."""

    def __init__(self, checks: IdentityChecks, codes: PhoneCodes, clock: Clock) -> None:
        self._checks = checks
        self._codes = codes
        self._clock = clock

    def prove(self, claim: Claim) -> Person:
        """The person with what was shown and confirmed: enough for a wallet of some class.

        Raises:
            Refusal: PHONE_NOT_CONFIRMED, IDENTITY_NOT_CONFIRMED, or OVERLOADED while a check is
                under way.
        """
        person, now_ms = self._checks.completed(claim.person, claim.key), self._clock.now_ms()
        if self._checks.wants_codes:
            self._codes.check(person.phone, claim.key, claim.code)
        shown = Proof.PHONE | self._papers(person, Person(), now_ms)
        return person.showing(shown, now_ms, self._checks.name)

    def prove_more(self, known: Person, claim: Claim) -> Person:
        """A customer with what they show besides what they have shown.

        A telephone may be another one, by its code. A name that goes with a document, and the
        document itself, are changed at the counter.

        Raises:
            Refusal: as `prove`.
        """
        said, now_ms, shown = claim.person, self._clock.now_ms(), Proof(0)
        if said.phone:
            if self._checks.wants_codes:
                self._codes.check(said.phone, claim.key, claim.code)
            shown |= Proof.PHONE
        if known.document and (said.name, said.document) != ("", ""):
            same = said.name in ("", known.name) and one_document(
                said.document_kind, said.document
            ) in (one_document(0, ""), one_document(known.document_kind, known.document))
            if not same:
                raise not_confirmed()
        given = {
            name: value
            for name in ("name", "phone", "document_kind", "document", "account")
            if (value := getattr(said, name))
        }
        person = self._checks.completed(replace(known, **given), claim.key)
        shown |= self._papers(person, known, now_ms)
        return person.showing(shown, now_ms, self._checks.name)

    def _papers(self, person: Person, known: Person, now_ms: int) -> Proof:
        """Has the document and the account confirmed that are not known yet. Raises Refusal."""
        shown = Proof(0)
        # One that is known and not shown was withdrawn by officers, who alone take it again.
        if person.document and not known.document:
            self._confirmed(self._checks.document(person, now_ms))
            shown |= Proof.DOCUMENT
        if person.account != known.account:
            if Proof.DOCUMENT not in known.shown | shown:
                raise not_confirmed()
            self._confirmed(self._checks.account(person, now_ms))
            shown |= Proof.ACCOUNT
        return shown

    @staticmethod
    def _confirmed(outcome: Outcome) -> None:
        if outcome is Outcome.LATER:
            raise overloaded("what was shown is being checked: ask again for the same", _AGAIN_MS)
        if outcome is not Outcome.CONFIRMED:
            raise not_confirmed()


def not_confirmed() -> Refusal:
    """The refusal for whatever it is: a stranger learns nothing of whose papers are known here."""
    return Refusal(
        errors_pb2.REASON_IDENTITY_NOT_CONFIRMED,
        "what was shown of who the holder is could not be confirmed",
    )


def class_for(person: Person) -> int:
    """The class of wallet that a person has shown enough for."""
    return class_of(person.shown)
