"""Each bank's feed is a chain that the centre signs and can make anew from its journal."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.key_metrics import watch_followers
from central_bank.limits import ACTS_TOLD_MS
from central_bank.registration.feed_book import Link
from central_bank.registration.tables import acts_told, feed_marks, feed_receipts
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.database import open_engine
from runtime.envelope import sign
from runtime.errors import Refusal
from runtime.hash_chain import beginning, linked
from tests.central_bank.admitting import KEYS, particulars
from tests.central_bank.key_renewals import renewal
from tests.central_bank.system import System
from tests.feeds import CENTRAL_KEYS, NO_ACTS, payment_in, told
from tests.refusals import refused_for

R = registration_pb2


def messages(
    system: System, bank: AdmittedBank, after: R.FeedPlace | None = None
) -> Iterator[R.FeedTip]:
    """The signed tips of a bank's feed, each checked against its entries."""
    link = system.central.feed.start(bank, after or R.FeedPlace())
    digest = after.hash if after is not None else b""
    while True:
        message, read = system.central.feed.after(bank, link)
        if message is None and read.position == link.position:
            return
        link = read
        if message is None:
            continue
        tip = R.FeedTip.FromString(CENTRAL_KEYS.verify(R.FeedTip, message.tip))
        digest = digest or beginning("feed/v1", tip.place.ledger, bank.name.encode())
        for data in message.entries:
            digest = linked(digest, data)
        assert (tip.bank, tip.place.hash) == (bank.name, digest)
        yield tip


