"""Asks the bank for another class of the wallet, with what its holder shows besides."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from currency.contract_words import class_name
from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.home.home import Home, Profile
from wallet.limits import OPENING_VALID_MS
from wallet.online.keys import KeyHere
from wallet.online.opening import HolderShows, ask_for_code, holder_bytes


def change_class(
    home: Home,
    here: KeyHere,
    randomness: Randomness,
    wanted: int,
    shows: HolderShows,
    *,
    code: str = "",
    over_the_cap: bool = False,
) -> wallets_pb2.ChangeClassResponse:
    """Gives the wallet another class; the same again changes nothing.

    Args:
        home: where the wallet lives; what was shown is kept there.
        here: its key, and its bank.
        randomness: for the order's id.
        wanted: a dcep.bank.v1.WalletClass.
        shows: what the bank does not know yet.
        code: that came to the telephone in it.
        over_the_cap: the holder knows that the wallet has more than the class allows.

    Raises:
        Refusal: by the bank. PHONE_NOT_CONFIRMED: it has sent a code if none was given.
        NoAnswer: ask again.
    """
    request_id, shown = randomness.uuid(), b""
    if shows != HolderShows(document_kind=shows.document_kind):
        shown = holder_bytes(shows, here.key, request_id)
    order = here.signed(
        orders_pb2.ChangeClassOrder,
        OPENING_VALID_MS,
        request_id=request_id,
        wallet_class=wanted,
        over_the_cap=over_the_cap,
        holder_digest=hashlib.sha256(shown).digest() if shown else b"",
    )
    asked = wallets_pb2.ChangeClassRequest(order=order, holder=shown, code=code)
    try:
        answer = here.bank.change_class(asked)
    except Refusal as refusal:
        if refusal.reason == errors_pb2.REASON_PHONE_NOT_CONFIRMED and not code:
            ask_for_code(here.bank, shows.phone, here.key)
        raise
    profile = home.profile()
    if profile is not None:
        home.save(_knowing(profile, shows, class_name(answer.wallet_class)))
    return answer


def _knowing(profile: Profile, shows: HolderShows, wallet_class: str) -> Profile:
    return replace(
        profile,
        wallet_class=wallet_class,
        holder_name=shows.name or profile.holder_name,
        phone=shows.phone or profile.phone,
        document=shows.document or profile.document,
        document_kind=shows.document_kind if shows.document else profile.document_kind,
        bank_account=shows.bank_account or profile.bank_account,
    )
