"""Requests to pay pass from bank to bank; nobody asks in another's name, and nothing is kept."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import inspect

from central_bank.limits import MAX_CARRIED_FOR_ONE
from currency.number import make
from dcep.bank.v1 import inbound_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from runtime.envelope import sign
from runtime.errors import NoAnswer
from tests.central_bank.system import System
from tests.refusals import refused_for

ALPHAS, BETAS, GAMMAS = make("6201", 1), make("6202", 1), make("6203", 1)
KEY = SigningKey(b"\x07" * 32)


def carried(asker: str, payer: str, changed_by: str = "") -> inbound_pb2.CarriedRequest:
    request = orders_pb2.RequestToPay(
        wallet_number=asker, payer_number=payer, nonce=bytes(16), amount_fen=5
    )
    item = inbound_pb2.CarriedRequest(
        request=sign(request, KEY, asker.encode()), request_key=bytes(KEY.verify_key)
    )
    if changed_by:
        change = orders_pb2.ChangeAskedOrder(wallet_number=changed_by)
        item.change.CopyFrom(sign(change, KEY, changed_by.encode()))
    return item


def test_a_request_reaches_the_payers_bank(system: System) -> None:
    items = [carried(ALPHAS, BETAS), carried(ALPHAS, BETAS, ALPHAS)]
    system.central.carrying.begin(system.alpha, "6202", items).result()
    assert system.banks.taken == items
    declined = carried(ALPHAS, BETAS, BETAS)
    system.central.carrying.begin(system.beta, "6201", [declined]).result()
    assert system.banks.taken[-1] == declined


@pytest.mark.parametrize(
    "item",
    [
        carried(BETAS, ALPHAS),  # beta's wallet asks: that is for beta to send
        carried(ALPHAS, GAMMAS),
        carried(GAMMAS, BETAS),
        carried(ALPHAS, ALPHAS),
        carried(BETAS, ALPHAS, BETAS),  # in the name of beta's wallet
        carried(ALPHAS, BETAS, BETAS),
        inbound_pb2.CarriedRequest(request=SignedEnvelope(payload=b"\xff")),
    ],
)
def test_a_bank_speaks_for_its_own_wallets_alone(system: System, item: Any) -> None:
    items = [carried(ALPHAS, BETAS), item]
    begin = system.central.carrying.begin
    assert refused_for(lambda: begin(system.alpha, "6202", items)) == "FIELD_INVALID"
    assert system.banks.taken == []


def test_a_bank_that_is_not_there_or_is_suspended(system: System) -> None:
    begin, items = system.central.carrying.begin, [carried(ALPHAS, GAMMAS)]
    assert refused_for(lambda: begin(system.alpha, "6203", items)) == "BANK_UNKNOWN"
    system.both(office_pb2.SuspendBank(name="beta"))
    to_beta = [carried(ALPHAS, BETAS)]
    assert refused_for(lambda: begin(system.alpha, "6202", to_beta)) == "PEER_UNAVAILABLE"


def test_a_bank_that_floods_waits_and_the_others_do_not(system: System) -> None:
    begin, items = system.central.carrying.begin, [carried(ALPHAS, BETAS)]
    system.banks.hanging.add("beta")
    on_their_way = [begin(system.alpha, "6202", items) for _ in range(MAX_CARRIED_FOR_ONE)]
    assert refused_for(lambda: begin(system.alpha, "6202", items)) == "PEER_UNAVAILABLE"
    begin(system.beta, "6201", [carried(BETAS, ALPHAS)]).result()
    system.banks.silent.add("beta")
    system.banks.answer_now()
    for one in on_their_way:
        with pytest.raises(NoAnswer):
            one.result()


def test_nothing_of_it_is_kept(system: System) -> None:
    assert not [name for name in inspect(system.engine).get_table_names() if "asked" in name]
