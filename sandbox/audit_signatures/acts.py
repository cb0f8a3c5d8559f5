"""Officers' acts: proposed by one, approved by another, both signed; each did what it said."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, column, inspect, select, table

from dcep.office.v1 import office_pb2
from officers.signing import ACT_TAG, APPROVAL_TAG, FOUNDING_TAG, digest_of
from sandbox.audit_signatures.orders import Line, Wrong, read, same
from sandbox.audit_signatures.rights import Rights, read_officers
from sandbox.audit_signatures.verifying import Problems, Verifying

_ACTS = (
    "id", "kind", "proposer", "proposal", "proposal_signature", "proposed_time_ms", "state",
    "decider", "decision", "decision_signature", "decided_time_ms", "position",
)  # fmt: skip
_acts = table("officer_acts", *map(column, _ACTS))
_credentials = table(
    "officer_credentials",
    *map(
        column,
        ("fingerprint", "signing_key", "officer", "registered_by", "from_time_ms", "until_time_ms"),
    ),
)
_founding = table("officer_founding", *map(column, ("payload", "signature")))
_APPROVED = office_pb2.ACT_STATE_APPROVED
_SKEW_MS = 300_000
"""How far an officer's clock may be from the institution's."""


class _Key(NamedTuple):
    """A key of an officer and when it was good."""

    key: bytes
    from_ms: int
    until_ms: int


class Approved(NamedTuple):
    """An act that took effect, its number, and when."""

    number: int
    time_ms: int
    content: office_pb2.OfficerAct
    decider: str


class ActsDone:
    """The acts of one institution, each verified once; records are held against them."""

    def __init__(
        self,
        engine: Engine,
        institution: str,
        verifying: Verifying,
        *,
        business_keys: Sequence[bytes] = (),
    ) -> None:
        """Reads and verifies them.

        Args:
            engine: the institution's database.
            institution: its name.
            verifying: takes the signatures.
            business_keys: by one of which the founding record must be signed; none where they are
                not known.
        """
        self.problems = Problems()
        self.approved: list[Approved] = []
        self._institution = institution
        self._verifying = verifying
        self._by_position: dict[int, tuple[int, bytes, office_pb2.OfficerAct]] = {}
        self._by_number: dict[int, office_pb2.OfficerAct] = {}
        self._keys: dict[str, list[_Key]] = {}
        self._founders: list[office_pb2.RegisterOfficer] = []
        if not inspect(engine).has_table(_acts.name):
            self.problems.say(f"table {_acts.name} is missing")
            return
        rows, credentials, founding, people = _consistent(engine)
        for row in credentials:
            self._keys.setdefault(row.officer, []).append(
                _Key(bytes(row.signing_key), row.from_time_ms, row.until_time_ms)
            )
        for row in rows:
            self._named(f"table {_acts.name}, row id={row.id}", self._read, row)
        self._named(f"table {_founding.name}", self._founded, founding, credentials, business_keys)
        rights = Rights(self._founders, self.approved)
        rights.check_acts(self.problems)
        rights.check_rows(people, self.problems)

    def _named(self, where: str, check: Any, *arguments: Any) -> None:
        try:
            check(*arguments)
        except Wrong as wrong:
            self.problems.say(f"{where}: {wrong}")

    def _read(self, row: Any) -> None:
        proposal = bytes(row.proposal)
        act = read(office_pb2.OfficerAct, proposal)
        same("institution", act.institution, self._institution)
        same("proposer", act.officer, row.proposer)
        same("kind", act.WhichOneof("kind"), row.kind)
        self._signed(row, row.proposer, ACT_TAG, "proposal", row.proposed_time_ms)
        _in_its_time("proposed", row.proposed_time_ms, act)
        if row.state != _APPROVED:
            return
        decision = read(office_pb2.OfficerDecision, bytes(row.decision))
        same("act", decision.act_id, act.act_id)
        same("digest", decision.act_digest.hex(), digest_of(proposal).hex())
        same("checker", decision.officer, row.decider)
        if row.decider == row.proposer:
            raise Wrong("one officer proposed and approved it")
        self._signed(row, row.decider, APPROVAL_TAG, "decision", row.decided_time_ms)
        _in_its_time("decided", row.decided_time_ms, act)
        _in_its_time("decided", row.decided_time_ms, decision)
        self._by_number[row.id] = act
        self.approved.append(Approved(row.id, row.decided_time_ms, act, row.decider))
        if row.position:
            self._by_position[row.position] = row.id, proposal, act

    def _signed(self, row: Any, officer: str, tag: str, name: str, time_ms: int) -> None:
        payload = bytes(getattr(row, name))
        signature = bytes(getattr(row, f"{name}_signature"))
        keys = [
            known.key
            for known in self._keys.get(officer, [])
            if known.from_ms <= time_ms + _SKEW_MS
            and (not known.until_ms or time_ms <= known.until_ms + _SKEW_MS)
        ]
        if not self._verifying.now(keys, [tag], payload, signature):
            raise Wrong(f"the {name} is not signed by a key that {officer} had then")

    def _founded(
        self, founding: Any, credentials: Sequence[Any], business_keys: Sequence[bytes]
    ) -> None:
        """That each officer's key comes from the founding or from an act."""
        if founding is not None:
            payload = bytes(founding.payload)
            record = read(office_pb2.FoundingRecord, payload)
            same("institution", record.institution, self._institution)
            self._founders = list(record.officers)
            if business_keys and not self._verifying.now(
                business_keys, [FOUNDING_TAG], payload, bytes(founding.signature)
            ):
                raise Wrong("the founding record is not signed by the institution's business key")
        had: set[tuple[str, str | bytes]] = set()
        for row in sorted(credentials, key=lambda row: row.registered_by):
            key, fingerprint = bytes(row.signing_key), row.fingerprint
            known: Sequence[Any] = self._founders
            if row.registered_by:
                act = self._by_number.get(row.registered_by, office_pb2.OfficerAct())
                known = [act.register_officer, act.renew_officer]
            mine = [one for one in known if one.name == row.officer]
            if not any(_gives(one, "signing_key", key, had) for one in mine):
                raise Wrong(
                    f"officer {row.officer} has a key, {key.hex()}, that neither the founding nor"
                    " an act of two gave"
                )
            if not any(_gives(one, "certificate_fingerprint", fingerprint, had) for one in mine):
                raise Wrong(
                    f"officer {row.officer} has a certificate, {fingerprint}, that neither the"
                    " founding nor an act of two gave"
                )
            had |= {(row.officer, key), (row.officer, fingerprint)}

    def took_effect(self, line: Line, kind: str, **asked: Any) -> None:
        """That a record is what an act asked for.

        Args:
            line: the record.
            kind: of the act.
            asked: fields of the act and what the record makes of them.

        Raises:
            Wrong: there is no such act, or it says something else.
        """
        found = self._by_position.get(line.position)
        if found is None:
            raise Wrong("no act of two officers is behind it")
        number, proposal, act = found
        same("kind", act.WhichOneof("kind"), kind)
        digest = int.from_bytes(hashlib.sha256(proposal).digest()[:8], "little")
        same("digest", digest, line.digest)
        if "number" in asked:
            same("number", number, asked.pop("number"))
        content = getattr(act, kind)
        for name, recorded in asked.items():
            said = getattr(content, name)
            if name == "wallet_number" and not said:
                continue  # the wallet whose it was to be
            same(name, said, recorded)


