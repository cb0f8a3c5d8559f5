"""Verifies the chain of a bank's feed: each message is signed, and continues what the bank
applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, select

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.tables import feed_place, feed_tips
from operator_bank.peers.central_keys import Verifies
from runtime.bounds import greatest_in
from runtime.database import Database, execute_many
from runtime.errors import Refusal
from runtime.hash_chain import HASH_BYTES, beginning, linked
from runtime.limits import MAX_POSITION
from runtime.messages import read_payload

FeedEntry = registration_pb2.FeedEntry
LEDGER_BYTES = greatest_in(registration_pb2.FeedPlace, "ledger")
_PLACE = f"""
INSERT INTO {feed_place.name} (id, ledger, number, hash, position) VALUES (1, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET ledger = excluded.ledger, number = excluded.number,
 hash = excluded.hash, position = excluded.position"""
_TIP = f"INSERT INTO {feed_tips.name} (number, envelope) VALUES (?, ?)"


class FeedBroken(Exception):
    """The feed has something that cannot be applied; the message says what and why."""


class NotKnown(FeedBroken):
    """The feed speaks of something that this database does not know, or knows otherwise: what it
    has not sent, or money that it has not reserved.

    Either the database is an older copy, or the central bank is wrong.
    """


class Place(NamedTuple):
    """How far a bank has applied its feed.

    Attributes:
        ledger: id of the central bank's ledger, 16 bytes; empty before the first entry.
        number: of the last entry.
        hash: of the chain up to and including that entry.
        position: of that entry in the central bank's journal.
    """

    ledger: bytes = b""
    number: int = 0
    hash: bytes = b""
    position: int = 0

    def message(self) -> registration_pb2.FeedPlace:
        """The place as a message to the central bank."""
        return registration_pb2.FeedPlace(ledger=self.ledger, number=self.number, hash=self.hash)


class Link(NamedTuple):
    """An entry, its bytes, which the chain hashes, and the place after it."""

    entry: FeedEntry
    data: bytes
    place: Place


def read_place(database: Database) -> Place:
    """Reads the place from the database."""
    query = select(
        feed_place.c.ledger, feed_place.c.number, feed_place.c.hash, feed_place.c.position
    )
    row = database.read(lambda c: c.execute(query).first())
    return Place(bytes(row[0]), row[1], bytes(row[2]), row[3]) if row is not None else Place()


def read_tip(database: Database) -> SignedEnvelope | None:
    """Reads the newest signed tip from the database; None if there is none."""
    newest = select(feed_tips.c.envelope).order_by(feed_tips.c.number.desc()).limit(1)
    found = database.read(lambda c: c.execute(newest).scalar())
    return SignedEnvelope.FromString(bytes(found)) if found is not None else None


def write_place(connection: Connection, place: Place, tip: SignedEnvelope | None) -> None:
    """Writes the place, and the signed tip if it is signed for exactly this place."""
    execute_many(connection, _PLACE, [tuple(place)])
    if tip is not None:
        execute_many(connection, _TIP, [(place.number, tip.SerializeToString())])


def follow(
    message: registration_pb2.FollowFeedResponse, place: Place, bank: str, keys: Verifies
) -> tuple[Sequence[Link], registration_pb2.FeedTip]:
    """Verifies the signature and the chain of a message.

    Args:
        message: as the central bank sent it.
        place: what was applied before it.
        bank: name of this bank.
        keys: verify the central bank's signature.

    Returns:
        The message's entries, and its signed tip.

    Raises:
        FeedBroken: it is not signed by the central bank, is another bank's or another ledger's, or
            does not continue `place`.
    """
    tip = _tip(message.tip, keys)
    ledger = tip.place.ledger
    if tip.bank != bank:
        raise FeedBroken(f"the feed is signed for bank {tip.bank!r}")
    if len(ledger) != LEDGER_BYTES or ledger != (place.ledger or ledger):
        raise FeedBroken("the feed is signed for another ledger than the one that was followed")
    digest = place.hash or beginning("feed/v1", ledger, bank.encode())
    number, position = place.number, place.position
    links: list[Link] = []
    for data in message.entries:
        entry = _entry(data, number)
        if entry.number != number + 1:
            raise FeedBroken(f"entry {entry.number} came after entry {number}")
        if not position < entry.position <= MAX_POSITION:
            raise FeedBroken(f"entry {entry.number} stands before the one before it")
        number, position, digest = entry.number, entry.position, linked(digest, data)
        links.append(Link(entry, data, Place(ledger, number, digest, position)))
    if (tip.place.number, tip.place.hash) != (number, digest):
        raise FeedBroken(
            f"what is signed as entry {tip.place.number} does not follow from entry {place.number}"
            " as it was applied here"
        )
    return links, tip


def _tip(envelope: SignedEnvelope, keys: Verifies) -> registration_pb2.FeedTip:
    try:
        payload = keys.verify(registration_pb2.FeedTip, envelope)
    except Refusal as refusal:
        raise FeedBroken(f"the feed is not signed by the central bank: {refusal.message}") from None
    try:
        tip = read_payload(registration_pb2.FeedTip, payload)
    except Refusal:
        raise FeedBroken("what the central bank signed is no place in a feed") from None
    if len(tip.place.hash) != HASH_BYTES:
        raise FeedBroken("what the central bank signed is no place in a feed")
    return tip


def _entry(data: bytes, number: int) -> FeedEntry:
    entry = FeedEntry()
    try:
        entry.ParseFromString(data)
    except DecodeError:
        raise FeedBroken(f"the entry after {number} cannot be read") from None
    return entry
