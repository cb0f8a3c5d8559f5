"""Who may connect: admitted banks; and a suspended one is cut off at once."""

from __future__ import annotations

import pytest

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from deployment.connections import certified_channel
from runtime.certificates import Authority
from runtime.errors import NoAnswer, Refusal
from sandbox.demo.environment import System, refused, wait_until
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("suspension"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def own(systems: MakeSystem) -> System:
    """A stack of this module's own: its banks are suspended and reinstated."""
    return systems()


def bank_stub(system: System, bank: str) -> registration_pb2_grpc.RegistrationServiceStub:
    folder = system.plan.bank_folder(bank)
    channel = certified_channel(
        system.plan, system.plan.central_address, folder / "tls.crt", folder / "tls.key"
    )
    return registration_pb2_grpc.RegistrationServiceStub(channel)


def test_a_bank_with_a_certificate_that_was_not_admitted_is_refused(own: System) -> None:
    root = own.plan.root_folder
    authority = Authority.of_pem((root / "ca.crt").read_bytes(), (root / "ca.key").read_bytes())
    issued = authority.issue("dcep://bank/gamma")
    certificate, key = own.plan.folder / "gamma.crt", own.plan.folder / "gamma.key"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    channel = certified_channel(own.plan, own.plan.central_address, certificate, key)
    stub = registration_pb2_grpc.RegistrationServiceStub(channel)
    request = registration_pb2.FollowFeedRequest(session=bytes(16))
    refusal = refused(lambda: next(stub.FollowFeed(request, timeout=10.0)))
    assert refusal.reason == errors_pb2.REASON_BANK_NOT_ADMITTED


def test_a_certificate_of_another_root_cannot_even_connect(own: System) -> None:
    issued = Authority.create("somebody else").issue("dcep://bank/alpha")
    certificate, key = own.plan.folder / "other.crt", own.plan.folder / "other.key"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    channel = certified_channel(own.plan, own.plan.central_address, certificate, key)
    stub = registration_pb2_grpc.RegistrationServiceStub(channel)
    with pytest.raises(NoAnswer):
        next(stub.FollowFeed(registration_pb2.FollowFeedRequest(session=bytes(16)), timeout=5.0))


def test_a_suspended_bank_is_cut_off_at_once_and_its_open_streams_end(own: System) -> None:
    stream = bank_stub(own, "beta").FollowFeed(
        registration_pb2.FollowFeedRequest(session=bytes(16)), timeout=60.0
    )
    next(stream)
    own.by_two(office_pb2.SuspendBank(name="beta"))
    try:
        refusal = refused(lambda: [message for message in stream])
        assert refusal.reason == errors_pb2.REASON_BANK_SUSPENDED
        request = registration_pb2.SubmitPaymentsRequest()
        stub = bank_stub(own, "beta")
        again = refused(lambda: stub.SubmitPayments(request, timeout=5.0))
        assert again.reason == errors_pb2.REASON_BANK_SUSPENDED
    finally:
        own.by_two(office_pb2.ReinstateBank(name="beta"))


def test_payments_wait_for_a_suspended_bank_and_settle_after_its_return(own: System) -> None:
    alpha, beta = BankStubs(own.plan, "alpha"), BankStubs(own.plan, "beta")
    payer, payee = RawWallet(alpha), RawWallet(beta)
    payer.top_up(10_000)
    own.by_two(office_pb2.SuspendBank(name="alpha"))
    order = payer.payment(payee.number, 2_500)
    try:
        with pytest.raises((NoAnswer, Refusal)):
            raise_unless_settled(alpha, order)
        assert payee.show().available_fen == 0
    finally:
        own.by_two(office_pb2.ReinstateBank(name="alpha"))
    wait_until(lambda: payee.show().available_fen == 2_500, "the payment arrives")
    assert payer.show().available_fen == 7_500


def raise_unless_settled(stubs: BankStubs, order: SignedEnvelope) -> None:
    from dcep.bank.v1 import payments_pb2, states_pb2

    answer = stubs.payments.Pay(payments_pb2.PayRequest(order=order), timeout=3.0)
    if answer.state != states_pb2.PAYMENT_STATE_SETTLED:
        raise NoAnswer("pending")
