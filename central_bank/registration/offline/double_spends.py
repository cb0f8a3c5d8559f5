"""Finds pieces that were spent twice, what the float may still pay for them, and the losses.

For any piece, no more leaves the float below it than it is worth. What is claimed below a piece
beyond its worth is lost at that piece, whose device spent it twice; the rest is claimed from the
piece above. So the losses are the same, and due to the same devices, in whatever order claims come
in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import Connection

from central_bank.registration.offline.tables import pieces
from offline_token.deposit import DEPOSIT_ENDORSEMENT_BYTES, DepositEndorsement
from offline_token.formats import CERTIFICATE_BYTES, DEVICE, Certificate, Chain, Endorsement
from offline_token.verify import Piece, Spending, Verdict
from runtime.chunks import chunks
from runtime.database import execute_many, of_rows

DEPOSITED = b"deposited".ljust(32, b"\0")
_INSERT = (
    f"INSERT INTO {pieces.name}"
    " (token_id, piece_id, spent_by, hop, retired_fen, claimed_fen, bank, number, time_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BY_KEYS = (
    "WITH wanted (token_id, piece_id) AS (VALUES ?)"
    f" SELECT {', '.join(pieces.c.keys())} FROM wanted JOIN {pieces.name}"
    " USING (token_id, piece_id) ORDER BY time_ms"
)
_UPDATE = (
    f"UPDATE {pieces.name} SET retired_fen = ?, claimed_fen = ?"
    " WHERE token_id = ? AND piece_id = ? AND spent_by = ?"
)


@dataclass(slots=True)
class Spend:
    """One way in which a piece was spent.

    Attributes:
        bank: index of the bank that brought it in.
        number: of the deposit.
        retired_fen: what left the float through it.
        claimed_fen: what was claimed through it within the piece's worth; the part of it that was
            not retired was lost at a piece further up.
        known: whether it is in the table.
        changed: whether its amounts differ from those in the table.
    """

    token_id: bytes
    hop: bytes
    bank: int
    number: int = 0
    retired_fen: int = 0
    claimed_fen: int = 0
    known: bool = False
    changed: bool = False

    def endorsement(self) -> Endorsement | DepositEndorsement:
        """The owner's signature: an endorsement, or the endorsement of a deposit."""
        if len(self.hop) == DEPOSIT_ENDORSEMENT_BYTES:
            return DepositEndorsement.decode(self.hop)
        return Endorsement.decode(self.hop[CERTIFICATE_BYTES:])

    def certified_by(self) -> list[str]:
        """Name of the bank that certified the endorsing device, in a list; none for a deposit."""
        is_deposit = len(self.hop) == DEPOSIT_ENDORSEMENT_BYTES
        return [] if is_deposit else [self.certificate().bank]

    def certificate(self) -> Certificate:
        """The certificate of the device that endorsed it; there is none for a deposit."""
        return Certificate.decode(self.hop[:CERTIFICATE_BYTES], DEVICE)


