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

    Again after no answer, it goes on where it was, with the same key. A bank that goes on from an
    older copy of its database, and has forgotten the key in this home, is told of it first.

    Args:
        here: the key in this home.
        book: goes on with the next key's sequences.
        recovery_key: that is named with it; empty for none.

    Raises:
        OrdersOpen: nothing has changed.
        Refusal: HAS_SIGNERS; or by the bank, KEY_REPLACED among others.
        NoAnswer: it may have been done; the same call again is safe.
    """
    _check_answered(book, here.number)
    if not home.has_next:
        state = _state(here)
        if state is None:
            _make_known(home, here)
        else:
            check_alone(state)
    there = replace(here, key=home.seal_next(randomness.bytes(SEED_BYTES)))
    if not _is_in_force(there):
        try:
            _put_in_place(here, there, recovery_key)
        except Refusal:
            # An earlier call may have come through meanwhile.
            if not _is_in_force(there):
                raise
    _go_on(book, there)
    home.take_next()
    if recovery_key:
        home.drop_recovery_key()
    return there


def _make_known(home: Home, here: KeyHere) -> None:
    """Has each key since the one that the bank knows put the next one in its place once more: the
    bank goes on from an older copy of its database. As many as before, so that each key has the
    sequences that it had.

    Raises:
        Refusal: REQUEST_UNKNOWN, it knows none of these keys.
    """
    # The newest first.
    chain = [here, *(replace(here, key=key) for key in home.keys_before())]
    known = next((at for at, key in enumerate(chain) if _is_in_force(key)), 0)
    if not known:
        raise Refusal(
            errors_pb2.REASON_REQUEST_UNKNOWN,
            N_("the bank knows neither the key in this home nor one that was here before"),
        )
    for at in range(known, 0, -1):
        _put_in_place(chain[at], chain[at - 1])


def _put_in_place(known: KeyHere, there: KeyHere, recovery_key: bytes = b"") -> None:
    """Has one key put another in its place."""
    order = known.signed(
        keys_pb2.RotateKeyOrder,
        OPENING_VALID_MS,
        request=there.requesting(),
        recovery_key=recovery_key,
    )
    known.explaining().rotate_key(order)


def _go_on(book: Book, there: KeyHere) -> None:
    """Has the order book go on with the sequences of a key that is in force."""
    question = there.signed(orders_pb2.Query, QUERY_VALID_MS, method=GET_WALLET)
    known = there.bank.get_wallet(question)
    book.begin(there.number, known.last_sequence + 1)
    book.resume(there.number, known.last_sequence + 1)


def check_alone(state: keys_pb2.GetKeyResponse) -> None:
    """Raises Refusal: HAS_SIGNERS, if a key is one of several: it does not replace them all."""
    if state.HasField("signer"):
        raise Refusal(
            errors_pb2.REASON_HAS_SIGNERS,
            N_("this wallet has a list of signers, and a key is changed in the list"),
        )


def _state(here: KeyHere) -> keys_pb2.GetKeyResponse | None:
    """What the bank says of a key; None if it knows nothing of it."""
    try:
        return here.state()
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
        return None


def _is_in_force(there: KeyHere) -> bool:
    state = _state(there)
    return state is not None and state.state == IN_FORCE


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
