"""A bank is put back to an older copy of its database: by two officers, to one place, once."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from central_bank.registration.tables import put_backs
from console.coming_back import NUMBERS_LEFT_OUT, next_act
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from runtime.envelope import possession
from tests.central_bank.admitting import identity
from tests.central_bank.put_back_bank import SETTLED, Alpha, R
from tests.central_bank.system import MEI, System
from tests.refusals import refused_for


@pytest.fixture
def alpha(system: System) -> Alpha:
    return Alpha(system)


def test_its_feed_begins_again_at_that_place_for_who_knows_the_act(alpha: Alpha) -> None:
    assert alpha.start(2, 0) == "FEED_STEPPED_BACK"
    act = alpha.system.both(alpha.act(2))
    for _ in range(2):
        assert alpha.bank.incarnation == act.number
        assert alpha.start(2, act.number, ends_at=7) == "2"
        assert alpha.start(5, act.number) == "5"
        # Another copy, another process, or a guess.
        assert alpha.start(1, act.number) == "FEED_STEPPED_BACK"
        assert alpha.start(5, 0) == "FEED_STEPPED_BACK"
        assert alpha.start(2, act.number + 1) == "FEED_STEPPED_BACK"
        alpha.system.restart()
    with alpha.system.engine.connect() as connection:
        (row,) = connection.execute(select(put_backs)).all()
    kept = SignedEnvelope.FromString(bytes(row.receipt))
    assert R.FeedReceipt.FromString(kept.payload).place.number == 5, "what it denies is kept"


def test_a_journal_that_ends_before_what_the_bank_has_told_shows_an_older_copy(
    alpha: Alpha,
) -> None:
    assert alpha.start(5, 0, ends_at=899) == "FEED_STEPPED_BACK"
    assert alpha.start(5, 0, ends_at=900) == "5"
    # A receipt for less comes late and takes nothing back.
    alpha.system.central.feed.acknowledge(alpha.bank, alpha.receipt(5, journal_position=20))
    assert alpha.start(5, 0, ends_at=899) == "FEED_STEPPED_BACK"


def test_acts_that_end_before_what_the_bank_has_told_show_an_older_copy(alpha: Alpha) -> None:
    system = alpha.system
    told = R.ActsPlace(number=4, hash=b"h" * 32)
    # Of a bank that does nothing else, the journal tells no more than before.
    system.central.feed.acknowledge(alpha.bank, alpha.receipt(5, acts=told))
    for number, said in ((3, "FEED_STEPPED_BACK"), (4, "5"), (9, "5")):
        assert alpha.start(5, 0, acts_end_at=number) == said
    # Two officers put it back to a copy that has two of them: from then on these count.
    act = system.both(alpha.act(5, acts_number=2, acts_hash=b"g" * 32))
    assert alpha.start(5, act.number, acts_end_at=1) == "FEED_STEPPED_BACK"
    assert alpha.start(5, act.number, acts_end_at=2) == "5"
    more = alpha.receipt(5, incarnation=act.number, acts=R.ActsPlace(number=3, hash=b"i" * 32))
    system.central.feed.acknowledge(alpha.bank, more)
    system.restart()
    assert alpha.start(5, act.number, acts_end_at=2) == "FEED_STEPPED_BACK"


def test_a_receipt_of_a_process_before_acknowledges_nothing(alpha: Alpha) -> None:
    """It was on its way while an older copy was put in place, and speaks of what is not there."""
    system = alpha.system
    late = alpha.receipt(5, acts=R.ActsPlace(number=4, hash=b"h" * 32))
    old, new = b"o" * 16, b"n" * 16
    assert alpha.start(5, 0, acts_end_at=0, session=old) == "5"
    assert alpha.start(5, 0, acts_end_at=0, session=new) == "5"
    told = refused_for(lambda: system.central.feed.acknowledge(alpha.bank, late, old))
    assert told == "FEED_STEPPED_BACK"
    assert alpha.start(5, 0, acts_end_at=0, session=new) == "5"
    system.restart()  # nobody follows yet
    told = refused_for(lambda: system.central.feed.acknowledge(alpha.bank, late, new))
    assert told == "FEED_STEPPED_BACK"
    assert alpha.start(5, 0, acts_end_at=0, session=new) == "5"
    system.central.feed.acknowledge(alpha.bank, late, new)
    assert alpha.start(5, 0, acts_end_at=0, session=new) == "FEED_STEPPED_BACK"


def test_what_it_signed_before_does_nothing_any_more(alpha: Alpha) -> None:
    system = alpha.system
    signed = system.payment(alpha.bank, system.beta, 500)
    before = system.books()
    act = system.both(alpha.act(2))
    assert refused_for(lambda: system.submit(alpha.bank, signed)) == "FEED_STEPPED_BACK"
    late = alpha.receipt(5)
    assert (
        refused_for(lambda: system.central.feed.acknowledge(alpha.bank, late))
        == "FEED_STEPPED_BACK"
    )
    assert system.books() == before
    again = alpha.receipt(3, incarnation=act.number, journal_position=50)
    system.central.feed.acknowledge(alpha.bank, again)
    assert alpha.start(2, act.number) == "FEED_STEPPED_BACK"


def test_a_bank_that_a_thief_of_its_keys_has_made_an_older_copy_goes_on_from_where_it_stands(
    alpha: Alpha,
) -> None:
    """A receipt for a journal that never was: new keys, then one act of both sides, end it."""
    system, end = alpha.system, 900
    system.central.feed.acknowledge(alpha.bank, alpha.receipt(5, journal_position=1 << 52))
    assert alpha.start(5, 0, end) == "FEED_STEPPED_BACK"
    new, stolen = SigningKey(b"\x1a" * 32), identity(alpha.bank)
    key, proof = bytes(new.verify_key), possession(new, "alpha")
    system.both(
        office_pb2.RenewBank(
            name="alpha", business_key=key, proof=proof, certificate_fingerprint="c" * 64
        )
    )
    assert (
        refused_for(lambda: system.central.registry.require_active(stolen)) == "BANK_NOT_ADMITTED"
    )
    again = alpha.receipt(5, journal_position=1 << 52)
    told = refused_for(lambda: system.central.feed.acknowledge(alpha.bank, again))
    assert told == "SIGNATURE_INVALID"
    act = system.both(alpha.act(5))
    assert alpha.start(5, act.number, end) == "5"
    seen = system.central.feed_look.beyond(alpha.bank, 5)
    beyond = authentication_pb2.GetFeedOfResponse(
        incarnation=alpha.bank.incarnation,
        last_entry=seen.last_entry,
        last_number=seen.last_number,
        journal_position=seen.journal_position,
    )
    own = officers_pb2.GetFeedResponse(number=5, journal_position=end)
    due = next_act("alpha", own, beyond)
    assert isinstance(due, office_pb2.ComeBack)
    assert due.next_number == end + NUMBERS_LEFT_OUT, "no number is passed that never was"


def test_a_number_that_was_settled_before_is_not_settled_again(alpha: Alpha) -> None:
    system = alpha.system
    act = system.both(alpha.act(0, after_hash=b""))
    before = system.books()
    now_ms = system.clock.now_ms()
    other = system.payment(alpha.bank, system.beta, 99_000, number=alpha.payments[0].number)
    for payment, state in (
        (alpha.payments[0], SETTLED),
        (other, R.OUTCOME_STATE_REFUSED),
    ):
        batch = R.OutboundBatch(
            bank="alpha",
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            payments=[payment],
            incarnation=act.number,
        )
        envelope = system.signed(alpha.bank, batch)
        answer = system.central.settlement.submit(alpha.bank, envelope)
        assert answer.outcomes[0].state == state
    assert system.books() == before


def test_one_officer_alone_does_not_put_it_back_nor_to_a_place_that_there_is_not(
    alpha: Alpha,
) -> None:
    system = alpha.system
    mine = system.propose(alpha.act(2), who=MEI)
    assert refused_for(lambda: system.approve(mine, MEI)) == "SAME_OFFICER"
    for wrong, told in (
        (alpha.act(2, after_hash=bytes(32)), "FEED_TIP_UNKNOWN"),
        (alpha.act(2, after_number=3), "FEED_TIP_UNKNOWN"),
        (alpha.act(2, after_number=77), "FEED_TIP_UNKNOWN"),
        (alpha.act(0, after_hash=bytes(32)), "FIELD_INVALID"),
        (alpha.act(2, name="nobody"), "BANK_UNKNOWN"),
    ):
        assert refused_for(lambda wrong=wrong: system.propose(wrong)) == told  # type: ignore[misc]
    assert alpha.bank.incarnation == 0
    assert alpha.start(2, 0) == "FEED_STEPPED_BACK"


def test_officers_see_what_the_journal_has_beyond_a_place(alpha: Alpha) -> None:
    found = alpha.system.central.feed_look.beyond(alpha.bank, 2)
    assert (found.acknowledged, found.last_entry, found.journal_position) == (5, 5, 900)
    assert found.last_number == max(payment.number for payment in alpha.payments)
    assert found.kinds == {"outgoing_settled": (3, 11 + 12 + 13)}
    assert alpha.system.central.feed_look.beyond(alpha.bank, 0).kinds["issued"] == (1, 100_000)
    look = alpha.system.central.feed_look
    assert refused_for(lambda: look.beyond(alpha.bank, 6)) == "FIELD_INVALID"
