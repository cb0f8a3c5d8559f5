"""Group commit: one thread takes all waiting batches and journals them in one commit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from settlement.core import Answers, Batch, Core, Failed
from settlement.errors import CoreStopped, Overloaded
from settlement.ledger import DISK_IS_SHORT
from settlement.limits import (
    MAX_COMMIT_BYTES,
    MAX_COMMIT_RECORDS,
    MAX_QUEUED_BATCHES,
    MAX_QUEUED_BYTES,
)
from settlement.records import Accounts


@dataclass(frozen=True)
class _Read:
    accounts: Sequence[int]


_Work = tuple[Batch | _Read, "Future[Any]"]


class GroupCommitWriter:
    """A `settlement.ledger.Ledger` over one core and one thread."""

    def __init__(
        self,
        core: Core,
        *,
        on_stopped: Callable[[CoreStopped], None],
        keep_near: Callable[[int], None] = lambda _: None,
        overloaded: Callable[[str], Exception] = Overloaded,
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """Starts the thread.

        Args:
            core: what it writes to, alone.
            on_stopped: called once, from the thread, when the core stops.
            keep_near: called with the position before each commit; it holds the writer up while
                the projection is too far behind, so that the queue fills and senders slow down.
            overloaded: makes the error for a caller that is turned away.
            is_short: says whether the disk is nearly full, so that nothing new is taken.
        """
        self._core = core
        self._keep_near = keep_near
        self._on_stopped = on_stopped
        self._overloaded = overloaded
        self._is_short = is_short
        self._queued_bytes = 0
        self._queue: queue.Queue[_Work | None] = queue.Queue(MAX_QUEUED_BATCHES)
        self._moved = threading.Condition()
        self._position = core.position
        self._closed = False
        self._failed: CoreStopped | None = None
        self._thread = threading.Thread(target=self._run, name="settlement-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> Answers:
        """See `settlement.ledger.Ledger.submit`."""
        answers: Answers = self._ask(batch)
        return answers

    def submit_later(self, batch: Batch) -> Future[Answers]:
        """As `submit`, without waiting for the answer.

        Raises:
            Overloaded: the queue is full, or the disk nearly so; nothing was taken.
            CoreStopped: the writer has been stopped.
        """
        return self._put(batch)

    def read(self, accounts: Sequence[int]) -> Accounts:
        """See `settlement.ledger.Ledger.read`."""
        rows: Accounts = self._ask(_Read(accounts))
        return rows

    def has_room(self) -> bool:
        """See `settlement.ledger.Ledger.has_room`."""
        return not self._is_short()

    def position(self) -> int:
        """See `settlement.ledger.Ledger.position`."""
        return self._position

    def wait(self, position: int, timeout_s: float) -> bool:
        """See `settlement.ledger.Ledger.wait`."""
        with self._moved:
            return (
                self._moved.wait_for(lambda: self._position > position or self._closed, timeout_s)
                and not self._closed
            )

    def stop(self) -> None:
        """Answers what is queued, then ends the thread."""
        with self._moved:
            if self._closed:
                return
            self._closed = True
            self._moved.notify_all()
        self._core.wait_no_longer()
        self._queue.put(None)
        self._thread.join()

    def _ask(self, work: Batch | _Read) -> Any:
        return self._put(work).result()

    def _put(self, work: Batch | _Read) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # what was handed over cannot be taken back
        size = 0
        if isinstance(work, Batch):
            size = work.size_bytes
            if not work.urgent and self._is_short():
                raise self._overloaded(DISK_IS_SHORT)
        with self._moved:  # the queue is emptied after closing, so nothing may come in after that
            if self._closed:
                raise CoreStopped("the writer has been stopped") from self._failed
            if size and self._queued_bytes and self._queued_bytes + size > MAX_QUEUED_BYTES:
                raise self._overloaded(f"{MAX_QUEUED_BYTES} bytes already wait")
            try:
                self._queue.put_nowait((work, future))
            except queue.Full:
                raise self._overloaded(f"{MAX_QUEUED_BATCHES} batches already wait") from None
            self._queued_bytes += size
        return future

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            work, ended = self._take(first)
            if not self._serve(work) or ended:
                return

    def _take(self, first: _Work) -> tuple[list[_Work], bool]:
        """All that waits, up to the bound of a commit, and whether the sign to stop came last."""
        work = [first]
        count, taken = _size(first)
        while count < MAX_COMMIT_RECORDS and taken < MAX_COMMIT_BYTES:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._left_the_queue(taken)
                return work, True
            work.append(following)
            records, size = _size(following)
            count, taken = count + records, taken + size
        self._left_the_queue(taken)
        return work, False

    def _left_the_queue(self, size: int) -> None:
        with self._moved:
            self._queued_bytes -= size

    def _serve(self, work: list[_Work]) -> bool:
        writes = [(asked, future) for asked, future in work if isinstance(asked, Batch)]
        try:
            if writes:
                self._keep_near(self._position)
                answers = self._core.process([batch for batch, _ in writes])
                with self._moved:
                    self._position = self._core.position
                    self._moved.notify_all()
                for (_, future), answer in zip(writes, answers, strict=True):
                    if isinstance(answer, Failed):
                        future.set_exception(self._told(answer.error))
                    else:
                        future.set_result(answer)
            for asked, future in work:
                if isinstance(asked, _Read):
                    self._read(asked, future)
        except CoreStopped as error:
            self._fail(work, error)
            return False
        return True

    def _told(self, error: Exception) -> Exception:
        return self._overloaded(str(error)) if isinstance(error, Overloaded) else error

    def _read(self, asked: _Read, future: Future[Any]) -> None:
        try:
            future.set_result(self._core.read(asked.accounts))
        except CoreStopped:
            raise
        except Exception as error:  # this question is to blame, and concerns nobody else
            future.set_exception(error)

    def _fail(self, work: list[_Work], error: CoreStopped) -> None:
        with self._moved:
            self._closed, self._failed = True, error
            self._moved.notify_all()
        for _, future in work:
            if not future.done():
                future.set_exception(error)
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is not None:
                waiting[1].set_exception(error)
        self._on_stopped(error)


def _size(work: _Work) -> tuple[int, int]:
    """How many records and bytes a piece of work has."""
    asked = work[0]
    return (len(asked.records), asked.size_bytes) if isinstance(asked, Batch) else (0, 0)