def _in_its_time(what: str, time_ms: int, statement: Any) -> None:
    """That a time in the table, from which keys and rights count, is one that was signed for."""
    first, last = statement.created_time_ms, statement.expires_time_ms
    if not first - _SKEW_MS <= time_ms <= last + _SKEW_MS:
        raise Wrong(f"it was {what} at {time_ms}, and signed for {first} to {last}")


def _consistent(engine: Engine) -> tuple[Sequence[Any], Sequence[Any], Any, Sequence[Any]]:
    """(acts, credentials, founding, officers) of one moment, while officers go on."""
    people = read_officers(engine)
    while True:
        with engine.connect() as connection:
            rows = connection.execute(select(_acts).order_by(_acts.c.id)).all()
            credentials = connection.execute(select(_credentials)).all()
            founding = connection.execute(select(_founding)).first()
        before, people = people, read_officers(engine)
        if people == before:
            return rows, credentials, founding, people


def _gives(one: Any, field: str, value: str | bytes, had: set[tuple[str, str | bytes]]) -> bool:
    """Whether an act gave an officer this; a renewal may leave one half as it was."""
    given = getattr(one, field)
    renewal = isinstance(one, office_pb2.RenewOfficer)
    return bool(given == value or (renewal and not given and (one.name, value) in had))
