"""An epoch in the database, checked in every transaction that writes, and a lease to answer for.

A service that was paused, or cut off from its database, does not know that another one has taken
its place. The one who takes over counts the epoch up before it reads anything. From then on the
database refuses what the older one writes, since each transaction that writes first looks whether
its epoch is still the newest; and the older one answers nobody for longer than its lease, which it
has to renew by a commit. Kleppmann, "How to do distributed locking" (2016), calls such a number a
fencing token.

A process that has the lock on an SQLite file keeps it until it ends, paused or not, so nobody takes
over from it while it lives, and it needs no lease.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    event,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from runtime.database import is_away
from runtime.errors import NoAnswer, lost_database
from runtime.processes import exists

LEASE_S = 5.0
"""How long a service may answer after the last commit that renewed its lease was sent."""

RENEW_S = 1.0
"""Seconds between two renewals."""

WRITES_LOCK = 0x64636571
"""Of PostgreSQL's advisory locks: whoever writes shares it, whoever takes over has it alone. It is
given in the order in which it was asked for, so that nobody is kept from taking over."""

_SHARE_AND_LOOK = (
    f"SELECT pg_advisory_xact_lock_shared({WRITES_LOCK}); SELECT epoch FROM writer_epoch"
)
_ROW = 1

FENCING_TABLE = "writer_epoch"
"""The table of the epoch; it may be in a database before any other table is."""


class Fenced(Exception):
    """Another service has taken over this database; the message is a sentence."""


def fencing_table(metadata: MetaData) -> Table:
    """One row: the newest epoch, and whose it is. `holder` is empty once its service has ended."""
    return Table(
        FENCING_TABLE,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False),
        Column("renewals", BigInteger, nullable=False),
        Column("holder", String(200), nullable=False),
    )


_EPOCHS = fencing_table(MetaData())
_OF = _EPOCHS.c


def seconds_up() -> float:
    """Seconds that also pass while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def this_process() -> str:
    """Names this process so that another one can tell whether it has ended; "" where none can."""
    pid = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')} {pid} {_began(pid)}"
    except OSError:
        return f"unknown {pid}"


class Fence:
    """The right of this process to write one database, as the database itself knows it."""

    def __init__(
        self,
        engine: Engine,
        *,
        holder: str | None = None,
        now: Callable[[], float] = seconds_up,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes over: whoever wrote before writes no more, and answers nobody any more.

        Where the one before may still be alive, it is waited until his lease has run out.

        Args:
            engine: of the service's database, of whatever schema: the one who migrates it does so
                behind the fence. Each of its transactions that writes is refused from the moment
                when somebody else has taken over.
            holder: names this process instead of `this_process`.
            now: seconds, which leases are counted in.
            sleep: waits for some of them.
        """
        self._engine = engine
        self._has_lease = engine.dialect.name == "postgresql"
        self._holder = this_process() if holder is None else holder
        self._now = now
        self._until = now() + LEASE_S
        before = self._count_up()
        if self._has_lease and not _has_ended(before):
            sleep(LEASE_S)
            self.renew()
        event.listen(engine, "begin", self._look)

    @property
    def epoch(self) -> int:
        """The number of this turn."""
        return self._epoch

    def renew(self) -> bool:
        """A worker's step: goes on answering for another LEASE_S; False, as there is no more to do.

        Raises:
            Fenced: somebody else has taken over.
            NoAnswer: the database does not answer.
        """
        asked = self._now()
        mine = (_OF.id == _ROW) & (_OF.epoch == self._epoch)
        try:
            if self._has_lease:
                change = _EPOCHS.update().where(mine).values(renewals=_OF.renewals + 1)
                with self._engine.begin() as connection:
                    is_mine = connection.execute(change).rowcount == 1
            else:
                with self._engine.connect() as connection:
                    is_mine = connection.execute(select(_OF.id).where(mine)).first() is not None
        except DBAPIError as error:
            if not is_away(error):
                raise
            raise NoAnswer("the database does not answer") from error
        if not is_mine:
            raise _fenced()
        self._until = asked + LEASE_S
        return False

    def check(self) -> None:
        """Raises Refusal, NOT_SERVING, once this process may not answer: what it knows may be old.

        Whoever asks may ask again, also somebody else.
        """
        if self.overdue():
            raise lost_database()

    def overdue(self) -> bool:
        """Whether the lease has run out: no commit has come through for LEASE_S."""
        return self._has_lease and self._now() >= self._until

    def release(self) -> None:
        """The service has ended in order: whoever comes next need not wait."""
        mine = (_OF.id == _ROW) & (_OF.epoch == self._epoch)
        with self._engine.begin() as connection:
            connection.execute(_EPOCHS.update().where(mine).values(holder=""))

    def _count_up(self) -> str:
        """Begins a new epoch; says who had the one before, "" for nobody who is still there."""
        with self._engine.execution_options(writes=True).begin() as connection:
            if connection.dialect.name == "postgresql":
                # Waits for all that writes now, and keeps out what would begin to.
                connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITES_LOCK})"))
            # There is none in a new database, nor in one whose last service knew of no epoch.
            _EPOCHS.create(connection, checkfirst=True)
            row = connection.execute(select(_OF.epoch, _OF.holder)).first()
            # Also a database that was put back to an older copy gives no epoch a second time.
            newest = 0 if row is None else int(row.epoch)
            self._epoch = max(newest + 1, time.time_ns() // 1_000_000)
            values = {"epoch": self._epoch, "renewals": 0, "holder": self._holder}
            if row is None:
                connection.execute(_EPOCHS.insert().values(id=_ROW, **values))
            else:
                connection.execute(_EPOCHS.update().values(**values))
        return "" if row is None else str(row.holder)

    def _look(self, connection: Connection) -> None:
        """Raises Fenced in a transaction that is to write, unless the epoch is still this one."""
        if not connection.get_execution_options().get("writes", False):
            return
        if _newest(connection) != self._epoch:
            raise _fenced()


def _newest(connection: Connection) -> int | None:
    """The newest epoch; nobody counts it up before this transaction has ended."""
    if connection.dialect.name != "postgresql":
        epoch = connection.exec_driver_sql("SELECT epoch FROM writer_epoch").scalar()
        return None if epoch is None else int(epoch)
    result = connection.exec_driver_sql(_SHARE_AND_LOOK)
    cursor: Any = result.cursor
    cursor.nextset()
    row = cursor.fetchone()
    result.close()
    return None if row is None else int(row[0])


def _fenced() -> Fenced:
    return Fenced("another service has taken over this database")


def _has_ended(holder: str) -> bool:
    """Whether a process surely is no more: it ended in order, or ran here and is gone."""
    if not holder:
        return True
    named = holder.split(" ")
    here = this_process().split(" ")
    if len(named) != 4 or len(here) != 4 or named[:2] != here[:2]:
        return False
    pid = int(named[2])
    try:
        return _began(pid) != named[3]
    except OSError:
        # A /proc that is mounted with hidepid shows nothing of other users' processes.
        return not exists(pid)


def _began(pid: int) -> str:
    """When a process began, in ticks since the system did: ids are used again, both are not."""
    said = Path(f"/proc/{pid}/stat").read_text()
    # proc(5): field 22; the second one is in parentheses and may have anything in it.
    return said.rpartition(")")[2].split()[19]
