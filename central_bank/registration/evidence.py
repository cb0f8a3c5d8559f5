"""The evidence of double spends: kept as it was signed, shown to the banks that it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select

from central_bank.authentication.devices import Devices
from central_bank.authentication.registry import Bank, Registry
from central_bank.limits import MAX_EVIDENCE_PER_TOKEN
from central_bank.registration.double_spends import DEPOSITED, DoubleSpend
from central_bank.tables import evidence
from offline_token import evidence as proof
from offline_token.deposit import DepositEndorsement, read_way
from offline_token.formats import BANK, DEVICE, Certificate
from offline_token.signing import verified
from runtime.clock import Clock
from runtime.database import Database


@dataclass(frozen=True)
class Case:
    """One double spend: the proof, the banks that paid the payees in, and when it came out."""

    id: int
    double_spend: proof.DoubleSpend
    first_bank: str
    second_bank: str
    time_ms: int


class Evidence:
    """Puts evidence down and lists it."""

    def __init__(
        self, database: Database, registry: Registry, devices: Devices, clock: Clock
    ) -> None:
        self._database = database
        self._registry = registry
        self._devices = devices
        self._clock = clock

    def uncover(self, double: DoubleSpend, second_bank: int) -> None:
        """Keeps the proof of a double spend, a few for each token; takes the device out of use."""
        self._keep(double, second_bank)
        for name in sorted(double.banks()):
            bank = self._registry.get(name)
            self._devices.revoke_proven(bank, double.device, "it spent a piece twice")

    def list(self, bank: Bank | None, limit: int, before_id: int | None) -> list[Case]:
        """The newest first; for a bank those that concern it: its device, or its payee."""
        table = evidence
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if bank is not None:
            columns = (table.c.bank, table.c.first_bank, table.c.second_bank)
            query = query.where(or_(*(column == bank.index for column in columns)))
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        return [self._case(row) for row in self._database.read(lambda c: c.execute(query).all())]

    def _keep(self, double: DoubleSpend, second_bank: int) -> None:
        """Again changes nothing."""
        piece_id, certificate = double.piece.id, double.certificate
        values = {
            "piece_id": piece_id,
            "spent_by": _named(double),
            "token_id": double.piece.token_id,
            "bank": self._registry.get(certificate.bank).index,
            "device_certificate": certificate.encode(),
            "first": double.first.endorsement().encode(),
            "second": double.second.encode(),
            "first_bank": double.first.bank,
            "second_bank": second_bank,
            "time_ms": self._clock.now_ms(),
        }
        self._database.transaction(lambda c: _put(c, values))

    def _case(self, row: Row[Any]) -> Case:
        banks = {bank.index: bank for bank in self._registry.all()}
        device = Certificate.decode(bytes(row.device_certificate), DEVICE)
        double_spend = proof.DoubleSpend(
            bytes(row.piece_id),
            _certifier(banks[row.bank], device),
            device,
            read_way(bytes(row.first)),
            read_way(bytes(row.second)),
        )
        first, second = banks[row.first_bank].name, banks[row.second_bank].name
        return Case(row.id, double_spend, first, second, row.time_ms)


def _certifier(bank: Bank, device: Certificate) -> Certificate:
    """The certificate of that key of a bank which certified a device."""
    every = [Certificate.decode(each, BANK) for each in bank.every_offline_certificate]
    part = device.signed_part()
    its = (each for each in every if verified(each.key, part, device.signature))
    return next(its, every[0])


def _named(double: DoubleSpend) -> bytes:
    """What tells it from others of its piece; the same for a deposit that is signed anew."""
    if isinstance(double.second, DepositEndorsement):
        return DEPOSITED
    return double.second.digest(double.piece.id)


def _put(connection: Connection, values: dict[str, Any]) -> None:
    table = evidence
    same = (table.c.piece_id == values["piece_id"]) & (table.c.spent_by == values["spent_by"])
    if connection.execute(select(table.c.id).where(same)).first() is not None:
        return
    of_token = select(func.count()).where(table.c.token_id == values["token_id"])
    if connection.execute(of_token).scalar_one() < MAX_EVIDENCE_PER_TOKEN:
        connection.execute(insert(table).values(values))
