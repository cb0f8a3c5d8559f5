"""The feed is the central bank's word: signed, in a chain that the bank checks and keeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select, update

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.feed.tables import feed_place, feed_tips
from operator_bank.ledger.tables import ledger as ledger_tables
from operator_bank.limits import FEED_AGAIN_MS
from operator_bank.peers.central_keys import CentralKeys, read_keys
from operator_bank.peers.trusted_keys import TrustedKeys
from runtime.database import open_engine
from runtime.errors import NoAnswer, Refusal
from runtime.hash_chain import beginning, linked
from runtime.settings import SettingsError
from settlement.journal import Journal, Tip
from tests.feeds import CENTRAL_KEY, CENTRAL_KEYS, LEDGER, Teller
from tests.operator_bank.system import FOREIGN, VAULT_FEN, Holder, System

R = registration_pb2
ISSUED = R.Issued(amount_fen=7)


def not_applied(system: System, message: R.FollowFeedResponse) -> str:
    """Why a message is not applied; nothing of it is."""
    before = system.bank.follower.place
    with pytest.raises(FeedBroken) as caught:
        system.bank.follower.apply(message)
    assert system.bank.follower.place == before == system.restart().follower.place
    assert system.bank.vault.books().mirror_fen == -VAULT_FEN
    return str(caught.value)


def test_what_another_key_signed_is_not_applied(system: System) -> None:
    system.entry(issued=ISSUED)
    teller = system.central.teller
    assert "none of the central bank's" in not_applied(
        system, teller.message(1, key=SigningKey(b"\x03" * 32))
    )
    message = teller.message(1)
    message.tip.key_id = b""
    assert "none of the central bank's" in not_applied(system, message)
    message = teller.message(1)
    message.tip.signature = bytes(64)
    assert "not signed" in not_applied(system, message)
    message.tip.CopyFrom(SignedEnvelope())
    assert "not signed" in not_applied(system, message)


def test_a_signature_is_for_one_bank_and_one_ledger(system: System) -> None:
    system.entry(issued=ISSUED)
    teller = system.central.teller
    assert "for bank 'beta'" in not_applied(system, teller.message(1, bank="beta"))
    place = teller.place(2)
    place.ledger = b"\x08" * 16
    assert "another ledger" in not_applied(system, teller.message(1, place=place))
    # The whole feed of another bank, or of another ledger, as it was signed there.
    for other in (Teller(bank="beta"), Teller(ledger=b"\x08" * 16)):
        for data in teller.said:
            other.say(R.FeedEntry.FromString(data))
        not_applied(system, other.message(1))


def test_an_altered_entry_does_not_follow(system: System) -> None:
    entry = system.entry(issued=ISSUED)
    message = system.central.teller.message(1)
    entry.issued.amount_fen += 1
    message.entries[0] = entry.SerializeToString()
    assert "does not follow" in not_applied(system, message)


def test_a_gap_a_repetition_and_a_wrong_order_are_seen(system: System) -> None:
    for _ in range(4):
        system.entry(issued=ISSUED)
    teller = system.central.teller
    assert "entry 3 came after entry 1" in not_applied(system, teller.message(2))
    assert "entry 1 came after entry 1" in not_applied(system, teller.message(0))
    message = teller.message(1)
    del message.entries[1]
    assert "entry 4 came after entry 2" in not_applied(system, message)
    message = teller.message(1)
    last = message.entries.pop()
    assert "does not follow" in not_applied(system, message)
    message.entries.insert(0, last)
    assert "entry 5 came after entry 1" in not_applied(system, message)


def test_another_past_of_the_same_length_is_seen(system: System) -> None:
    fork = Teller()
    fork.say(R.FeedEntry(position=10, issued=R.Issued(amount_fen=VAULT_FEN + 1)))
    fork.say(R.FeedEntry(position=20, issued=ISSUED))
    assert "as it was applied here" in not_applied(system, fork.message(1))


def test_positions_only_grow(system: System) -> None:
    system.position -= 10
    system.entry(issued=ISSUED)
    assert "stands before the one before it" in not_applied(
        system, system.central.teller.message(1)
    )


def test_bytes_that_are_no_entry_and_no_tip_are_seen(system: System) -> None:
    system.central.teller.said.append(b"\xff\xff")
    assert "cannot be read" in not_applied(system, system.central.teller.message(1))
    system.central.teller.said[-1] = R.FeedEntry(number=2, position=20).SerializeToString()
    place = system.central.teller.place(2)
    place.hash = b""
    assert "no place in a feed" in not_applied(
        system, system.central.teller.message(1, place=place)
    )


def test_a_bank_goes_on_with_either_of_two_keys_while_they_change(system: System) -> None:
    new = SigningKey(b"\x04" * 32)
    keys = CentralKeys([bytes(CENTRAL_KEY.verify_key), bytes(new.verify_key)])
    trusted = TrustedKeys(system.bank.context, keys, system.bank.contradictions)
    system.bank.follower._central_keys = trusted  # noqa: SLF001
    for key in (CENTRAL_KEY, new, CENTRAL_KEY):
        system.entry(issued=ISSUED)
        number = system.bank.follower.place.number
        system.bank.follower.apply(system.central.teller.message(number, key=key))
    assert system.bank.vault.books().mirror_fen == -VAULT_FEN - 3 * ISSUED.amount_fen


def test_the_bank_keeps_every_word_as_it_was_signed(system: System, alice: Holder) -> None:
    paid = [alice.pay(FOREIGN, fen) for fen in (700, 50)]
    system.entry(outgoing_settled={"number": paid[0].number})
    system.entry(incoming=system.arriving(alice.number, 5))
    system.deliver()
    system.hear(outgoing_ended={"number": paid[1].number, "state": 2, "reason": 40})

    digest = beginning("feed/v1", LEDGER, b"alpha")
    links: dict[int, bytes] = {}
    for entry, _ in Journal(system.engine, ledger_tables).rows(Tip()):
        for index in range(len(entry.records)):
            if entry.records["origin"][index] == 0 and entry.records["sequence"][index]:
                digest = linked(digest, entry.note(index))
                links[len(links) + 1] = digest
    with system.engine.connect() as connection:
        rows = connection.execute(select(feed_tips).order_by(feed_tips.c.number)).all()
    assert [row.number for row in rows] == [1, 3, 4]
    for row in rows:
        envelope = SignedEnvelope.FromString(bytes(row.envelope))
        tip = R.FeedTip.FromString(CENTRAL_KEYS.verify(R.FeedTip, envelope))
        assert (tip.bank, tip.place.number, tip.place.hash) == (
            "alpha",
            row.number,
            links[row.number],
        )
    assert system.bank.follower.place.hash == digest


def test_a_restart_goes_on_from_the_place_that_is_told_to_the_central_bank(system: System) -> None:
    asked: list[tuple[R.FeedPlace, R.FeedPlace]] = []

    def silent(
        after: R.FeedPlace, _: int, __: int, tip: SignedEnvelope
    ) -> Iterator[R.FollowFeedResponse]:
        asked.append((after, R.FeedTip.FromString(tip.payload).place))
        return iter(())

    system.central.feed = silent  # type: ignore[method-assign, assignment]
    assert not system.restart().follower.step()
    here = system.central.teller.place(1)
    assert asked == [(here, here)], "and with it what the central bank has signed for it"


@pytest.mark.parametrize(
    "reason", [errors_pb2.REASON_FEED_TIP_UNKNOWN, errors_pb2.REASON_FEED_STEPPED_BACK]
)
def test_a_place_that_the_central_bank_does_not_know_stops_the_feed_visibly(
    system: System, reason: int
) -> None:
    honest = system.central.feed

    def no(*_: object) -> Any:
        raise Refusal(reason, "an older copy")

    system.central.feed = no  # type: ignore[method-assign, assignment]
    assert not system.bank.follower.step()
    assert system.bank.follower.stopped is not None
    assert "an older copy" in system.bank.follower.stopped.cause
    system.central.feed = honest  # type: ignore[method-assign]
    system.entry(issued=ISSUED)
    assert not system.bank.follower.step()
    system.clock.advance(FEED_AGAIN_MS)
    assert system.bank.follower.step()
    assert system.bank.follower.stopped is None


def test_no_answer_is_no_stop(system: System) -> None:
    system.central.silent = True
    with pytest.raises(NoAnswer):
        system.bank.follower.step()
    assert system.bank.follower.stopped is None


def test_the_central_bank_is_told_once_how_far_the_feed_was_applied(system: System) -> None:
    for _ in range(2):
        system.bank.follower.acknowledge()
    assert system.central.receipts == [system.central.teller.place(1)]
    system.hear(issued=ISSUED)
    system.bank.follower.acknowledge()
    assert system.central.receipts[1:] == [system.central.teller.place(2)]


def test_the_central_bank_is_told_nothing_more_by_a_bank_whose_feed_has_stopped(
    system: System,
) -> None:
    system.hear(issued=ISSUED)
    system.central.refuses_the_feed = Refusal(errors_pb2.REASON_FEED_TIP_UNKNOWN, "another past")
    assert not system.bank.follower.step()
    assert system.bank.follower.stopped is not None and system.bank.standing.is_current
    system.bank.follower.acknowledge()
    assert system.central.receipts == []


def test_the_central_bank_is_told_nothing_more_by_an_older_copy_of_a_bank(system: System) -> None:
    system.hear(issued=ISSUED)
    system.bank.standing.fall_behind()
    system.bank.follower.acknowledge()
    assert system.bank.follower.stopped is None
    assert system.central.receipts == []


class Stream:
    """Messages as gRPC streams them: until somebody cancels."""

    def __init__(self, *messages: R.FollowFeedResponse) -> None:
        self._messages = iter(messages)
        self.closed = 0

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> R.FollowFeedResponse:
        return next(self._messages)

    def close(self) -> None:
        self.closed += 1


def test_a_feed_that_stops_leaves_no_stream_open(system: System) -> None:
    stream = Stream(system.central.teller.message(0))  # again what was applied
    system.central.feed = lambda *_: stream  # type: ignore[method-assign, assignment, return-value]
    assert not system.bank.follower.step()
    assert system.bank.follower.stopped is not None
    assert stream.closed == 1


def test_the_central_bank_is_told_where_the_acts_of_the_banks_officers_end(system: System) -> None:
    system.bank.follower.acknowledge()
    system.propose(office_pb2.RemoveOfficer(name="chen"))
    for _ in range(2):
        system.bank.follower.acknowledge()
    before, after = system.central.acts_told
    assert (after.number, len(after.hash)) == (before.number + 1, 32)
    assert before.hash != after.hash
    assert system.central.receipts == [system.central.teller.place(1)] * 2


def test_a_ledger_and_a_chain_of_different_moments_are_seen(system: System) -> None:
    system.hear(issued=ISSUED)
    with system.engine.begin() as connection:
        connection.execute(update(feed_place).values(position=10))
    assert not system.restart().follower.step()
    stopped = system.bank.follower.stopped
    assert stopped is not None
    assert "up to position 20" in stopped.cause


def test_an_older_copy_of_the_bank_does_not_take_one_payments_word_for_anothers(
    tmp_path: Path,
) -> None:
    system = System(tmp_path)
    alice, bob = system.open(name="Alice"), system.open(name="Bob")
    for holder in (alice, bob):
        holder.exchange(50_000)
    with system.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "bank.db", tmp_path / "old.db")
    lost = [alice.pay(FOREIGN, 4_000) for _ in range(10)]
    system.bank.send()
    sent = {payment.number: payment for payment in system.central.submitted}

    system.engine.dispose()
    for name in ("bank.db", "bank.db-wal", "bank.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", tmp_path / "bank.db")
    system.engine = open_engine(f"sqlite:///{tmp_path / 'bank.db'}")
    system.restart()
    paid = bob.pay(FOREIGN, 100)
    assert paid.number in sent, "the number of a lost payment has come again"
    for one in lost:
        system.entry(outgoing_settled=sent[one.number])
    assert not system.bank.follower.step()
    assert system.bank.follower.stopped is not None
    assert (bob.fen, bob.held_fen) == (49_900, 100)
    system.check_books()


def test_keys_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "central_bank.keys"
    key = bytes(CENTRAL_KEY.verify_key).hex()
    file.write_text(f"# the central bank\n\n{key}  # since 2026\n{'11' * 32}\n")
    message = Teller().message(0)
    assert CentralKeys(read_keys(file).keys).verify(R.FeedTip, message.tip) == message.tip.payload
    for wrong, why in (
        ("", "no key"),
        ("zz", "line 1"),
        (key[:-2], "line 1"),
        (f"{key}\n{key}00", "line 2"),
    ):
        file.write_text(wrong)
        with pytest.raises(SettingsError, match=why):
            read_keys(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_keys(tmp_path / "missing")
