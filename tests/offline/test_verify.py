"""The verification rule, one row a case, and a check that every reason occurs."""

from __future__ import annotations

import pytest

from offline_token.formats import PAYEE_OUTPUT, Payment
from offline_token.verify import Reason, judge, verify
from tests.offline.case_table import Case
from tests.offline.cases import all_cases
from tests.offline.deposit_cases import all_deposits
from tests.offline.signers import NOW, Signers

CASES = all_cases(Signers())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case(case: Case) -> None:
    question = case.question()
    if question["grace_ms"] == 0:
        del question["grace_ms"]  # nobody has any who does not ask for it
    verdict = verify(case.payment, **question)
    assert verdict.reason == case.reason
    assert verdict.good == (case.reason == Reason.GOOD) == bool(verdict.pieces)
    if case.request is not None and verdict.good:
        assert verdict.value_fen == case.request.amount_fen
        assert {piece.owner for piece in verdict.pieces} == {case.request.certificate.key}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_judged_as_it_is_verified_where_its_bundle_is_good(case: Case) -> None:
    of_the_bundle = (Reason.UNREADABLE, Reason.BUNDLE_FORGED, Reason.BUNDLE_TOO_OLD)
    if case.request is not None and case.reason not in of_the_bundle:
        question = {k: v for k, v in case.question().items() if k not in ("grace_ms", "output")}
        payment = Payment.decode(case.payment)
        outputs = [case.output] * len(payment.chains)
        assert judge(payment, **question, outputs=outputs).reason == case.reason


def test_each_chain_is_judged_by_an_output_of_its_own(signers: Signers) -> None:
    chain = signers.long_chain(1)
    with pytest.raises(ValueError, match="zip"):
        judge(
            Payment((chain, chain)),
            root=signers.root_public,
            bundle=signers.bundle(),
            now_ms=NOW,
            request=None,
            outputs=(PAYEE_OUTPUT,),
        )


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_reason_has_a_case(reason: Reason) -> None:
    reasons = {case.reason for case in CASES} | {case.reason for case in all_deposits(Signers())}
    assert reason in reasons


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_can_be_read_is_written_as_it_was(case: Case) -> None:
    if case.reason != Reason.UNREADABLE:
        assert Payment.decode(case.payment).encode() == case.payment


def test_sizes(signers: Signers) -> None:
    sizes = [len(Payment((signers.long_chain(hops),)).encode()) for hops in (0, 1, 2, 32)]
    assert sizes == [142, 392, 642, 8_142]
    assert len(signers.request(signers.bob, 1).encode()) == 220
    assert len(signers.bundle().encode()) == 89 + 2 * 121 + 64
