"""Looks up whether deposited tokens were registered, and whether they were refunded.

A root's signature makes no money, because a root may be stolen, before or after its end. What
leaves the float must have been paid into it when its token was registered, which is what the table
says.

Of tokens that ended long ago only the time is kept before which all have ended and were refunded
(pruning.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from central_bank.registration.offline.pruned_chain import forgotten_before
from central_bank.registration.offline.tables import tokens
from offline_token.formats import SIGNATURE_BYTES, Chain
from runtime.chunks import chunks


class Registered:
    """What is known about some tokens."""

    def __init__(self, known: Mapping[bytes, tuple[bytes, bool]], until_ms: int) -> None:
        """Takes what is known.

        Args:
            known: by token id, the token without its signature, and whether anything of it was
                refunded.
            until_ms: tokens that expired before have all been refunded, whether they are known or
                not.
        """
        self._known = known
        self._until_ms = until_ms

    @classmethod
    def of(cls, connection: Connection, token_ids: Iterable[bytes]) -> Registered:
        """Looks up tokens by their ids."""
        of, known = tokens.c, {}
        for chunk in chunks(sorted(token_ids)):
            query = select(of.token_id, of.body, of.restored_fen).where(of.token_id.in_(chunk))
            for token_id, body, restored_fen in connection.execute(query):
                known[bytes(token_id)] = bytes(body)[:-SIGNATURE_BYTES], restored_fen is not None
        # After the rows: if a row is deleted in between, this says that its token has ended.
        return cls(known, forgotten_before(connection))

    def has_all(self, chains: Sequence[Chain]) -> bool:
        """Whether each chain's token was registered with the same value, owner and times.

        A token that expired before anything that is still known counts as registered.
        """
        return all(self._has_ended(chain) or self._has(chain) for chain in chains)

    def is_refunded(self, chains: Sequence[Chain]) -> bool:
        """Whether anything of one of their tokens was refunded to its loader."""
        return any(
            self._has_ended(chain) or self._known.get(chain.token.id, (b"", False))[1]
            for chain in chains
        )

    def _has_ended(self, chain: Chain) -> bool:
        return chain.token.expires_time_ms < self._until_ms

    def _has(self, chain: Chain) -> bool:
        known = self._known.get(chain.token.id)
        return known is not None and known[0] == chain.token.encode()[:-SIGNATURE_BYTES]
