"""Puts another key in the place of the one in this home, at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcep.bank.v1 import keys_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, ngettext
from runtime.ed25519 import SEED_BYTES
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.home.home import Home, HomeError
from wallet.limits import OPENING_VALID_MS, QUERY_VALID_MS
from wallet.online.keys import IN_FORCE, KeyHere
from wallet.orders.order_book import Book
from wallet.orders.types import DEPOSIT, LOAD
from wallet.peers.interface import GET_WALLET

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_THE_DEVICE = (DEPOSIT.name, LOAD.name)


class OrdersOpen(HomeError):
    """Orders about offline money have no answer, and can be sent again by this key alone."""

    reason = "ORDERS_OPEN"
    refused = True
    following = N_(
        "Repeat what was ordered last, `wallet offline load AMOUNT` or `wallet offline deposit`, "
        "until it is answered; then repeat this."
    )


def rotate_key(
    home: Home, here: KeyHere, randomness: Randomness, book: Book, recovery_key: bytes = b""
) -> KeyHere:
    """Makes another key, has the bank put it in this one's place, and keeps it in the home.

    Again after no answer, it goes on where it was, with the same key.

    Args:
        here: the key in this home.
        book: goes on with the next key's sequences.
        recovery_key: that is named with it; empty for none.

    Raises:
        OrdersOpen: nothing has changed.
        Refusal: by the bank; KEY_REPLACED among others.
        NoAnswer: it may have been done; the same call again is safe.
    """
    _check_answered(book, here.number)
    there = replace(here, key=home.seal_next(randomness.bytes(SEED_BYTES)))
    if not _is_in_force(there):
        order = here.signed(
            keys_pb2.RotateKeyOrder,
            OPENING_VALID_MS,
            request=there.requesting(),
            recovery_key=recovery_key,
        )
        try:
            here.explaining().rotate_key(order)
        except Refusal:
            # An earlier call may have come through meanwhile.
            if not _is_in_force(there):
                raise
    question = there.signed(orders_pb2.Query, QUERY_VALID_MS, method=GET_WALLET)
    known = there.bank.get_wallet(question)
    book.begin(here.number, known.last_sequence + 1)
    book.resume(here.number, known.last_sequence + 1)
    home.take_next()
    if recovery_key:
        home.drop_recovery_key()
    return there


def _is_in_force(there: KeyHere) -> bool:
    try:
        return there.state().state == IN_FORCE
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
        return False


def _check_answered(book: Book, number: str) -> None:
    left: Sequence[object] = [one for one in book.unknown(number) if one.kind in _OF_THE_DEVICE]
    if left:
        raise OrdersOpen(
            ngettext(
                "{count} order about offline money has no answer yet",
                "{count} orders about offline money have no answer yet",
                len(left),
            ).format(count=len(left))
        )
