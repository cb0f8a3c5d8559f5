"""What the tests of acts share."""

from __future__ import annotations

from dcep.office.v1 import office_pb2
from officers.effects import Act
from tests.officers.office import Office

FREEZE = office_pb2.FreezeWallet(wallet_number="6201000000000012")
DAY_MS = 86_400_000


def state(office: Office, act: Act) -> int:
    return office.acts.get(act.content.act_id).state
