"""Takes fresh tokens into the secure element, each of them once."""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.formats import PAYEE_OUTPUT, Chain, Token
from offline_token.signing import verified
from offline_token.verify import Reason
from wallet.secure_element.keys import own_key
from wallet.secure_element.limits import TOKENS_KEPT_MS
from wallet.secure_element.pieces import Trust, balance_fen, check_room, check_total, keep
from wallet.secure_element.refusals import bad
from wallet.secure_element.state import ElementState


def load(state: ElementState, fresh: Sequence[Token], trust: Trust) -> None:
    """Takes fresh tokens that are for keys of this device.

    A token that was taken before changes nothing, nor does one that expired more than
    TOKENS_KEPT_MS before the bundle was made: whether it was taken is not known any more.

    Raises:
        Refusal: a token is not the device's, not signed by the central bank, or too large, or
            there is no room for it.
    """
    before_fen = balance_fen(state)
    kept_from_ms = trust.bundle.created_time_ms - TOKENS_KEPT_MS
    for token_id in [each for each, end in state.tokens.items() if end < kept_from_ms]:
        del state.tokens[token_id]
    for token in fresh:
        if token.id.hex() not in state.tokens:
            _take(state, token, trust, kept_from_ms)
    if balance_fen(state) > before_fen:
        check_total(state, trust, 0)


def _take(state: ElementState, token: Token, trust: Trust, kept_from_ms: int) -> None:
    key = own_key(state, token.owner)
    if key is None:
        raise bad(Reason.NOT_THE_OWNER)
    part, roots = token.signed_part(), trust.roots
    if not any(verified(root, part, token.signature) for root in roots):
        raise bad(Reason.TOKEN_FORGED)
    key.loader = ""
    if token.expires_time_ms < kept_from_ms:
        return
    if token.value_fen > trust.bundle.max_value_fen:
        raise bad(Reason.VALUE_TOO_LARGE)
    check_room(state, 1)
    keep(state, Chain(token), PAYEE_OUTPUT)
    state.tokens[token.id.hex()] = token.expires_time_ms
