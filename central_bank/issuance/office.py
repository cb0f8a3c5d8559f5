"""The issuing office: reserves in and out, requests by a maker, release by a checker."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, insert, select, update

from central_bank import accounts
from central_bank.authentication.registry import Bank, Registry
from central_bank.issuance.setting_aside import ASKING, SettingAside
from central_bank.limits import MAX_OPEN_REQUESTS
from central_bank.tables import office_requests
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.checks import amount, request_id
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.tls import Identity
from settlement.core import Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Result

PAY_IN, PAY_OUT, ISSUE, REDEEM = "pay_in", "pay_out", "issue", "redeem"
WAITING, APPROVED, REJECTED = "waiting", "approved", "rejected"


class IssuingOffice:
    """Use-cases of the issuance service. Callers' roles have been checked at the gate."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        registry: Registry,
        setting_aside: SettingAside,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._registry = registry
        self._setting_aside = setting_aside
        self._clock = clock
        # A request is decided by one officer after another. No bank is asked under it.
        self._deciding = threading.Lock()

    def pay_in(self, caller: Identity, wanted_id: str, bank: str, amount_fen: int) -> int:
        """Reserves arrive; returns the bank's reserves in fen."""
        return self._move_reserves(caller, wanted_id, PAY_IN, bank, amount_fen)

    def pay_out(self, caller: Identity, wanted_id: str, bank: str, amount_fen: int) -> int:
        """Reserves leave; returns the bank's reserves in fen."""
        return self._move_reserves(caller, wanted_id, PAY_OUT, bank, amount_fen)

    def create(
        self, caller: Identity, wanted_id: str, bank: str, kind: str, amount_fen: int
    ) -> Row[Any]:
        """A request to issue or redeem; nothing moves yet.

        The bank of a redemption is asked to set the money aside. While it has not answered the
        request is ASKING.
        """
        found = self._registry.get(bank)
        amount(amount_fen)
        with self._deciding:
            row = self._known(wanted_id, kind, found, amount_fen)
            if row is None:
                self._check_cover(kind, found, amount_fen)
                self._check_room(caller, found)
                row = self._put(caller, wanted_id, kind, found, amount_fen)
        return self._asked(row)

    def _asked(self, row: Row[Any]) -> Row[Any]:
        """The request after its bank was asked, where that is still to be done."""
        if row.state != ASKING:
            return row
        self._setting_aside.ask(row)
        return self._get(row.request_id)

    def approve(self, caller: Identity, wanted_id: str) -> Row[Any]:
        """Releases a request of somebody else; the money moves in the same step."""
        self._asked(self._get(wanted_id))
        with self._deciding:
            return self._approve(caller, wanted_id)

    def _approve(self, caller: Identity, wanted_id: str) -> Row[Any]:
        row = self._get(wanted_id)
        if row.state == REJECTED:
            raise _rejected()
        # An officer stays the same officer with a renewed certificate.
        if row.maker == _name(caller) or row.maker_fingerprint == caller.fingerprint:
            raise Refusal(
                errors_pb2.REASON_SAME_OFFICER,
                "the checker must be another officer than the maker",
                field="request_id",
            )
        if row.state == ASKING:
            raise Refusal(
                errors_pb2.REASON_PEER_UNAVAILABLE,
                f"bank {self._bank(row).name} has not said yet that it has set the money aside; "
                "it is asked again by and by",
            )
        if row.state == WAITING:
            bank = self._bank(row)
            self._check_cover(row.kind, bank, row.amount_fen)
            self._settle(row, bank, caller)
        return self._get(wanted_id)

    def reject(self, caller: Identity, wanted_id: str) -> Row[Any]:
        """Turns a request down; what was set aside for it goes back to the vault."""
        with self._deciding:
            return self._reject(caller, wanted_id)

    def _reject(self, caller: Identity, wanted_id: str) -> Row[Any]:
        row = self._get(wanted_id)
        if row.state == APPROVED:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "the request has been approved",
                field="request_id",
            )
        if row.state in (ASKING, WAITING):
            record = _record(row, self._bank(row), self._clock.now_ms())
            record["kind"] = Kind.REFUSAL
            self._ledger.submit(
                Batch(record, None, lambda c, _: self._decide(c, row, REJECTED, caller))
            )
        return self._get(wanted_id)

    def requests(self, bank: str, state: str, limit: int, before_id: int | None) -> list[Row[Any]]:
        """Requests to issue or redeem, newest first."""
        table = office_requests
        query = select(table).where(table.c.kind.in_([ISSUE, REDEEM]))
        if bank:
            query = query.where(table.c.bank == self._registry.get(bank).index)
        if state:
            query = query.where(table.c.state == state)
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        query = query.order_by(table.c.id.desc()).limit(limit)
        return list(self._database.read(lambda c: c.execute(query).all()))

    def books(self) -> tuple[int, int, int, list[tuple[Bank, int, int]]]:
        """(paid in, offline float, offline loss, [(bank, reserves, circulation)]), fen."""
        banks = self._registry.all()
        numbers = [accounts.PAID_IN, accounts.OFFLINE_FLOAT]
        for bank in banks:
            index = bank.index
            numbers += [accounts.reserves(index), accounts.circulation(index), accounts.loss(index)]
        paid_in, offline_float, *rows = self._ledger.read(numbers)["available_fen"].tolist()
        per_bank = list(zip(banks, rows[0::3], rows[1::3], strict=True))
        return -paid_in, offline_float, sum(rows[2::3]), per_bank

    def _move_reserves(
        self, caller: Identity, wanted_id: str, kind: str, bank: str, amount_fen: int
    ) -> int:
        found = self._registry.get(bank)
        amount(amount_fen)
        with self._deciding:
            row = self._known(wanted_id, kind, found, amount_fen)
            if row is None:
                self._check_cover(kind, found, amount_fen)
                row = self._put(caller, wanted_id, kind, found, amount_fen)
            if row.state != APPROVED:
                # One that was refused gets the same answer again.
                self._settle(row, found, caller)
        return self._balance(accounts.reserves(found.index))

    def _balance(self, account: int) -> int:
        return int(self._ledger.read([account])[0]["available_fen"])

    def _check_cover(self, kind: str, bank: Bank, amount_fen: int) -> None:
        if kind == PAY_IN:
            return
        account = accounts.circulation if kind == REDEEM else accounts.reserves
        missing = amount_fen - self._balance(account(bank.index))
        if missing > 0:
            raise _short(kind, missing)

    def _check_room(self, caller: Identity, bank: Bank) -> None:
        """What a bank may leave undecided is bounded; officers of the central bank get through."""
        if caller.institution == "central-bank":
            return
        table = office_requests
        query = select(func.count()).where(
            table.c.bank == bank.index, table.c.state.in_([ASKING, WAITING])
        )
        if self._database.read(lambda c: c.execute(query).scalar_one()) >= MAX_OPEN_REQUESTS:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{MAX_OPEN_REQUESTS} requests of the bank are not decided yet",
                field="bank",
            )

    def _known(self, wanted_id: str, kind: str, bank: Bank, amount_fen: int) -> Row[Any] | None:
        key = request_id(wanted_id)
        table = office_requests
        query = select(table).where(table.c.request_id == key)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is not None and bytes(row.digest) != _digest(kind, bank, amount_fen):
            raise Refusal(
                errors_pb2.REASON_ID_REUSED,
                "this request_id was used for another request",
                field="request_id",
            )
        return row

    def _put(
        self, caller: Identity, wanted_id: str, kind: str, bank: Bank, amount_fen: int
    ) -> Row[Any]:
        values = {
            "request_id": request_id(wanted_id),
            "digest": _digest(kind, bank, amount_fen),
            "kind": kind,
            "bank": bank.index,
            "amount_fen": amount_fen,
            "state": ASKING if kind == REDEEM else WAITING,
            "maker": _name(caller),
            "maker_fingerprint": caller.fingerprint,
            "checker": "",
            "created_time_ms": self._clock.now_ms(),
            "decided_time_ms": 0,
        }
        self._database.transaction(lambda c: c.execute(insert(office_requests).values(values)))
        return self._get(wanted_id)

    def _get(self, wanted_id: str) -> Row[Any]:
        key = request_id(wanted_id)
        query = select(office_requests).where(office_requests.c.request_id == key)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN, f"no request {key}", field="request_id"
            )
        return row

    def _bank(self, row: Row[Any]) -> Bank:
        return next(bank for bank in self._registry.all() if bank.index == row.bank)

    def _settle(self, row: Row[Any], bank: Bank, caller: Identity) -> None:
        """Moves the money and marks the request in one transaction; settled once by its id."""
        answers = self._ledger.submit(
            Batch(
                _record(row, bank, self._clock.now_ms()),
                [_note(row)],
                lambda connection, answers: self._decide(
                    connection, row, APPROVED if answers.result(0).accepted else REJECTED, caller
                ),
            )
        )
        result = answers.result(0)
        if result == Result.INSUFFICIENT_FUNDS:
            # The cover went between the check and the decision; this request is over.
            raise _short(row.kind, row.amount_fen)
        if not result.accepted:
            raise _rejected()

    def _decide(self, connection: Connection, row: Row[Any], state: str, caller: Identity) -> None:
        table = office_requests
        connection.execute(
            update(table)
            .where(table.c.id == row.id, table.c.state.in_([ASKING, WAITING]))
            .values(
                state=state,
                checker=_name(caller),
                decided_time_ms=self._clock.now_ms(),
            )
        )