@dataclass(frozen=True)
class ProvenDoubleSpend:
    """A piece that was spent in another way before; its owner's two signatures prove it.

    Attributes:
        first: how it was spent before.
        certificate: of the device that spent it twice.
        second: how it is spent now.
        is_new: whether nobody has brought in the second way before.
    """

    piece: Piece
    first: Spend
    certificate: Certificate
    second: Endorsement | DepositEndorsement
    is_new: bool

    @property
    def device(self) -> bytes:
        """The key that spent the piece twice."""
        return self.certificate.key

    def banks(self) -> set[str]:
        """Names of the banks whose certificates for this key come with its two signatures."""
        return {self.certificate.bank, *self.first.certified_by()}


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a deposited piece is paid: from the float, and as a loss.

    Attributes:
        end: the piece.
        retired_fen: what leaves the float for it.
        doubles: the pieces on its way that were spent twice, oldest first.
        lost: for some of these, the fen lost there.
    """

    end: Piece
    retired_fen: int
    doubles: tuple[ProvenDoubleSpend, ...] = ()
    lost: tuple[tuple[ProvenDoubleSpend, int], ...] = ()

    @property
    def loss_fen(self) -> int:
        """What the float does not pay."""
        return self.end.value_fen - self.retired_fen


class VerifiedDeposit(NamedTuple):
    """A deposit whose chains are good.

    Attributes:
        ends: the owners' endorsements, one for each chain.
        number: of the deposit.
    """

    chains: Sequence[Chain]
    verdict: Verdict
    ends: Sequence[DepositEndorsement]
    number: int


@dataclass
class Spends:
    """How some pieces were spent: what is in the table, and what a deposit adds."""

    bank: int
    by_piece: dict[bytes, dict[bytes, Spend]] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, bank: int, spent: Iterable[Piece]) -> Spends:
        """Reads how these pieces were spent, oldest first."""
        found = cls(bank)
        # In the order of the index.
        for chunk in chunks(sorted({(piece.token_id, piece.id) for piece in spent})):
            found._take(connection, chunk)
        return found

    def _take(self, connection: Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
        for row in of_rows(connection, _BY_KEYS, keys):
            spend = Spend(
                bytes(row.token_id),
                bytes(row.hop),
                row.bank,
                row.number,
                row.retired_fen,
                row.claimed_fen,
                known=True,
            )
            self.by_piece.setdefault(bytes(row.piece_id), {})[bytes(row.spent_by)] = spend

    def add_plain(self, paid: VerifiedDeposit) -> list[Allocation]:
        """As `add`, but only if there is no problem; else adds nothing and returns [].

        There is no problem if nobody has brought in the chains' ends, no piece on the way was spent
        in another way, and the float pays for all of it.
        """
        verdict = paid.verdict
        if any(self.by_piece.get(end.id) for end in verdict.pieces):
            return []
        before = {
            piece.id: {spent_by: replace(spend) for spent_by, spend in spends.items()}
            for piece in verdict.all_pieces
            if (spends := self.by_piece.get(piece.id))
        }
        allocations = self.add(paid)
        if not any(allocation.doubles or allocation.loss_fen for allocation in allocations):
            return allocations
        self.put(verdict.all_pieces, before)
        return []

    def put(self, spent: Iterable[Piece], by_piece: dict[bytes, dict[bytes, Spend]]) -> None:
        """Replaces how these pieces were spent."""
        for piece in spent:
            self.by_piece.pop(piece.id, None)
        self.by_piece.update(by_piece)

    def paid_away(self, paid: VerifiedDeposit) -> list[ProvenDoubleSpend]:
        """The double spends of a deposit's own pieces: their owners have paid them to others
        before.
        """
        ends = zip(paid.verdict.pieces, paid.ends, strict=True)
        return [double for end, signed in ends for double in self._paid_away(end, signed)]

    def _paid_away(self, end: Piece, signed: DepositEndorsement) -> list[ProvenDoubleSpend]:
        """The double spend of one deposited piece, if its owner has paid it to somebody before."""
        for spent_by, spend in self.by_piece.get(end.id, {}).items():
            if spent_by != DEPOSITED:
                return [ProvenDoubleSpend(end, spend, spend.certificate(), signed, is_new=True)]
        return []

    def add(self, paid: VerifiedDeposit) -> list[Allocation]:
        """Adds how a good deposit spends pieces: those on its chains, and their ends by the
        deposit.
        """
        verdict = paid.verdict
        each = zip(paid.chains, verdict.spent, verdict.pieces, paid.ends, strict=True)
        return [self._add(*parts, paid.number) for parts in each]

    def write(self, connection: Connection, now_ms: int) -> None:
        """Writes what was added, in this transaction."""
        fresh: list[tuple[int | bytes, ...]] = []
        moved: list[tuple[int | bytes, ...]] = []
        for piece_id, spends in self.by_piece.items():
            for spent_by, spend in spends.items():
                if not spend.known:
                    row = (spend.token_id, piece_id, spent_by, spend.hop)
                    amounts = (spend.retired_fen, spend.claimed_fen)
                    fresh.append((*row, *amounts, spend.bank, spend.number, now_ms))
                elif spend.changed:
                    amounts = (spend.retired_fen, spend.claimed_fen)
                    moved.append((*amounts, spend.token_id, piece_id, spent_by))
                spend.known, spend.changed = True, False
        if fresh:
            execute_many(connection, _INSERT, fresh)
        if moved:
            execute_many(connection, _UPDATE, moved)

    def _add(
        self,
        chain: Chain,
        spent: Sequence[Spending],
        end: Piece,
        signed: DepositEndorsement,
        number: int,
    ) -> Allocation:
        doubles: dict[bytes, ProvenDoubleSpend] = {}
        for (piece, digest), hop in zip(spent, chain.hops, strict=True):
            spends = self.by_piece.get(piece.id, {})
            others = [spend for spent_by, spend in spends.items() if spent_by != digest]
            if others:
                certificate, second = hop.certificate, hop.endorsement
                is_new = digest not in spends
                doubles[piece.id] = ProvenDoubleSpend(piece, others[0], certificate, second, is_new)
        at = {**doubles, **{double.piece.id: double for double in self._paid_away(end, signed)}}
        path = [*(piece for piece, _ in spent), end]
        claims, lost = self._claims(path, end.value_fen, at)
        retired_fen = end.value_fen - sum(fen for _, fen in lost)
        for (piece, digest), hop, claimed_fen in zip(spent, chain.hops, claims[:-1], strict=True):
            encoded = hop.certificate.encode() + hop.endorsement.encode()
            self._spend(piece, digest, encoded, retired_fen, claimed_fen, number)
        self._spend(end, DEPOSITED, signed.encode(), retired_fen, claims[-1], number)
        return Allocation(end, retired_fen, tuple(doubles.values()), tuple(lost))

    def _claims(
        self,
        spent: Sequence[Piece],
        claimed_fen: int,
        doubles: Mapping[bytes, ProvenDoubleSpend],
    ) -> tuple[list[int], list[tuple[ProvenDoubleSpend, int]]]:
        """What is claimed from each piece on the way, oldest first, and what is lost at which of
        them.

        It goes from the end upwards: no piece pays more than it is worth, whoever claims it.
        """
        claims: list[int] = []
        lost: list[tuple[ProvenDoubleSpend, int]] = []
        for piece in reversed(spent):
            before_fen = sum(
                spend.claimed_fen for spend in self.by_piece.get(piece.id, {}).values()
            )
            within_fen = min(claimed_fen, piece.value_fen - before_fen)
            if within_fen < claimed_fen:
                lost.append((doubles[piece.id], claimed_fen - within_fen))
            claimed_fen = within_fen
            claims.append(claimed_fen)
        return claims[::-1], lost

    def _spend(
        self,
        piece: Piece,
        spent_by: bytes,
        hop: bytes,
        retired_fen: int,
        claimed_fen: int,
        number: int,
    ) -> None:
        spends = self.by_piece.setdefault(piece.id, {})
        spend = spends.setdefault(spent_by, Spend(piece.token_id, hop, self.bank, number))
        spend.retired_fen += retired_fen
        spend.claimed_fen += claimed_fen
        spend.changed = True
