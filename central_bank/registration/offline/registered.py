"""What is written down of tokens that come in: were they registered, have they gone back?

A signature of a root makes no money: a root may be stolen, before its end or after it. What leaves
the float was paid into it when its token was registered, as it is written down here.

Of tokens that ended long ago nothing is written down any more but until when they have: all of them
have gone back (pruning.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from central_bank.registration.offline.pruned_chain import forgotten_before
from central_bank.registration.offline.tables import tokens
from offline_token.formats import SIGNATURE_BYTES, Chain
from runtime.parts import parts


class Registered:
    """What is known of some tokens."""

    def __init__(self, known: Mapping[bytes, tuple[bytes, bool]], until_ms: int) -> None:
        """By token id, the token without its signature, and whether something of it went back.

        Args:
            until_ms: tokens that expired before have gone back, be they known or not.
        """
        self._known = known
        self._until_ms = until_ms

    @classmethod
    def of(cls, connection: Connection, token_ids: Iterable[bytes]) -> Registered:
        """Of tokens with these ids."""
        of, known = tokens.c, {}
        for part in parts(sorted(token_ids)):
            query = select(of.token_id, of.body, of.restored_fen).where(of.token_id.in_(part))
            for token_id, body, restored_fen in connection.execute(query):
                known[bytes(token_id)] = bytes(body)[:-SIGNATURE_BYTES], restored_fen is not None
        # Behind the rows: of one that goes in between, this says that it has ended.
        return cls(known, forgotten_before(connection))

    def has_all(self, chains: Sequence[Chain]) -> bool:
        """Whether each chain's token was registered: the same value, owner and times.

        Or may have been: it says that it expired before anything that is still known.
        """
        return all(self._has_ended(chain) or self._has(chain) for chain in chains)

    def is_refunded(self, chains: Sequence[Chain]) -> bool:
        """Whether something of one of their tokens went back to its loader."""
        return any(
            self._has_ended(chain) or self._known.get(chain.token.id, (b"", False))[1]
            for chain in chains
        )

    def _has_ended(self, chain: Chain) -> bool:
        return chain.token.expires_time_ms < self._until_ms

    def _has(self, chain: Chain) -> bool:
        known = self._known.get(chain.token.id)
        return known is not None and known[0] == chain.token.encode()[:-SIGNATURE_BYTES]
