"""A service's process: it alone writes its database, until a signal or a fatal error."""

from __future__ import annotations

from contextlib import ExitStack

from sqlalchemy.exc import DBAPIError

from runtime.database import (
    check_at_head,
    check_not_newer,
    close_database,
    database_at,
    is_away,
    migrate_database,
    open_engine,
)
from runtime.errors import NoAnswer
from runtime.fencing import RENEW_S, Fence, Fenced
from runtime.logs import logger, say
from runtime.one_writer import DatabaseAway, DatabaseTaken, OneWriter
from runtime.postgresql import Sessions
from runtime.server import wait_for_signal
from runtime.standby import Need, Standby
from runtime.worker import Worker


class ServiceProcess:
    """A process that writes one database. Build it in the main thread, before serving.

    Attributes:
        engine: the database.
        fence: says whether this process may still answer.
    """

    def __init__(
        self,
        service: str,
        database_url: str,
        *,
        migrate: bool,
        take_over: bool,
        standby: str = Need.NONE,
    ) -> None:
        """Takes the database.

        Args:
            service: the package of the service, as its migrations and its messages name it.
            database_url: the database.
            migrate: whether the database is brought up to date, once nobody else writes it.
            take_over: whether a service that cannot be stopped is replaced.
            standby: whether the database has to be on several machines, as the setting says it.

        Raises:
            SettingsError: `standby` says nothing that is known.
            OtherSchema: the database is older or newer than this code; nobody has been shut out,
                unless somebody migrated it just now.
            DatabaseTaken: another service writes it, or has taken it over meanwhile.
            DatabaseAway: it does not answer, or no longer does.
        """
        self._service = service
        self._stop = wait_for_signal()
        self._fatal_errors: list[BaseException] = []
        need = Need.read(standby)
        close_database(database_url)
        try:
            self._take(database_url, migrate=migrate, take_over=take_over)
        except Fenced as error:
            raise DatabaseTaken(str(error)) from error
        except (NoAnswer, DBAPIError) as error:
            if not isinstance(error, NoAnswer) and not is_away(error):
                raise
            raise DatabaseAway("the database has stopped answering; start again") from error
        self._watchers = [
            Worker("one-writer", self._writer.step, idle_s=5.0, on_fatal_error=self.fatal_error),
            Worker("lease", self.fence.renew, idle_s=RENEW_S, on_fatal_error=self.fatal_error),
        ]
        self._standby: Standby | None = None
        if self._sessions is not None:
            self._standby = Standby(service, self._sessions, self.fence, need)
            step = self._standby.step
            self._watchers.append(
                Worker("standby", step, idle_s=RENEW_S, on_fatal_error=self.fatal_error)
            )

    def may_answer(self) -> None:
        """Raises Refusal, NOT_SERVING, while what this process knows may be old, or may be lost."""
        self.fence.check()
        if self._standby is not None:
            self._standby.check()

    def stop(self) -> None:
        """Lets `wait` return."""
        self._stop.set()

    def say_gone(self) -> None:
        """Says that rows are made again which the database's server has lost, as it may."""
        logger(self._service).warning("what is made from the journal is gone, and is made again")

    def fatal_error(self, error: BaseException) -> None:
        """Ends the process, because of an error after which it cannot go on."""
        self._fatal_errors.append(error)
        self.stop()

    def watch(self) -> None:
        """Begins to make sure that the database is still this process's own."""
        for watcher in self._watchers:
            watcher.start()

    def wait(self) -> None:
        """Waits for a signal, for `stop` or for a fatal error."""
        self._stop.wait()
        if self._standby is not None:
            self._standby.end_waiting()

    def end(self) -> int:
        """Gives the database back, once nothing writes any more, and says why the process ends.

        Returns:
            The exit status: 1 after a fatal error, else 0.
        """
        # The last one ends what waits for a database that no longer answers.
        *watchers, last = self._watchers
        for watcher in watchers:
            watcher.stop()
        self._say_ended()
        self.engine.dispose()
        self._writer.release()
        last.stop()
        first = str(self._fatal_errors[0]) if self._fatal_errors else None
        logger(self._service).info("stopped", fatal_error=first)
        if first is None:
            return 0
        why = first.partition("\n")[0]
        say(f"{self._service}: ended: {why}. Started again, it goes on from its journal")
        return 1

    def _take(self, url: str, *, migrate: bool, take_over: bool) -> None:
        """Takes the database; what was taken is given back if the rest cannot be."""
        check = check_not_newer if migrate else check_at_head
        with ExitStack() as giving_back:
            where = database_at(url)
            is_server = where.get_backend_name() == "postgresql"
            self._sessions = Sessions(where) if is_server else None
            self._writer = OneWriter(url, take_over=take_over, sessions=self._sessions)
            giving_back.callback(self._writer.release)
            self.engine = open_engine(url, self._sessions)
            giving_back.callback(self.engine.dispose)
            check(self.engine, self._service)
            self.fence = Fence(self.engine)
            giving_back.callback(self._say_ended)
            # Somebody may have migrated it since that look; behind the fence nobody else does.
            check(self.engine, self._service)
            if migrate:
                migrate_database(self.engine, self._service)
            giving_back.pop_all()

    def _say_ended(self) -> None:
        """Tells the database; where that fails, only whoever comes next has to wait."""
        if self.fence.overdue():
            self._say_untold("it does not answer")
            return
        try:
            self.fence.release()
        except DBAPIError as error:
            self._say_untold(str(error.orig).strip().partition("\n")[0])

    def _say_untold(self, why: str) -> None:
        logger(self._service).warning("could not tell the database of the end", error=why)
        say(
            f"{self._service}: could not tell its database that it has ended: {why}. Nothing "
            "is lost; a service that takes its place waits until its lease has run out"
        )
