"""Reads the table of tips: what the central bank signed about a bank's feed, and the bank keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from sqlalchemy import Engine, column, select, table

from auditor.signatures.orders import Wrong, read
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from language import _

_tips = table("feed_tips", column("number"), column("envelope"))
_ROWS = 1_000


def kept_tips(engine: Engine) -> Iterator[tuple[int, bytes]]:
    """(number, signed envelope) of each tip, in order, read some at a time."""
    after, of = 0, _tips.c
    while True:
        query = select(_tips).where(of.number > after).order_by(of.number).limit(_ROWS)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield row.number, bytes(row.envelope)
        if len(rows) < _ROWS:
            return
        after = rows[-1].number


def ends_of_central_acts(banks: Mapping[str, Engine]) -> dict[tuple[int, bytes], str]:
    """Where the chain of the central bank's acts ended, by the tips that banks keep.

    Args:
        banks: their databases, by name.

    Returns:
        By (number, hash), one bank that was told so.
    """
    found: dict[tuple[int, bytes], str] = {}
    for name, engine in banks.items():
        for _first, kept in kept_tips(engine):
            with suppress(Wrong):  # it is named where signatures are verified
                envelope = read(SignedEnvelope, kept)
                acts = read(registration_pb2.FeedTip, envelope.payload).acts
                found.setdefault((acts.number, acts.hash), _("bank {name}").format(name=name))
    return found
