"""Limits of wallets: two officers of the central bank publish them, and every bank is told."""

from __future__ import annotations

import pytest

from currency.days import begin_ms, day_of
from dcep.authentication.v1 import authentication_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import Refusal
from tests.central_bank.key_renewals import renewal
from tests.central_bank.system import HAN, LIN, NOW_MS, System
from tests.feeds import CENTRAL_KEYS
from tests.policies import policy_of
from tests.refusals import refused_for

TODAY = day_of(NOW_MS)
SOME = policy_of({2: (9, 8, 7, 6)}, TODAY + 1, wallets_per_phone=3)


def announced(system: System) -> list[authentication_pb2.Announcement]:
    """What banks are told, each verified with the central bank's key."""
    kind = authentication_pb2.Announcement
    told = system.central.central_keys.announcements()
    return [kind.FromString(CENTRAL_KEYS.verify(kind, each)) for each in told]


def test_two_officers_publish_a_policy_as_they_signed_it(system: System) -> None:
    act = system.propose(SOME)
    assert refused_for(system.approve, act, LIN) == "SAME_OFFICER"
    assert announced(system) == []
    act = system.approve(act)
    [told] = announced(system)
    assert (told.number, told.from_time_ms, told.policy) == (act.number, NOW_MS, SOME)
    assert system.central.central_keys.number == act.number
    system.restart()
    assert announced(system) == [told]
    system.both(policy_of({}, TODAY))
    assert [each.policy.from_day for each in announced(system)] == [TODAY + 1, TODAY]


def test_it_takes_the_right_to_policies(system: System) -> None:
    rights = [office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_BANKS]
    system.both(office_pb2.ChangeRights(name="han", rights=rights))
    assert refused_for(system.propose, SOME, who=HAN) == "RIGHT_MISSING"
    assert refused_for(system.approve, system.propose(SOME), HAN) == "RIGHT_MISSING"


def changed(**fields: object) -> office_pb2.PublishPolicy:
    """The policy with other fields."""
    made = office_pb2.PublishPolicy()
    made.CopyFrom(SOME)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def with_classes(*classes: int, fen: int = 1) -> office_pb2.PublishPolicy:
    made = policy_of({}, TODAY + 1)
    del made.classes[:]
    for of in classes:
        made.classes.add(wallet_class=of, day_fen=fen)
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        with_classes(1, 2, 3),
        with_classes(1, 2, 3, 3),
        with_classes(1, 2, 3, 4, 4),
        with_classes(0, 1, 2, 3),
        with_classes(1, 2, 3, 5),
        with_classes(1, 2, 3, 4, fen=-1),
        with_classes(1, 2, 3, 4, fen=10**15 + 1),
        changed(from_day=TODAY - 1),
        changed(from_day=0),
        changed(from_day=-1),
        changed(from_day=2_932_897),
        changed(wallets_per_phone=-1),
        changed(wallets_per_phone=1_001),
        changed(wallets_per_document=1_001),
    ],
)
def test_a_policy_with_a_hole_is_not_proposed(
    system: System, wrong: office_pb2.PublishPolicy
) -> None:
    with pytest.raises(Refusal) as caught:
        system.propose(wrong)
    assert caught.value.name in ("FIELD_INVALID", "FIELD_MISSING", "TOO_MANY_ITEMS")
    assert announced(system) == []


def test_a_policy_whose_day_has_passed_before_it_is_approved_is_not_published(
    system: System,
) -> None:
    act = system.propose(policy_of({}, TODAY))
    system.clock.advance(begin_ms(TODAY + 1) - NOW_MS - 1)
    late = system.propose(policy_of({1: (1, 1, 1, 1)}, TODAY))
    system.approve(act)
    system.clock.advance(1)
    assert refused_for(system.approve, late) == "FIELD_INVALID"
    assert len(announced(system)) == 1


def test_an_act_that_is_approved_after_a_later_one_is_proposed_anew(system: System) -> None:
    """Banks would take a statement with a number that comes late for somebody else's."""
    early, late = system.propose(SOME), system.propose(policy_of({}, TODAY + 2))
    system.approve(late)
    assert refused_for(system.approve, early) == "ALREADY_DECIDED"
    assert system.central.acts.get(early.content.act_id).state == office_pb2.ACT_STATE_OPEN
    system.both(changed(wallets_per_phone=4))
    assert [each.policy.from_day for each in announced(system)] == [TODAY + 2, TODAY + 1]


def test_no_more_is_announced_than_banks_can_be_told(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.central_keys.MAX_ANNOUNCEMENTS", 1)
    system.both(SOME)
    assert refused_for(system.both, SOME) == "OVERLOADED"
    assert len(announced(system)) == 1


def test_policies_take_no_place_that_the_revocation_of_a_key_may_need(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.central_keys.MAX_POLICIES", 2)
    system.both(SOME)
    system.both(SOME)
    assert refused_for(system.both, SOME) == "OVERLOADED"
    system.both(renewal())
    assert [each.HasField("policy") for each in announced(system)] == [True, True, False]


def test_a_feed_tells_the_number_of_the_policy(system: System) -> None:
    act = system.both(SOME)
    beginning = system.central.feed.start(system.alpha, registration_pb2.FeedPlace())
    message, _ = system.central.feed.after(system.alpha, beginning, with_tip=True)
    assert message is not None
    tip = registration_pb2.FeedTip.FromString(message.tip.payload)
    assert tip.announced_number == act.number
