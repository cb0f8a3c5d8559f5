"""Encoding says it when something cannot be encoded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CHANGE_OUTPUT,
    KEY_BYTES,
    MAX_REQUEST_BYTES,
    SALT_BYTES,
    Endorsement,
    FormatError,
    Payment,
    Request,
    bank_name,
    read_bank_name,
)
from offline_token.limits import (
    MAX_BUNDLE_BYTES,
    MAX_CHAINS,
    MAX_HOPS,
    MAX_PAYMENT_BYTES,
    MAX_STATEMENTS,
)
from tests.offline.signers import Signers


def test_fields_of_a_wrong_length_are_neither_filled_up_nor_cut_off(signers: Signers) -> None:
    token = signers.mint(signers.alice, 100)
    hop = signers.endorse(token, signers.alice, signers.bob, 100).hops[0]
    wrong: list[Any] = [
        replace(hop.certificate, bank=""),
        replace(hop.certificate, bank="b\u00e4nk"),
        replace(hop.certificate, bank="a\0b"),
        replace(hop.certificate, kind=b""),
        replace(hop.certificate, expires_time_ms=-1),
        replace(token.token, value_fen=2**64),
        replace(signers.bundle(), revoked=(bytes(15),)),
        replace(signers.bundle(), signature=b""),
        replace(signers.bundle(), max_hops=256),
    ]
    fields: list[tuple[Any, tuple[str, ...]]] = [
        (hop.certificate, ("key", "signature")),
        (token.token, ("id", "owner", "signature")),
        (hop.endorsement, ("payee", "challenge", "signature")),
        (signers.request(signers.bob, 1), ("challenge",)),
    ]
    for good, names in fields:
        for name in names:
            wrong += [replace(good, **{name: getattr(good, name)[:-1]})]
            wrong += [replace(good, **{name: getattr(good, name) + b"\0"})]
    for made in wrong:
        with pytest.raises(FormatError):
            made.encode()


@pytest.mark.parametrize("over", [0, 1])
def test_a_bundle_is_no_longer_than_it_may_be(signers: Signers, over: int) -> None:
    rest = MAX_BUNDLE_BYTES - KEY_BYTES - len(signers.bundle().head())
    longest = signers.bundle(filter=bytes(rest + over))
    data = longest.head() + longest.filter
    if over:
        with pytest.raises(FormatError, match="more than"):
            longest.encode()
    else:
        assert longest.encode() == data
    with pytest.raises(FormatError) as caught:  # such a filter cannot be read in any case
        TrustBundle.decode(data)
    assert ("more than" in str(caught.value)) == bool(over)


def test_a_bundle_that_is_signed_anew_says_the_same(signers: Signers) -> None:
    assert replace(signers.bundle(), signature=bytes(64)) == signers.bundle()


@pytest.mark.parametrize("name", ["a", "a" * 16])
def test_a_banks_name_is_written_and_read(name: str) -> None:
    assert read_bank_name(bank_name(name)) == name
    assert len(bank_name(name)) == 16


@pytest.mark.parametrize("name", ["", "a" * 17, "b\u00e4nk", "a\0b", "\0"])
def test_what_is_no_banks_name_is_not_written(name: str) -> None:
    with pytest.raises(FormatError):
        bank_name(name)


@pytest.mark.parametrize("written", [bytes(16), b"a\0b".ljust(16, b"\0"), b"\xe4".ljust(16, b"\0")])
def test_what_is_no_banks_name_is_not_read(written: bytes) -> None:
    with pytest.raises(FormatError):
        read_bank_name(written)


def test_so_many_statements_are_brought_along_and_no_more(signers: Signers) -> None:
    one = signers.bank_certificate("alpha")
    chain = signers.long_chain(1)
    for count in (0, 1, MAX_STATEMENTS):
        payment = Payment((chain,), (one,) * count)
        assert Payment.decode(payment.encode()) == payment
    plain = Payment((chain,)).encode()
    assert plain[-1] == 0
    with pytest.raises(FormatError, match="more than"):
        Payment((chain,), (one,) * (MAX_STATEMENTS + 1)).encode()
    more = plain[:-1] + bytes([MAX_STATEMENTS + 1]) + one.encode() * (MAX_STATEMENTS + 1)
    with pytest.raises(FormatError, match="more than"):
        Payment.decode(more)


@pytest.mark.parametrize(("over", "said"), [(0, "of another kind$"), (1, "more than")])
def test_nothing_longer_than_a_payment_is_looked_into(over: int, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        Payment.decode(bytes(MAX_PAYMENT_BYTES + over))


@pytest.mark.parametrize("kind", [b"P1", b"P2"])
def test_a_payment_of_an_earlier_version_is_told_as_one(kind: bytes) -> None:
    with pytest.raises(FormatError, match="by an earlier version"):
        Payment.decode(kind)


def test_a_payment_has_one_chain_to_sixteen_of_at_most_so_many_hops(signers: Signers) -> None:
    longest = signers.long_chain(MAX_HOPS)
    for chains in ((longest,), (signers.long_chain(1),) * MAX_CHAINS):
        assert Payment.decode(Payment(chains).encode()) == Payment(chains)
    longer = signers.long_chain(MAX_HOPS + 1)
    for wrong in ((), (signers.long_chain(0),) * (MAX_CHAINS + 1), (longest, longer)):
        with pytest.raises(FormatError):
            Payment(wrong).encode()
    for count in (0, MAX_CHAINS + 1):
        body = signers.long_chain(0).encode() * count
        with pytest.raises(FormatError, match="1 to 16 chains"):
            Payment.decode(b"P3" + bytes([count]) + body + b"\0")
    with pytest.raises(FormatError, match="hops"):
        Payment.decode(b"P3\1" + longer.encode() + b"\0")


def test_payer_and_payee_compare_eight_letters(signers: Signers) -> None:
    request = signers.request(signers.bob, 1)
    assert request.code() == "C6FO-VJMQ"
    assert signers.request(signers.bob, 2).code() != request.code()


def test_what_was_read_and_what_is_made_are_the_same(signers: Signers) -> None:
    hop = signers.long_chain(1).hops[0]
    read = Endorsement.decode(hop.endorsement.encode())
    assert read == hop.endorsement == replace(read)
    assert "_bytes" not in repr(read)
    request = signers.request(signers.bob, 1)
    assert Request.decode(request.encode()) == request
    assert len(Request(request.certificate, 1, request.challenge).encode()) == 220


def test_an_endorsement_has_room_for_a_whole_salt_and_no_more(signers: Signers) -> None:
    endorsement = signers.long_chain(1).hops[0].endorsement
    for salt in (0, 2 ** (8 * SALT_BYTES) - 1):
        made = replace(endorsement, salt=salt)
        assert Endorsement.decode(made.encode()).salt == salt
    with pytest.raises(FormatError):
        replace(endorsement, salt=2 ** (8 * SALT_BYTES)).encode()


def test_change_is_spent_under_the_certificate_that_was_shown_last(signers: Signers) -> None:
    chain = signers.endorse(signers.mint(signers.alice, 500), signers.alice, signers.bob, 500)
    chain = signers.endorse(chain, signers.bob, signers.carol, 1)
    for _ in range(2):
        chain = signers.endorse(chain, signers.bob, signers.carol, 1, spend=CHANGE_OUTPUT)
    assert Payment.decode(Payment((chain,)).encode()) == Payment((chain,))


def test_the_longest_request_is_as_long_as_is_said(signers: Signers) -> None:
    longest = (signers.bank_certificate("alpha"),) * MAX_STATEMENTS
    request = replace(signers.request(signers.bob, 1), statements=longest)
    assert len(request.encode()) == MAX_REQUEST_BYTES


def test_what_is_left_over_is_counted(signers: Signers) -> None:
    data = Payment((signers.long_chain(0),)).encode()
    with pytest.raises(FormatError, match=": 2 bytes too many"):
        Payment.decode(data + b"\0\0")
