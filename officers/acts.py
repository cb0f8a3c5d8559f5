"""Handles acts: proposed by one officer, decided by another, performed once, kept for ever as
signed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Connection, Row, Select, func, insert, select

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.chain import ActRow, ActsChain, after_proposal, put_link, read_place
from officers.contents import kind_of
from officers.effects import Act, Decision, Effect, same_officer
from officers.limits import (
    CLOCK_SKEW_MS,
    ENDED_BYTES,
    EXPIRED_AT_ONCE,
    LOOKED_THROUGH_AT_ONCE,
    MAX_ACT_VALIDITY_MS,
    MAX_CAUSE,
    MAX_DECISION_VALIDITY_MS,
    MAX_OPEN_ACTS,
)
from officers.people import Officer, Officers
from officers.signing import Signed, digest_of
from officers.tables import OfficerTables
from runtime.checks import exact_bytes, invalid, request_id, text
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal, reason_name
from runtime.kept_bytes import KeptBytes
from runtime.messages import read_payload
from runtime.tls import Identity

OPEN = office_pb2.ACT_STATE_OPEN
APPROVED = office_pb2.ACT_STATE_APPROVED
REJECTED = office_pb2.ACT_STATE_REJECTED
EXPIRED = office_pb2.ACT_STATE_EXPIRED
WITHDRAWN = office_pb2.ACT_STATE_WITHDRAWN


class Acts:
    """The use-cases behind ActService."""

    def __init__(
        self,
        database: Database,
        tables: OfficerTables,
        officers: Officers,
        effects: Mapping[str, Effect],
        clock: Clock,
    ) -> None:
        self._database = database
        self._tables = tables
        self._officers = officers
        self.effects = effects
        self._clock = clock
        self.chain = ActsChain(database, tables)
        self._room = KeptBytes(clock, at_once=ENDED_BYTES, per_hour=ENDED_BYTES // 24)
        # Acts are written down and decided one at a time. No other party is waited for meanwhile.
        self._one_at_a_time = threading.Lock()
        # From this time on the key of an open act's proposer may have ended; None for never.
        self._look_through_at_ms: int | None = 0

    def propose(self, caller: Identity | None, envelope: SignedEnvelope) -> Act:
        """Writes down an act, which then waits for another officer; returns it.

        Raises:
            Refusal: it was not written down.
        """
        officer = self._officers.known(caller)
        payload = self._officers.verified(office_pb2.OfficerAct, officer, envelope)
        content = read_payload(office_pb2.OfficerAct, payload)
        effect = self._check(content, officer)
        with self._deciding():
            act = self._known(content, payload)
            if act is None:
                self._check_time(content)
                officer = self._as_now(caller, office_pb2.OfficerAct, envelope)
                _check_right(officer, effect)
                act = self._new(officer, content, payload, envelope, effect)
        return self.get(act.content.act_id)

    def approve(self, caller: Identity | None, envelope: SignedEnvelope) -> Act:
        """Performs what another officer proposed, once; returns the act.

        Raises:
            Refusal: it was not performed.
        """
        officer, act = self._decided_on(caller, office_pb2.OfficerApproval, envelope)
        effect = self.effects[act.kind]
        self._check_second(officer, act, effect)
        # Not before a second officer wants it: otherwise one officer alone could empty a bank's
        # vault for a while.
        if act.state == OPEN and not self._expired(act) and self._stands(act):
            self._ready(effect, act)
        with self._deciding():
            act = self.get(act.content.act_id)
            if act.state == OPEN:
                self._in_time(act)
                officer = self._as_now(caller, office_pb2.OfficerApproval, envelope)
                self._check_second(officer, act, effect)
                self._standing(act)
                self._perform(effect, act, self._decision(act, APPROVED, officer.name, envelope))
                self._room.count(act.proposer, 0, came_of_it=len(act.proposal.payload))
            else:
                _check_same_answer(act, APPROVED, officer)
        act = self.get(act.content.act_id)
        _check_same_answer(act, APPROVED, officer)
        return act

    def reject(self, caller: Identity | None, envelope: SignedEnvelope) -> Act:
        """Rejects an act, for good; returns it.

        Raises:
            Refusal: it was not rejected.
        """
        officer, act = self._decided_on(caller, office_pb2.OfficerRejection, envelope)
        effect = self.effects[act.kind]
        _check_right(officer, effect)
        if effect.concerns(act) == officer.name:
            # Otherwise somebody who stole a key could reject each act that ends it.
            raise Refusal(
                errors_pb2.REASON_SAME_OFFICER,
                "nobody turns down what is about himself; another officer may",
                field="officer",
            )
        with self._deciding():
            act = self.get(act.content.act_id)
            if act.state == OPEN:
                self._in_time(act)
                _check_right(self._as_now(caller, office_pb2.OfficerRejection, envelope), effect)
                effect.end(act, self._decision(act, REJECTED, officer.name, envelope))
            else:
                _check_same_answer(act, REJECTED, officer)
        return self.get(act.content.act_id)

    def get(self, act_id: str) -> Act:
        """The act. Raises Refusal: REQUEST_UNKNOWN."""
        act = self._find(request_id(act_id, "act_id"))
        if act is None:
            raise Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, f"no act {act_id}", field="act_id")
        return act

    def page(self, state: int, limit: int, before: int | None, *, kind: str = "") -> list[Act]:
        """A page of acts, newest first.

        Args:
            state: only those in this state; 0 for all.
            limit: how many at most.
            before: only those with a lower number.
            kind: only those of this kind; "" for all.
        """
        if kind and kind not in self.effects:
            raise invalid("kind", f"is one of {', '.join(sorted(self.effects))}")
        table = self._tables.acts
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if state:
            query = query.where(table.c.state == state)
        if kind:
            query = query.where(table.c.kind == kind)
        if before is not None:
            query = query.where(table.c.id < before)
        return [_act(row) for row in self._database.read(lambda c: c.execute(query).all())]

    def refuse(self, number: int, reason: int) -> None:
        """Ends an act, if it is still open, because another party has finally refused it."""
        query = select(self._tables.acts.c.act_id).where(self._tables.acts.c.id == number)
        act_id = self._database.read(lambda c: c.execute(query).scalar_one())
        with self._deciding():
            self._end(self.get(act_id), office_pb2.ACT_STATE_REFUSED, reason)

    def step(self) -> bool:
        """Ends acts that have expired or whose proposer's key has ended; returns True if there may
        be more.
        """
        at_ms = self._look_through_at_ms
        if at_ms is not None and at_ms <= self._clock.now_ms():
            with self._deciding():
                self._look_through_at_ms = self._officers.next_end_ms() or None
            self._withdraw()
        table = self._tables.acts
        query = (
            select(table)
            .where(table.c.state == OPEN, table.c.expires_time_ms <= self._clock.now_ms())
            .order_by(table.c.expires_time_ms)
            .limit(EXPIRED_AT_ONCE)
        )
        over = [_act(row) for row in self._database.read(lambda c: c.execute(query).all())]
        for act in over:
            with self._deciding():
                self._end(act, EXPIRED)
        return len(over) == EXPIRED_AT_ONCE

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        """A context for whatever writes or ends acts."""
        with self._one_at_a_time, self.chain.change():
            yield

    def _check(self, content: office_pb2.OfficerAct, officer: Officer) -> Effect:
        """The effect of an act. Raises Refusal unless it is well formed and the officer may propose
        it.
        """
        request_id(content.act_id, "act_id")
        if content.act_id != content.act_id.lower():
            raise invalid("act_id", "has lower-case letters")
        if content.officer != officer.name:
            raise invalid("officer", "is the name of who proposes")
        if content.institution != self._officers.institution:
            raise invalid("institution", f"is {self._officers.institution!r} here")
        text(content.cause, "cause", longest=MAX_CAUSE)
        effect = self.effects.get(kind_of(content))
        if effect is None:
            raise invalid("kind", f"is one of {', '.join(sorted(self.effects))}")
        _check_right(officer, effect)
        return effect

    def _check_time(
        self,
        statement: office_pb2.OfficerAct | office_pb2.OfficerApproval | office_pb2.OfficerRejection,
        longest_ms: int = MAX_ACT_VALIDITY_MS,
    ) -> None:
        """Checks that a statement is not from the future, has not expired, and does not last too
        long.
        """
        now_ms = self._clock.now_ms()
        if statement.created_time_ms > now_ms + CLOCK_SKEW_MS:
            raise Refusal(
                errors_pb2.REASON_NOT_YET_VALID,
                "it was made in the future",
                field="created_time_ms",
            )
        if statement.expires_time_ms <= now_ms:
            raise _over()
        if statement.expires_time_ms - statement.created_time_ms > longest_ms:
            raise Refusal(
                errors_pb2.REASON_VALIDITY_TOO_LONG,
                f"it may be good for {longest_ms} ms",
                field="expires_time_ms",
            )

    def _known(self, content: office_pb2.OfficerAct, payload: bytes) -> Act | None:
        act = self._find(content.act_id)
        if act is not None and act.digest != digest_of(payload):
            raise Refusal(
                errors_pb2.REASON_ID_REUSED, "this id was used for another act", field="act_id"
            )
        return act

    def _new(
        self,
        officer: Officer,
        content: office_pb2.OfficerAct,
        payload: bytes,
        envelope: SignedEnvelope,
        effect: Effect,
    ) -> Act:
        table, now_ms = self._tables.acts, self._clock.now_ms()
        waiting = select(func.count()).where(
            table.c.proposer == officer.name, table.c.state == OPEN
        )
        if self._database.read(lambda c: c.execute(waiting).scalar_one()) >= MAX_OPEN_ACTS:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED, f"{MAX_OPEN_ACTS} acts of {officer.name} wait already"
            )
        values = {
            "act_id": content.act_id,
            "digest": digest_of(payload),
            "kind": kind_of(content),
            "proposer": officer.name,
            "proposal": payload,
            "proposal_signature": envelope.signature,
            "proposed_time_ms": now_ms,
            "expires_time_ms": content.expires_time_ms,
            "state": OPEN,
            "decider": "",
            "decision": b"",
            "decision_signature": b"",
            "decided_time_ms": 0,
            "position": 0,
            "reason": 0,
        }
        effect.check(_act(SimpleNamespace(id=0, **values)))
        self._room.check(officer.name)

        def body(connection: Connection) -> None:
            inserted = connection.execute(insert(table).values(values)).inserted_primary_key
            assert inserted is not None
            number = int(inserted[0])
            place = after_proposal(
                read_place(connection, self._tables), number, SimpleNamespace(**values)
            )
            put_link(connection, self._tables, number, OPEN, place)

        self._database.transaction(body)
        self._room.count(officer.name, len(payload))
        return self.get(content.act_id)

    def _ready(self, effect: Effect, act: Act) -> None:
        """Arranges what the act needs; another party's final refusal ends it."""
        try:
            effect.ready(act)
        except Refusal as refusal:
            self.refuse(act.number, refusal.reason)
            raise

    def _decided_on(
        self, caller: Identity | None, kind: type[Signed], envelope: SignedEnvelope
    ) -> tuple[Officer, Act]:
        """The officer who decides, and the act. Raises Refusal if the decision is not good."""
        officer = self._officers.known(caller)
        decision = read_payload(kind, self._officers.verified(kind, officer, envelope))
        exact_bytes(decision.act_digest, "act_digest", 32)
        if decision.officer != officer.name:
            raise invalid("officer", "is the name of who decides")
        self._check_time(decision, MAX_DECISION_VALIDITY_MS)
        act = self.get(decision.act_id)
        if act.digest != decision.act_digest:
            raise Refusal(
                errors_pb2.REASON_ACT_DIFFERS,
                "what was signed is not what was proposed under this id",
                field="act_digest",
            )
        return officer, act

    def _check_second(self, approver: Officer, act: Act, effect: Effect) -> None:
        """Checks that another officer approves, who has the right for it. Raises Refusal."""
        if act.proposer == approver.name:
            raise same_officer()
        _check_right(approver, effect)

    def _as_now(
        self, caller: Identity | None, kind: type[Message], envelope: SignedEnvelope
    ) -> Officer:
        """The officer who signed. Raises Refusal if the certificate or the key has just ended."""
        officer = self._officers.known(caller)
        self._officers.verified(kind, officer, envelope)
        return officer

    def _stands(self, act: Act) -> bool:
        """Whether its proposer could still propose it now, with the key that signed it."""
        officer = self._officers.find(act.proposer)
        if officer is None or officer.removed:
            return False
        try:
            _check_right(officer, self.effects[act.kind])
            self._officers.verified(office_pb2.OfficerAct, officer, act.proposal)
        except Refusal:
            return False
        return True

    def _standing(self, act: Act) -> None:
        """Ends an act whose proposer could no longer propose it, and raises Refusal."""
        if not self._stands(act):
            self._end(act, WITHDRAWN)
            raise _withdrawn(act)

    def _perform(self, effect: Effect, act: Act, decision: Decision) -> None:
        """Performs an act; if it ends an officer's keys or rights, that officer's open acts end
        too.
        """
        concerned = effect.concerns(act)
        if concerned:
            # If this is interrupted, the next step continues.
            self._look_through_at_ms = 0
        effect.perform(act, decision)
        if concerned:
            for left in self._do_not_stand(concerned):
                self._end(left, WITHDRAWN)

    def _withdraw(self) -> None:
        """Ends each open act whose proposer could no longer propose it."""
        for act in self._do_not_stand():
            with self._deciding():
                if not self._stands(act):
                    self._end(act, WITHDRAWN)

    def _do_not_stand(self, proposer: str = "") -> Iterator[Act]:
        """Open acts, of one officer or of all, whose proposer could no longer propose them."""
        table, last = self._tables.acts, 0
        query = select(table).where(table.c.state == OPEN).order_by(table.c.id)
        if proposer:
            query = query.where(table.c.proposer == proposer)
        while True:
            page = query.where(table.c.id > last).limit(LOOKED_THROUGH_AT_ONCE)
            acts = [_act(row) for row in self._rows(page)]
            if not acts:
                return
            last = acts[-1].number
            yield from (act for act in acts if not self._stands(act))

    def _expired(self, act: Act) -> bool:
        return act.content.expires_time_ms <= self._clock.now_ms()

    def _in_time(self, act: Act) -> None:
        """Ends an act that has expired, and raises Refusal."""
        if self._expired(act):
            self._end(act, EXPIRED)
            raise _over()

    def _end(self, act: Act, state: int, reason: int = 0) -> None:
        """Ends an act, if it is still open, without a second officer."""
        act = self.get(act.content.act_id)
        if act.state == OPEN:
            self.effects[act.kind].end(act, self._decision(act, state, "", None, reason))

    def _decision(
        self, act: Act, state: int, decider: str, envelope: SignedEnvelope | None, reason: int = 0
    ) -> Decision:
        now_ms = self._clock.now_ms()
        return Decision(act, state, decider, envelope, now_ms, self._tables, reason)

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._database.read(lambda c: c.execute(query).all())

    def _find(self, act_id: str) -> Act | None:
        query = select(self._tables.acts).where(self._tables.acts.c.act_id == act_id)
        row = self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _act(row)


