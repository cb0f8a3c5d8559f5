"""Encoding says it when something cannot be encoded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offline_token.formats import FormatError
from tests.offline.country import Country


def test_fields_of_a_wrong_length_are_neither_filled_up_nor_cut_off(country: Country) -> None:
    token = country.mint(country.alice, 100)
    hop = country.endorse(token, country.alice, country.bob, 100).hops[0]
    wrong: list[Any] = [
        replace(hop.certificate, bank=""),
        replace(hop.certificate, bank="b\u00e4nk"),
        replace(hop.certificate, bank="a\0b"),
        replace(hop.certificate, kind=b""),
        replace(hop.certificate, expires_time_ms=-1),
        replace(token.token, value_fen=2**64),
        replace(country.bundle(), revoked=(bytes(15),)),
        replace(country.bundle(), signature=b""),
        replace(country.bundle(), max_hops=256),
    ]
    fields = [
        (hop.certificate, ("key", "signature")),
        (token.token, ("id", "owner", "signature")),
        (hop.endorsement, ("payee", "challenge", "signature")),
        (country.request(country.bob, 1), ("challenge",)),
    ]
    for good, names in fields:
        for name in names:
            wrong += [replace(good, **{name: getattr(good, name)[:-1]})]
            wrong += [replace(good, **{name: getattr(good, name) + b"\0"})]
    for made in wrong:
        with pytest.raises(FormatError):
            made.encode()
