"""Checks the proofs of double spends, for which a bank bears a loss and a device is revoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.orders import Wrong, same
from auditor.signatures.verifying import Problems, Verifying
from language import _
from offline_token.deposit import DepositEndorsement, read_spend
from offline_token.formats import DEVICE, Certificate, FormatError
from runtime.ed25519 import verified

_COLUMNS = ("id", "piece_id", "spent_by", "bank", "device_certificate", "first", "second")
_evidence = table("evidence", *map(column, _COLUMNS))
_DEPOSITED = b"deposited".ljust(32, b"\0")


def check_evidence(
    engine: Engine,
    indexes: Mapping[str, int],
    keys: Mapping[str, Sequence[bytes]],
    verifying: Verifying,
) -> Problems:
    """Names each proof that proves nothing.

    Args:
        engine: the central bank's database.
        indexes: the banks' ids, by name.
        keys: the business keys that each bank has or had.
        verifying: verifies the signatures.
    """
    problems = Problems()
    with engine.connect() as connection:
        rows = connection.execute(select(_evidence).order_by(_evidence.c.id)).all()
    for row in rows:
        where = _("table evidence, row id={number}").format(number=row.id)
        try:
            _check(where, row, indexes, keys, verifying, problems)
        except (Wrong, FormatError) as wrong:
            problems.say(f"{where}: {wrong}")
    return problems


def _check(
    where: str,
    row: Row[Any],
    indexes: Mapping[str, int],
    keys: Mapping[str, Sequence[bytes]],
    verifying: Verifying,
    problems: Problems,
) -> None:
    device, piece = Certificate.decode(bytes(row.device_certificate), DEVICE), bytes(row.piece_id)
    same("bank", indexes.get(device.bank, -1), row.bank)
    part = device.signed_part()
    if not any(verified(key, part, device.signature) for key in keys.get(device.bank, ())):
        raise Wrong(_("no key of its bank has signed its device_certificate"))
    spends = [read_spend(bytes(row.first)), read_spend(bytes(row.second))]
    if spends[0].digest(piece) == spends[1].digest(piece):
        raise Wrong(_("the piece was spent in one way, not in two"))
    deposited = isinstance(spends[1], DepositEndorsement)
    spent_by = _DEPOSITED if deposited else spends[1].digest(piece)
    same("spent_by", spent_by.hex(), bytes(row.spent_by).hex())
    for way in spends:
        verifying.add_part(
            problems,
            where,
            key=device.key,
            signed_part=way.signed_part(piece),
            signature=way.signature,
            always=True,
        )
