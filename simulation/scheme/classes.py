"""Another class of a wallet in a run, and what officers see at a counter. All classes may hold the
same there, so no payment is answered in another way.
"""

from __future__ import annotations

import random

from currency.papers import seen_digest
from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.office.v1 import office_pb2
from wallet.app import App
from wallet.online.classes import change_class
from wallet.online.opening import HolderShows

_II, _IV = wallets_pb2.WALLET_CLASS_II, wallets_pb2.WALLET_CLASS_IV


def change(app: App, chance: random.Random, wanted: int = 0) -> None:
    """Gives up a class, or shows again what a better one asks for. Raises Refusal, NoAnswer.

    Args:
        app: the wallet.
        chance: says which class, and whether anything is shown.
        wanted: a class; 0 for any.
    """
    wanted = wanted or chance.choice(
        [wallets_pb2.WALLET_CLASS_I, _II, wallets_pb2.WALLET_CLASS_III, _IV]
    )
    shows, of = HolderShows(), app.profile()
    if wanted != _IV and chance.random() < 0.8:
        shows = HolderShows(
            of.holder_name,
            "",
            of.document,
            of.document_kind,
            of.bank_account if wanted <= _II else "",
        )
    change_class(app.home, app.key_here(), app.randomness, wanted, shows, over_the_cap=True)


def seen(app: App, salt: bytes, *, right: bool) -> office_pb2.ConfirmPresence:
    """What two officers sign who were shown a document, which is the one that the bank knows of the
    holder, or is not.
    """
    profile = app.profile()
    document = profile.document if right else "another"
    kind = orders_pb2.DOCUMENT_KIND_ID_CARD
    digest = seen_digest(salt, profile.number, profile.holder_name, kind, document)
    return office_pb2.ConfirmPresence(wallet_number=profile.number, salt=salt, shown_digest=digest)
