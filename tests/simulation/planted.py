"""Bugs for the simulation to find: each puts something wrong in the place of production code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from central_bank.registration import settlement as settling
from officers import acts
from operator_bank.feed import events, follower
from operator_bank.feed.entries import captured, released
from operator_bank.feed.written import Written
from operator_bank.ledger import accounts
from operator_bank.payments.outbound import Outbound

Wrong = Callable[..., Any]
"""Gets what stood there, and its arguments."""


def planted(owner: Any, name: str, wrong: Wrong) -> AbstractContextManager[object]:
    """Has `wrong(right, *arguments)` run in the place of a function or a method."""
    right = getattr(owner, name)

    def instead(*arguments: Any, **named: Any) -> Any:
        return wrong(right, *arguments, **named)

    return patch.object(owner, name, instead)


def nothing(*_: Any, **__: Any) -> None:
    """Does nothing."""


def no(*_: Any, **__: Any) -> bool:
    """Says no."""
    return False


def _a_fen_more(right: Any, one: Any, account: int, fen: int, purpose: int) -> Any:
    return right(one, account, fen + 1, purpose)


def _to_suspense(right: Any, one: Any, account: int, fen: int, purpose: int) -> Any:
    return right(one, accounts.SUSPENSE, fen, purpose)


def _released(_: Any, one: Any, sent: Any, purpose: int) -> Any:
    return released(one, sent, purpose)


def _captured(_: Any, one: Any, sent: Any, purpose: int) -> Any:
    return captured(one, sent, purpose)


def _believed(right: Any, kind: Any, envelope: Any, bank: Any, now_ms: int) -> Any:
    """Believes what a bank sends, whoever has signed it."""
    return kind.FromString(envelope.payload)


PLANTED: dict[str, tuple[Any, str, Wrong, int]] = {
    "a payment arrives with a fen more": (events, "delivered", _a_fen_more, 1),
    "no payment from elsewhere reaches its wallet": (events, "delivered", _to_suspense, 1),
    "a settled payment is given back": (events, "captured", _released, 1),
    "a refused payment is taken": (events, "released", _captured, 2),
    "a settled payment stays on its way": (Written, "settle", nothing, 1),
    "an ended payment stays on its way": (Written, "end", nothing, 2),
    "what nobody could take is not sent back": (Written, "undelivered", nothing, 2),
    "a bank sends nothing": (Outbound, "step", no, 1),
    "any signature of a bank is believed": (settling, "open_signed", _believed, 1),
    "a bank may pay from anybody's wallet": (settling, "check_payment", nothing, 5),
    "an officer may approve alone": (acts.Acts, "_check_second", nothing, 2),
    "the place in the feed is not kept": (follower, "write_place", nothing, 1),
}
"""By what is wrong: where, what stands there instead, and the first seed that finds it."""
