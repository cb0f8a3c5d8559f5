"""Each event of the feed has one handler, and each handler an event."""

from __future__ import annotations

import pytest

from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.feed.entries import numbered
from operator_bank.feed.events import HANDLERS, About, Handler, handler_of, parsed
from operator_bank.limits import MAX_SEQUENCE

ENTRY = registration_pb2.FeedEntry.DESCRIPTOR
EVENTS = {field.name: field for field in ENTRY.oneofs_by_name["event"].fields}


def test_each_event_of_the_contract_has_a_handler_of_its_own() -> None:
    assert HANDLERS.keys() == EVENTS.keys()
    kinds = [type(handler) for handler in HANDLERS.values()]
    assert len(set(kinds)) == len(kinds) and Handler not in kinds
    for kind in kinds:
        assert "move" in vars(kind), kind.__name__
        assert not vars(kind()), f"{kind.__name__} has a state of its own"


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_an_entry_is_about_the_number_that_its_event_names(event: str) -> None:
    entry = registration_pb2.FeedEntry(number=1)
    told = getattr(entry, event)
    told.SetInParent()
    has_number = "number" in EVENTS[event].message_type.fields_by_name
    if has_number:
        told.number = 4_711
    one = parsed(entry, b"", 1)
    is_ours = HANDLERS[event].about is not About.NOTHING
    assert one.number == (4_711 if is_ours else 0)
    assert has_number or not is_ours


@pytest.mark.parametrize("number", [1, 127, 128, 16_383, 16_384, MAX_SEQUENCE])
def test_a_payment_is_numbered_as_protobuf_would(number: int) -> None:
    body = registration_pb2.OutboundPayment(payer_number="6201000000000012", amount_fen=7)
    whole = registration_pb2.OutboundPayment(
        number=number, payer_number=body.payer_number, amount_fen=body.amount_fen
    )
    assert numbered(number, body.SerializeToString()) == whole.SerializeToString()


def test_what_is_no_event_known_here_moves_nothing() -> None:
    one = parsed(registration_pb2.FeedEntry(number=1), b"", 1)
    assert one.event is None
    with pytest.raises(FeedBroken, match="of no kind that this bank knows"):
        handler_of(one.event).move(one, None)  # type: ignore[arg-type]
