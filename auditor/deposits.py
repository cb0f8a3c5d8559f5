"""Makes the tables of pieces and losses again from signed deposits, and compares them.

How a piece was spent decides whether it is paid once more, which of two payees is paid, and what a
loader gets back. The journal has only the sum of a deposit. But each deposit that moved money is
kept as its bank signed it, with its chains whole. Taken in the order of the journal, the deposits
give every row of both tables. So a row that was changed, deleted or inserted is named.

What is claimed and lost at which piece is computed as docs/decisions/0005 says: from the end of a
chain upwards, and from no piece more than it is worth.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Row, column, select, table

from auditor.signatures.verifying import Problems
from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.deposit import Deposit, DepositEndorsement
from offline_token.formats import PAYEE_OUTPUT, Chain, FormatError, output_id
from settlement.records import record_digest

DEPOSITED = b"deposited".ljust(32, b"\0")

Batch = tuple[int, int]
"""A bank's index and its number of a deposit."""

Key = tuple[bytes, bytes, bytes]
"""Token, piece, and the digest of what spent the piece."""

Cells = tuple[Any, ...]
"""The other columns of a row, in the table's order."""

_ROWS = 200
_batches = table("bank_batches", *(column(name) for name in ("position", "bank", "kind", "head")))
_banks = table("banks", column("id"), column("name"))
_WAY = ("hop", "retired_fen", "claimed_fen", "bank", "number", "time_ms")
_KEY = ("token_id", "piece_id", "spent_by")
_pieces = table("pieces", *map(column, (*_KEY, *_WAY)))
_LOSS = ("token_id", "device_key", "borne_by", "amount_fen", "bank", "number", "time_ms")
_losses = table("losses", *map(column, ("piece_id", "lost_at", *_LOSS)))


class Settled(NamedTuple):
    """What the journal says about a deposit that moved money."""

    position: int
    time_ms: int
    digest: int


class Spends(NamedTuple):
    """The rows of both tables. Of the bytes that spent a piece only a digest is kept."""

    pieces: dict[Key, Cells]
    losses: dict[tuple[bytes, bytes], Cells]

    @classmethod
    def read(cls, connection: Connection) -> Spends:
        """Reads all rows."""
        rows = connection.execute(select(_pieces).execution_options(yield_per=10_000))
        pieces = {_key(row): (_short(row.hop), *row[4:]) for row in rows}
        lost = connection.execute(select(_losses)).all()
        losses = {
            (bytes(row.piece_id), bytes(row.lost_at)): (
                *(bytes(row.token_id), bytes(row.device_key)),
                *row[4:],
            )
            for row in lost
        }
        return cls(pieces, losses)


@dataclass(slots=True)
class _Way:
    """One way in which a piece was spent, by the deposits."""

    hop: bytes
    bank: int
    number: int
    time_ms: int
    retired_fen: int = 0
    claimed_fen: int = 0

    def row(self) -> Cells:
        """Its columns as in `Spends`."""
        amounts = (self.retired_fen, self.claimed_fen)
        return (self.hop, *amounts, self.bank, self.number, self.time_ms)


class _Step(NamedTuple):
    """A piece of a chain, what it is worth, and what spent it."""

    piece: bytes
    value_fen: int
    spent_by: bytes
    hop: bytes
    bank: str
    device: bytes


class _Deposited(NamedTuple):
    """A deposited chain, from its token to its end."""

    batch: Batch
    token: bytes
    steps: list[_Step]


