"""Messages that are lost, late, doubled, or whose answers are lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from runtime.errors import NoAnswer, Refusal

T = TypeVar("T")

MAX_LATE = 64
"""So many messages may be under way; what would be one more is lost."""

_FAULT = 0.05


class Network:
    """Carries messages, and does them harm unless it is calm.

    Attributes:
        calm: nothing fails.
        chance: says what fails; whoever runs the simulation replaces it at each step.
    """

    def __init__(self, chance: random.Random) -> None:
        self.calm = True
        self.chance = chance
        self._cut: set[str] = set()
        self._late: list[Callable[[], object]] = []

    def happens(self, probability: float) -> bool:
        """Whether a fault of this probability happens now."""
        return not self.calm and self.chance.random() < probability

    def cut(self, name: str) -> None:
        """Nobody reaches a party any more."""
        self._cut.add(name)

    def mend(self) -> None:
        """Everybody reaches everybody again."""
        self._cut.clear()

    def call(self, to: str, deliver: Callable[[], T]) -> T:
        """The answer to a message, if both come through. Raises NoAnswer if not."""
        if to in self._cut or self.happens(_FAULT):
            raise NoAnswer("lost")
        late = self.happens(_FAULT)
        if (late or self.happens(_FAULT)) and len(self._late) < MAX_LATE:
            self._late.append(deliver)
        if late:
            raise NoAnswer("on its way")
        answer = deliver()
        if self.happens(_FAULT):
            raise NoAnswer("the answer was lost")
        return answer

    def deliver_late(self) -> bool:
        """Delivers one late message; nobody waits for its answer any more. False: there is none."""
        if not self._late:
            return False
        with suppress(NoAnswer, Refusal):
            self._late.pop(self.chance.randrange(len(self._late)))()
        return True


def at_once(ask: Callable[[], T]) -> Future[T]:
    """An answer that comes while it is asked for."""
    answer: Future[T] = Future()
    try:
        answer.set_result(ask())
    except (NoAnswer, Refusal) as error:
        answer.set_exception(error)
    return answer