@pytest.fixture
def busy(system: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """Alpha has paid beta thirty times; messages and marks are small."""
    monkeypatch.setattr("central_bank.registration.feed.MAX_FEED_ENTRIES", 4)
    monkeypatch.setattr("central_bank.registration.feed.MARK_ENTRIES", 8)
    system.issue(system.alpha, 100_000)
    for _ in range(10):
        system.submit(
            system.alpha, *(system.payment(system.alpha, system.beta, 5) for _ in range(3))
        )
    return system


def test_numbers_are_dense_and_each_message_is_signed(busy: System) -> None:
    tips = list(messages(busy, busy.beta))
    assert [tip.place.number for tip in tips] == [4, 8, 12, 16, 20, 24, 28, 30]
    assert len({tip.place.hash for tip in tips}) == len(tips)
    assert [entry.number for entry in told(busy.central, busy.beta)] == list(range(1, 31))


def test_each_entry_says_which_payment_of_whom_and_how_much(busy: System) -> None:
    sent = busy.payment(busy.alpha, busy.beta, 7, memo="tea")
    busy.submit(busy.alpha, sent)
    assert payment_in(told(busy.central, busy.beta)[-1].incoming) == sent
    settled = told(busy.central, busy.alpha)[-1].outgoing_settled
    assert (settled.number, payment_in(settled)) == (sent.number, sent)
    too_much = busy.payment(busy.alpha, busy.beta, 10**9)
    busy.submit(busy.alpha, too_much)
    ended = told(busy.central, busy.alpha)[-1].outgoing_ended
    assert (ended.number, payment_in(ended)) == (too_much.number, too_much)


def test_the_chain_is_made_anew_from_the_journal_the_same(busy: System) -> None:
    places = [tip.place for tip in messages(busy, busy.beta)]
    with busy.engine.connect() as connection:
        marks = connection.execute(select(feed_marks.c.number)).scalars().all()
    assert marks == [8, 16, 24], "written down now and then"
    busy.restart()
    for place in places:
        later = [tip.place for tip in messages(busy, busy.beta, place)]
        assert later == [other for other in places if other.number > place.number]
    assert [tip.place for tip in messages(busy, busy.beta)] == places


def test_a_place_is_found_with_bounded_work(busy: System, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tip.place for tip in messages(busy, busy.beta)]
    feed = busy.restart().feed
    asked: list[Link] = []
    read = feed._read  # noqa: SLF001

    def noted(bank: AdmittedBank, link: Link, **more: Any) -> Any:
        asked.append(link)
        return read(bank, link, **more)

    monkeypatch.setattr(feed, "_read", noted)
    feed.start(busy.beta, places[-2])
    assert min(link.number for link in asked) == 24, "from the last mark, not from the beginning"


def test_a_quiet_bank_is_marked_by_what_others_did(
    busy: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.feed.MARK_RECORDS", 10)
    gamma = busy.central.registry.admit(particulars("gamma", "6203"))
    assert list(messages(busy, gamma)) == []
    with busy.engine.connect() as connection:
        query = select(feed_marks).where(feed_marks.c.bank == gamma.index)
        [mark] = connection.execute(query).all()
    assert (mark.number, mark.position) == (0, busy.central.books.core.position)


def test_what_this_journal_does_not_say_is_not_gone_on_from(busy: System) -> None:
    place = [tip.place for tip in messages(busy, busy.beta)][2]

    def changed(**values: object) -> R.FeedPlace:
        other = R.FeedPlace()
        other.CopyFrom(place)
        for name, value in values.items():
            setattr(other, name, value)
        return other

    for wrong in (
        changed(hash=bytes(32)),
        changed(number=place.number + 1),
        changed(number=31),
        changed(number=10**9),
        changed(ledger=bytes(16)),
    ):
        assert refused_for(busy.central.feed.start, busy.beta, wrong) == "FEED_TIP_UNKNOWN"
    assert refused_for(busy.central.feed.start, busy.alpha, place) == "FEED_TIP_UNKNOWN", (
        "another bank's place"
    )
    for unfit in (changed(hash=b"x"), changed(ledger=b"x"), changed(number=2**64 - 1)):
        assert refused_for(busy.central.feed.start, busy.beta, unfit) == "FIELD_INVALID"
    assert refused_for(busy.central.feed.start, busy.beta, R.FeedPlace(number=3)) == "FIELD_MISSING"


def test_an_older_copy_of_the_centre_is_noticed_by_the_banks(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.issue(system.alpha, 1_000)
    system.submit(system.alpha, system.payment(system.alpha, system.beta, 5))
    with system.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "central.db", tmp_path / "old.db")
    system.submit(system.alpha, system.payment(system.alpha, system.beta, 6))
    [tip] = messages(system, system.beta)
    assert tip.place.number == 2

    system.engine.dispose()
    for name in ("central.db", "central.db-wal", "central.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", tmp_path / "central.db")
    system.engine = open_engine(f"sqlite:///{tmp_path / 'central.db'}")
    system.restart()
    assert refused_for(system.central.feed.start, system.beta, tip.place) == "FEED_TIP_UNKNOWN"
    # Also when it has gone on, and has as many entries again: another past.
    system.submit(system.alpha, system.payment(system.alpha, system.beta, 7))
    assert refused_for(system.central.feed.start, system.beta, tip.place) == "FEED_TIP_UNKNOWN"


def receipt(
    system: System,
    bank: AdmittedBank,
    place: R.FeedPlace,
    signer: str = "",
    acts: R.ActsPlace = NO_ACTS,
    announced: int = 0,
) -> SignedEnvelope:
    now_ms = system.clock.now_ms()
    said = R.FeedReceipt(
        bank=bank.name,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
        place=place,
        acts=acts,
        announced_number=announced,
    )
    key = KEYS[signer or bank.name]
    return sign(said, key, bank.name.encode())


def test_an_older_copy_of_a_bank_is_noticed_by_the_centre(busy: System) -> None:
    places = [tip.place for tip in messages(busy, busy.beta)]
    envelope = receipt(busy, busy.beta, places[4])
    busy.central.feed.acknowledge(busy.beta, envelope)
    # An earlier one that comes late takes nothing back.
    busy.central.feed.acknowledge(busy.beta, receipt(busy, busy.beta, places[1]))
    for _ in range(2):
        for older in (R.FeedPlace(), places[0], places[3]):
            assert refused_for(busy.central.feed.start, busy.beta, older) == "FEED_STEPPED_BACK"
        for place in places[4:]:
            assert busy.central.feed.start(busy.beta, place).number == place.number
        busy.restart()
    with busy.engine.connect() as connection:
        [row] = connection.execute(select(feed_receipts)).all()
    assert SignedEnvelope.FromString(bytes(row.receipt)) == envelope, "kept as it was signed"


def test_a_bank_that_does_not_follow_what_was_announced_is_shown(busy: System) -> None:
    act = busy.both(renewal(until_ms=busy.clock.now_ms() + 60_000))
    place = [tip.place for tip in messages(busy, busy.beta)][-1]

    def behind(bank: str) -> float | None:
        central, metrics = busy.central, CollectorRegistry()
        follows = central.feed_look.announced
        watch_followers(central.registry, lambda: central.central_keys.number, follows, metrics)
        return metrics.get_sample_value("dcep_bank_behind_announcements", {"bank": bank})

    busy.central.feed.acknowledge(busy.beta, receipt(busy, busy.beta, place))
    assert behind("beta") == 1
    # The same place of the feed, and more that it follows.
    said = receipt(busy, busy.beta, place, announced=act.number)
    busy.central.feed.acknowledge(busy.beta, said)
    for _ in range(2):
        assert (behind("alpha"), behind("beta")) == (1, 0)
        busy.restart()
    busy.both(office_pb2.SuspendBank(name="alpha"))
    assert behind("alpha") is None, "it is told nothing"


def test_where_the_acts_of_a_bank_end_is_kept_for_ever_one_a_minute(busy: System) -> None:
    place = [tip.place for tip in messages(busy, busy.beta)][-1]

    def tell(number: int) -> None:
        acts = R.ActsPlace(number=number, hash=bytes([number]) * 32)
        busy.central.feed.acknowledge(busy.beta, receipt(busy, busy.beta, place, acts=acts))

    def kept() -> list[int]:
        with busy.engine.connect() as connection:
            return sorted(connection.execute(select(acts_told.c.number)).scalars())

    for number in (1, 2, 3):  # within a minute
        tell(number)
    assert kept() == [3]
    busy.clock.advance(ACTS_TOLD_MS)
    tell(2)  # what is older, or the same, takes nothing away
    tell(3)
    assert kept() == [3]
    tell(9)
    busy.clock.advance(ACTS_TOLD_MS)
    tell(5)
    tell(10)
    assert kept() == [3, 9, 10]


def test_only_what_was_said_can_be_acknowledged_and_only_by_the_bank_itself(busy: System) -> None:
    place = [tip.place for tip in messages(busy, busy.beta)][-1]

    def no(bank: AdmittedBank, envelope: SignedEnvelope) -> str:
        with pytest.raises(Refusal) as caught:
            busy.central.feed.acknowledge(bank, envelope)
        return str(caught.value.name)

    assert no(busy.beta, receipt(busy, busy.beta, place, signer="alpha")) == "SIGNATURE_INVALID"
    assert no(busy.alpha, receipt(busy, busy.alpha, place)) == "FEED_TIP_UNKNOWN"
    place.number += 1
    assert no(busy.beta, receipt(busy, busy.beta, place)) == "FEED_TIP_UNKNOWN"
    place.number = 2**64 - 1
    assert no(busy.beta, receipt(busy, busy.beta, place)) == "FIELD_INVALID"
    assert busy.central.feed.start(busy.beta, R.FeedPlace()).number == 0


def test_the_bytes_of_entries_are_the_same_in_every_version() -> None:
    """A bank's hash is over these bytes, and the centre makes them again from its journal."""
    payment = R.OutboundPayment(number=3, payment_id="6201000000000012-3", amount_fen=5)
    said = payment.SerializeToString()
    entries = [
        R.FeedEntry(number=1, position=9, time_ms=5, issued=R.Issued(amount_fen=1, request_id="a")),
        R.FeedEntry(number=2, redeemed=R.Redeemed(amount_fen=1, request_id="a", number=4)),
        R.FeedEntry(number=3, outgoing_settled=R.OutgoingSettled(number=3, payment=said)),
        R.FeedEntry(
            number=4,
            outgoing_ended=R.OutgoingEnded(
                number=3,
                state=R.OUTCOME_STATE_REFUSED,
                reason=errors_pb2.REASON_WALLET_UNKNOWN,
                payment=said,
            ),
        ),
        R.FeedEntry(number=5, incoming=R.Incoming(from_bank="beta", payment=said)),
        R.FeedEntry(
            number=6,
            tokens_registered=R.TokensRegistered(
                number=3, amount_fen=5, certificate_digest=bytes(32)
            ),
        ),
        R.FeedEntry(
            number=7,
            tokens_deposited=R.TokensDeposited(
                number=3, amount_fen=5, whole_fen=6, payment_digest=bytes(32)
            ),
        ),
        R.FeedEntry(number=8, redemption_rejected=R.RedemptionRejected(number=3, amount_fen=5)),
        R.FeedEntry(number=9, tokens_restored=R.TokensRestored(number=3, amount_fen=5)),
    ]
    digest = beginning("feed/v1", b"\x07" * 16, b"alpha")
    for entry in entries:
        digest = linked(digest, entry.SerializeToString())
    plain = hashlib.sha256(b"dcep:feed/v1\0" + b"\0\0\0\x10" + b"\x07" * 16 + b"\0\0\0\x05alpha")
    assert beginning("feed/v1", b"\x07" * 16, b"alpha") == plain.digest()
    assert digest.hex() == "de0b790795e6f24546c0fd1c5ec3f77b6670af2eb6ccb679dc6806f47f702f17"
