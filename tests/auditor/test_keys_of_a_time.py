"""Which roots may have signed what says a time of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from auditor.signatures.bank_keys import check_root, keys_of
from auditor.signatures.key_rows import Term
from auditor.signatures.verifying import Problems, Signatures, Verifying
from offline_token.ruling import End, Ruling

DAY = 86_400_000
FIRST = Term(b"first", 0, 300 * DAY, False)
SECOND = Term(b"second", 100 * DAY, 0, False)
STOLEN = Term(b"stolen", 50 * DAY, 60 * DAY, True)


@pytest.mark.parametrize(
    ("day", "keys"),
    [
        (10, [b"first", b"second"]),  # the newest signs, whatever a clock says
        (99, [b"first", b"second"]),
        (150, [b"first", b"second"]),
        (301, [b"second"]),
    ],
)
def test_a_root_signs_in_its_time_and_with_a_clock_that_was_set_back(
    day: int, keys: list[bytes]
) -> None:
    assert keys_of([FIRST, SECOND, STOLEN], day * DAY) == keys


def test_a_root_that_was_revoked_signed_in_its_time_alone() -> None:
    assert keys_of([FIRST, SECOND, STOLEN], 55 * DAY) == [b"first", b"stolen", b"second"]


def test_after_the_last_has_ended_any_that_is_not_revoked_may_have_signed() -> None:
    assert keys_of([FIRST, STOLEN], 400 * DAY) == [b"first"]


@pytest.mark.parametrize(("signer", "named"), [(1, 0), (2, 0), (3, 1)])
def test_what_any_root_of_then_signed_holds_and_nothing_else(signer: int, named: int) -> None:
    keys = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
    roots = [
        Term(bytes(keys[0].verify_key), 0, 0, False),
        Term(bytes(keys[1].verify_key), 100 * DAY, 0, False),
    ]
    blank = Ruling(bytes(32), End.DEPOSITED, 50 * DAY)
    ruling = replace(blank, signature=keys[signer - 1].sign(blank.signed_part()).signature)
    problems, verifying = Problems(), Verifying(Signatures.ALL, 1)
    check_root(verifying, problems, "a ruling", roots, ruling, ruling.time_ms)
    verifying.finish()
    assert (len(problems.said), verifying.checked) == (named, 1)
