"""The filter of revoked devices misses none, takes few others for one, and reads no absurd one."""

from __future__ import annotations

import hashlib
import random

import pytest

from offline_token.formats import FormatError
from offline_token.limits import MAX_FILTER_BITS
from offline_token.revoked_filter import RevokedFilter, bits_within, build_filter
from tests.offline import second_reader, second_verifier


def names(count: int, what: str = "revoked") -> list[bytes]:
    return [hashlib.sha256(f"{what} {n}".encode()).digest()[:16] for n in range(count)]


def drawn(seed: int = 1) -> random.Random:
    return random.Random(seed)


@pytest.mark.parametrize("count", [1, 2, 7, 130, 3_000])
@pytest.mark.parametrize("bits", [1, 4, MAX_FILTER_BITS])
def test_it_has_every_name_that_it_was_made_of(count: int, bits: int) -> None:
    made = build_filter(names(count), bits, drawn().randbytes)
    again = RevokedFilter.decode(made.encode())
    assert all(again.has(name) for name in names(count))


def test_it_takes_one_in_two_to_the_bits_of_others_for_one_of_them() -> None:
    made = build_filter(names(2_000), 4, drawn().randbytes)
    hits = sum(made.has(name) for name in names(8_000, "honest"))
    assert 400 < hits < 600, "500 are expected; three standard deviations are 65"
    longer = build_filter(names(2_000), 20, drawn().randbytes)
    assert not any(longer.has(name) for name in names(8_000, "honest"))


def test_another_salt_takes_others_for_one_of_them() -> None:
    """Whom it meets is met until the next filter, and cannot be chosen before that is made."""
    honest = names(4_000, "honest")
    first, second = (
        {name for name in honest if build.has(name)}
        for build in (build_filter(names(2_000), 4, drawn(seed).randbytes) for seed in (1, 2))
    )
    assert len(first & second) < 40, "a sixteenth of a sixteenth of them are expected"


def test_the_second_verifier_asks_it_the_same() -> None:
    for bits in (1, 4, 9):
        made = build_filter(names(300), bits, drawn(bits).randbytes)
        read = second_reader.read_filter(made.encode())
        for name in (*names(300), *names(600, "honest")):
            assert second_verifier.may_be_in(read, name) == made.has(name)


def test_what_is_no_filter_is_refused_by_its_length_alone() -> None:
    good = build_filter(names(50), 4, drawn().randbytes).encode()
    wrong = {
        "nothing": b"",
        "another kind": b"F2" + good[2:],
        "a byte short": good[:-1],
        "a byte more": good + b"\0",
        "no bits": good[:18] + b"\0" + good[19:],
        "more bits than there may be": good[:18] + b"\x21" + good[19:],
        "four thousand million places": good[:19] + b"\xff" * 4 + good[23:],
        "no place": good[:19] + bytes(4) + good[23:],
    }
    for data in wrong.values():
        with pytest.raises(FormatError):
            RevokedFilter.decode(data)
        if data:  # no filter at all is one that has nobody
            with pytest.raises(ValueError):
                second_reader.read_filter(data)


def test_what_fits_gets_as_many_bits_as_there_is_room_for() -> None:
    for count, most_bytes in ((1_000, 3_000), (10_000, 20_000), (50, 1_000)):
        bits = bits_within(count, most_bytes)
        assert len(build_filter(names(count), bits, drawn().randbytes).encode()) <= most_bytes
    assert bits_within(1_000_000, 50_000) == 0
    assert bits_within(1, 50_000) == MAX_FILTER_BITS
