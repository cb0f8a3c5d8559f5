"""The interface by which the rest of a service uses its core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from settlement.core import Answers, Batch, Core, Failed
from settlement.errors import Overloaded as Overloaded
from settlement.records import Accounts

DISK_IS_SHORT = "the disk is nearly full; nothing new is taken until an operator makes room"


class Ledger(Protocol):
    """A core that any thread may use. What it answers is durable already."""

    def submit(self, batch: Batch) -> Answers:
        """Decides a batch.

        Raises:
            Overloaded: the queue is full, the disk nearly so, or the past cannot be looked up
                yet; nothing was taken.
            CoreStopped: the outcome is unknown until a restart.
            Exception: what the batch's `in_transaction` raised; nothing was written.
        """
        ...

    def read(self, accounts: Sequence[int]) -> Accounts:
        """Copies of account rows (len(accounts),) ACCOUNT, all as of one commit.

        An unknown number gives a row of zeros.
        """
        ...

    def has_room(self) -> bool:
        """Whether the disk has room, so that something new would be taken."""
        ...

    def position(self) -> int:
        """How many records have been journaled so far."""
        ...

    def wait(self, position: int, timeout_s: float) -> bool:
        """Waits until more than `position` records are journaled; False when they are not."""
        ...


class DirectLedger:
    """A ledger in the caller's own thread, for simulations and tests."""

    def __init__(
        self,
        core: Core,
        *,
        overloaded: Callable[[str], Exception] = Overloaded,
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        self._core = core
        self._overloaded = overloaded
        self.is_short = is_short

    def _told(self, error: Exception) -> Exception:
        return self._overloaded(str(error)) if isinstance(error, Overloaded) else error

    def submit(self, batch: Batch) -> Answers:
        """See `Ledger.submit`."""
        if not batch.urgent and self.is_short():
            raise self._overloaded(DISK_IS_SHORT)
        answers = self._core.process([batch])[0]
        if isinstance(answers, Failed):
            raise self._told(answers.error)
        return answers

    def read(self, accounts: Sequence[int]) -> Accounts:
        """See `Ledger.read`."""
        return self._core.read(accounts)

    def has_room(self) -> bool:
        """See `Ledger.has_room`."""
        return not self.is_short()

    def position(self) -> int:
        """See `Ledger.position`."""
        return self._core.position

    def wait(self, position: int, timeout_s: float) -> bool:
        """Whether there are more records; it never waits, as nothing else runs meanwhile."""
        return self._core.position > position
