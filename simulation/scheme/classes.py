"""Another class of a wallet in a run. All classes may hold the same there, so no answer changes."""

from __future__ import annotations

import random

from dcep.bank.v1 import wallets_pb2
from wallet.app import App
from wallet.online.classes import change_class
from wallet.online.opening import HolderShows

_II, _IV = wallets_pb2.WALLET_CLASS_II, wallets_pb2.WALLET_CLASS_IV


def change(app: App, chance: random.Random) -> None:
    """Gives up a class, or shows again what a better one asks for. Raises Refusal, NoAnswer."""
    wanted = chance.choice([_II, wallets_pb2.WALLET_CLASS_III, _IV])
    shows, name = HolderShows(), app.profile().holder_name
    if wanted != _IV and chance.random() < 0.8:
        shows = HolderShows(name, "", "SIMULATED1", "id-card", "CN1" if wanted == _II else "")
    change_class(app.home, app.key_here(), app.randomness, wanted, shows, over_the_cap=True)
