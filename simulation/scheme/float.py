"""An independent model of offline money: what the float still backs, and who bears what it does not
pay.

It takes from production code how a payment is written, and nothing of what is decided about it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from offline_token.deposit import Deposit
from offline_token.formats import Chain
from offline_token.verify import piece_of


@dataclass(frozen=True)
class _Spent:
    """A piece on the way to one that was deposited.

    Attributes:
        above: the piece that it was made of; b"" for a token.
        certifier: the bank that has certified its owner's device, if the owner endorsed it.
    """

    value_fen: int
    above: bytes
    certifier: str


class Float:
    """Tokens that were made, and how much of each piece was claimed.

    Attributes:
        registered_fen: what was paid for all tokens.
        given_back_fen: what went back to who had loaded it.
    """

    def __init__(self) -> None:
        self.registered_fen = 0
        self.given_back_fen = 0
        self._pieces: dict[bytes, _Spent] = {}
        self._deposited: dict[bytes, int] = {}

    def deposit(self, payment: bytes) -> None:
        """A deposit of pieces was paid."""
        deposit = Deposit.decode(payment)
        for chain, end in zip(deposit.payment.chains, deposit.endorsements, strict=True):
            above = b""
            for index, hop in enumerate(chain.hops):
                before = Chain(chain.token, chain.hops[:index])
                piece = piece_of(before, hop.endorsement.output)
                self._pieces[piece.id] = _Spent(piece.value_fen, above, hop.certificate.bank)
                above = piece.id
            piece = piece_of(chain, end.output)
            self._pieces.setdefault(piece.id, _Spent(piece.value_fen, above, ""))
            self._deposited[piece.id] = piece.value_fen

    def left_fen(self) -> int:
        """What must still lie in the float."""
        paid_fen, _ = self._settled()
        return self.registered_fen - paid_fen - self.given_back_fen

    def borne_fen(self) -> dict[str, int]:
        """What banks have to bear, for devices that they certified and that spent a piece twice."""
        return dict(self._settled()[1])

    def _settled(self) -> tuple[int, Counter[str]]:
        below: dict[bytes, list[bytes]] = defaultdict(list)
        for name, piece in self._pieces.items():
            below[piece.above].append(name)
        borne: Counter[str] = Counter()

        def claimed_fen(name: bytes) -> int:
            """What is claimed of a piece; what is beyond its worth is its spender's bank's."""
            piece = self._pieces[name]
            asked_fen = self._deposited.get(name, 0) + sum(map(claimed_fen, below[name]))
            if asked_fen > piece.value_fen:
                borne[piece.certifier] += asked_fen - piece.value_fen
            return min(asked_fen, piece.value_fen)

        return sum(map(claimed_fen, below[b""])), borne
