"""What the tests of the issuing office share."""

from __future__ import annotations

from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import Issue, Redeem

APPROVED, REJECTED = office_pb2.ACT_STATE_APPROVED, office_pb2.ACT_STATE_REJECTED


def issue(fen: int, bank: str = "alpha", request_id: str = "") -> Issue:
    return Issue(bank=bank, amount_fen=fen, request_id=request_id)


def redeem(fen: int) -> Redeem:
    return Redeem(bank="alpha", amount_fen=fen)
