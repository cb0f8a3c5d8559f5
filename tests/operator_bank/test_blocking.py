"""Two officers block the devices of who has lost one; what is in the wallet stays."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import BlockDevices
from offline_token.formats import DEVICE, Certificate
from operator_bank.offline.tables import devices
from tests.operator_bank.device_orders import certify, load_order, reported, revoke, some_key
from tests.operator_bank.system import CHEN, WANG, Holder, System
from tests.refusals import refused, refused_for


def revoked(system: System, holder: Holder) -> list[bool]:
    query = select(devices.c.revoked_time_ms).where(devices.c.wallet == holder.wallet.row_id)
    with system.engine.connect() as connection:
        return [each is not None for each in connection.execute(query).scalars()]


def test_all_keys_of_a_wallet_are_revoked_and_it_loads_no_more(
    system: System, alice: Holder, bob: Holder
) -> None:
    system.central.makes_tokens = True
    keys = [certify(system, alice, some_key()).key for _ in range(3)]
    other = certify(system, bob, some_key()).key
    system.bank.offline.loads.load(load_order(alice, keys[0], 500))
    bob.exchange(10)
    before = (alice.fen, alice.held_fen)
    act = system.propose(BlockDevices(wallet_number=alice.number))
    assert reported(system) == set(), "nothing happens before a second officer wants it"
    assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
    system.approve(act)
    assert reported(system) == set(keys)
    assert revoked(system, alice) == [True] * 3
    assert revoked(system, bob) == [False]
    assert (alice.fen, alice.held_fen) == before
    assert refused_for(certify, system, alice, some_key()) == "DEVICE_REVOKED"
    load = load_order(alice, keys[1])
    assert refused_for(system.bank.offline.loads.load, load) == "DEVICE_REVOKED"
    system.bank.offline.loads.load(load_order(bob, other))
    alice.pay(bob.number, 100)
    system.restart()
    assert refused_for(certify, system, alice, some_key()) == "DEVICE_REVOKED"


def test_a_key_that_is_certified_meanwhile_is_reported_too(system: System, alice: Holder) -> None:
    first = certify(system, alice, some_key()).key
    act = system.propose(BlockDevices(wallet_number=alice.number))
    told = system.central.revoke
    late: list[bytes] = []

    def meanwhile(certificates: list[bytes], cause: str) -> None:
        told(certificates, cause)
        late.append(certify(system, alice, some_key()).key)
        system.central.revoke = told  # type: ignore[method-assign]

    system.central.revoke = meanwhile  # type: ignore[method-assign,assignment]
    system.approve(act)
    assert reported(system) == {first}
    assert refused_for(certify, system, alice, some_key()) == "DEVICE_REVOKED"
    while system.bank.offline.revocations.step():
        pass
    assert reported(system) == {first, *late}


def test_what_the_bundle_says_meanwhile_does_not_end_the_act(system: System, alice: Holder) -> None:
    certify(system, alice, some_key())
    act = system.propose(BlockDevices(wallet_number=alice.number))
    told = system.central.revoke

    def meanwhile(certificates: list[bytes], cause: str) -> None:
        told(certificates, cause)
        named = [Certificate.decode(each, DEVICE).revocation() for each in certificates]
        system.bank.offline.keys.mark_revoked(named)

    system.central.revoke = meanwhile  # type: ignore[method-assign,assignment]
    assert system.approve(act).state == office_pb2.ACT_STATE_APPROVED
    assert revoked(system, alice) == [True]


class Stopped(Exception):
    """The bank's process ends here."""


def test_an_act_is_done_after_the_bank_stopped_between_revocation_and_rows(
    system: System, alice: Holder
) -> None:
    keys = [certify(system, alice, some_key()).key for _ in range(2)]
    act = system.propose(BlockDevices(wallet_number=alice.number))
    told = system.central.revoke

    def and_stops(certificates: list[bytes], cause: str) -> None:
        told(certificates, cause)
        raise Stopped

    system.central.revoke = and_stops  # type: ignore[method-assign,assignment]
    with pytest.raises(Stopped):
        system.approve(act)
    system.central.revoke = told  # type: ignore[method-assign]
    system.restart()
    revoke(system, *keys)
    system.central.silent = True
    assert refused_for(system.approve, act) == "PEER_UNAVAILABLE", "it is told again"
    system.central.silent = False
    assert system.approve(act).state == office_pb2.ACT_STATE_APPROVED
    assert revoked(system, alice) == [True] * 2
    assert len(system.central.reported) == 4, "the central bank revokes a key once"
    block = BlockDevices(wallet_number=alice.number)
    assert refused_for(system.propose, block) == "DEVICE_UNKNOWN", "another act has none to block"


def test_what_the_central_bank_has_not_heard_is_not_blocked(system: System, alice: Holder) -> None:
    certify(system, alice, some_key())
    act = system.propose(BlockDevices(wallet_number=alice.number))
    system.central.silent = True
    assert refused_for(system.approve, act) == "PEER_UNAVAILABLE"
    assert revoked(system, alice) == [False]
    assert system.bank.acts.get(act.content.act_id).state == office_pb2.ACT_STATE_OPEN
    system.central.silent = False
    system.approve(act)
    assert revoked(system, alice) == [True]


def test_there_has_to_be_a_device_and_a_right(system: System, alice: Holder, bob: Holder) -> None:
    block = BlockDevices(wallet_number=alice.number)
    assert refused(system.propose, block) == ("DEVICE_UNKNOWN", "wallet_number")
    assert refused_for(system.propose, BlockDevices(wallet_number="6201000000000020")) == (
        "WALLET_UNKNOWN"
    )
    certify(system, alice, some_key())
    system.both(office_pb2.ChangeRights(name="chen", rights=[office_pb2.RIGHT_CUSTOMERS]))
    assert refused_for(system.propose, block, CHEN) == "RIGHT_MISSING"
    act = system.propose(block)
    system.both(block)
    assert refused_for(system.approve, act) == "DEVICE_UNKNOWN", "they are blocked already"
