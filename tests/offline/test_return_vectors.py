"""A second implementation agrees on what is given back, on the vectors and beyond."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_token.formats import PAYEE_OUTPUT, Endorsement, Payment
from offline_token.limits import MAX_HOPS
from offline_token.payment_return import SignedReturn
from offline_token.signing import sign_endorsement
from offline_token.verify import Reason, piece_of
from tests.offline import make_vectors, second_verifier
from tests.offline.case_table import DEPOSIT_GRACE_MS
from tests.offline.mutations import MUTATIONS, mutated
from tests.offline.return_cases import OTHER_CHALLENGE, all_returns, taken_back
from tests.offline.signers import CHALLENGE, NOW, Signers, key_of

VECTORS: list[dict[str, Any]] = json.loads(make_vectors.PATH.read_text(encoding="utf-8"))["returns"]
SIGNERS = Signers()
DEPOSIT_BUNDLE = SIGNERS.bundle(max_hops=MAX_HOPS, max_value_fen=2**64 - 1)
CASES = [case for case in all_returns(SIGNERS) if len(case.payment) < 1_500]
PAYMENTS = [(case.payment, case.payee) for case in CASES]
BACKS = [case.back for case in CASES]


def test_the_vectors_have_every_reason_there_is_to_refuse_a_return() -> None:
    assert {case["reason"] for case in VECTORS} == {
        "GOOD",
        "UNREADABLE",
        "TOO_MANY_HOPS",
        "NOT_THE_OWNER",
        "OUTPUT_INVALID",
        "ENDORSEMENT_FORGED",
        "NOT_FOR_THIS_PAYEE",
        "WRONG_CHALLENGE",
        "WRONG_AMOUNT",
    }


def test_each_vector_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_the_second_verifier_agrees_on_a_return(case: dict[str, Any]) -> None:
    reason, deposits = second_verifier.taken_back(
        bytes.fromhex(case["payment"]),
        bytes.fromhex(case["payee"]),
        bytes.fromhex(case["return_payment"]),
    )
    assert reason == case["reason"]
    assert deposits == [bytes.fromhex(body) for body in case["returned"]]


@pytest.mark.parametrize(
    "case", [case for case in VECTORS if case["returned"]], ids=lambda case: case["name"]
)
def test_what_came_back_is_good_for_a_deposit_of_its_payers(case: dict[str, Any]) -> None:
    paid = Payment.decode(bytes.fromhex(case["payment"])).chains
    bodies = [bytes.fromhex(body) for body in case["returned"]]
    for chain, body in zip(paid, bodies, strict=True):
        reason, pieces = second_verifier.answer(
            body, SIGNERS.root_public, DEPOSIT_BUNDLE.encode(), NOW, PAYEE_OUTPUT, None
        )
        assert reason == "GOOD"
        verdict = SIGNERS.verdict(body, bundle=DEPOSIT_BUNDLE, grace_ms=DEPOSIT_GRACE_MS)
        assert pieces == [(p.id, p.token_id, p.value_fen, p.owner) for p in verdict.pieces]
        paid_piece = piece_of(chain, PAYEE_OUTPUT)
        payer = chain.hops[-1].certificate.key
        assert pieces[0][1:] == (paid_piece.token_id, paid_piece.value_fen, payer)


def agree(payment: bytes, payee: bytes, back: bytes) -> Reason:
    """Asks both implementations."""
    reason, chains = taken_back(payment, payee, back)
    second, deposits = second_verifier.taken_back(payment, payee, back)
    assert second == reason.name
    assert deposits == [Payment((chain,)).encode() for chain in chains]
    return reason


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(CASES), MUTATIONS)
def test_both_agree_on_mutated_returns(
    case: Any, mutations: list[tuple[str, int, int, int]]
) -> None:
    agree(case.payment, case.payee, mutated(case.back, mutations))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PAYMENTS), st.sampled_from(BACKS))
def test_both_agree_on_returns_of_other_payments(paid: tuple[bytes, bytes], back: bytes) -> None:
    agree(*paid, back)


def test_no_bit_of_a_return_but_its_own_is_good() -> None:
    case = CASES[0]
    assert agree(case.payment, case.payee, case.back) == Reason.GOOD
    for at in range(len(case.back)):
        for bit in range(8):
            spoiled = bytearray(case.back)
            spoiled[at] ^= 1 << bit
            assert agree(case.payment, case.payee, bytes(spoiled)) != Reason.GOOD


ENDS = st.lists(
    st.tuples(
        st.sampled_from(["bob", "bob", "bob", "alice", "mallory"]),
        st.sampled_from(["alice", "alice", "alice", "carol", "bob"]),
        st.sampled_from([50, 50, 50, 49, 51, 0, 2**64 - 1]),
        st.sampled_from([0, 0, 0, 1, 2, 255]),
        st.sampled_from([CHALLENGE, CHALLENGE, CHALLENGE, OTHER_CHALLENGE]),
        st.sampled_from([0, 0, 0, 1]),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(ENDS, st.integers(1, 3), st.sampled_from(["bob", "bob", "alice"]))
def test_both_agree_on_returns_that_are_signed_but_wrong(
    ends: list[tuple[str, str, int, int, bytes, int]], count: int, payee: str
) -> None:
    c = SIGNERS
    chains = [
        c.endorse(c.mint(c.alice, 100, number=number), c.alice, c.bob, 50)
        for number in range(count)
    ]
    made = []
    for number, (signer, to, amount, output, challenge, of) in enumerate(ends):
        piece = piece_of(chains[min(number, count - 1)], of)
        blank = Endorsement(output, amount, bytes(key_of(to).verify_key), challenge, number)
        made.append(sign_endorsement(key_of(signer), piece.id, blank))
    back = SignedReturn(CHALLENGE, tuple(made)).encode()
    certificate = {"alice": c.alice, "bob": c.bob}[payee].certificate.encode()
    agree(Payment(tuple(chains)).encode(), certificate, back)
