"""How pieces were spent that several chains come from, and whether the chains go together.

No signature is checked: this is for chains that were verified when they came.
"""

from __future__ import annotations

from offline_token.formats import PAYEE_OUTPUT, Chain
from offline_token.verify import piece_of


class Spends:
    """Chains of one payment, none of which spends a piece in another way than the others.

    What a payee refuses as `Reason.TOKEN_TWICE` is not added.
    """

    def __init__(self) -> None:
        self._spent: dict[bytes, bytes] = {}
        self._ends: set[bytes] = set()

    def add(self, chain: Chain, output: int) -> bool:
        """Adds a chain that ends in this output, unless it does not go with those before."""
        end, spent = piece_of(chain, output).id, _spent(chain)
        if end in self._ends or end in self._spent or not self._ends.isdisjoint(spent):
            return False
        if any(self._spent.get(piece, digest) != digest for piece, digest in spent.items()):
            return False
        self._ends.add(end)
        self._spent.update(spent)
        return True


def _spent(chain: Chain) -> dict[bytes, bytes]:
    """Ids of the pieces that its endorsements spent, with what spent each."""
    found: dict[bytes, bytes] = {}
    for at, hop in enumerate(chain.hops):
        output = hop.endorsement.output if at else PAYEE_OUTPUT
        piece = piece_of(Chain(chain.token, chain.hops[:at]), output)
        found[piece.id] = hop.endorsement.digest(piece.id)
    return found
