"""Chooses the pieces that pay an amount."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offline_token.formats import Chain
from offline_token.limits import MAX_CHAINS
from offline_token.spends import Spends
from offline_token.verify import hops_left
from wallet.secure_element.refusals import in_too_many_pieces
from wallet.secure_element.state import ElementState, HeldPiece, chain_of, worth_fen

_WEEK_MS = 7 * 86_400_000


def alone(
    state: ElementState,
    pieces: Sequence[HeldPiece],
    amount_fen: int,
    max_hops: int,
    is_good: Callable[[HeldPiece], bool],
) -> HeldPiece | None:
    """The one piece that pays an amount by itself; None if no piece does.

    Of the pieces that suffice it is one that expires in the earliest week. Among those it is the
    one with the fewest hops, because its payment is the shortest; then the smallest; then the one
    whose key was certified last, so that payees see a new key.

    Args:
        max_hops: how often a piece may change hands, as the trust bundle says.
        is_good: whether a payee would take a piece. Each call verifies signatures, so pieces are
            asked about in order of preference and only until one is good: a full device pays as
            quickly as one with a few pieces.
    """
    newest = {key.public: -at for at, key in enumerate(state.keys)}

    def rank(each: tuple[HeldPiece, Chain]) -> tuple[int, int, int, int]:
        piece, chain = each
        ends = _week_of_its_end(chain)
        return ends, len(chain.hops), piece.value_fen, newest.get(piece.owner, 0)

    enough = _usable([each for each in pieces if each.value_fen >= amount_fen], max_hops)
    return next((piece for piece, _ in sorted(enough, key=rank) if is_good(piece)), None)


def several(good: Sequence[HeldPiece], amount_fen: int, max_hops: int) -> list[HeldPiece]:
    """Pieces that cover an amount together: if possible those that expire soonest.

    They belong to one key where that is possible, because pieces that are paid together show
    their payee that they have one owner.

    Args:
        good: pieces that a payee would take.
        max_hops: how often a piece may change hands, as the trust bundle says.

    Raises:
        Refusal: INSUFFICIENT_FUNDS when it would take more than MAX_CHAINS pieces.
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
    """The pieces that can change hands once more, with their chains."""
    chains = ((piece, chain_of(piece)) for piece in pieces)
    return [(piece, chain) for piece, chain in chains if hops_left(chain, piece.output, max_hops)]


def _week_of_its_end(chain: Chain) -> int:
    return chain.token.expires_time_ms // _WEEK_MS


def _first(pieces: list[HeldPiece], amount_fen: int) -> list[HeldPiece]:
    """The first pieces that cover the amount; none if they do not, or are too many.

    A device that a cheat has paid may hold two pieces that spend the same piece twice. No payee
    takes both in one payment, so only the first of them is chosen.
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
