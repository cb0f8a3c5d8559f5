"""Whether each token paid of a deposit what the deposit's pieces of it are worth.

A deposit may bring in pieces of several tokens. The journal has its sum alone; whose load it came
out of, and who gets back what is left of a load, the rows of pieces and losses say. Here they are
held against the deposit as its bank signed it, which is kept whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Row, column, select, table

from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.deposit import Deposit
from offline_token.formats import FormatError
from offline_token.verify import Bad

Batch = tuple[int, int]
"""A bank's index and its number of a deposit."""

_ROWS = 200
_batches = table("bank_batches", *(column(name) for name in ("position", "bank", "kind", "head")))


def check_deposits(
    connection: Connection,
    settled: Collection[Batch],
    tokens: Collection[bytes],
    pieces: Sequence[Row[Any]],
    losses: Sequence[Row[Any]],
    problems: list[str],
) -> None:
    """Notes tokens of whose pieces in a deposit more or less was paid than they are worth.

    Args:
        settled: the deposits that moved money.
        tokens: the tokens of which every row is still there.
        pieces: rows of `pieces` for what was deposited.
        losses: rows of `losses`.
    """
    paid: dict[Batch, Counter[bytes]] = defaultdict(Counter)
    for piece in pieces:
        paid[piece.bank, piece.number][bytes(piece.token_id)] += piece.retired_fen
    for loss in losses:
        paid[loss.bank, loss.number][bytes(loss.token_id)] += loss.amount_fen
    signed: dict[Batch, list[Counter[bytes]]] = defaultdict(list)
    for bank, item in _items(connection):
        if (bank, item.number) in settled:
            signed[bank, item.number].append(_worth(item.offline_payment))
    for batch, brought in sorted(signed.items()):
        for token in sorted({*paid[batch], *(one for each in brought for one in each)}):
            if token not in tokens:
                continue
            found_fen = paid[batch][token]
            if all(each[token] != found_fen for each in brought):
                problems.append(
                    _(
                        "table pieces, row token_id={token_id}, deposit bank={bank} "
                        "number={number}: {found} fen of it were paid, {worth} were deposited"
                    ).format(
                        token_id=token.hex(),
                        bank=batch[0],
                        number=batch[1],
                        found=found_fen,
                        worth=brought[0][token],
                    )
                )


def _items(connection: Connection) -> Iterator[tuple[int, Any]]:
    """Each item of each kept deposit, with the index of the bank that signed it."""
    after = 0
    while True:
        query = select(_batches).where(_batches.c.position > after, _batches.c.kind == "deposit")
        rows = connection.execute(query.order_by(_batches.c.position).limit(_ROWS)).all()
        for row in rows:
            try:
                deposit = registration_pb2.TokenDeposit.FromString(bytes(row.head))
            except DecodeError:
                continue  # the audit of signatures names the row
            for item in deposit.items:
                yield row.bank, item
        if len(rows) < _ROWS:
            return
        after = rows[-1].position


def _worth(offline_payment: bytes) -> Counter[bytes]:
    """Fen of each token in a deposit; nothing where it cannot be read."""
    found: Counter[bytes] = Counter()
    try:
        for piece in Deposit.decode(offline_payment).pieces():
            found[piece.token_id] += piece.value_fen
    except (FormatError, Bad):
        return Counter()
    return found
