"""Watches money arriving, over a stream that is opened again where it broke."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

from dcep.bank.v1 import payments_pb2
from language import _
from runtime.errors import NoAnswer, Refusal, is_undecided
from wallet.limits import WATCH_PAUSES_S
from wallet.orders.submitter import OrderSubmitter
from wallet.peers.interface import LIST_PAYMENTS, WATCH_PAYMENTS, Arrivals

_BEFORE_ANY = 1
"""A journal position before any payment of a wallet: it was opened later than that."""


class Watching:
    """What arrives in a wallet from now on, each arrival once and none left out.

    The stream ends with its bank, with its connection, or when the bank has too many. Then it is
    opened again after the position of the last arrival, so that what came meanwhile is told too.
    """

    def __init__(
        self, submitter: OrderSubmitter, remark: Callable[[str], None] = lambda _: None
    ) -> None:
        """Finds where to begin.

        Args:
            submitter: asks the bank.
            remark: is told, in a sentence, that the bank was lost or is back.

        Raises:
            Refusal, NoAnswer: the bank cannot be asked where its journal ends.
        """
        self._submitter = submitter
        self._remark = remark
        self._over = threading.Event()
        self._stream: Arrivals | None = None
        newest = self._newest()
        self._position = newest.position if newest else _BEFORE_ANY

    def __iter__(self) -> Iterator[payments_pb2.WatchPaymentsResponse]:
        """Yields arrivals until `cancel`. Raises Refusal for a bank's final refusal."""
        pauses = iter(WATCH_PAUSES_S)
        lost = False
        while not self._over.is_set():
            try:
                if lost:
                    self._newest()
                    self._remark(_("The bank answers again."))
                    lost = False
                for arrival in self._open():
                    pauses = iter(WATCH_PAUSES_S)
                    self._position = arrival.payment.position
                    yield arrival
                why = _("it ended the stream")
            except (Refusal, NoAnswer) as error:
                if isinstance(error, Refusal) and not is_undecided(error.reason):
                    raise
                why = str(error)
            if not lost and not self._over.is_set():
                self._remark(
                    _(
                        "The bank does not answer ({why}). What comes meanwhile is shown then."
                    ).format(why=why)
                )
                lost = True
            # Those that a bank lost all at once do not come back all at once.
            self._over.wait(random.uniform(0.5, 1.5) * next(pauses, WATCH_PAUSES_S[-1]))

    def cancel(self) -> None:
        """Ends the watch, from any thread."""
        self._over.set()
        if self._stream is not None:
            self._stream.cancel()

    def _newest(self) -> payments_pb2.Payment | None:
        submitter = self._submitter
        found = submitter.bank.list_payments(submitter.query(LIST_PAYMENTS), 1, "").payments
        return found[0] if found else None

    def _open(self) -> Arrivals:
        self._stream = self._submitter.bank.watch(
            self._submitter.query(WATCH_PAYMENTS), self._position
        )
        if self._over.is_set():
            self._stream.cancel()
        return self._stream
