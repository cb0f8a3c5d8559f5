"""Whoever knows a chain, or a device's key, does nothing with it: its owner signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.bank.v1 import bank_pb2, orders_pb2
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import Payment, Request
from offline_token.possession import account_of, prove
from offline_token.verify import piece_of
from runtime.errors import Refusal
from sandbox.story import audited
from sandbox.world import World
from tests.device_keys import NONCE
from tests.integration.raw_wallet import TIMEOUT_S, BankStubs, RawWallet
from wallet import papers

pytestmark = pytest.mark.xdist_group("shared-stack")
FEN = 5_000


def said_no(call: Callable[[], Any]) -> Refusal:
    """The refusal that a call ends in."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def test_a_thief_who_knows_a_chain_and_its_owners_key_gets_nothing(world: World) -> None:
    """He has paid Alice himself, has a wallet at another bank, and is faster than she is."""
    mallory = world.person("owner-mallory", "alpha", holder_name="Mallory")
    alice = world.person("owner-alice", "alpha", holder_name="Alice")
    for person in (mallory, alice):
        person.top_up(2 * FEN)
        person.offline_load(FEN)
    world.wait_quiet()
    asked = alice.offline_request(FEN)
    paid = mallory.offline_pay(asked)
    assert alice.offline_accept(paid) == FEN

    key = Request.decode(papers.read(papers.REQUEST, asked)).certificate.key
    thief = RawWallet(BankStubs(world.plan, "beta"), name="Thief")
    own = SigningKey.generate()
    forged = prove(own, "beta", account_of(thief.number, NONCE)).signature
    order = thief.envelope(
        orders_pb2.CertifyDeviceOrder, device_key=key, nonce=NONCE, possession=forged
    )
    certify = bank_pb2.CertifyDeviceRequest(order=order)
    refused = said_no(lambda: thief.stubs.offline.CertifyDevice(certify, timeout=TIMEOUT_S))
    assert refused.name == "SIGNATURE_INVALID"

    payment = Payment.decode(papers.read(papers.PAYMENT, paid))
    blank = DepositEndorsement(0, "beta", account_of(thief.number, NONCE), bytes(16))
    ends = tuple(sign_deposit(own, piece_of(chain, 0).id, blank) for chain in payment.chains)
    deposit = thief.envelope(
        orders_pb2.DepositOrder,
        offline_payment=Deposit(payment, ends).encode(),
        nonce=NONCE,
    )
    request = bank_pb2.DepositTokensRequest(order=deposit)
    refused = said_no(lambda: thief.stubs.offline.DepositTokens(request, timeout=TIMEOUT_S))
    assert refused.name == "NOT_THE_OWNER"

    before_fen = alice.show().available_fen
    done = alice.offline_deposit()
    assert (done.amount_fen, list(done.refused)) == (2 * FEN, [])
    world.wait_available(alice, before_fen + 2 * FEN)
    assert audited(world).ok
