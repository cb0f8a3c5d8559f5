"""Which pieces were spent in two ways, what the float may still pay for, and who bears the rest.

Below any piece no more leaves the float than the piece is worth. Where more is claimed, a piece on
the way was spent twice; the deepest such piece says whose device it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from central_bank.tables import pieces
from offline_token.formats import CERTIFICATE_BYTES, Chain, Endorsement, Hop
from offline_token.verify import Piece, spent_pieces

DEPOSITED = b"deposited".ljust(32, b"\0")


@dataclass
class Way:
    """One way in which a piece was spent; `bank` brought it in."""

    token_id: bytes
    hop: bytes
    bank: int
    retired_fen: int = 0
    known: bool = False
    changed: bool = False

    def endorsement(self) -> Endorsement:
        """How it was endorsed; a deposit has none."""
        return Endorsement.decode(self.hop[CERTIFICATE_BYTES:])


@dataclass(frozen=True)
class DoubleSpend:
    """A piece that was spent in another way before. `first` is that way, `second` the new hop."""

    piece: Piece
    first: Way
    second: Hop
    is_new: bool

    @property
    def device(self) -> bytes:
        """The key that spent the piece twice."""
        return self.second.certificate.key

    @property
    def proved(self) -> bool:
        """Whether the device's own two signatures prove it; for a deposit its bank answers."""
        return bool(self.first.hop)


@dataclass(frozen=True)
class Share:
    """What a deposited piece is paid: from the float, and as a loss."""

    end: Piece
    retired_fen: int
    doubles: tuple[DoubleSpend, ...] = ()

    @property
    def loss_fen(self) -> int:
        """What the float does not pay."""
        return self.end.value_fen - self.retired_fen


@dataclass
class Ways:
    """The registered ways of some pieces, and those that a deposit adds."""

    bank: int
    by_piece: dict[bytes, dict[bytes, Way]] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, bank: int, ids: Sequence[bytes]) -> Ways:
        """What is registered of these pieces, the oldest way first."""
        found = cls(bank)
        query = select(pieces).where(pieces.c.piece_id.in_(ids)).order_by(pieces.c.time_ms)
        for row in connection.execute(query):
            way = Way(bytes(row.token_id), bytes(row.hop), row.bank, row.retired_fen, known=True)
            found.by_piece.setdefault(bytes(row.piece_id), {})[bytes(row.spent_by)] = way
        return found

    def add(self, chain: Chain, end: Piece) -> Share:
        """Spends what a chain spends, and its end at the deposit."""
        room_fen = end.value_fen
        doubles: list[DoubleSpend] = []
        for piece, hop in path(chain):
            ways = self.by_piece.get(piece.id, {})
            room_fen = min(room_fen, piece.value_fen - sum(w.retired_fen for w in ways.values()))
            digest = hop.endorsement.digest(piece.id)
            others = [way for spent_by, way in ways.items() if spent_by != digest]
            if others:
                # Another endorsement says more than a deposit: it is proof.
                first = next((way for way in others if way.hop), others[0])
                doubles.append(DoubleSpend(piece, first, hop, digest not in ways))
        for piece, hop in path(chain):
            encoded = hop.certificate.encode() + hop.endorsement.encode()
            self._spend(piece, hop.endorsement.digest(piece.id), encoded, room_fen)
        self._spend(end, DEPOSITED, b"", room_fen)
        return Share(end, room_fen, tuple(doubles))

    def write(self, connection: Connection, number: int, now_ms: int) -> None:
        """Keeps what was added."""
        for piece_id, ways in self.by_piece.items():
            for spent_by, way in ways.items():
                key = {"piece_id": piece_id, "spent_by": spent_by}
                if not way.known:
                    values = {
                        "token_id": way.token_id,
                        "hop": way.hop,
                        "retired_fen": way.retired_fen,
                        "bank": way.bank,
                        "number": number,
                        "time_ms": now_ms,
                    }
                    connection.execute(insert(pieces).values(**key, **values))
                elif way.changed:
                    same = (pieces.c.piece_id == piece_id) & (pieces.c.spent_by == spent_by)
                    statement = update(pieces).where(same).values(retired_fen=way.retired_fen)
                    connection.execute(statement)

    def _spend(self, piece: Piece, spent_by: bytes, hop: bytes, retired_fen: int) -> None:
        ways = self.by_piece.setdefault(piece.id, {})
        way = ways.setdefault(spent_by, Way(piece.token_id, hop, self.bank))
        way.retired_fen += retired_fen
        way.changed = True


def path(chain: Chain) -> Iterator[tuple[Piece, Hop]]:
    """Each piece that a chain spends, with the hop that spends it."""
    return zip(spent_pieces(chain), chain.hops, strict=True)
