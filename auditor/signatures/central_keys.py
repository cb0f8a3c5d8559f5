"""Checks the central bank's keys, and what it signed with each while that key was its own.

The first key signed the founding record of its officers. The others come from acts of two officers,
and each was announced in a statement that a key of its time signed. So were the limits of wallets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.message import Message
from sqlalchemy import Engine

from auditor.signatures.acts import Approved
from auditor.signatures.bank_keys import ended, keys_of, renewed
from auditor.signatures.feed_tips import kept_tips
from auditor.signatures.key_rows import Given, KeyRows, Term
from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.policy import Announced
from auditor.signatures.verifying import Problems, Verifying
from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from language import _
from runtime.envelope import key_id
from settlement.records import record_digest

_RENEWAL, _PUBLICATION = "renew_central_key", "publish_policy"


class CentralTerms:
    """The central bank's keys and roots by the acts of its officers, compared with the tables.

    Attributes:
        problems: what is wrong with the tables.
        roots: the roots of offline money.
        policies: the limits of wallets that were announced, in order.
    """

    def __init__(
        self,
        rows: KeyRows,
        last: KeyRows,
        acts: list[Approved],
        verifying: Verifying,
    ) -> None:
        """Compares the rows with the acts.

        Args:
            rows: the rows that were the same before and after the acts were read.
            last: the rows after the acts were read.
            acts: that took effect, in order.
            verifying: verifies the signatures.
        """
        self.problems = Problems()
        self._verifying = verifying
        self._terms = [
            row.term._replace(until_ms=0, revoked=False) for row in rows.of_centre if not row.act
        ]
        wanted: dict[int, authentication_pb2.Announcement] = {}
        for act in filter(_is_announced, acts):
            wanted[act.number] = self._follow(act)
        for given in sorted(rows.of_centre):
            if given.term not in self._terms:
                self.problems.say(
                    _(
                        "table {table}, row business_key={value}: no act of two officers says this"
                    ).format(table=given.table, value=given.term.value.hex())
                )
        self._one_first(rows.of_centre)
        self._missing(_("central_keys, row business_key"), self._terms, last.of_centre)
        self._check_roots(rows, last, acts)
        for number, envelope in sorted(rows.told):
            where = _("table announcements, row act={number}").format(number=number)
            try:
                self._check_told(envelope, wanted.get(number), where)
            except Wrong as wrong:
                self.problems.say(f"{where}: {wrong}")
        self.policies = [*_policies(last.told)]
        for number in sorted(set(wanted) - {number for number, _rest in last.told}):
            self.problems.say(
                _("table announcements, row act={number} is missing").format(number=number)
            )

    def _missing(self, where: str, terms: Sequence[Term], last: frozenset[Given]) -> None:
        """Names terms by the acts that no row has."""
        there = {given.term.value for given in last}
        for term in terms:
            if term.value not in there:
                self.problems.say(
                    _("table {where}={value} is missing").format(
                        where=where, value=term.value.hex()
                    )
                )

    def _one_first(self, given: frozenset[Given]) -> None:
        """Names rows that come from no act if there are several: only the first key does."""
        first = sorted(row for row in given if not row.act)
        for row in first if len(first) > 1 else ():
            self.problems.say(
                _(
                    "table {table}, row {value}: {count} rows come from no act; only the first does"
                ).format(table=row.table, value=row.term.value.hex(), count=len(first))
            )

    def _check_roots(self, rows: KeyRows, last: KeyRows, acts: list[Approved]) -> None:
        """Compares the roots of offline money with the acts that announced and ended them."""
        terms = [row.term._replace(until_ms=0, revoked=False) for row in rows.roots if not row.act]
        for act in acts:
            if act.content.WhichOneof("kind") == "renew_offline_root":
                asked = act.content.renew_offline_root
                terms = renewed(terms, asked.root_key, asked.old_until_time_ms, act.time_ms)
        self.roots = terms
        self._one_first(rows.roots)
        self._missing(_("offline_roots, row root_key"), terms, last.roots)
        for given in sorted(rows.roots):
            if given.term not in terms:
                self.problems.say(
                    _(
                        "table {table}, row root_key={value}: no act of two officers says this"
                    ).format(table=given.table, value=given.term.value.hex())
                )

    def _follow(self, act: Approved) -> authentication_pb2.Announcement:
        """Applies an act to the keys, and returns what banks must be told about that."""
        kind = act.content.WhichOneof("kind")
        if kind == _PUBLICATION:
            return authentication_pb2.Announcement(
                number=act.number, from_time_ms=act.time_ms, policy=act.content.publish_policy
            )
        if kind != _RENEWAL:
            revoked = act.content.revoke_central_certificate.certificate_fingerprint
            return authentication_pb2.Announcement(
                number=act.number, from_time_ms=act.time_ms, revoked_certificates=[revoked]
            )
        asked = act.content.renew_central_key
        change = (asked.business_key, asked.old_until_time_ms, act.time_ms)
        ends = ended(self._terms, *change)
        self._terms = renewed(self._terms, *change)
        return authentication_pb2.Announcement(
            number=act.number,
            successor=asked.business_key,
            from_time_ms=act.time_ms,
            ended=[
                authentication_pb2.KeyEnd(
                    key=term.value, until_time_ms=term.until_ms, revoked=term.revoked
                )
                for term in ends
            ],
        )

    def check_tips(self, engine: Engine, bank: str) -> Problems:
        """Verifies the tips of its feed that a bank has kept, which the central bank signed."""
        problems = Problems()
        for number, envelope in kept_tips(engine):
            where = _("table feed_tips, row number={number}").format(number=number)
            try:
                self._check_tip(number, read(SignedEnvelope, envelope), bank, where, problems)
            except Wrong as wrong:
                problems.say(f"{where}: {wrong}")
        return problems

    def _check_tip(
        self, number: int, envelope: SignedEnvelope, bank: str, where: str, problems: Problems
    ) -> None:
        tip = read(registration_pb2.FeedTip, envelope.payload)
        same("bank", tip.bank, bank)
        same("number", tip.place.number, number)
        good = keys_of(self._terms, tip.signed_time_ms)
        self._verify(problems, where, registration_pb2.FeedTip, envelope, good)

    def _check_told(
        self, signed: bytes, wanted: authentication_pb2.Announcement | None, where: str
    ) -> None:
        envelope = read(SignedEnvelope, signed)
        told = read(authentication_pb2.Announcement, envelope.payload)
        if wanted is None:
            raise Wrong(_("no act of two officers is behind it"))
        same("number", told.number, wanted.number)
        same("successor", told.successor.hex(), wanted.successor.hex())
        same("time", told.from_time_ms, wanted.from_time_ms)
        same(_("keys that end"), _ends(told), _ends(wanted))
        revoked = ", ".join(wanted.revoked_certificates)
        same(_("revoked certificate"), ", ".join(told.revoked_certificates), revoked)
        if told.policy != wanted.policy:
            raise Wrong(_("it has other limits than two officers signed"))
        # Any key that had begun will do, even one that has ended: its successor may have been lost
        # before it was used.
        begun = [term.value for term in self._terms if term.from_ms <= told.from_time_ms]
        self._verify(self.problems, where, authentication_pb2.Announcement, envelope, begun)

    def _verify(
        self,
        problems: Problems,
        where: str,
        kind: type[Message],
        envelope: SignedEnvelope,
        good: Sequence[bytes],
    ) -> None:
        keys = [key for key in good if key_id(key) == envelope.key_id]
        if not keys:
            raise Wrong(_("it is by no key that the central bank had then"))
        self._verifying.add(
            problems,
            where,
            key=keys[0],
            kind=kind,
            payload=envelope.payload,
            signature=envelope.signature,
        )


def _ends(told: authentication_pb2.Announcement) -> str:
    """The ends of keys in a statement, sorted, in words."""
    ends = sorted((end.key.hex(), end.until_time_ms, end.revoked) for end in told.ended)
    return ", ".join(
        f"{key} {'revoked' if revoked else 'until'} {time_ms}" for key, time_ms, revoked in ends
    )


def _policies(told: frozenset[tuple[int, bytes]]) -> Iterator[Announced]:
    """The limits of wallets in what was announced; what cannot be read is named elsewhere."""
    for _number, signed in sorted(told):
        try:
            envelope = read(SignedEnvelope, signed)
            said = read(authentication_pb2.Announcement, envelope.payload)
        except Wrong:
            continue
        if said.HasField("policy"):
            digest = record_digest(envelope.payload)
            yield Announced(said.number, said.from_time_ms, digest, said.policy)


def _is_announced(act: Approved) -> bool:
    kinds = (_RENEWAL, _PUBLICATION, "revoke_central_certificate")
    return act.content.WhichOneof("kind") in kinds
