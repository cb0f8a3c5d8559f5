"""Reads the lists of a bank's wallets' signers, and says who could sign what under each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, column, table

from auditor.signatures.orders import Wrong, read
from auditor.signatures.rows import as_of_one_moment, rows_if_there
from dcep.bank.v1 import signers_pb2, states_pb2
from language import _

PLACES = 16
"""A signer's sequences are those whose rest by this is its place."""

RELEASE, PREPARE = states_pb2.SIGNER_ROLE_RELEASE, states_pb2.SIGNER_ROLE_PREPARE
_lists = table(
    "signer_lists",
    *map(column, ("position", "number", "key_number", "time_ms", "gives_up_recovery", "payload")),
)
_signatures = table("signer_signatures", *map(column, ("position", "place", "signature")))


class SignerList(NamedTuple):
    """A list that is or was in force.

    Attributes:
        row: of the table.
        order: what was signed.
    """

    row: Row[Any]
    order: signers_pb2.SignersOrder

    @property
    def releasing(self) -> dict[int, bytes]:
        """The keys of those who may release, by their places."""
        return {
            one.place: bytes(one.public_key) for one in self.order.signers if one.role == RELEASE
        }

    def key(self, sequence: int) -> bytes:
        """The key that orders with this sequence are signed by. Raises Wrong."""
        for one in self.order.signers:
            if one.place == sequence % PLACES and one.role in (PREPARE, RELEASE):
                return bytes(one.public_key)
        raise Wrong(_("its order has a sequence of nobody who could order"))


class SignerRows(NamedTuple):
    """The rows of a bank's lists at one moment.

    Attributes:
        lists: of each wallet, by which of its keys and lists they are.
        signatures: by the position of the record, and the place of the signer.
        problems: rows that cannot be read.
    """

    lists: Mapping[str, Mapping[int, SignerList]]
    signatures: Mapping[int, Mapping[int, bytes]]
    problems: list[str]


def signer_rows(engine: Engine) -> SignerRows:
    """The rows of a bank's lists as they are now."""
    with as_of_one_moment(engine).connect() as connection:
        return _read(connection)


def _read(connection: Connection) -> SignerRows:
    lists: dict[str, dict[int, SignerList]] = defaultdict(dict)
    signatures: dict[int, dict[int, bytes]] = defaultdict(dict)
    problems: list[str] = []
    for row in rows_if_there(connection, _lists, "position"):
        try:
            order = read(signers_pb2.SignersOrder, bytes(row.payload))
        except Wrong as wrong:
            problems.append(f"{where_of(row)}: {wrong}")
            order = signers_pb2.SignersOrder()
        lists[row.number][row.key_number] = SignerList(row, order)
    for row in rows_if_there(connection, _signatures):
        signatures[row.position][row.place] = bytes(row.signature)
    return SignerRows(lists, signatures, problems)


def where_of(row: Row[Any]) -> str:
    """The place of a list's row, as the beginning of a sentence."""
    return _("table signer_lists, row position={position}").format(position=row.position)
