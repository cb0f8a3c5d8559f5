"""Checks officers' acts: one proposed, another approved, both signed, and the act did that."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVarTuple

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, inspect, select, table

from auditor.signatures.act_chain import ActChain, chain_table
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.rights import RIGHT_OF, SKEW_MS, Held, Rights, officers_table
from auditor.signatures.verifying import Problems, Verifying
from dcep.office.v1 import office_pb2
from language import _
from officers.signing import digest_of

Ts = TypeVarTuple("Ts")

_ACTS = (
    "id", "act_id", "digest", "kind", "proposer", "proposal", "proposal_signature",
    "proposed_time_ms", "expires_time_ms", "state", "decider", "decision", "decision_signature",
    "decided_time_ms", "position", "reason",
)  # fmt: skip
_acts = table("officer_acts", *map(column, _ACTS))
_credentials = table("officer_credentials", *map(column, Held._fields))
_founding = table("officer_founding", *map(column, ("payload", "signature", "time_ms")))
_APPROVED = office_pb2.ACT_STATE_APPROVED
_DECIDED: dict[int, type[office_pb2.OfficerApproval | office_pb2.OfficerRejection]] = {
    _APPROVED: office_pb2.OfficerApproval,
    office_pb2.ACT_STATE_REFUSED: office_pb2.OfficerApproval,
    office_pb2.ACT_STATE_REJECTED: office_pb2.OfficerRejection,
}
"""What a checker signs for an act to end in this state."""


class Approved(NamedTuple):
    """An act that took effect, its number, and when."""

    number: int
    time_ms: int
    content: office_pb2.OfficerAct
    decider: str
    digest: int
    """The digest in the records that it made."""
    position: int = 0
    """Of its record in the journal; 0 for none."""


MOST_ALONG = 100
"""Sub-wallets of one wallet, closed ones too."""


class ActsDone:
    """The acts of one institution, each verified once; records can be compared with them."""

    def __init__(
        self,
        engine: Engine,
        institution: str,
        verifying: Verifying,
        *,
        business_keys: Sequence[bytes] = (),
    ) -> None:
        """Reads and verifies the acts.

        Args:
            engine: the institution's database.
            institution: its name.
            verifying: verifies the signatures.
            business_keys: one of them must have signed the founding record; when there are none
                that is not checked.
        """
        self.problems = Problems()
        self.approved: list[Approved] = []
        self.founding_machines: dict[str, bytes] = {}
        """Keys of a bank's first cash machines, by name."""
        self._institution = institution
        self._verifying = verifying
        self._good: set[int] = set()
        self.chain = ActChain(institution, None, (), (), self.problems)
        self._rights = Rights((), 0)
        self._by_position: dict[int, tuple[int, bytes, office_pb2.OfficerAct]] = {}
        if not inspect(engine).has_table(_acts.name):
            self.problems.say(_("table {acts} is missing").format(acts=_acts.name))
            return
        found = _consistent(engine)
        self.chain = ActChain(institution, found.founding, found.acts, found.links, self.problems)
        self._named(
            _("table {founding}").format(founding=_founding.name),
            self._founded,
            found.founding,
            business_keys,
        )
        for step in self.chain.steps:
            where = _("table {acts}, row id={id}").format(acts=_acts.name, id=step.act.id)
            self._named(where, self._ended if step.ended else self._proposed, step.act, where)
        self._rights.check_rows(found.people, found.credentials, self.problems)

    def keys_at(self, officer: str, time_ms: int) -> list[bytes]:
        """The keys that an officer had at a time."""
        return self._rights.ever(officer, time_ms)

    def _named(self, where: str, check: Callable[[*Ts], None], *arguments: *Ts) -> None:
        try:
            check(*arguments)
        except Wrong as wrong:
            self.problems.say(f"{where}: {wrong}")

    def _proposed(self, row: Row[Any], _where: str) -> None:
        proposal = bytes(row.proposal)
        act = read(office_pb2.OfficerAct, proposal)
        same("institution", act.institution, self._institution)
        same("proposer", act.officer, row.proposer)
        same("kind", act.WhichOneof("kind"), row.kind)
        same("id", act.act_id, row.act_id)
        same("digest", digest_of(proposal).hex(), bytes(row.digest).hex())
        same("end", act.expires_time_ms, row.expires_time_ms)
        self._signed(row, row.proposer, office_pb2.OfficerAct, "proposal", row.proposed_time_ms)
        _in_its_time("proposed", row.proposed_time_ms, act)
        self._good.add(row.id)

    def _ended(self, row: Row[Any], where: str) -> None:
        kind = _DECIDED.get(row.state)
        if kind is None or (row.state != _APPROVED and not row.decider):
            return  # time, another party, or something that befell its proposer ended it
        act = read(office_pb2.OfficerAct, bytes(row.proposal))
        decision = read(kind, bytes(row.decision))
        same("act", decision.act_id, act.act_id)
        same("digest", decision.act_digest.hex(), digest_of(bytes(row.proposal)).hex())
        same("checker", decision.officer, row.decider)
        if row.decider == row.proposer and kind is office_pb2.OfficerApproval:
            raise Wrong(_("one officer proposed and approved it"))
        self._signed(row, row.decider, kind, "decision", row.decided_time_ms)
        _in_its_time("decided", row.decided_time_ms, act)
        _in_its_time("decided", row.decided_time_ms, decision)
        if row.state == _APPROVED and row.id in self._good:
            self._took(row, act, where)

    def _took(self, row: Row[Any], act: office_pb2.OfficerAct, where: str) -> None:
        """Takes an act that took effect, after both signatures were verified."""
        right = RIGHT_OF.get(row.kind)
        for name in (row.proposer, row.decider):
            if not self._rights.has(name, right):
                wanted = _("a known right") if right is None else office_pb2.Right.Name(right)
                self.problems.say(
                    _("{where}: {name} had not {wanted} then").format(
                        where=where, name=name, wanted=wanted
                    )
                )
        digest = int.from_bytes(digest_of(bytes(row.proposal))[:8], "little")
        self._rights.heed(row.id, row.decided_time_ms, act)
        self.approved.append(
            Approved(row.id, row.decided_time_ms, act, row.decider, digest, row.position)
        )
        if row.position:
            self._by_position[row.position] = row.id, bytes(row.proposal), act

    def _signed(
        self, row: Row[Any], officer: str, kind: type[Message], name: str, time_ms: int
    ) -> None:
        payload = bytes(getattr(row, name))
        signature = bytes(getattr(row, f"{name}_signature"))
        keys = self._rights.keys(officer, time_ms)
        if not self._verifying.now(keys, [kind], payload, signature):
            raise Wrong(
                _("the {name} is not signed by a key that {officer} had then").format(
                    name=name, officer=officer
                )
            )

    def _founded(self, founding: Row[Any] | None, business_keys: Sequence[bytes]) -> None:
        """Takes the first officers from the founding record, which the business key signed."""
        if founding is None:
            raise Wrong(_("the founding record is missing"))
        payload = bytes(founding.payload)
        record = read(office_pb2.FoundingRecord, payload)
        same("institution", record.institution, self._institution)
        self._rights = Rights(record.officers, founding.time_ms)
        self.founding_machines = {m.name: m.public_key for m in record.cash_machines}
        if business_keys and not self._verifying.now(
            business_keys, [office_pb2.FoundingRecord], payload, bytes(founding.signature)
        ):
            raise Wrong(_("the founding record is not signed by the institution's business key"))

    def took_effect(self, line: Line, kind: str, **asked: object) -> Any:
        """Checks that a record is what an act asked for.

        Args:
            line: the record.
            kind: the act's kind.
            asked: fields of the act, with the values that the record has for them.

        Returns:
            The act's content.

        Raises:
            Wrong: there is no such act, or it says something else.
        """
        found = self._by_position.get(line.position)
        if found is None:
            raise Wrong(_("no act of two officers is behind it"))
        number, proposal, act = found
        same("kind", act.WhichOneof("kind"), kind)
        digest = int.from_bytes(hashlib.sha256(proposal).digest()[:8], "little")
        same("digest", digest, line.digest)
        if "number" in asked:
            same("number", number, asked.pop("number"))
        content = getattr(act, kind)
        for name, recorded in asked.items():
            said = getattr(content, name)
            if name == "wallet_number" and not said and kind == "pay_suspense":
                continue  # the act names no wallet: the money goes to the one it was meant for
            same(name, said, recorded)
        return content

    def along(self, line: Line, kind: str, *, wallet_number: str) -> bool:
        """Whether a record stands beside the record of an act about a wallet, and has its digest:
        the same was done with a sub-wallet of it.
        """
        for place in range(line.position - MOST_ALONG, line.position):
            found = self._by_position.get(place)
            if found is None or found[2].WhichOneof("kind") != kind:
                continue
            _number, proposal, act = found
            digest = int.from_bytes(hashlib.sha256(proposal).digest()[:8], "little")
            if digest == line.digest and getattr(act, kind).wallet_number == wallet_number:
                return True
        return False


