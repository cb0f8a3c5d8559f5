"""Knows whether this bank's database is current, or an older copy.

An older copy shows balances of the past and would give out numbers again that were used. So a bank
that knows that it is behind moves no customer's money and shows no balance. A bank that has not
heard from the central bank yet gives out no number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.server import Authorizer
from runtime.tls import Identity

_OPEN_TO_ALL = frozenset(
    (
        "/dcep.bank.v1.OfflineService/GetTrustBundle",
        # Says only that something has come; the rest of a watch is refused.
        "/dcep.bank.v1.EdgeService/FollowArrivals",
    )
)


class _State(Enum):
    ASKING = "asking"
    CURRENT = "current"
    BEHIND = "behind"


class Standing:
    """What the central bank's feed has told about the database. Any thread may ask.

    It begins as current; a process calls `ask` before it serves anybody.
    """

    def __init__(self) -> None:
        self._state = _State.CURRENT
        self._told = threading.Event()

    @property
    def is_current(self) -> bool:
        """Whether numbers may be given out and sent."""
        return self._state is _State.CURRENT

    @property
    def is_behind(self) -> bool:
        """Whether the database is an older copy."""
        return self._state is _State.BEHIND

    def ask(self) -> None:
        """Forgets what is known, until the feed tells."""
        self._state = _State.ASKING
        self._told.clear()

    def confirm(self) -> None:
        """Notes that the central bank continues from where this database stands."""
        self._state = _State.CURRENT
        self._told.set()

    def fall_behind(self) -> None:
        """Notes that the central bank knows more than this database."""
        self._state = _State.BEHIND
        self._told.set()

    def wait(self, timeout_s: float) -> bool:
        """Waits until the feed has told where the database stands; False if it does not in time."""
        return self._told.wait(timeout_s)

    def check(self) -> None:
        """Raises Refusal: BANK_BEHIND, if the database is an older copy."""
        if self._state is _State.BEHIND:
            raise Refusal(
                errors_pb2.REASON_BANK_BEHIND,
                "the bank's books are older than they should be and are being put right;"
                " ask the same again later",
            )

    def check_numbers(self) -> None:
        """Raises Refusal unless a number may be given out now, for example for a payment to another
        bank.
        """
        self.check()
        if self._state is _State.ASKING:
            raise Refusal(
                errors_pb2.REASON_PEER_UNAVAILABLE,
                "the central bank has not been reached since the bank was started; ask again",
            )

    def when_current(self, step: Callable[[], bool]) -> Callable[[], bool]:
        """Wraps a step so that it does nothing while this bank must not send anything."""
        return lambda: self.is_current and step()


def public_authorizer(standing: Standing) -> Authorizer:
    """Refuses calls to an older copy, except those that show no secret and move nothing."""

    def authorize(who: Identity | None, method: str) -> None:
        if method not in _OPEN_TO_ALL:
            standing.check()

    return authorize
