"""Calls that arrive at the same time are served together, by the threads that brought them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Asked(Generic[T, R]):
    """One call that waits: `turn` is let go when it has an answer, or is to lead a group."""

    __slots__ = ("answer", "error", "item", "leads", "turn")

    def __init__(self, item: T) -> None:
        self.item = item
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False
        self.answer: R | None = None
        self.error: BaseException | None = None


class Gathering(Generic[T, R]):
    """Serves items in groups: whatever has come while the group before was being served.

    A caller alone serves itself at once, without another thread. Of those that
    come meanwhile the first one leads the next group. A leader serves one group,
    its own item in it, so that nobody works for others without end.
    """

    def __init__(self, serve: Callable[[Sequence[T]], Sequence[R]], *, most: int) -> None:
        """Takes how to serve.

        Args:
            serve: gives an answer for each item, in order; what it raises, each caller
                of the group gets. Called by one thread at a time.
            most: items in one group.
        """
        self._serve = serve
        self._most = most
        self._idle = True
        self._waiting: deque[_Asked[T, R]] = deque()
        self._lock = threading.Lock()

    def ask(self, item: T) -> R:
        """The answer for one item."""
        asked: _Asked[T, R] = _Asked(item)
        with self._lock:
            if self._idle:
                self._idle = False
                asked.leads = True
            else:
                self._waiting.append(asked)
        if not asked.leads:
            asked.turn.acquire()
        if asked.leads:
            self._lead(asked)
        if asked.error is not None:
            raise asked.error
        return asked.answer  # type: ignore[return-value]

    def _lead(self, first: _Asked[T, R]) -> None:
        with self._lock:
            more = min(self._most - 1, len(self._waiting))
            group = [first, *(self._waiting.popleft() for _ in range(more))]
        try:
            answers = self._serve([asked.item for asked in group])
            for asked, answer in zip(group, answers, strict=True):
                asked.answer = answer
        except BaseException as error:
            for asked in group:
                asked.error = error
        with self._lock:
            if self._waiting:
                following = self._waiting.popleft()
                following.leads = True
                following.turn.release()
            else:
                self._idle = True
        for asked in group[1:]:
            asked.turn.release()
