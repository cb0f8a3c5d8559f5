"""Keeps which recovery keys were named for wallets, and says which count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from currency.recovery import GIVEN_UP, KeyTaken, Named, counting
from dcep.bank.v1 import keys_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.tables import key_replacements, recovery_keys
from operator_bank.signers.tables import signer_lists
from runtime.checks import invalid, public_key
from runtime.errors import Refusal

PHRASE = keys_pb2.KEY_CAUSE_PHRASE
_OF, _TAKEN = recovery_keys.c, key_replacements.c
_ENDED = (keys_pb2.KEY_STATE_OBJECTED, keys_pb2.KEY_STATE_CANCELLED)


class RecoveryKeys:
    """The recovery keys of wallets."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._clock = context.clock

    def counting(self, number: str) -> list[Named]:
        """Those that count for a wallet now, the one that was named first before the others."""
        named = select(_OF.recovery_key, _OF.key_number, _OF.time_ms)
        taken = select(key_replacements).where(
            _TAKEN.number == number,
            _TAKEN.key_number > 0,
            _TAKEN.cause != keys_pb2.KEY_CAUSE_ROTATION,
        )

        given_up = select(signer_lists.c.key_number, signer_lists.c.time_ms).where(
            signer_lists.c.number == number, signer_lists.c.gives_up_recovery
        )

        def body(connection: Connection) -> tuple[list[Named], list[KeyTaken]]:
            rows = connection.execute(named.where(_OF.number == number).order_by(_OF.id))
            keys = [Named(bytes(row.recovery_key), row.key_number, row.time_ms) for row in rows]
            lists = connection.execute(given_up).all()
            keys += [Named(GIVEN_UP, row.key_number, row.time_ms) for row in lists]
            keys.sort(key=lambda one: one.key_number)
            return keys, [_taken(row) for row in connection.execute(taken).all()]

        return counting(*self._database.read(body), self._clock.now_ms())

    def wallet_of(self, key: bytes) -> str | None:
        """The number of the wallet that a recovery key counts for; None if there is none.

        What it looks up is the same for any key that it does not know.
        """
        query = select(_OF.number).where(_OF.recovery_key == key)
        number = self._database.read(lambda c: c.execute(query).scalar())
        counts = any(one.key == key for one in self.counting(number or ""))
        return number if counts else None

    def decides_alone(self, key: bytes) -> bool:
        """Whether nobody has objected to what a recovery key asked for."""
        ended = select(_TAKEN.id).where(
            _TAKEN.recovery_key == key, _TAKEN.cause == PHRASE, _TAKEN.state.in_(_ENDED)
        )
        return self._database.read(lambda c: c.execute(ended.limit(1)).first()) is None

    def check_all_new(self, keys: Sequence[bytes]) -> None:
        """The same for each of some; Raises Refusal also if one stands twice among them."""
        if len(set(keys)) != len(keys):
            raise invalid("recovery_key", "stands twice in one call")
        for key in keys:
            self.check_new(key)

    def check_new(self, key: bytes) -> None:
        """Checks a recovery key that is to be named: it has full order, and never was named.

        Raises:
            Refusal: FIELD_INVALID or ALREADY_DECIDED.
        """
        public_key(key, "recovery_key")
        query = select(_OF.id).where(_OF.recovery_key == key)
        if self._database.read(lambda c: c.execute(query).first()) is not None:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "this recovery key was named before; it takes a new phrase",
                field="recovery_key",
            )


def name_key(
    connection: Connection, key: bytes, number: str, key_number: int, time_ms: int
) -> None:
    """Writes a recovery key down, in the transaction in which what named it takes effect."""
    values = {
        "recovery_key": key,
        "number": number,
        "key_number": key_number,
        "time_ms": time_ms,
    }
    connection.execute(insert(recovery_keys), values)


def _taken(row: Row[Any]) -> KeyTaken:
    by_phrase = row.cause == PHRASE
    return KeyTaken(row.key_number, bytes(row.recovery_key) if by_phrase else b"")
