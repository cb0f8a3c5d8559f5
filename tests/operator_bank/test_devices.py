"""Keys of a wallet's device: certified, and bounded in number and in what they may load."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, select

from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from offline_token.possession import Possession
from operator_bank.limits import (
    DEVICE_LIFETIME_MS,
    DEVICE_RENEWAL_MS,
    KEY_LIVE_MS,
    MAX_LIVE_KEYS,
)
from operator_bank.offline.tables import devices
from runtime.errors import NoAnswer
from tests.device_keys import asking
from tests.operator_bank.device_orders import certify, known, load_order, some_key, step
from tests.operator_bank.system import Holder, System
from tests.refusals import refused, refused_because, refused_for


@pytest.fixture(autouse=True)
def tokens(system: System) -> None:
    """The central bank makes one token for each load."""
    system.central.makes_tokens = True


def test_a_certificate_is_renewed_when_it_is_due(system: System, alice: Holder) -> None:
    key = some_key()
    first = certify(system, alice, key)
    system.clock.advance(DEVICE_LIFETIME_MS - DEVICE_RENEWAL_MS)
    assert certify(system, alice, key) == first
    system.clock.advance(1)
    renewed = certify(system, alice, key)
    assert renewed.expires_time_ms == system.clock.now_ms() + DEVICE_LIFETIME_MS


def test_a_load_shows_the_centre_that_its_key_has_asked_this_bank(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bytes] = []

    def register(number: int, fen: int, certificate: bytes, possession: bytes) -> Any:
        shown.append(possession)
        raise NoAnswer("silence")

    monkeypatch.setattr(system.central, "register", register)
    key = certify(system, alice, some_key()).key
    system.bank.offline.loads.load(load_order(alice, key))
    system.restart()
    with pytest.raises(NoAnswer):
        system.bank.offline.resending.step_loads()
    assert len(shown) == 2
    for possession in shown:
        assert Possession.decode(possession).proves(key, "alpha")


def test_a_key_is_one_wallets(system: System, alice: Holder, bob: Holder) -> None:
    key = some_key()
    certify(system, alice, key)
    refused_because(errors_pb2.REASON_ALREADY_EXISTS, certify, system, bob, key)
    refused_because(
        errors_pb2.REASON_DEVICE_UNKNOWN, system.bank.offline.loads.load, load_order(bob, key)
    )


def test_a_key_is_certified_only_where_it_has_signed_that_it_wants_to_be(
    system: System, alice: Holder, bob: Holder
) -> None:
    """Who has seen somebody's key in a request cannot have it certified in his own wallet."""
    key = some_key()
    hers = asking(key, "alpha", alice.number)
    spoiled = {
        "no proof of hers": {"possession": bytes(64)},
        "her proof for another bank": asking(key, "beta", bob.number),
        "her proof for her own wallet": hers,
        "another nonce": {**asking(key, "alpha", bob.number), "nonce": bytes(16)},
        "a proof by another key": {**asking(some_key(), "alpha", bob.number), "device_key": key},
    }
    for name, fields in spoiled.items():
        refusal = refused_because(
            errors_pb2.REASON_SIGNATURE_INVALID,
            system.bank.offline.certifying.certify,
            bob.certifying(key, **fields),
        )
        assert refusal.field == "possession", name
    assert not known(system), "nothing is kept of a key that has not asked"
    assert certify(system, alice, key).key == key, "and its holder gets her certificate"


def test_what_a_chip_s_maker_says_is_kept_with_the_order(system: System, alice: Holder) -> None:
    order = alice.certifying(some_key(), attestation=b"a chip of the maker's")
    system.bank.offline.certifying.certify(order)
    with system.engine.connect() as connection:
        kept = connection.execute(select(devices.c.order_payload)).scalar_one()
    found = orders_pb2.CertifyDeviceOrder.FromString(bytes(kept))
    assert found.attestation == b"a chip of the maker's"


def test_a_key_that_nobody_can_have_the_secret_of_is_not_certified(
    system: System, alice: Holder
) -> None:
    for weak in (bytes(32), b"\x01" + bytes(31), b"\xee" + b"\xff" * 30 + b"\x7f"):
        assert refused(certify, system, alice, weak) == ("FIELD_INVALID", "device_key")


