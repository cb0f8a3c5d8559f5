"""Reads and shows the rows of aliases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from currency.aliases import read_alias
from dcep.bank.v1 import aliases_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from operator_bank.aliases.tables import aliases
from operator_bank.customers.sealing import Sealer
from runtime.database import Database
from runtime.errors import Refusal

REGISTERING = aliases_pb2.ALIAS_STATE_REGISTERING
ACTIVE = aliases_pb2.ALIAS_STATE_ACTIVE
WAITING = aliases_pb2.ALIAS_STATE_WAITING
CONTESTED = aliases_pb2.ALIAS_STATE_CONTESTED
REMOVING = aliases_pb2.ALIAS_STATE_REMOVING
REMOVED = aliases_pb2.ALIAS_STATE_REMOVED
TAKEN = aliases_pb2.ALIAS_STATE_TAKEN
MOVED = aliases_pb2.ALIAS_STATE_MOVED
REGISTER = directory_pb2.ALIAS_ACTION_REGISTER
CLAIM = directory_pb2.ALIAS_ACTION_CLAIM
KEEP = directory_pb2.ALIAS_ACTION_KEEP
WITHDRAW = directory_pb2.ALIAS_ACTION_WITHDRAW
_SEALED = "alias"
_RESEALED_AT_ONCE = 500
_OF = aliases.c


class AliasTexts:
    """Seals aliases in clear, each bound to its digest."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        """Seals anew what another key has sealed.

        Raises:
            KeyFileWrong: the keys do not open what is there.
        """
        self._database = database
        self._sealer = sealer
        while self._seal_anew():
            pass

    def sealed(self, digest: bytes, text: bytes) -> dict[str, Any]:
        """The columns of an AliasText."""
        return {
            "sealed": self._sealer.seal(_id(digest), text, _SEALED),
            "sealed_by": self._sealer.newest,
        }

    def shown(self, row: Row[Any]) -> aliases_pb2.Alias:
        """A row as its wallet is shown it."""
        text = aliases_pb2.AliasText.FromString(self._opened(row))
        return aliases_pb2.Alias(
            alias=read_alias(text.alias).shown,
            state=row.state,
            private=bool(row.private),
            until_time_ms=row.until_time_ms,
            alias_digest=row.digest,
            since_time_ms=row.since_time_ms,
        )

    def _opened(self, row: Row[Any]) -> bytes:
        digest = bytes(row.digest)
        return self._sealer.open(_id(digest), row.sealed_by, bytes(row.sealed), _SEALED)

    def _seal_anew(self) -> bool:
        query = select(aliases).where(_OF.sealed_by != self._sealer.newest)

        def body(connection: Connection) -> bool:
            rows = connection.execute(query.limit(_RESEALED_AT_ONCE)).all()
            for row in rows:
                sealed = self.sealed(bytes(row.digest), self._opened(row))
                this = update(aliases).where(_OF.number == row.number)
                connection.execute(this.values(**sealed))
            return bool(rows)

        return self._database.transaction(body)


def live(connection: Connection, label: bytes) -> Row[Any] | None:
    """The row of a label that is not over; nobody else changes it until the transaction ends."""
    query = select(aliases).where(_OF.label == label, _OF.live == 1).with_for_update()
    return connection.execute(query).first()


def change(connection: Connection, row: Row[Any], **values: Any) -> None:
    """Changes a row."""
    connection.execute(update(aliases).where(_OF.number == row.number).values(**values))


def over(state: int) -> dict[str, Any]:
    """What a row becomes that ends in a state."""
    return {"state": int(state), "live": 0, "to_tell": 0, "until_time_ms": 0}


def given_up() -> dict[str, Any]:
    """What a row becomes whose label is to be given up."""
    return {"state": int(REMOVING), "to_tell": int(WITHDRAW)}


def taken() -> Refusal:
    """The refusal for a name that another wallet has."""
    return Refusal(errors_pb2.REASON_ALIAS_TAKEN, "somebody else has this alias", field="alias")


def unknown() -> Refusal:
    """The refusal for an alias that a wallet does not have."""
    return Refusal(
        errors_pb2.REASON_ALIAS_UNKNOWN, "this wallet has no such alias", field="alias_digest"
    )


def not_found() -> Refusal:
    """All that is told of an alias that nobody is found by, whatever the cause."""
    return Refusal(
        errors_pb2.REASON_ALIAS_NOT_FOUND, "nobody can be found by this alias now", field="alias"
    )


def _id(digest: bytes) -> int:
    return int.from_bytes(digest[:7], "big")