@dataclass
class _Made:
    """The tables as the deposits make them."""

    banks: Mapping[str, int]
    spends: dict[tuple[bytes, bytes], dict[bytes, _Way]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    losses: dict[tuple[bytes, bytes], Cells] = field(default_factory=dict)

    def take(self, one: _Deposited, time_ms: int) -> None:
        """Adds the next chain: how it spent its pieces, and what is lost at which piece."""
        worth_fen = claimed_fen = one.steps[-1].value_fen
        claims: list[int] = []
        end = one.steps[-1].piece
        for step in reversed(one.steps):
            known = self.spends[one.token, step.piece].values()
            left_fen = step.value_fen - sum(way.claimed_fen for way in known)
            within_fen = min(claimed_fen, left_fen)
            if within_fen < claimed_fen:
                lost_fen = claimed_fen - within_fen
                worth_fen -= lost_fen
                bearer = self.banks.get(step.bank, -1)
                loss = (one.token, step.device, bearer, lost_fen, *one.batch, time_ms)
                self.losses[end, step.piece] = loss
            claimed_fen = within_fen
            claims.append(claimed_fen)
        for step, claim_fen in zip(one.steps, reversed(claims), strict=True):
            spends = self.spends[one.token, step.piece]
            way = spends.setdefault(step.spent_by, _Way(step.hop, *one.batch, time_ms))
            way.retired_fen += worth_fen
            way.claimed_fen += claim_fen


def check_deposits(
    connection: Connection,
    settled: Mapping[Batch, Settled],
    whole: Collection[bytes],
    found: Spends,
) -> Problems:
    """Names each row of the two tables that the deposits do not give, and each that is missing.

    Args:
        connection: to the central bank's database.
        settled: the deposits that moved money, by the journal.
        whole: the tokens whose rows were not deleted for their age.
        found: the rows, as of the journal from which `settled` was read.
    """
    problems = Problems()
    made = _Made({row.name: row.id for row in connection.execute(select(_banks))})
    brought = list(_brought(connection, settled, whole))
    for one in sorted(brought, key=lambda one: settled[one.batch].position):
        made.take(one, settled[one.batch].time_ms)
    wanted = {
        (*piece, spent_by): way.row()
        for piece, spends in made.spends.items()
        for spent_by, way in spends.items()
    }
    differing = []
    for key, row in found.pieces.items():
        said = wanted.pop(key, None)
        if row != said and (key[0] in whole or said is not None):
            differing.append((key, said))
    for key, said in sorted(differing, key=lambda one: one[0]):
        where = _("table pieces, row {key}").format(key=_named(_KEY, key))
        _compare(where, _WAY, found.pieces[key], said, problems)
    for key in sorted(wanted):
        problems.say(
            _("table pieces, row {key} is missing: a deposit that was paid spent it so").format(
                key=_named(_KEY, key)
            )
        )
    for lost in sorted(lost for lost, row in found.losses.items() if row[0] in whole):
        where = _("table losses, row {key}").format(key=_named(("piece_id", "lost_at"), lost))
        _compare(where, _LOSS, found.losses[lost], made.losses.pop(lost, None), problems)
    for lost in sorted(made.losses):
        problems.say(
            _("table losses, row {key} is missing: a deposit that was paid lost it there").format(
                key=_named(("piece_id", "lost_at"), lost)
            )
        )
    return problems


def _compare(
    where: str,
    names: Sequence[str],
    have: Cells,
    said: Cells | None,
    problems: Problems,
) -> None:
    if said is None:
        problems.say(_("{where}: no deposit that was paid says so").format(where=where))
        return
    for name, one, other in zip(names, have, said, strict=True):
        if one == other:
            continue
        if name == "hop":
            problems.say(
                _("{where}: {name} is not what the deposits have").format(where=where, name=name)
            )
        else:
            problems.say(
                _("{where}: {name} is {have}, the deposits say {said}").format(
                    where=where, name=name, have=_shown(one), said=_shown(other)
                )
            )


def _brought(
    connection: Connection, settled: Mapping[Batch, Settled], whole: Collection[bytes]
) -> Iterator[_Deposited]:
    """The chains in the deposits that moved money, of tokens in `whole`."""
    seen: set[Batch] = set()
    for bank, item in _items(connection):
        batch = (bank, item.number)
        known = settled.get(batch)
        # A bank may have signed the same deposit again, or another one with the same number.
        if known is None or batch in seen or record_digest(item.offline_payment) != known.digest:
            continue
        seen.add(batch)
        try:
            deposit = Deposit.decode(item.offline_payment)
        except FormatError:
            continue  # it cannot have been paid; the audit of signatures names its row
        for chain, end in zip(deposit.payment.chains, deposit.endorsements, strict=True):
            if chain.token.id in whole:
                yield _Deposited(batch, chain.token.id, _steps(chain, end))


def _steps(chain: Chain, end: DepositEndorsement) -> list[_Step]:
    piece, value_fen = chain.token.piece_id(), chain.token.value_fen
    found: list[_Step] = []
    outputs = [*(hop.endorsement.output for hop in chain.hops[1:]), end.output]
    for hop, output in zip(chain.hops, outputs, strict=False):
        endorsement, certificate = hop.endorsement, hop.certificate
        digest = endorsement.digest(piece)
        way = _short(certificate.encode() + endorsement.encode())
        found.append(_Step(piece, value_fen, digest, way, certificate.bank, certificate.key))
        paid_fen = endorsement.amount_fen
        value_fen = paid_fen if output == PAYEE_OUTPUT else value_fen - paid_fen
        piece = output_id(piece, digest, output)
    found.append(_Step(piece, value_fen, DEPOSITED, _short(end.encode()), "", b""))
    return found


def _items(connection: Connection) -> Iterator[tuple[int, registration_pb2.TokenDepositItem]]:
    """Each item of each kept deposit, with the id of the bank that signed it."""
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


def _key(row: Row[Any]) -> Key:
    return bytes(row.token_id), bytes(row.piece_id), bytes(row.spent_by)


def _short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def _named(names: Sequence[str], key: Sequence[bytes]) -> str:
    return " ".join(f"{name}={part.hex()}" for name, part in zip(names, key, strict=True))


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
