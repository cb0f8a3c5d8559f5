"""Which pieces pay an amount."""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.formats import Chain
from offline_token.limits import MAX_CHAINS
from offline_token.verify import hops_left
from offline_token.ways import Ways
from wallet.secure_element.refusals import in_too_many_pieces
from wallet.secure_element.state import HeldPiece, State, chain_of, worth_fen

_WEEK_MS = 7 * 86_400_000


def choose(
    state: State, good: Sequence[HeldPiece], amount_fen: int, max_hops: int
) -> list[HeldPiece]:
    """Pieces that cover the amount: the one that ends soonest of those that suffice, or several.

    Among those that end in the same week it is the one with the fewest hops, whose payment is the
    shortest; then the smallest; then one of the newest load, which shows a new key. Several are of
    one key where that can be: pieces that pay together are seen to be in one hand.

    Args:
        good: pieces that a payee would take.
        max_hops: of the bundle: how often a piece may change hands.
    """
    usable = [
        (piece, chain)
        for piece in good
        if hops_left(chain := chain_of(piece), piece.output, max_hops)
    ]
    newest = {key.public: -at for at, key in enumerate(state.keys)}

    def rank(piece: HeldPiece, chain: Chain) -> tuple[int, int, int, int]:
        ends = _week_of_its_end(chain)
        return ends, len(chain.hops), piece.value_fen, newest.get(piece.owner, 0)

    enough = [(piece, chain) for piece, chain in usable if piece.value_fen >= amount_fen]
    if enough:
        return [min(enough, key=lambda each: rank(*each))[0]]
    ends = {id(piece): _week_of_its_end(chain) for piece, chain in usable}
    by_owner: dict[str, list[HeldPiece]] = {}
    for piece, _ in usable:
        by_owner.setdefault(piece.owner, []).append(piece)
    for group in [*by_owner.values(), [piece for piece, _ in usable]]:
        soonest = sorted(group, key=lambda piece: (ends[id(piece)], -piece.value_fen))
        largest = sorted(group, key=lambda piece: -piece.value_fen)
        for order in (soonest, largest):
            if chosen := _first(order, amount_fen):
                return chosen
    raise in_too_many_pieces()


def _week_of_its_end(chain: Chain) -> int:
    return chain.token.expires_time_ms // _WEEK_MS


def _first(pieces: list[HeldPiece], amount_fen: int) -> list[HeldPiece]:
    """The first ones that cover the amount; none when they do not, or are too many.

    Whoever was paid by a cheat may hold one piece spent in two ways. No payee takes both together:
    only one of them pays.
    """
    if worth_fen(pieces) < amount_fen:
        return []
    chosen: list[HeldPiece] = []
    ways = Ways()
    for piece in pieces:
        if len(chosen) == MAX_CHAINS:
            break
        if ways.add(chain_of(piece), piece.output):
            chosen.append(piece)
            if worth_fen(chosen) >= amount_fen:
                return chosen
    return []
