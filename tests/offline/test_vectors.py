"""The test vectors are up to date, and a second implementation agrees on them and beyond."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_token.bundle import TrustBundle
from offline_token.formats import FormatError, Payment
from offline_token.ruling import End
from offline_token.verify import Reason, verify
from tests.offline import make_vectors, second_reader, second_verifier
from tests.offline.case_table import Case
from tests.offline.cases import all_cases
from tests.offline.deposit_cases import DepositCase, all_deposits
from tests.offline.mutations import MUTATIONS, mutated
from tests.offline.signers import CHALLENGE, Device, Signers

FILE: dict[str, Any] = json.loads(make_vectors.PATH.read_text(encoding="utf-8"))
SIGNERS = Signers()
CASES = [case for case in all_cases(SIGNERS) if len(case.payment) < 1_500]


def test_making_the_vectors_again_gives_the_same_file() -> None:
    assert make_vectors.encoded() == make_vectors.PATH.read_text(encoding="utf-8")


def test_the_vectors_have_every_reason() -> None:
    found = {case["reason"] for case in [*FILE["cases"], *FILE["deposits"]]}
    assert found == {reason.name for reason in Reason}


@pytest.mark.parametrize("case", FILE["deposits"], ids=lambda case: case["name"])
def test_the_second_verifier_agrees_on_a_deposit(case: dict[str, Any]) -> None:
    reason, pieces = second_verifier.deposited(
        bytes.fromhex(case["deposit"]),
        bytes.fromhex(case["root"]),
        bytes.fromhex(FILE["bundles"][case["bundle"]]),
        int(case["now_ms"]),
        case["bank"],
    )
    assert reason == case["reason"]
    assert [piece[0].hex() for piece in pieces] == [piece["id"] for piece in case["pieces"]]


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_the_second_verifier_agrees_on_a_vector(case: dict[str, Any]) -> None:
    reason, pieces = second_verifier.answer(
        bytes.fromhex(case["payment"]),
        bytes.fromhex(case["root"]),
        bytes.fromhex(FILE["bundles"][case["bundle"]]),
        int(case["now_ms"]),
        case["output"],
        bytes.fromhex(case["request"]) if case["request"] is not None else None,
    )
    assert reason == case["reason"]
    assert pieces == [
        (
            bytes.fromhex(piece["id"]),
            bytes.fromhex(piece["token_id"]),
            int(piece["value_fen"]),
            bytes.fromhex(piece["owner"]),
        )
        for piece in case["pieces"]
    ]


def test_the_second_verifier_agrees_on_who_asks_to_be_certified() -> None:
    for case in FILE["possessions"]:
        found = second_verifier.possesses(
            bytes.fromhex(case["key"]),
            case["bank"],
            case["wallet"],
            bytes.fromhex(case["nonce"]),
            bytes.fromhex(case["signature"]),
        )
        assert found == case["good"] == (case["name"] == "good"), case["name"]


@pytest.mark.parametrize("module", [second_verifier, second_reader])
def test_the_second_verifier_uses_nothing_of_the_first(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    roots = {str(name).split(".")[0] for name in names - {second_reader.__name__}}
    assert roots <= {"__future__", "cryptography", "hashlib", "struct", "typing"}


def agree(case: Case, payment: bytes, bundle: bytes | None = None) -> None:
    """Asks both verifiers."""
    encoded = bundle if bundle is not None else case.bundle.encode()
    verdict = verify(payment, **(case.question() | {"bundle": TrustBundle.decode(encoded)}))
    reason, pieces = second_verifier.answer(
        payment,
        case.root,
        encoded,
        case.now_ms,
        case.output,
        case.request.encode() if case.request is not None else None,
    )
    assert reason == verdict.reason.name
    assert pieces == [(p.id, p.token_id, p.value_fen, p.owner) for p in verdict.pieces]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(all_deposits(SIGNERS)), MUTATIONS)
def test_both_agree_on_mutated_deposits(
    case: DepositCase, mutations: list[tuple[str, int, int, int]]
) -> None:
    deposit = mutated(case.deposit, mutations)
    verdict = case.verdict(deposit)
    reason, pieces = second_verifier.deposited(
        deposit, case.root, case.bundle.encode(), case.now_ms, case.bank
    )
    assert reason == verdict.reason.name
    assert pieces == [(p.id, p.token_id, p.value_fen, p.owner) for p in verdict.pieces]


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(CASES), MUTATIONS)
def test_both_agree_on_mutated_payments(
    case: Case, mutations: list[tuple[str, int, int, int]]
) -> None:
    agree(case, mutated(case.payment, mutations))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), MUTATIONS)
def test_both_agree_on_mutated_bundles(
    case: Case, mutations: list[tuple[str, int, int, int]]
) -> None:
    bundle = mutated(case.bundle.encode(), mutations)
    try:
        TrustBundle.decode(bundle)
    except FormatError:
        with pytest.raises(ValueError):
            second_reader.read_bundle(bundle)
        return
    agree(case, case.payment, bundle)


HOPS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol", "owner", "owner", "owner"]),
        st.sampled_from(["alice", "bob", "carol"]),
        st.integers(0, 110) | st.sampled_from([2**64 - 1, 100]),
        st.sampled_from([0, 0, 0, 1, 1, 2]),
        st.sampled_from([CHALLENGE, CHALLENGE, bytes(16)]),
    ),
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(HOPS, min_size=1, max_size=3), st.sampled_from([0, 0, 0, 1]), st.booleans())
def test_both_agree_on_payments_that_are_signed_but_wrong(
    plans: list[list[tuple[str, str, int, int, bytes]]], output: int, at_deposit: bool
) -> None:
    devices = {"alice": SIGNERS.alice, "bob": SIGNERS.bob, "carol": SIGNERS.carol}
    chains = [_planned(plan, number % 2, devices) for number, plan in enumerate(plans)]
    asked = None if at_deposit else SIGNERS.request(SIGNERS.bob, 100)
    agree(replace(CASES[0], request=asked, output=output), Payment(tuple(chains)).encode())


def _planned(
    plan: list[tuple[str, str, int, int, bytes]], number: int, devices: dict[str, Device]
) -> Any:
    """A chain as planned; "owner" is whoever owns the piece, as far as that can be said."""
    chain = SIGNERS.mint(SIGNERS.alice, 100, number=number)
    owner = "alice"
    for index, (by, to, amount, spend, challenge) in enumerate(plan):
        spend = spend if index else min(spend, 1)
        if index and spend == 0:
            owner = plan[index - 1][1]
        device = devices[owner if by == "owner" else by]
        if index and spend == 1:
            # Whoever signs: change is spent under the certificate that was shown before.
            device = Device(device.key, chain.hops[-1].certificate)
        try:
            chain = SIGNERS.endorse(
                chain, device, devices[to], amount, spend=spend, challenge=challenge
            )
        except (ValueError, OverflowError):
            return chain
    return chain


def test_both_agree_on_rulings() -> None:
    rulings = FILE["rulings"]
    assert {each["end"] for each in rulings} == {"", *(end.name for end in End)}
    for each in rulings:
        payment, root, ruling = (
            bytes.fromhex(each[name]) for name in ("payment", "root", "ruling")
        )
        assert second_verifier.ended(payment, each["output"], root, ruling) == each["end"]


def test_both_agree_on_requests_and_their_codes() -> None:
    for each in FILE["requests"]:
        request, until_ms = bytes.fromhex(each["request"]), int(each["expires"])
        assert second_verifier.may_be_paid(request, until_ms) == each["signed"]
        assert not second_verifier.may_be_paid(request, until_ms + 3_600_001)
        assert second_verifier.code(request) == each["code"]
    assert [each["name"] for each in FILE["requests"] if each["signed"]] == [
        "good",
        "a middleman's own",
    ]
    assert len({each["code"] for each in FILE["requests"]}) == len(FILE["requests"])


def test_both_agree_on_receipts() -> None:
    for each in FILE["receipts"]:
        parts = (bytes.fromhex(each[name]) for name in ("payee", "payment", "receipt"))
        assert second_verifier.receipted(*parts) == each["good"]
    assert [each["name"] for each in FILE["receipts"] if each["good"]] == [
        "good",
        "of the chains in another order, with statements",
    ]
