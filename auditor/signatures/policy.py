"""Checks that the limits in a bank's ledger were always those that the central bank had signed.

A row of the journal that sets limits names an announcement of the central bank. After that row, on
every day, each wallet class has the limits of the policy that holds on that day, of those announced
up to there. So a limit that is laxer or stricter is named, and so is a bank that goes on without a
policy that has begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from auditor.signatures.orders import Line, Wrong
from auditor.signatures.verifying import Problems
from currency.contract_words import WALLET_CLASSES
from currency.days import begin_ms, date_of
from dcep.office.v1 import office_pb2
from language import _
from settlement.limits import MAX_LIMIT_SETS
from settlement.records import IN_FEN, Limit

HEARD_MS = 600_000
"""How long a bank may take to follow a policy that was announced, in milliseconds."""

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
    """Follows the limits through the journal, row by row."""

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
        """How many of the policies the bank follows."""
        self._set = False
        self._missed: set[int] = set()

    def take(self, line: Line) -> None:
        """Takes a record that sets a limit; raises Wrong if no policy is behind it."""
        if not line.accepted:
            return
        self._cells[line.credit, line.ref] = line.amount_fen
        self._set = True
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
        have judged it by a policy that it did not follow.
        """
        for each in self._announced[self._followed :]:
            if line.time_ms >= each.holds_from_ms and each.number not in self._missed:
                self._missed.add(each.number)
                raise Wrong(
                    _("policy {number}, in force since {day}, was not followed").format(
                        number=each.number, day=date_of(each.policy.from_day).isoformat()
                    )
                )

    def end_of(self, seq: int) -> None:
        """To be called after each row of the journal; names limits that no policy has."""
        if not self._set:
            return
        self._set = False
        begun = self._announced[: self._followed]
        for day in sorted({each.policy.from_day for each in begun} | {0}):
            for wallet_class in WALLET_CLASSES:
                if begun and self._on(wallet_class, day) != _wanted(begun, wallet_class, day):
                    self._problems.say(
                        _(
                            "table journal, row seq={seq}: on {day} wallet class {wallet_class} "
                            "has other limits than the policy of the central bank"
                        ).format(seq=seq, day=date_of(day).isoformat(), wallet_class=wallet_class)
                    )

    def _on(self, limit_set: int, day: int) -> _Four:
        """The limits that the rule judges by on a day, where an account has this limit set."""
        for _step in range(MAX_LIMIT_SETS):
            if day >= self._cells.get((limit_set, Limit.FROM_DAY), 0):
                break
            limit_set = self._cells.get((limit_set, Limit.BEFORE), 0)
        return tuple(self._cells.get((limit_set, column), 0) for column in IN_FEN)


def _wanted(announced: Sequence[Announced], wallet_class: int, day: int) -> _Four:
    """The limits of the policy of a day: the last that was announced of those that have begun. What
    comes before the first one is judged by that.
    """
    first = min(each.policy.from_day for each in announced)
    begun = [each for each in announced if each.policy.from_day <= max(day, first)]
    return begun[-1].limits(wallet_class)
