"""Whoever knows a chain, or a device's key, does nothing with it: its owner signs."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey

from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.bank.v1 import offline_pb2, orders_pb2
from deployment.connections import ask, certified_channel, stub
from deployment.provisioning import business_key
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import Payment, Request
from offline_token.possession import account_of, prove
from offline_token.signing import certify_device
from offline_token.verify import piece_of
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.device_keys import NONCE
from tests.integration.bundles import revoked, wait_handed_on
from tests.integration.raw_wallet import TIMEOUT_S, BankStubs, RawWallet
from tests.refusals import refusal
from wallet.offline import text_format

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]
FEN = 5_000


def test_a_thief_who_knows_a_chain_and_its_owners_key_gets_nothing(system: System) -> None:
    """He has paid Alice himself, has a wallet at another bank, and is faster than she is."""
    mallory = system.person("owner-mallory", "alpha", holder_name="Mallory")
    alice = system.person("owner-alice", "alpha", holder_name="Alice")
    for person in (mallory, alice):
        person.top_up(2 * FEN)
        person.offline_load(FEN)
    system.wait_quiet()
    asked = alice.offline_request(FEN)
    paid = mallory.offline_pay(asked)
    assert alice.offline_accept(paid) == FEN

    key = Request.decode(text_format.read(text_format.REQUEST, asked)).certificate.key
    thief = RawWallet(BankStubs(system.plan, "beta"), name="Thief")
    own = SigningKey.generate()
    forged = prove(own, "beta", account_of(thief.number, NONCE)).signature
    order = thief.envelope(
        orders_pb2.CertifyDeviceOrder, device_key=key, nonce=NONCE, possession=forged
    )
    certify = offline_pb2.CertifyDeviceRequest(order=order)
    refused = refusal(lambda: thief.stubs.offline.CertifyDevice(certify, timeout=TIMEOUT_S))
    assert refused.name == "SIGNATURE_INVALID"

    payment = Payment.decode(text_format.read(text_format.PAYMENT, paid))
    blank = DepositEndorsement(0, "beta", account_of(thief.number, NONCE), bytes(16))
    ends = tuple(sign_deposit(own, piece_of(chain, 0).id, blank) for chain in payment.chains)
    deposit = thief.envelope(
        orders_pb2.DepositOrder,
        offline_payment=Deposit(payment, ends).encode(),
        nonce=NONCE,
    )
    request = offline_pb2.DepositTokensRequest(order=deposit)
    refused = refusal(lambda: thief.stubs.offline.DepositTokens(request, timeout=TIMEOUT_S))
    assert refused.name == "NOT_THE_OWNER"

    before_fen = alice.show().available_fen
    done = alice.offline_deposit()
    assert (done.amount_fen, list(done.refused)) == (2 * FEN, [])
    system.wait_available(alice, before_fen + 2 * FEN)
    assert audited(system).ok


def test_a_bank_that_certifies_a_key_which_it_has_only_seen_bars_nobody(system: System) -> None:
    """Beta has seen Alice's key in a request, certifies it, and has its own certificate revoked."""
    alice = system.person("seen-alice", "alpha", holder_name="Alice")
    bob = system.person("seen-bob", "beta", holder_name="Bob")
    for person in (alice, bob):
        person.top_up(4 * FEN)
        person.offline_load(FEN)
    asked = Request.decode(text_format.read(text_format.REQUEST, alice.offline_request(FEN)))
    folder = system.plan.bank_folder("beta")
    expires_ms = asked.certificate.expires_time_ms
    lie = certify_device(business_key(folder), "beta", asked.certificate.key, expires_ms)
    channel = certified_channel(
        system.plan, system.plan.central_address, folder / "tls.crt", folder / "tls.key"
    )
    request = authentication_pb2.RevokeOwnDevicesRequest(
        device_certificates=[lie.encode()], cause="it was lost"
    )
    with channel:
        service = stub(authentication_pb2_grpc.AuthenticationServiceStub, channel)
        ask(service.RevokeOwnDevices, request, authentication_pb2.RevokeOwnDevicesResponse)
    assert lie.revocation() in revoked(system)
    wait_handed_on(system)

    alice.offline_load(FEN)  # with the newest bundle, and another key of the same wallet
    paid = alice.offline_pay(bob.offline_request(2 * FEN))
    assert bob.offline_accept(paid) == 2 * FEN
    assert asked.certificate.revocation() not in revoked(system)
    assert audited(system).ok
