"""Keeps evidence of double spends as it was signed, and shows it to the banks that it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.trust_bundle import Devices
from central_bank.context import Context
from central_bank.limits import MAX_EVIDENCE_PER_TOKEN
from central_bank.registration.offline.double_spends import DEPOSITED, ProvenDoubleSpend
from central_bank.registration.offline.tables import evidence
from offline_token import evidence as proof
from offline_token.deposit import DepositEndorsement, read_spend
from offline_token.formats import BANK, DEVICE, Certificate
from offline_token.signing import verified


@dataclass(frozen=True)
class Case:
    """One double spend: its proof, the banks that brought in the two payments, and when it came
    out.
    """

    id: int
    double_spend: proof.DoubleSpend
    first_bank: str
    second_bank: str
    time_ms: int


class Evidence:
    """Keeps evidence and lists it."""

    def __init__(self, context: Context, devices: Devices) -> None:
        self._database = context.database
        self._registry = context.registry
        self._devices = devices
        self._clock = context.clock

    def uncover(
        self, double: ProvenDoubleSpend, second_bank: int, *, refused: bool = False
    ) -> None:
        """Keeps the proof of a double spend, within a bound for each token, and revokes the device.

        Args:
            double: the double spend.
            second_bank: index of the bank that brought in the second payment.
            refused: the deposit that brought it is not paid. Then nothing is kept if the bank has
                brought proof about the piece before, however often it is signed anew.
        """
        self._keep(double, second_bank, refused)
        for name in sorted(double.banks()):
            bank = self._registry.get(name)
            self._devices.revoke_proven(bank, double.device, "it spent a piece twice")

    def list(self, bank: AdmittedBank | None, limit: int, before_id: int | None) -> list[Case]:
        """A page of cases, newest first; for a bank those about its device, or brought in by it."""
        table = evidence
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if bank is not None:
            columns = (table.c.bank, table.c.first_bank, table.c.second_bank)
            query = query.where(or_(*(column == bank.index for column in columns)))
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        return [self._case(row) for row in self._database.read(lambda c: c.execute(query).all())]

    def _keep(self, double: ProvenDoubleSpend, second_bank: int, refused: bool) -> None:
        """Keeps the proof; keeping it again changes nothing."""
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
        self._database.transaction(lambda c: _put(c, values, refused))

    def _case(self, row: Row[Any]) -> Case:
        banks = {bank.index: bank for bank in self._registry.all()}
        device = Certificate.decode(bytes(row.device_certificate), DEVICE)
        double_spend = proof.DoubleSpend(
            bytes(row.piece_id),
            _certifier(banks[row.bank], device),
            device,
            read_spend(bytes(row.first)),
            read_spend(bytes(row.second)),
        )
        first, second = banks[row.first_bank].name, banks[row.second_bank].name
        return Case(row.id, double_spend, first, second, row.time_ms)


def _certifier(bank: AdmittedBank, device: Certificate) -> Certificate:
    """The certificate of the bank's key that certified a device."""
    every = [Certificate.decode(each, BANK) for each in bank.every_offline_certificate]
    part = device.signed_part()
    its = (each for each in every if verified(each.key, part, device.signature))
    return next(its, every[0])


def _named(double: ProvenDoubleSpend) -> bytes:
    """What tells this proof from others about its piece; the same for a deposit that is signed
    anew.
    """
    if isinstance(double.second, DepositEndorsement):
        return DEPOSITED
    return double.second.digest(double.piece.id)


def _put(connection: Connection, values: dict[str, Any], refused: bool) -> None:
    """Inserts a proof within the bound. One for each device is kept even if the token's share is
    full.
    """
    of, bank = evidence.c, values["second_bank"]
    same = of.spent_by == values["spent_by"]
    if refused:
        same = or_(same, of.first_bank == bank, of.second_bank == bank)
    if connection.execute(select(of.id).where(of.piece_id == values["piece_id"], same)).first():
        return
    of_token = select(of.device_certificate).where(of.token_id == values["token_id"])
    known = [bytes(each) for each in connection.execute(of_token).scalars()]
    if len(known) < MAX_EVIDENCE_PER_TOKEN or _key(values["device_certificate"]) not in {
        _key(each) for each in known
    }:
        connection.execute(insert(evidence).values(values))


def _key(certificate: bytes) -> bytes:
    return Certificate.decode(certificate, DEVICE).key
