"""Whether several chains can be paid together: none may spend a piece in another way than another.

No signature is checked: this is for chains that were verified when they arrived.
"""

from __future__ import annotations

from offline_token.formats import PAYEE_OUTPUT, Chain
from offline_token.verify import piece_of


class Spends:
    """The chains of one payment, which agree on how each common piece was spent.

    A chain that a payee would refuse as `Reason.TOKEN_TWICE` is not added.
    """

    def __init__(self) -> None:
        self._spent: dict[bytes, bytes] = {}
        self._ends: set[bytes] = set()

    def add(self, chain: Chain, output: int) -> bool:
        """Adds a chain that ends in this output; False, and nothing added, if it does not agree."""
        end, spent = piece_of(chain, output).id, _spent(chain)
        if end in self._ends or end in self._spent or not self._ends.isdisjoint(spent):
            return False
        if any(self._spent.get(piece, digest) != digest for piece, digest in spent.items()):
            return False
        self._ends.add(end)
        self._spent.update(spent)
        return True


def _spent(chain: Chain) -> dict[bytes, bytes]:
    """The ids of the pieces that a chain's endorsements spent, each with what spent it."""
    found: dict[bytes, bytes] = {}
    for at, hop in enumerate(chain.hops):
        output = hop.endorsement.output if at else PAYEE_OUTPUT
        piece = piece_of(Chain(chain.token, chain.hops[:at]), output)
        found[piece.id] = hop.endorsement.digest(piece.id)
    return found
