"""Publishes the limits of wallets, which hold at every bank from a day on."""

from __future__ import annotations

from central_bank.authentication.bank_rows import Given
from central_bank.authentication.central_keys import CentralKeys
from currency.contract_words import WALLET_CLASSES
from currency.days import day_of
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect
from runtime.checks import invalid
from runtime.clock import Clock
from runtime.database import Database


def check_policy(policy: office_pb2.PublishPolicy, now_ms: int) -> None:
    """Raises Refusal unless a policy names each class once and begins today or later."""
    if sorted(each.wallet_class for each in policy.classes) != list(WALLET_CLASSES):
        raise invalid("classes", "has each wallet class, 1 to 4, once")
    if policy.from_day < day_of(now_ms):
        raise invalid("from_day", "is over: a policy begins today, in UTC+8, or later")


class Publication(Effect):
    """The effect of PublishPolicy."""

    right = office_pb2.RIGHT_POLICY

    def __init__(self, database: Database, keys: CentralKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def check(self, act: Act) -> None:
        """See `Effect`."""
        check_policy(act.asked, self._clock.now_ms())

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect`."""
        check_policy(act.asked, decision.time_ms)
        by = Given(decision.act.number, decision.time_ms)
        self._keys.publish(act.asked, decision.mark, by)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect`."""
        self._database.transaction(decision.mark)