def _check_right(officer: Officer, effect: Effect) -> None:
    if effect.right not in officer.rights:
        raise Refusal(
            errors_pb2.REASON_RIGHT_MISSING,
            f"{officer.name} has not {office_pb2.Right.Name(effect.right)}",
        )


def _check_same_answer(act: Act, state: int, officer: Officer) -> None:
    """Returns if a decision repeats the one that was made; else raises Refusal, which says what was
    decided.
    """
    if act.state == state and act.decider == officer.name:
        return
    if act.state == EXPIRED:
        raise _over()
    if act.state == WITHDRAWN:
        raise _withdrawn(act)
    if act.state == office_pb2.ACT_STATE_REFUSED:
        raise Refusal(act.reason, f"it could not be done: {reason_name(act.reason)}")
    name = office_pb2.ActState.Name(act.state).removeprefix("ACT_STATE_").lower()
    raise Refusal(
        errors_pb2.REASON_ALREADY_DECIDED,
        f"it has been {name} by {act.decider}",
        field="act_id",
    )


def _over() -> Refusal:
    return Refusal(errors_pb2.REASON_EXPIRED, "its time is over", field="expires_time_ms")


def _withdrawn(act: Act) -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_DECIDED,
        f"it has been withdrawn: {act.proposer} could not propose it any more",
        field="act_id",
    )


def _act(row: ActRow) -> Act:
    content = office_pb2.OfficerAct.FromString(row.proposal)
    decision = None
    if row.decision:
        decision = SignedEnvelope(
            payload=row.decision,
            signature=row.decision_signature,
            key_id=row.decider.encode(),
        )
    return Act(
        number=row.id,
        content=content,
        digest=bytes(row.digest),
        state=row.state,
        proposal=SignedEnvelope(
            payload=row.proposal,
            signature=row.proposal_signature,
            key_id=row.proposer.encode(),
        ),
        proposed_time_ms=row.proposed_time_ms,
        decider=row.decider,
        decision=decision,
        decided_time_ms=row.decided_time_ms,
        position=row.position,
        reason=row.reason,
    )
