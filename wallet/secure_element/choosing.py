"""Which pieces pay an amount."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offline_token.formats import Chain
from offline_token.limits import MAX_CHAINS
from offline_token.spends import Spends
from offline_token.verify import hops_left
from wallet.secure_element.refusals import in_too_many_pieces
from wallet.secure_element.state import HeldPiece, State, chain_of, worth_fen

_WEEK_MS = 7 * 86_400_000


def alone(
    state: State,
    pieces: Sequence[HeldPiece],
    amount_fen: int,
    max_hops: int,
    is_good: Callable[[HeldPiece], bool],
) -> HeldPiece | None:
    """The piece that pays an amount by itself: of those that suffice the one that ends soonest.

    Among those that end in the same week it is the one with the fewest hops, whose payment is the
    shortest; then the smallest; then one of the newest load, which shows a new key.

    Args:
        max_hops: of the bundle: how often a piece may change hands.
        is_good: whether a payee would take it. It costs signature checks, so only those are asked
            about that come first: a full device pays as quickly as one with a few pieces.
    """
    newest = {key.public: -at for at, key in enumerate(state.keys)}

    def rank(each: tuple[HeldPiece, Chain]) -> tuple[int, int, int, int]:
        piece, chain = each
        ends = _week_of_its_end(chain)
        return ends, len(chain.hops), piece.value_fen, newest.get(piece.owner, 0)

    enough = _usable([each for each in pieces if each.value_fen >= amount_fen], max_hops)
    return next((piece for piece, _ in sorted(enough, key=rank) if is_good(piece)), None)


def several(good: Sequence[HeldPiece], amount_fen: int, max_hops: int) -> list[HeldPiece]:
    """Pieces that cover an amount together, those that end soonest first.

    They are of one key where that can be: pieces that pay together are seen to be in one hand.

    Args:
        good: pieces that a payee would take.
        max_hops: of the bundle: how often a piece may change hands.
    """
    usable = _usable(good, max_hops)
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


def _usable(pieces: Sequence[HeldPiece], max_hops: int) -> list[tuple[HeldPiece, Chain]]:
    """Those that can change hands once more, with their chains."""
    chains = ((piece, chain_of(piece)) for piece in pieces)
    return [(piece, chain) for piece, chain in chains if hops_left(chain, piece.output, max_hops)]


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
    spends = Spends()
    for piece in pieces:
        if len(chosen) == MAX_CHAINS:
            break
        if spends.add(chain_of(piece), piece.output):
            chosen.append(piece)
            if worth_fen(chosen) >= amount_fen:
                return chosen
    return []
