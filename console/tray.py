"""Keeps the notes that a cash machine has counted out and not yet given, one file for each amount.

Each file is written before anything else happens. Notes are ready before a receipt is shown, and
they are given or taken back only after the bank has said which. So a machine that stops at any
moment finds its notes here, and asks the bank again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from console.limits import READY_S
from dcep.bank.v1 import exchange_pb2
from language import N_
from runtime.files import create_whole, write_whole
from runtime.private import make_private

READY, GIVEN, TAKEN_BACK = "ready", N_("given"), N_("taken back")
Ask = Callable[[int, bool], int]
"""Asks the bank about the notes with a number, giving up or not; returns a CashOutState."""


@dataclass(frozen=True)
class Notes:
    """Notes for one wallet.

    Attributes:
        number: the machine's, for these notes.
        wallet_number: whom they are for.
        amount_fen: their sum.
        time_ms: when they were counted out.
        state: READY, GIVEN or TAKEN_BACK.
    """

    number: int
    wallet_number: str
    amount_fen: int
    time_ms: int
    state: str = READY


class Tray:
    """The notes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, notes: Notes) -> None:
        """Keeps notes that are ready; they are on the disk when this returns.

        Raises:
            ValueError: there are notes with this number already.
        """
        make_private(self._folder)
        if not create_whole(self._path(notes.number), _written(notes)):
            raise ValueError(f"notes {notes.number} are there already")

    def ready(self) -> Iterator[Notes]:
        """The notes that were neither given nor taken back, oldest first."""
        for path in sorted(self._folder.glob("*.json"), key=lambda one: int(one.stem)):
            notes = Notes(**json.loads(path.read_text()))
            if notes.state == READY:
                yield notes

    def settle(self, ask: Ask, *, give_up: bool = False) -> list[Notes]:
        """Gives or takes back notes, as the bank says.

        Notes that nobody has ordered yet stay ready, unless their time is over.

        Args:
            ask: asks the bank.
            give_up: whether to take such notes back at once.

        Returns:
            What became of each.
        """
        settled = []
        for notes in list(self.ready()):
            old = time.time() * 1_000 - notes.time_ms > READY_S * 1_000
            state = ask(notes.number, give_up or old)
            if state == exchange_pb2.CASH_OUT_STATE_TAKEN:
                notes = self._become(notes, GIVEN)
            elif state == exchange_pb2.CASH_OUT_STATE_GIVEN_UP:
                notes = self._become(notes, TAKEN_BACK)
            settled.append(notes)
        return settled

    def _become(self, notes: Notes, state: str) -> Notes:
        """Gives notes or takes them back; in the sandbox that is only their new state."""
        notes = replace(notes, state=state)
        write_whole(self._path(notes.number), _written(notes))
        return notes

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.json"


def _written(notes: Notes) -> bytes:
    return json.dumps(asdict(notes)).encode()
