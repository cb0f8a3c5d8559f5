"""What wallets order about sub-wallets in a run. Those that are opened in it stay empty."""

from __future__ import annotations

import random

from nacl.signing import SigningKey

from currency.sub_limits import LADDER_FEN
from dcep.bank.v1 import sub_wallets_pb2
from wallet.app import App
from wallet.online.sub_wallets import Terms

MOST_ASKED_FEN = 20_000
_LASTS_MS = 30 * 86_400_000
_OPEN = sub_wallets_pb2.SUB_WALLET_STATE_OPEN


def terms_of(now_ms: int, chance: random.Random) -> Terms:
    """Terms that are met now and then. Without a limit of a day: how much of it is spent at another
    bank that has lost something, the model cannot know.
    """
    cap_fen, single_fen = chance.choice(LADDER_FEN[4:6]), chance.choice((0, *LADDER_FEN[2:5]))
    return Terms(balance_cap_fen=cap_fen, single_fen=single_fen, ends_time_ms=now_ms + _LASTS_MS)


def mandate_of(now_ms: int, payee: str, chance: random.Random) -> Terms:
    """Terms by which a payee is paid when it asks."""
    terms = terms_of(now_ms, chance)
    terms.payees.append(payee)
    terms.mandate.each_fen = chance.randrange(MOST_ASKED_FEN // 2, MOST_ASKED_FEN)
    terms.mandate.month_fen = terms.mandate.each_fen * chance.randrange(1, 5)
    return terms


def order(app: App, chance: random.Random) -> None:
    """Opens a sub-wallet, or changes or closes one that there is. Raises Refusal, NoAnswer.

    Args:
        app: of the parent.
        chance: chooses what is ordered.
    """
    key = SigningKey(chance.randbytes(32)).verify_key
    opens, closes, one = chance.random() < 0.4, chance.random() < 0.5, chance.random()
    subs = app.sub_wallets()
    family = [each for each in subs.listed().sub_wallets if each.state == _OPEN]
    terms = terms_of(app.clock.now_ms(), chance)
    if opens or not family:
        subs.open(bytes(key), terms)
        return
    chosen = family[int(one * len(family))]
    if closes:
        subs.close(chosen.wallet_number)
    else:
        terms.ends_time_ms = max(terms.ends_time_ms, chosen.terms.ends_time_ms)
        if chosen.terms.HasField("mandate"):
            mandate = mandate_of(app.clock.now_ms(), chosen.terms.payees[0], chance)
            terms.mandate.CopyFrom(mandate.mandate)
            terms.payees.append(chosen.terms.payees[0])
        subs.change(chosen.wallet_number, terms)
