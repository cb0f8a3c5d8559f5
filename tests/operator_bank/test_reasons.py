"""Every answer of the rule has a name in the contract."""

import pytest

from dcep.errors.v1 import errors_pb2
from operator_bank.ledger.reasons import reason_of, refusal_of
from settlement.records import Result

INTERNAL = {Result.REPEATED, Result.REFUSED_UPSTREAM, Result.LEDGER_MISMATCH}
INTERNAL |= {Result.HOLD_UNKNOWN, Result.HOLD_MISMATCH}
"""What no order of a wallet can bring about."""


@pytest.mark.parametrize("result", Result)
def test_every_answer_has_a_reason(result: Result) -> None:
    reason = reason_of(result)
    assert (reason == 0) == result.accepted
    assert (reason == errors_pb2.REASON_INTERNAL) == (result in INTERNAL)


@pytest.mark.parametrize("result", [r for r in Result if not r.accepted and r not in INTERNAL])
def test_every_refusal_is_a_sentence(result: Result) -> None:
    refusal = refusal_of(result, missing_fen="5")
    assert len(refusal.message.split()) > 1
    assert refusal.metadata == {"missing_fen": "5"}
