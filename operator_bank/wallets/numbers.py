"""Gives wallets numbers that do not tell how many there are, or which others exist."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Connection, insert, select

from currency.number import SERIAL_DIGITS, make
from operator_bank.wallets.tables import number_secret
from runtime.database import Database

LEFT, RIGHT = 10 ** (SERIAL_DIGITS // 2), 10 ** (SERIAL_DIGITS - SERIAL_DIGITS // 2)
ROUNDS = 10
SECRET_BYTES = 32


class Numbers:
    """A permutation of all serials, by a secret of the bank.

    It is a Feistel network over two numbers whose product is the count of serials, with addition in
    place of exclusive or (as in NIST SP 800-38G, FF1) and BLAKE2b as the round function. So no two
    wallets have the same number, and no table is needed to find a free one.
    """

    def __init__(self, prefix: str, secret: bytes) -> None:
        self._prefix = prefix
        self._rounds = [
            hashlib.blake2b(key=secret, digest_size=16, person=b"wallet-%d" % number)
            for number in range(ROUNDS)
        ]

    def of(self, row_id: int) -> str:
        """The number of the wallet with this row id. Raises ValueError for an id that has none."""
        if not 0 <= row_id < LEFT * RIGHT:
            raise ValueError(f"row {row_id} has no number")
        left, right = divmod(row_id, RIGHT)
        for number in range(0, ROUNDS, 2):
            left = (left + self._mixed(number, right)) % LEFT
            right = (right + self._mixed(number + 1, left)) % RIGHT
        return make(self._prefix, left * RIGHT + right)

    def _mixed(self, number: int, half: int) -> int:
        mixed = self._rounds[number].copy()
        mixed.update(half.to_bytes(8, "big"))
        return int.from_bytes(mixed.digest(), "big")


def numbers_of(database: Database, prefix: str) -> Numbers:
    """The numbers by the secret in the database, which is made if there is none yet."""

    def body(connection: Connection) -> bytes:
        found = connection.execute(select(number_secret.c.secret)).scalar()
        if found is None:
            found = secrets.token_bytes(SECRET_BYTES)
            connection.execute(insert(number_secret), {"id": 1, "secret": found})
        return bytes(found)

    return Numbers(prefix, database.transaction(body))
