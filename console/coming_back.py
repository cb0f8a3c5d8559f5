"""Makes the two acts by which a bank goes on from an older copy, from what both sides say."""

from __future__ import annotations

from google.protobuf.message import Message

from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2
from dcep.office.v1 import office_pb2

NUMBERS_LEFT_OUT = 10_000
"""So many numbers after the last known one are not used: they may have been on their way."""

DEPOSITS_LEFT_OUT = 1_000
"""The same for the numbers of deposits."""


def put_back(bank: str, told: officers_pb2.GetFeedResponse) -> office_pb2.PutBack:
    """The central bank's act: a bank's feed begins again where the bank's database is.

    Args:
        bank: its name.
        told: what the bank says about itself.
    """
    return office_pb2.PutBack(
        name=bank,
        after_number=told.number,
        after_hash=told.hash if told.number else b"",
        acts_number=told.acts_number,
        acts_hash=told.acts_hash,
    )


def come_back(
    told: officers_pb2.GetFeedResponse, beyond: authentication_pb2.GetFeedOfResponse
) -> office_pb2.ComeBack:
    """The bank's act: it takes up everything that the central bank has after that place.

    Args:
        told: what the bank says about itself.
        beyond: what the central bank has about it, read after it put the bank back.
    """
    last_number = max(beyond.last_number, beyond.journal_position, told.journal_position)
    last_deposit = max(beyond.last_deposit, told.last_deposit)
    return office_pb2.ComeBack(
        incarnation=beyond.incarnation,
        after_number=told.number,
        until_number=max(beyond.last_entry, told.number),
        next_number=last_number + NUMBERS_LEFT_OUT,
        next_deposit=last_deposit + DEPOSITS_LEFT_OUT,
    )


def next_act(
    bank: str,
    told: officers_pb2.GetFeedResponse,
    beyond: authentication_pb2.GetFeedOfResponse,
) -> Message:
    """The act that is due: the central bank's, or the bank's once the central bank's is done."""
    if beyond.incarnation > told.incarnation:
        return come_back(told, beyond)
    return put_back(bank, told)