def test_what_was_refused_is_not_taken_later_when_its_reason_has_passed(
    system: System, alice: Holder
) -> None:
    """Somebody kept the order, and sends it again: it has used its sequence up."""
    key = some_key()
    load = load_order(alice, key, 2)
    certified = alice.certifying(some_key())
    assert refused_for(system.bank.offline.loads.load, load) == "DEVICE_UNKNOWN"
    certify(system, alice, key)
    for bank in (system.bank, system.restart()):
        assert refused_for(bank.offline.loads.load, load) == "DEVICE_UNKNOWN"
    # The sequence is no other order's either.
    taken = orders_pb2.LoadOrder.FromString(load.payload).sequence
    assert refused_for(alice.pay, alice.number, 1, sequence=taken) == "ID_REUSED"
    payment = system.bank.history.get(alice.wallet, f"{alice.number}-{taken}")
    assert payment.state == states_pb2.PAYMENT_STATE_REFUSED
    assert payment.reason == errors_pb2.REASON_DEVICE_UNKNOWN

    for _ in range(MAX_LIVE_KEYS - 1):
        certify(system, alice, some_key())
    assert refused_for(system.bank.offline.certifying.certify, certified) == "TOO_MANY_DEVICE_KEYS"
    with system.engine.begin() as connection:
        connection.execute(delete(devices).where(devices.c.wallet == alice.wallet.row_id))
    assert refused_for(system.bank.offline.certifying.certify, certified) == "TOO_MANY_DEVICE_KEYS"


# The bound of live keys
def test_only_so_many_keys_of_a_wallet_are_live(system: System, alice: Holder, bob: Holder) -> None:
    first, *_ = [certify(system, alice, some_key()) for _ in range(MAX_LIVE_KEYS)]
    refusal = refused_because(
        errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, certify, system, alice, some_key()
    )
    assert "the next load is possible after 2025-10-20 15:06 UTC" in refusal.message
    assert certify(system, alice, first.key) == first, "it is counted already"
    certify(system, bob, some_key())
    system.clock.advance(KEY_LIVE_MS)
    certify(system, alice, some_key())


def test_a_load_keeps_its_key_live(system: System, alice: Holder) -> None:
    key = some_key()
    certify(system, alice, key)
    system.clock.advance(KEY_LIVE_MS - 1)
    assert (
        system.bank.offline.loads.load(load_order(alice, key))[0]
        == states_pb2.PAYMENT_STATE_SETTLED
    )
    for _ in range(MAX_LIVE_KEYS - 1):
        certify(system, alice, some_key())
    system.clock.advance(1)
    refused_because(errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, certify, system, alice, some_key())


def test_a_key_that_was_not_live_any_more_counts_when_it_is_loaded(
    system: System, alice: Holder
) -> None:
    old = some_key()
    certify(system, alice, old)
    system.clock.advance(KEY_LIVE_MS)
    for _ in range(MAX_LIVE_KEYS):
        certify(system, alice, some_key())
    for again in (
        lambda: system.bank.offline.loads.load(load_order(alice, old)),
        lambda: certify(system, alice, old),
    ):
        refused_because(errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, again)
    assert (alice.fen, alice.held_fen) == (100_000, 0)


# What a device may hold
def test_no_more_is_loaded_than_a_device_may_hold(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    most_fen = system.central.max_holding_fen
    order = load_order(alice, key, most_fen + 1)
    refusal = refused_because(
        errors_pb2.REASON_OVER_BALANCE_CAP, system.bank.offline.loads.load, order
    )
    assert (refusal.field, refusal.metadata["over_fen"]) == ("amount_fen", "1")
    assert (alice.fen, alice.held_fen) == (100_000, 0)
    largest = load_order(alice, key, most_fen)
    first = system.bank.offline.loads.load(largest)
    assert (first[0], alice.held_fen) == (states_pb2.PAYMENT_STATE_SETTLED, most_fen)
    system.central.max_holding_fen = 1
    step(system)
    refused_because(
        errors_pb2.REASON_OVER_BALANCE_CAP,
        system.bank.offline.loads.load,
        load_order(alice, key, 2),
    )
    assert system.bank.offline.loads.load(largest) == first, "the rule of then"


def test_before_it_has_read_a_bundle_the_bank_leaves_it_to_the_centre(
    system: System, alice: Holder
) -> None:
    key = certify(system, alice, some_key()).key
    system.restart()
    order = load_order(alice, key, system.central.max_holding_fen + 1)
    assert system.bank.offline.loads.load(order)[0] == states_pb2.PAYMENT_STATE_SETTLED
