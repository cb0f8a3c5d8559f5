"""What an attacker learns of other people's wallets, over the ports that they can reach."""

from __future__ import annotations

import re
import urllib.request

import grpc
import pytest

from currency import number
from dcep.bank.v1 import (
    inbound_pb2,
    inbound_pb2_grpc,
    orders_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.errors.v1 import errors_pb2
from deployment.connections import certified_channel
from operator_bank.limits import MAX_PAYEE_REFUSALS
from runtime.errors import Refusal
from sandbox.demo.environment import System, refused, wait_until
from tests.integration.commands import dcep
from tests.integration.raw_wallet import TIMEOUT_S, BankStubs, RawWallet

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]
CANNOT = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID


def closed(stubs: BankStubs) -> str:
    """Number of a wallet that was closed."""
    wallet = RawWallet(stubs)
    order = wallet.envelope(orders_pb2.CloseOrder)
    stubs.wallets.CloseWallet(wallets_pb2.CloseWalletRequest(order=order), timeout=TIMEOUT_S)
    return wallet.number


def told(spy: RawWallet, payee: str, fen: int) -> tuple[int, str]:
    """(Reason, message) of a payment that does not go through, wherever it is refused."""
    try:
        answer = spy.pay(payee, fen)
    except grpc.RpcError as error:
        raise AssertionError("a refusal has a reason") from error
    except Refusal as refusal:
        return refusal.reason, refusal.message
    assert answer.state == states_pb2.PAYMENT_STATE_REFUSED
    return answer.reason, ""


def test_payees_that_cannot_be_paid_are_told_alike_within_a_bank_and_across(system: System) -> None:
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    spy, empty = RawWallet(alpha), RawWallet(alpha)
    spy.top_up(1_000)
    here = {told(spy, payee, 1) for payee in (closed(alpha), number.make("6201", 10**11 - 7))}
    there = {told(spy, payee, 1) for payee in (closed(beta), number.make("6202", 10**11 - 7))}
    assert {reason for reason, _ in here | there} == {CANNOT}
    assert (len(here), len(there)) == (1, 1)
    # Who has nothing is told so, whoever the payee is: here, there, closed, or nobody.
    payees = [closed(alpha), closed(beta), spy.number, number.make("6201", 10**11 - 7)]
    names = {refused(lambda payee=payee: empty.pay(payee, 1)).name for payee in payees}
    assert names == {"INSUFFICIENT_FUNDS"}
    assert spy.show().available_fen == 1_000


def test_the_central_bank_too_is_told_yes_or_no_and_no_amounts(system: System) -> None:
    alpha = BankStubs(system.plan, "alpha")
    rich, poor = RawWallet(alpha), RawWallet(alpha, phone="13800138000", name="")
    rich.top_up(100_000)
    folder = system.plan.central_folder
    inner = system.plan.bank("alpha").inner_address
    with certified_channel(system.plan, inner, folder / "tls.crt", folder / "tls.key") as channel:
        stub = inbound_pb2_grpc.InboundServiceStub(channel)
        numbers = [rich.number, poor.number, closed(alpha), number.make("6201", 10**11 - 7)]
        request = inbound_pb2.CheckPayeesRequest(wallet_numbers=numbers)
        answer = stub.CheckPayees(request, timeout=TIMEOUT_S)
    assert list(answer.can_be_paid) == [True, True, False, False]
    assert {field.name for field in answer.DESCRIPTOR.fields} == {"can_be_paid"}


def test_an_order_to_close_that_was_refused_closes_nothing_later(system: System) -> None:
    """Whoever kept it sends it again when the wallet is empty."""
    alpha = BankStubs(system.plan, "alpha")
    holder, payee = RawWallet(alpha), RawWallet(alpha)
    holder.top_up(100)
    kept = wallets_pb2.CloseWalletRequest(order=holder.envelope(orders_pb2.CloseOrder))

    def close() -> str:
        return refused(lambda: alpha.wallets.CloseWallet(kept, timeout=TIMEOUT_S)).name

    assert close() == "WALLET_NOT_EMPTY"
    assert holder.pay(payee.number, 100).state == states_pb2.PAYMENT_STATE_SETTLED
    assert close() == "WALLET_NOT_EMPTY"
    assert holder.show().status == wallets_pb2.WALLET_STATUS_OPEN


def test_a_query_that_was_signed_for_one_method_opens_no_other(system: System) -> None:
    wallet = RawWallet(BankStubs(system.plan, "alpha"))
    query = wallet.query("dcep.bank.v1.WalletService/GetWallet")
    request = wallets_pb2.GetWalletRequest(query=query)
    assert wallet.stubs.wallets.GetWallet(request, timeout=TIMEOUT_S).wallet_number == wallet.number
    stolen = payments_pb2.ListPaymentsRequest(query=query)
    no = refused(lambda: wallet.stubs.payments.ListPayments(stolen, timeout=TIMEOUT_S))
    assert (no.name, no.field) == ("FIELD_INVALID", "method")


def test_who_tries_payees_out_is_shown_to_officers_and_counted_without_a_name(
    system: System,
) -> None:
    alpha = BankStubs(system.plan, "alpha")
    spy = RawWallet(alpha)
    spy.top_up(1_000)
    nobody = number.make("6201", 10**11 - 7)
    orders = [spy.payment(nobody, 1) for _ in range(MAX_PAYEE_REFUSALS)]
    answers = alpha.payments.PayMany(payments_pb2.PayManyRequest(orders=orders), timeout=TIMEOUT_S)
    assert {item.reason for item in answers.items} == {CANNOT}
    folder = str(system.plan.folder)

    def shown() -> bool:
        """A service that is slow to say that it serves is not asked."""
        probing = dcep("status", "--json", "--stack", folder).answer["probing"]
        assert "beta" not in probing
        return spy.number in probing.get("alpha", [])

    wait_until(shown, "an officer is shown the wallet")
    words = dcep("status", "--stack", folder).out
    assert spy.number in words and "dcep wallet freeze" in words
    port = system.plan.bank("alpha").metrics_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as page:
        metrics = page.read().decode()
    assert float(metrics.partition("\ndcep_probing_wallets ")[2].split()[0]) >= 1
    # A time of so many digits looks like a number now and then.
    told = re.sub(r" [0-9.e+-]+$", "", metrics, flags=re.MULTILINE)
    assert "dcep_probing_wallets" in told and " 1.0\n" not in told
    assert not re.search(r"620\d{13}", told), "no number of any wallet"