def _in_its_time(what: str, time_ms: int, statement: Any) -> None:
    """Raises Wrong unless a time in the table lies in the term that was signed.

    Which keys and rights an officer had is judged by that time.
    """
    first, last = statement.created_time_ms, statement.expires_time_ms
    if not first - SKEW_MS <= time_ms <= last + SKEW_MS:
        raise Wrong(
            _("it was {what} at {time_ms}, and signed for {first} to {last}").format(
                what=what, time_ms=time_ms, first=first, last=last
            )
        )


class _Found(NamedTuple):
    """The rows of the tables of officers."""

    acts: Sequence[Row[Any]]
    links: Sequence[Row[Any]]
    credentials: Sequence[Row[Any]]
    founding: Row[Any] | None
    people: Sequence[Row[Any]]


def _consistent(engine: Engine) -> _Found:
    """Reads the tables in one transaction, so that they fit together while officers go on."""
    with engine.connect() as connection:
        links = connection.execute(select(chain_table).order_by(chain_table.c.number)).all()
        rows = connection.execute(select(_acts).order_by(_acts.c.id)).all()
        credentials = connection.execute(select(_credentials)).all()
        founding = connection.execute(select(_founding)).first()
        people = connection.execute(select(officers_table)).all()
    return _Found(rows, links, credentials, founding, people)
