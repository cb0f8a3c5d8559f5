"""The limits of sub-wallets: few to choose from, and a place for each in the table."""

from __future__ import annotations

import pytest

from currency.sub_limits import CHOICES, FIRST_SET, LAST_SET, limit_set_of
from operator_bank.wallets import classes
from settlement.limits import MAX_LIMIT_SETS
from tests.operator_bank.system import System


def test_the_ladder_leaves_room_for_all_policies_and_each_choice_has_its_set() -> None:
    assert len(CHOICES) == 240
    assert FIRST_SET > 4
    assert LAST_SET < MAX_LIMIT_SETS - 4 * 100, "the most policies that are ever published"
    assert CHOICES[limit_set_of(20_000, 0, 0)] == (20_000, 20_000, 0)
    assert CHOICES[limit_set_of(20_000, 50_000, 10_000)] == (20_000, 10_000, 10_000)
    for limit_set, limits in CHOICES.items():
        assert limit_set_of(*limits) == limit_set
    with pytest.raises(ValueError, match="ladder"):
        limit_set_of(0, 0, 0)
    with pytest.raises(ValueError, match="ladder"):
        limit_set_of(20_000, 1, 0)


def test_more_policies_than_the_table_has_room_for_are_not_followed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "MAX_LIMIT_SETS", LAST_SET + 6)
    published = [
        classes.Published(n, system.bank.policy.now().__class__.FromString(said), 1)
        for n, said in enumerate((p.SerializeToString() for p in [system.bank.policy.now()] * 3), 1)
    ]
    for day, one in enumerate(published):
        one.policy.from_day += day
    with pytest.raises(classes.NotFollowed):
        classes.table_of(published)
