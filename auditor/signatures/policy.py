"""Checks that the limits in a bank's ledger were always those that the central bank had signed.

A row of the journal that sets limits names an announcement of the central bank. After that row, on
every day, each wallet class has the limits of the policy that holds on that day, of those announced
up to there. So a limit that is laxer or stricter is named, and so is a bank that goes on without a
policy that has begun, or judges by limits whose days were over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from auditor.signatures.orders import Line, Wrong
from auditor.signatures.verifying import Problems
from currency.contract_words import WALLET_CLASSES
from currency.days import begin_ms, date_of, day_of
from dcep.office.v1 import office_pb2
from language import _
from settlement.limits import MAX_LIMIT_SETS
from settlement.records import IN_FEN, Limit

HEARD_MS = 600_000
"""How long a bank may take to follow a policy that was announced, in milliseconds."""

SET_BACK_MS = 3_600_000
"""So far a bank's clock may be set back without a question: more than what clocks that are looked
after differ by, however often each is set."""

_NAMES = ("balance_cap_fen", "single_fen", "day_fen", "year_fen")
_Four = tuple[int, ...]


class Announced(NamedTuple):
    """A policy of the central bank.

    Attributes:
        number: of the act of two officers, and of its announcement.
        time_ms: when it was announced.
        digest: of the announcement.
        policy: what they signed.
    """

    number: int
    time_ms: int
    digest: int
    policy: office_pb2.PublishPolicy

    def limits(self, wallet_class: int) -> _Four:
        """Balance cap, single, day and year of a class, in fen; 0 is none."""
        of = next(each for each in self.policy.classes if each.wallet_class == wallet_class)
        return tuple(getattr(of, name) for name in _NAMES)

    @property
    def holds_from_ms(self) -> int:
        """From when on a bank that has heard of it judges by it."""
        return max(begin_ms(self.policy.from_day), self.time_ms + HEARD_MS)


class PolicyWalk:
    """Follows the limits through the journal, record by record."""

    def __init__(self, announced: Sequence[Announced], problems: Problems) -> None:
        """Prepares it.

        Args:
            announced: the policies of the central bank, in order.
            problems: gets a sentence for each thing that is wrong.
        """
        self._announced = announced
        self._problems = problems
        self._cells: dict[tuple[int, int], int] = {}
        self._followed = 0
        """How many of the policies the bank follows, by what it has written down."""
        self._set = False
        self._missed: set[int] = set()
        self._latest_ms = 0
        """The latest time that a payment before had."""
        self._equal: set[tuple[int, int, int]] = set()
        """Days, with counts of policies, on which the bank was found to have their limits."""

    def take(self, line: Line) -> None:
        """Takes a record that sets a limit; raises Wrong if no policy is behind it."""
        if not line.accepted:
            return
        self._cells[line.credit, line.ref] = line.amount_fen
        self._set = True
        self._equal.clear()
        found = [n for n, each in enumerate(self._announced, 1) if each.digest == line.digest]
        if not found:
            raise Wrong(_("no policy of the central bank is behind it"))
        if found[0] < self._followed:
            raise Wrong(_("the policy behind it is older than the one that was followed before"))
        self._followed = found[0]

    def opened(self) -> None:
        """Takes the opening of a wallet; raises Wrong if the bank followed no policy by then."""
        if not self._followed:
            raise Wrong(_("it was opened before the bank followed a policy of the central bank"))

    def judged(self, line: Line) -> None:
        """Takes a payment that was accepted; raises Wrong, once for each policy, if the bank should
        have judged it by a policy that it did not follow, or that had begun before.
        """
        latest_ms = self._latest_ms = max(self._latest_ms, line.time_ms)
        self._judged_in_time(line, day_of(line.time_ms))
        if line.time_ms < latest_ms - SET_BACK_MS:
            self._judged_by_no_older(line, latest_ms - SET_BACK_MS)

    def _judged_in_time(self, line: Line, day: int) -> None:
        """Raises Wrong if a policy that has begun, and was announced long enough ago, gives other
        limits on the day of a payment than the bank had.

        What changes nothing leaves no trace in a journal, so limits are compared, and not what is
        written down. A bank may have heard sooner of what was announced at the time.
        """
        counted = enumerate(self._announced[self._followed :], self._followed + 1)
        due = [n for n, each in counted if line.time_ms >= each.holds_from_ms]
        if not due:
            return
        may_follow = line.time_ms + HEARD_MS
        heard = max(n for n, each in enumerate(self._announced, 1) if each.time_ms <= may_follow)
        if (day, due[-1], heard) in self._equal:
            return
        if any(self._has(self._announced[:n], day) for n in range(due[-1], heard + 1)):
            self._equal.add((day, due[-1], heard))
            return
        missed = self._announced[due[-1] - 1]
        if missed.number not in self._missed:
            self._missed.add(missed.number)
            raise Wrong(
                _(
                    "policy {number}, in force since {day}, was not followed yet: the bank did not "
                    "heed it, or was cut off from the central bank"
                ).format(number=missed.number, day=_date(missed.policy.from_day))
            )

    def _judged_by_no_older(self, line: Line, begun_ms: int) -> None:
        """Raises Wrong if a payment was judged by a policy whose days were over: by the time of a
        payment before it, and by more than clocks are set back, the next one had begun.
        """
        day, begun_day = day_of(line.time_ms), day_of(begun_ms)
        if all(self._on(of, day) == self._on(of, begun_day) for of in WALLET_CLASSES):
            return
        if -begun_day not in self._missed:
            self._missed.add(-begun_day)
            raise Wrong(
                _(
                    "it was judged by the limits of {day}, after a payment of {later} that was "
                    "judged by others"
                ).format(day=_date(day), later=_date(day_of(self._latest_ms)))
            )

    def cap_fen(self, limit_set: int, day: int) -> int:
        """What an account with this limit set may have on a day, by the rule; 0: any amount."""
        return self._on(limit_set, day)[0]

    def compare(self, where: str) -> None:
        """To be called before each record that sets no limit, and after each row of the journal;
        names limits that no policy has.

        Args:
            where: in the journal.
        """
        if not self._set:
            return
        self._set = False
        begun = self._announced[: self._followed]
        for wallet_class in WALLET_CLASSES if begun else ():
            # Between these days nothing changes, neither here nor there.
            days = {0, *(each.policy.from_day for each in begun), *self._turns(wallet_class)}
            for day in sorted(days):
                if self._on(wallet_class, day) != _wanted(begun, wallet_class, day):
                    self._problems.say(
                        _(
                            "table journal, {row}: on {day} wallet class {wallet_class} "
                            "has other limits than the policy of the central bank"
                        ).format(row=where, day=_date(day), wallet_class=wallet_class)
                    )
                    break

    def _has(self, announced: Sequence[Announced], day: int) -> bool:
        """Whether the bank has the limits of these policies on a day."""
        return all(self._on(of, day) == _wanted(announced, of, day) for of in WALLET_CLASSES)

    def _on(self, limit_set: int, day: int) -> _Four:
        """The limits that the rule judges by on a day, where an account has this limit set."""
        for each in self._before(limit_set):
            limit_set = each
            if day >= self._cells.get((each, Limit.FROM_DAY), 0):
                break
        return tuple(self._cells.get((limit_set, column), 0) for column in IN_FEN)

    def _turns(self, limit_set: int) -> set[int]:
        """The days on which the limits of an account with this limit set may change."""
        return {self._cells.get((each, Limit.FROM_DAY), 0) for each in self._before(limit_set)}

    def _before(self, limit_set: int) -> Iterator[int]:
        """A limit set, the one before it, and so on."""
        for _step in range(MAX_LIMIT_SETS):
            yield limit_set
            if not self._cells.get((limit_set, Limit.FROM_DAY), 0):
                return
            limit_set = self._cells.get((limit_set, Limit.BEFORE), 0)


def _date(day: int) -> str:
    """A day as people write it; one beyond all calendars as its number."""
    try:
        return date_of(day).isoformat()
    except (OverflowError, ValueError):
        return str(day)


def _wanted(announced: Sequence[Announced], wallet_class: int, day: int) -> _Four:
    """The limits of the policy of a day: the last that was announced of those that have begun. What
    comes before the first one is judged by that.
    """
    first = min(each.policy.from_day for each in announced)
    begun = [each for each in announced if each.policy.from_day <= max(day, first)]
    return begun[-1].limits(wallet_class)
