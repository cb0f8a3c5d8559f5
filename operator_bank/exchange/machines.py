"""Knows the cash machines and tellers' desks that the bank trusts, which officers register and
revoke.

The bank's founding record names the first ones, over the signature of its business key, so that
whoever can write the settings or the database cannot add a machine unnoticed.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from operator_bank.exchange.tables import cash_machines
from operator_bank.limits import MAX_MACHINES
from runtime.checks import public_key
from runtime.database import Database
from runtime.errors import Refusal
from runtime.remembered import Remembered

FOUNDING = 0
"""Stands in place of an act's number for a machine that the founding record names."""


class Machine(NamedTuple):
    """A machine: its public key, 32 bytes, and whether it was revoked."""

    key: bytes
    revoked: bool


class Machines:
    """The machines, in the database and in memory."""

    def __init__(self, database: Database, founding: office_pb2.FoundingRecord) -> None:
        """Reads them; while the bank has none, they are those of its founding record."""
        database.transaction(lambda c: _found(c, founding))
        self._remembered = Remembered(database, _read)

    def key(self, name: str) -> bytes | None:
        """The key of a machine whose receipts are good; None for one that is unknown or revoked."""
        machine = self._remembered.now().get(name)
        return machine.key if machine is not None and not machine.revoked else None

    def find(self, name: str) -> Machine | None:
        """A machine, even if it was revoked; None for one that is unknown."""
        return self._remembered.now().get(name)

    def change(self) -> AbstractContextManager[None]:
        """A context for one change at a time; when it ends the change is known in memory too."""
        return self._remembered.change()

    def check_new(self, name: str, key: bytes) -> None:
        """Raises Refusal if a machine with this name and key cannot be registered."""
        known = self._remembered.now()
        public_key(key, "public_key")
        if name in known:
            raise _exists("name", f"there is or was a machine {name!r}; take another name")
        if any(machine.key == key for machine in known.values()):
            raise _exists("public_key", "a machine has or had this key")
        if len(known) >= MAX_MACHINES:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there are {MAX_MACHINES} machines")

    def check_revocable(self, name: str) -> None:
        """Raises Refusal if there is no such machine, or it was revoked already."""
        machine = self._remembered.now().get(name)
        if machine is None:
            raise Refusal(errors_pb2.REASON_MACHINE_UNKNOWN, f"no machine {name!r}", field="name")
        if machine.revoked:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED, f"machine {name!r} is revoked", field="name"
            )


def _exists(field: str, message: str) -> Refusal:
    return Refusal(errors_pb2.REASON_ALREADY_EXISTS, message, field=field)


def _found(connection: Connection, founding: office_pb2.FoundingRecord) -> None:
    rows = [
        {"name": machine.name, "public_key": machine.public_key, "registered_by": FOUNDING}
        for machine in founding.cash_machines
    ]
    if rows and connection.execute(select(cash_machines).limit(1)).first() is None:
        connection.execute(insert(cash_machines), rows)


def _read(connection: Connection) -> dict[str, Machine]:
    rows = connection.execute(select(cash_machines)).all()
    return {
        row.name: Machine(bytes(row.public_key), revoked=row.revoked_by is not None) for row in rows
    }