def _name(caller: Identity) -> str:
    return f"{caller.role}/{caller.name}"


def _record(row: Row[Any], bank: Bank, now_ms: int) -> Any:
    reserves, circulation = accounts.reserves(bank.index), accounts.circulation(bank.index)
    debit, credit = {
        PAY_IN: (accounts.PAID_IN, reserves),
        PAY_OUT: (reserves, accounts.PAID_IN),
        ISSUE: (reserves, circulation),
        REDEEM: (circulation, reserves),
    }[row.kind]
    record = np.zeros(1, RECORD)
    record["origin"] = accounts.office(bank.index)
    record["sequence"] = row.id
    record["debit"], record["credit"] = debit, credit
    record["kind"] = Kind.TRANSFER
    record["flags"] = RecordFlag.NO_LIMIT
    record["amount_fen"] = row.amount_fen
    record["time_ms"] = now_ms
    record["digest"] = int.from_bytes(bytes(row.digest)[:8], "little")
    return record


def _note(row: Row[Any]) -> bytes:
    if row.kind == ISSUE:
        issued = registration_pb2.Issued(amount_fen=row.amount_fen, request_id=row.request_id)
        return bytes(issued.SerializeToString())
    if row.kind == REDEEM:
        redeemed = registration_pb2.Redeemed(amount_fen=row.amount_fen, request_id=row.request_id)
        return bytes(redeemed.SerializeToString())
    return b""


def _digest(kind: str, bank: Bank, amount_fen: int) -> bytes:
    return hashlib.sha256(f"{kind} {bank.name} {amount_fen}".encode()).digest()


def _rejected() -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_DECIDED, "the request has been rejected", field="request_id"
    )


def _short(kind: str, missing: int) -> Refusal:
    if kind == REDEEM:
        reason, what = errors_pb2.REASON_CIRCULATION_SHORT, "circulation"
    else:
        reason, what = errors_pb2.REASON_RESERVES_SHORT, "reserves"
    return Refusal(
        reason,
        f"the bank's {what} are {missing} fen short",
        field="amount_fen",
        missing_fen=str(missing),
    )
