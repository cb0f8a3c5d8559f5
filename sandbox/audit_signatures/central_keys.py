"""What the central bank signed, by the key of its time; and when which key was the central bank's.

The first key signed the founding record of its officers. The others come from acts of two of them,
and each was announced in a statement that a key of its time signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from runtime.envelope import key_id
from sandbox.audit_signatures.acts import Approved
from sandbox.audit_signatures.bank_keys import covers, renewed
from sandbox.audit_signatures.feed_tips import kept_tips
from sandbox.audit_signatures.key_rows import KeyRows, Term
from sandbox.audit_signatures.orders import Wrong, read, same
from sandbox.audit_signatures.verifying import Problems, Verifying


class CentralTerms:
    """The central bank's keys by the acts of its officers, which the tables are held against."""

    def __init__(self, rows: KeyRows, acts: list[Approved], verifying: Verifying) -> None:
        """Holds the rows against the acts."""
        self.problems = Problems()
        self._verifying = verifying
        self._terms = [
            row.term._replace(until_ms=0, revoked=False) for row in rows.of_centre if not row.act
        ]
        wanted = {act.number: act for act in acts if _changes_key(act)}
        for act in sorted(wanted.values(), key=lambda act: (act.time_ms, act.number)):
            asked = act.content.renew_central_key
            until_ms = asked.old_until_time_ms
            self._terms = renewed(self._terms, asked.business_key, until_ms, act.time_ms)
        for given in sorted(rows.of_centre):
            if given.term not in self._terms:
                self.problems.say(
                    f"table {given.table}, row business_key={given.term.value.hex()}: no act of two"
                    " officers says this"
                )
        for number, envelope in sorted(rows.told):
            where = f"table key_successions, row act={number}"
            try:
                self._check_told(envelope, wanted.get(number), where)
            except Wrong as wrong:
                self.problems.say(f"{where}: {wrong}")

    def check_tips(self, engine: Engine, bank: str) -> Problems:
        """Verifies what a bank has kept of the central bank's word about its feed."""
        problems = Problems()
        for number, envelope in kept_tips(engine):
            where = f"table feed_tips, row number={number}"
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
        good = [term for term in self._terms if covers(term, tip.signed_time_ms)]
        self._verify(problems, where, "feed-tip/v1", envelope, good)

    def _check_told(self, signed: bytes, act: Approved | None, where: str) -> None:
        envelope = read(SignedEnvelope, signed)
        told = read(authentication_pb2.KeySuccession, envelope.payload)
        if act is None:
            raise Wrong("no act of two officers is behind it")
        successor = act.content.renew_central_key.business_key
        same("successor", told.successor.hex(), successor.hex())
        # By a key that was there before. It may have ended: its successor was lost before its use.
        begun = [term for term in self._terms if term.from_ms <= told.from_time_ms]
        self._verify(self.problems, where, "key-succession/v1", envelope, begun)

    def _verify(
        self,
        problems: Problems,
        where: str,
        tag: str,
        envelope: SignedEnvelope,
        terms: Sequence[Term],
    ) -> None:
        keys = [term.value for term in terms if key_id(term.value) == envelope.key_id]
        if not keys:
            raise Wrong("it is by no key that the central bank had then")
        self._verifying.add(
            problems,
            where,
            key=keys[0],
            tag=tag,
            payload=envelope.payload,
            signature=envelope.signature,
        )


def _changes_key(act: Approved) -> bool:
    return bool(act.content.WhichOneof("kind") == "renew_central_key")
