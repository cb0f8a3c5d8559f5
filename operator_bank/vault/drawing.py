"""Asks for issuance when the vault is short, by one request at a time.

A top-up that the vault cannot serve writes down what is missing, and is answered at once. A
background step asks the central bank, and asks again by the same id until somebody has decided.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from operator_bank.context import Context
from operator_bank.vault.tables import drawing
from runtime.errors import Refusal, is_undecided
from runtime.logs import logger

_AGAIN_MS = 5_000


class Drawing:
    """The bank's open request for issuance, if there is one."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._central_bank = context.central_bank
        self._clock = context.clock
        # So that only one request is written, however many find the vault short.
        self._writing = threading.Lock()
        self._again_at_ms = 0

    def want(self, order: str, missing_fen: int) -> str:
        """Notes what is missing for an order; returns the id of the open request.

        Until the request is sent, it grows to the largest amount that an order misses.
        """
        seed = hashlib.sha256(f"{order} {missing_fen}".encode()).digest()[:16]
        new = {
            "request_id": str(uuid.UUID(bytes=seed, version=4)),
            "amount_fen": missing_fen,
            "sent": 0,
        }

        def put(connection: Connection) -> str:
            row = connection.execute(select(drawing)).first()
            if row is None:
                connection.execute(insert(drawing), new)
                return str(new["request_id"])
            if not row.sent and row.amount_fen < missing_fen:
                connection.execute(update(drawing).values(amount_fen=missing_fen))
            return str(row.request_id)

        with self._writing:
            return self._database.transaction(put)

    def step(self) -> bool:
        """Sends the open request, if there is one. Returns False: there is never more than one."""
        now_ms = self._clock.monotonic_ms()
        row = self._database.read(lambda c: c.execute(select(drawing)).first())
        if row is None or now_ms < self._again_at_ms:
            return False
        if not row.sent:
            row = self._mark_sent()
        self._again_at_ms = now_ms + _AGAIN_MS
        try:
            open_still = self._central_bank.request_issuance(row.request_id, row.amount_fen)
        except Refusal as refusal:
            if is_undecided(refusal.reason):
                raise
            logger("vault").warning("no issuance", fen=row.amount_fen, refused=str(refusal))
            open_still = False
        if not open_still:
            with self._writing:
                self._database.transaction(lambda c: c.execute(delete(drawing)) and None)
        return False

    def _mark_sent(self) -> Row[Any]:
        """Fixes the request's amount, because from now on its id stands for it."""

        def mark(connection: Connection) -> Row[Any]:
            connection.execute(update(drawing).values(sent=1))
            return connection.execute(select(drawing)).one()

        with self._writing:
            return self._database.transaction(mark)
