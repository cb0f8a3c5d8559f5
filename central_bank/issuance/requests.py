"""Keeps banks' requests for issuance and redemption. A request moves nothing; officers answer
it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.issuance.tables import issuance_requests
from central_bank.limits import MAX_OPEN_REQUESTS, REQUEST_LIFE_MS
from dcep.errors.v1 import errors_pb2
from runtime.checks import amount, request_id
from runtime.errors import Refusal

ISSUE, REDEEM = "issue", "redeem"
WAITING, APPROVED, REJECTED = "waiting", "approved", "rejected"
_OF = issuance_requests.c


class BankRequests:
    """The use-cases behind CreateRequest and ListRequests."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._registry = context.registry
        self._clock = context.clock

    def create(self, bank: AdmittedBank, wanted_id: str, kind: str, amount_fen: int) -> Row[Any]:
        """Writes down a bank's request, once by its id, whatever ids other banks have used.

        Returns:
            Its row.

        Raises:
            Refusal: OVERLOADED, ID_REUSED, or a field is invalid.
        """
        key, digest = request_id(wanted_id), _digest(kind, bank, amount(amount_fen))
        now_ms = self._clock.now_ms()
        values = {
            "request_id": key,
            "digest": digest,
            "kind": kind,
            "bank": bank.index,
            "amount_fen": amount_fen,
            "state": WAITING,
            "act": None,
            "created_time_ms": now_ms,
            "decided_time_ms": 0,
        }
        waiting = select(func.count()).where(_OF.bank == bank.index, self._waits(now_ms))

        # The bank learns that its request was not answered when it asks again, and may make a new
        # one.
        unanswered = (
            update(issuance_requests)
            .where(_named(bank, key), _OF.state == WAITING, ~self._waits(now_ms))
            .values(state=REJECTED, decided_time_ms=now_ms)
        )

        def body(connection: Connection) -> Row[Any] | None:
            connection.execute(unanswered)
            row = _find(connection, bank, key)
            if row is None and connection.execute(waiting).scalar_one() < MAX_OPEN_REQUESTS:
                connection.execute(insert(issuance_requests).values(values))
                row = _find(connection, bank, key)
            return row

        row = self._database.transaction(body)
        if row is None:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_OPEN_REQUESTS} requests of {bank.name} wait for an answer already",
            )
        if bytes(row.digest) != digest:
            raise Refusal(
                errors_pb2.REASON_ID_REUSED,
                "this request_id was used for another request",
                field="request_id",
            )
        return row

    def page(self, bank: str, state: str, limit: int, before_id: int | None) -> list[Row[Any]]:
        """A page of requests, newest first; with WAITING only those that may still be answered."""
        query = select(issuance_requests).order_by(_OF.id.desc()).limit(limit)
        if bank:
            query = query.where(_OF.bank == self._registry.get(bank).index)
        if state == WAITING:
            query = query.where(self._waits(self._clock.now_ms()))
        elif state:
            query = query.where(_OF.state == state)
        if before_id is not None:
            query = query.where(_OF.id < before_id)
        return list(self._database.read(lambda c: c.execute(query).all()))

    def check(self, wanted_id: str, bank: AdmittedBank, kind: str, amount_fen: int) -> None:
        """Raises Refusal if there is no such request, it is about something else, or it was
        answered.
        """
        key = request_id(wanted_id)
        row = self._database.read(lambda c: _find(c, bank, key))
        if row is None:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN, f"no request {key}", field="request_id"
            )
        if bytes(row.digest) != _digest(kind, bank, amount_fen):
            raise Refusal(
                errors_pb2.REASON_ACT_DIFFERS,
                "the bank's request is about something else",
                field="request_id",
            )
        if row.state != WAITING:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                f"the request has been {row.state}",
                field="request_id",
            )

    def answered(
        self, connection: Connection, bank: AdmittedBank, wanted_id: str, state: str, act: int
    ) -> None:
        """Marks a request as answered, in the transaction of the act that answers it."""
        connection.execute(
            update(issuance_requests)
            .where(_named(bank, wanted_id.lower()), _OF.state == WAITING)
            .values(state=state, act=act, decided_time_ms=self._clock.now_ms())
        )

    def _waits(self, now_ms: int) -> ColumnElement[bool]:
        return (_OF.state == WAITING) & (_OF.created_time_ms > now_ms - REQUEST_LIFE_MS)


def _named(bank: AdmittedBank, key: str) -> ColumnElement[bool]:
    return (_OF.bank == bank.index) & (_OF.request_id == key)


def _find(connection: Connection, bank: AdmittedBank, key: str) -> Row[Any] | None:
    return connection.execute(select(issuance_requests).where(_named(bank, key))).first()


def _digest(kind: str, bank: AdmittedBank, amount_fen: int) -> bytes:
    return hashlib.sha256(f"{kind} {bank.name} {amount_fen}".encode()).digest()
