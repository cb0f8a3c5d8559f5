"""A key for each load, between a wallet and its bank: what it is for, and who certifies it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.message import Message

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from offline_token.possession import NONCE_BYTES, Possession, account_of
from offline_token.signing import certify_device
from runtime.errors import NoAnswer, Refusal
from tests.offline.devices import make_device, pay
from tests.offline.signers import DAY, NOW, Signers, key_of
from tests.refusals import refused_because, refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.load_keys import OTHER, WALLET, certify
from wallet.app import App

LOAD = orders_pb2.LoadOrder


# The wallet
def loads(bank: FakeBank) -> list[orders_pb2.LoadOrder]:
    """What reached the bank as loads, the same bytes once."""
    found = []
    for payload in dict.fromkeys(bank.received):
        order = orders_pb2.LoadOrder.FromString(payload)
        if len(order.device_key) == 32 and order.expires_time_ms:
            found.append(order)
    return found


@pytest.fixture
def alice(make_app: MakeApp, bank: FakeBank) -> App:
    bank.signers = Signers()
    app = make_app("alice")
    app.holder().top_up(10_000)
    app.prepare_offline()
    return app


def test_two_loads_of_a_wallet_are_for_two_keys(alice: App, bank: FakeBank) -> None:
    for fen in (100, 100):
        alice.loading().load(fen)
    one, two = loads(bank)
    assert one.device_key != two.device_key
    assert alice.offline_payments().balance_fen() == 200


@pytest.mark.parametrize("lost", ["mute_before", orders_pb2.CertifyDeviceOrder, LOAD], ids=str)
def test_a_load_that_was_cut_off_uses_its_key_again(
    alice: App, bank: FakeBank, make_app: MakeApp, lost: str | type[Message]
) -> None:
    if isinstance(lost, str):
        bank.mute_before = 1
    else:
        bank.mute_kind = lost
    with pytest.raises(NoAnswer):
        alice.loading().load(100)
    keys_before = {key.public for key in alice.sealed.read().keys}
    again = make_app("alice")
    assert again.loading().load(100).resent is (lost == LOAD)
    (only,) = loads(bank)
    assert only.device_key.hex() in keys_before
    assert again.offline_payments().balance_fen() == 100
    assert {key.public for key in again.sealed.read().keys} == keys_before


def test_another_load_before_the_repeat_has_a_key_of_its_own(alice: App, bank: FakeBank) -> None:
    bank.mute_kind = LOAD
    with pytest.raises(NoAnswer):
        alice.loading().load(100)
    alice.loading().load(200)
    assert alice.loading().load(100).resent
    assert alice.offline_payments().balance_fen() == 300
    assert len({load.device_key for load in loads(bank)}) == 2
    assert bank.accounts[alice.profile().number].available_fen == 10_000 - 300


def test_a_program_repeats_a_load_long_after_its_key_was_used_up(
    alice: App, bank: FakeBank
) -> None:
    wanted = "123e4567-e89b-42d3-a456-426614174000"
    alice.loading().load(100, request_id=wanted)
    alice.loading().load(100, request_id="123e4567-e89b-42d3-a456-426614174001")
    assert alice.loading().load(100, request_id=wanted).resent
    refused_because(errors_pb2.REASON_ID_REUSED, alice.loading().load, 101, request_id=wanted)
    assert alice.offline_payments().balance_fen() == 200


def test_a_load_that_the_bank_refuses_leaves_its_key_to_the_next(
    alice: App, bank: FakeBank
) -> None:
    with pytest.raises(Refusal):
        alice.loading().load(10_001)
    refused = {key.public for key in alice.sealed.read().keys}
    alice.loading().load(100)
    assert {key.public for key in alice.sealed.read().keys} == refused


def test_crashes_before_the_answer_is_kept_lose_no_tokens(
    alice: App, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, method in ((alice.device.keys, "certify"), (alice.device.holdings, "load")):

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(type(part), method, cut)
        with pytest.raises(KeyboardInterrupt):
            alice.loading().load(100)
        monkeypatch.undo()
    alice.loading().load(100)
    assert alice.offline_payments().balance_fen() == 100
    assert len(loads(bank)) == 1


def test_a_deposit_brings_the_newest_bundle_and_a_certificate_when_there_is_none(
    alice: App, bank: FakeBank
) -> None:
    alice.loading().load(100)
    loaded = alice.sealed.read()
    bank.revoked = (bytes(16),)
    assert alice.loading().deposit().amount_fen == 100
    deposited = alice.sealed.read()
    assert deposited.bundle != loaded.bundle
    assert [key.public for key in deposited.keys] == [key.public for key in loaded.keys]
    alice.sealed.change(lambda state: setattr(state, "clock_ms", NOW + 101 * DAY))
    assert not alice.device.keys.certified()
    alice.loading().deposit()
    made = alice.sealed.read().keys[-1]
    assert made.public not in {key.public for key in loaded.keys} and made.certificate


def test_a_deposit_counts_though_there_is_no_bundle(alice: App, bank: FakeBank) -> None:
    alice.loading().load(100)

    def silent() -> bytes:
        raise NoAnswer("silence")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "trust_bundle", silent)
        assert alice.loading().deposit().amount_fen == 100


def test_a_key_asks_to_be_certified_by_one_bank_and_for_one_wallet(signers: Signers) -> None:
    """A bank or a wallet that it has not been made for gets no proof that it is there."""
    alice = make_device(signers, "alice")
    public = alice.element.keys.load_key(WALLET, ())
    proof = alice.element.keys.prove(public, "alpha", WALLET)
    nonce, signature = proof[:NONCE_BYTES], proof[NONCE_BYTES:]
    shown = Possession(account_of(WALLET, nonce), signature)
    assert shown.proves(public, "alpha")
    assert not shown.proves(public, "beta")
    assert not Possession(account_of(OTHER, nonce), signature).proves(public, "alpha")
    again = alice.restarted().element
    for bank, wallet in (("beta", WALLET), ("alpha", OTHER), ("beta", OTHER)):
        with pytest.raises(Refusal) as caught:
            again.keys.prove(public, bank, wallet)
        assert caught.value.name == "NOT_THE_OWNER", (bank, wallet)
    assert again.keys.prove(public, "alpha", WALLET)[:NONCE_BYTES] != nonce, "a nonce for each time"
    with pytest.raises(Refusal):
        again.keys.prove(bytes(32), "alpha", WALLET)


def test_a_card_held_to_another_wallet_first_gives_it_no_proof(signers: Signers) -> None:
    """The key was made for one wallet's load; nobody else has it certified before that."""
    alice = make_device(signers, "alice")
    public = alice.element.keys.load_key(WALLET, ())
    assert refused_for(alice.element.keys.prove, public, "alpha", OTHER) == "NOT_THE_OWNER"


def test_a_certificate_of_another_bank_than_the_key_asked_is_not_kept(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    public = alice.element.keys.load_key(WALLET, ())
    alice.element.keys.prove(public, "alpha", WALLET)
    foreign = signers.certify(public, "beta").encode()
    with pytest.raises(Refusal) as caught:
        alice.element.keys.certify(foreign, signers.bank_certificate("beta").encode())
    assert caught.value.field == "device_certificate"
    certify(alice, signers, public)


def test_a_certificate_of_a_bank_that_the_root_has_not_signed_is_not_kept(
    signers: Signers,
) -> None:
    """Any reader could else make a card's money such as no payee takes."""
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    forger = key_of("mallory")
    bank = replace(signers.bank_certificate("alpha"), key=bytes(forger.verify_key))
    device = certify_device(forger, "alpha", alice.element.keys.public_key(), NOW + DAY)
    with pytest.raises(Refusal) as caught:
        alice.element.keys.certify(device.encode(), bank.encode())
    assert caught.value.field == "bank_certificate"
    assert pay(alice, bob, 1_000)
