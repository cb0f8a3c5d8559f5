"""What the commits of a service wait for: the primary of its database, and that one's standbys.

Two things can keep a commit waiting. The standbys are gone: then it is right to wait, and wrong to
take new work, which `runtime.fencing` sees to by its lease. Or the server is no longer the primary,
and has not said so: then whoever waits there waits for nothing, and is woken.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy.exc import DBAPIError

from dcep.errors.v1 import errors_pb2
from runtime.database import is_away
from runtime.errors import Refusal
from runtime.fencing import Fence, seconds_up
from runtime.limits import DRAIN_S
from runtime.logs import logger, say
from runtime.postgresql import Sessions
from runtime.settings import SettingsError

LOOK_S = 2.0
"""Seconds between two looks at whether commits wait for a standby at all."""

END_S = 3 * DRAIN_S
"""Seconds that a service which is to end may take to drain and to write what it has promised."""


class Need(StrEnum):
    """What a service does where its database's server keeps commits on one machine alone."""

    NONE = "none"
    WARN = "warn"
    REQUIRED = "required"

    @classmethod
    def read(cls, text: str) -> Need:
        """Reads the setting `standby`.

        Raises:
            SettingsError: it is none of the three.
        """
        try:
            return cls(text)
        except ValueError:
            known = ", ".join(cls)
            raise SettingsError(f"standby must be one of {known}, not {text!r}") from None


class Standby:
    """Watches over what the commits of one service wait for."""

    def __init__(
        self,
        service: str,
        sessions: Sessions,
        fence: Fence,
        need: Need,
        *,
        now: Callable[[], float] = seconds_up,
    ) -> None:
        """Looks at nothing yet.

        Args:
            service: names the service to whoever reads what it says.
            sessions: those that commit.
            fence: its lease tells when commits no longer come through.
            need: whether there has to be a standby.
            now: seconds, in which looks are counted.
        """
        self._service = service
        self._sessions = sessions
        self._fence = fence
        self._need = need
        self._now = now
        self._look_at = now()
        self._has_one = False
        self._ends_at: float | None = None
        self._said = ""

    def end_waiting(self) -> None:
        """The service is to end: from now on nobody waits for commits that do not come through, and
        after END_S for nothing at all.
        """
        self._ends_at = self._now() + END_S

    def step(self) -> bool:
        """A worker's step: looks at the server; False, as there is no more to do at once."""
        try:
            if self._ends_at is not None:
                if self._fence.overdue() or self._now() >= self._ends_at:
                    self._sessions.cut()
            elif self._fence.overdue():
                self._look_at_what_waits()
            elif self._need is not Need.NONE and self._now() >= self._look_at:
                self._has_one = self._sessions.has_standby()
                self._look_at = self._now() + LOOK_S
                self._tell("" if self._has_one else self._alone())
        except DBAPIError as error:
            if not is_away(error):
                raise
            # Nobody answers as primary: there is nothing to do but to look again.
            self._tell("the database's primary does not answer; nobody is served meanwhile")
        return False

    def check(self) -> None:
        """Raises Refusal, NOT_SERVING, where a standby is required and none is known of."""
        if self._need is Need.REQUIRED and not self._has_one:
            raise Refusal(
                errors_pb2.REASON_NOT_SERVING,
                "what the service writes would be on one machine alone; ask the same again",
            )

    def _look_at_what_waits(self) -> None:
        working, waiting = self._sessions.waiting()
        if waiting:
            self._tell("commits wait for a standby of the database; nobody is served meanwhile")
        elif not working and self._fence.overdue():
            self._tell("the database has another primary now; what waited for the old one is ended")
            self._sessions.cut()

    def _alone(self) -> str:
        served = (
            "nobody is served" if self._need is Need.REQUIRED else "payments go on all the same"
        )
        return f"the database waits for no standby: what it commits is on one machine; {served}"

    def _tell(self, state: str) -> None:
        """Says a state when it begins, and when it has ended."""
        if state == self._said:
            return
        self._said = state
        if state:
            logger(self._service).error("standby", state=state)
            say(f"{self._service}: {state}")
        else:
            logger(self._service).info("standby", state="commits are on a standby as well")
            say(f"{self._service}: commits come through again, and are on a standby as well")
