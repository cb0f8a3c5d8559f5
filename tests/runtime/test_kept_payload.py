"""A payload taken apart is put together again byte for byte, whatever is kept elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcep.registration.v1 import registration_pb2
from runtime.kept_payload import KeptPayload, put_together, take_apart

FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER


def batch(*memos: str) -> tuple[bytes, list[bytes]]:
    """A batch of payments, and each payment of it."""
    payments = [
        registration_pb2.OutboundPayment(number=number, memo=memo)
        for number, memo in enumerate(memos, 1)
    ]
    whole = registration_pb2.OutboundBatch(bank="alpha", created_time_ms=1, payments=payments)
    return whole.SerializeToString(), [payment.SerializeToString() for payment in payments]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=200), st.booleans()), max_size=20))
def test_what_was_signed_is_made_again(parts: list[tuple[str, bool]]) -> None:
    payload, items = batch(*(memo for memo, _ in parts))
    elsewhere = [place for place, (_, there) in enumerate(parts) if there]
    kept = take_apart(payload, FIELD, items, elsewhere)
    assert kept.others is not None
    assert put_together(kept, FIELD, [items[place] for place in elsewhere]) == payload


def test_only_what_is_kept_nowhere_else_is_kept() -> None:
    payload, items = batch("a" * 100, "b" * 100, "c" * 100)
    kept = take_apart(payload, FIELD, items, [0, 2])
    assert kept.others is not None
    assert items[1] in kept.others
    assert items[0] not in kept.head + kept.others


def test_a_payload_of_another_form_is_kept_whole() -> None:
    payload, items = batch("a", "b")
    other_order = payload[payload.index(b"\x22") :] + payload[: payload.index(b"\x22")]
    kept = take_apart(other_order, FIELD, items, [0, 1])
    assert kept == KeptPayload(other_order, None)
    assert put_together(kept, FIELD, items) == other_order


def test_what_does_not_fit_is_said_to() -> None:
    payload, items = batch("a", "b", "c")
    kept = take_apart(payload, FIELD, items, [0, 1])
    with pytest.raises(ValueError, match="missing"):
        put_together(kept, FIELD, items[:1])
    assert kept.others is not None
    for cut in (1, 5, len(kept.others) - 1):
        with pytest.raises(ValueError, match="cut short"):
            put_together(kept._replace(others=kept.others[:cut]), FIELD, items[:2])
