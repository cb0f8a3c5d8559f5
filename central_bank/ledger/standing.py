"""Knows whether a bank has proved that this database is an older copy.

For each bank the central bank signs places in its feed, to which its journal leads. A bank that
shows such a signature for a place to which this journal does not lead has more than this database:
a newer copy exists, or existed. Whoever settled on would give positions a second meaning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from central_bank.limits import FIRST_WORD_S
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.logs import logger


class Standing:
    """Whether the database is current, as far as banks have shown. Any thread may ask.

    It begins as current; a process calls `ask` before it serves anybody. What was proved holds
    until the service is started again, over the newest copy.
    """

    def __init__(self) -> None:
        self._proof = ""
        self._asks_until_s = 0.0
        self._heard: set[str] = set()
        self._all_heard = False

    @property
    def is_behind(self) -> bool:
        """Whether the database is an older copy."""
        return bool(self._proof)

    def ask(self) -> None:
        """Lets banks say where they stand before anything is settled."""
        self._asks_until_s = time.monotonic() + FIRST_WORD_S

    def hear(self, bank: str, banks: Collection[str]) -> None:
        """Notes that a bank stands at a place to which this journal leads.

        Args:
            bank: its name.
            banks: the names of all that are waited for.
        """
        if not self._all_heard:
            self._heard.add(bank)
            self._all_heard = self._heard.issuperset(banks)

    def check_heard(self) -> None:
        """To be asked before something is settled. It waits for nobody: calls that waited would
        take the threads on which banks are heard.

        Raises:
            Refusal: NOT_SERVING, the database is an older copy, or not all banks have said yet
                where they stand and they still have time to.
        """
        self.check()
        if not self._all_heard and time.monotonic() < self._asks_until_s:
            raise Refusal(
                errors_pb2.REASON_NOT_SERVING,
                "the central bank has just started, and hears first where banks stand; ask the same"
                " again",
            )

    def fall_behind(self, proof: str) -> None:
        """Notes that the database is an older copy.

        Args:
            proof: what shows it, for the operator.
        """
        if not self._proof:
            logger("feed").error("the database is an older copy", proof=proof)
            self._proof = proof

    def check(self) -> None:
        """Raises Refusal: NOT_SERVING, if the database is an older copy."""
        if self._proof:
            raise Refusal(
                errors_pb2.REASON_NOT_SERVING,
                "the central bank's books are older than they should be and are being put right;"
                " ask the same again later",
            )

    def when_current(self, step: Callable[[], bool]) -> Callable[[], bool]:
        """Wraps a step so that it does nothing at an older copy."""
        return lambda: not self.is_behind and step()
