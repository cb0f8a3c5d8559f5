"""Somebody stands between payer and payee: he alters requests, and says OK in the payee's place."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from offline_token.formats import Clearance, Endorsement, Payment, Request
from offline_token.receipt import sign_receipt
from offline_token.signing import sign_request
from runtime.errors import Refusal
from tests.offline.devices import make_device
from tests.offline.signers import DAY, NOW, Signers, key_of
from tests.refusals import refused, refused_for
from wallet.cli import offline_input
from wallet.cli.console import UsageError
from wallet.offline import link_payments, text_format
from wallet.offline.link import Receipt
from wallet.offline.outcomes import LinkError
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.limits import CLOCKS_APART_MS, REQUEST_VALID_MS

ALTERED: dict[str, Callable[[Signers, Request], Request]] = {
    "the amount": lambda c, r: replace(r, amount_fen=9_000),
    "the certificate, for a bystander's": lambda c, r: replace(r, certificate=c.carol.certificate),
    "the certificate, signed by the middleman": lambda c, r: sign_request(
        key_of("mallory"), replace(r, certificate=c.carol.certificate)
    ),
    "the challenge": lambda c, r: replace(r, challenge=bytes(16)),
    "the time": lambda c, r: replace(r, expires_time_ms=r.expires_time_ms + DAY),
    "the signature": lambda c, r: replace(r, signature=bytes(64)),
}


@pytest.mark.parametrize("what", ALTERED)
def test_a_request_that_was_altered_is_not_paid(signers: Signers, what: str) -> None:
    alice, bob = make_device(signers, "alice", 10_000), make_device(signers, "bob")
    request = bob.element.payee.request(1_000)
    altered = ALTERED[what](signers, Request.decode(request)).encode()
    with pytest.raises(Refusal, match="not signed by the device"):
        alice.element.payer.pay(altered)
    assert alice.balance == 10_000
    assert bob.element.payee.accept(alice.element.payer.pay(request)) == 1_000


def test_a_middlemans_own_request_shows_another_code(signers: Signers) -> None:
    """He may ask for himself; but the payer's screen shows another code than the payee's."""
    bob, carol = make_device(signers, "bob"), make_device(signers, "carol")
    codes = {
        Request.decode(each).code()
        for each in (
            bob.element.payee.request(100),
            bob.element.payee.request(100),
            carol.element.payee.request(100),
        )
    }
    assert len(codes) == 3
    assert all(len(code) == 9 and code.replace("-", "").isalnum() for code in codes)


def test_a_request_is_paid_for_a_day(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.payee.request(10)
    alice.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS)
    assert bob.element.payee.accept(alice.element.payer.pay(request)) == 10
    late = bob.element.payee.request(10)
    alice.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS + 1)
    assert refused(alice.element.payer.pay, late) == ("EXPIRED", "request")


class Middleman:
    """Takes the payment, and says OK."""

    def __init__(self, receipt: bytes) -> None:
        self._receipt = receipt

    def show(self, payment: bytes) -> Receipt:
        return Receipt(1_000, self._receipt)

    def mine(self, payments: object) -> list[bool]:
        return []


@pytest.mark.parametrize("receipt", [bytes(64), b"", sign_receipt(key_of("mallory"), bytes(32))])
def test_an_ok_that_the_payee_has_not_signed_ends_nothing(signers: Signers, receipt: bytes) -> None:
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    request = bob.element.payee.request(1_000)
    with pytest.raises(LinkError, match="not signed"):
        link_payments.pay_shown(OfflinePayments(alice.element), request, Middleman(receipt))
    (kept,) = alice.element.payer.unconfirmed()
    assert bob.element.payee.accept(kept) == 1_000, "it is shown to the payee, who takes it"
    alice.element.payer.confirm(kept, bob.element.payee.receipt(kept))
    assert alice.element.payer.unconfirmed() == []


class Altering:
    """Hands payments on to the payee, and the receipts back, under another amount."""

    def __init__(self, payee: OfflinePayments, said_fen: int) -> None:
        self._payee = payee
        self._said_fen = said_fen

    def show(self, payment: bytes) -> Receipt:
        self._payee.device.payee.accept(payment)
        return Receipt(self._said_fen, self._payee.device.payee.receipt(payment))

    def mine(self, payments: list[Endorsement]) -> list[bool]:
        return [True for _ in payments]


def test_an_amount_that_was_altered_beside_a_receipt_has_nobody_pay_twice(
    signers: Signers,
) -> None:
    """The OK was lost, and the payer repeats: it has paid that amount, whatever it is told."""
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    bob.element.payee.accept(
        alice.element.payer.pay(bob.element.payee.request(1_000), unconfirmed=True)
    )
    again, between = bob.element.payee.request(1_000), Altering(OfflinePayments(bob.element), 999)
    handed = link_payments.pay_shown(OfflinePayments(alice.element), again, between)
    assert (handed.amount_fen, handed.repeated) == (1_000, True)
    assert (alice.balance, bob.balance) == (4_000, 1_000)


def test_an_amount_that_was_altered_beside_a_receipt_leaves_nothing_unpaid(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice", 100, 5_000), make_device(signers, "bob")
    bob.element.payee.accept(
        alice.element.payer.pay(bob.element.payee.request(100), unconfirmed=True)
    )
    request, between = (
        bob.element.payee.request(1_000),
        Altering(OfflinePayments(bob.element), 1_000),
    )
    handed = link_payments.pay_shown(OfflinePayments(alice.element), request, between)
    assert (handed.amount_fen, handed.repeated) == (1_000, False)
    assert (alice.balance, bob.balance) == (4_000, 1_100)


def test_a_receipt_is_for_one_payment_and_the_same_each_time(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100, 100), make_device(signers, "bob")
    first, second = (
        alice.element.payer.pay(bob.element.payee.request(fen), unconfirmed=True)
        for fen in (10, 20)
    )
    with pytest.raises(Refusal):
        bob.element.payee.receipt(first)
    bob.element.payee.accept(first)
    receipt = bob.element.payee.receipt(first)
    assert bob.restarted().element.payee.receipt(first) == receipt
    assert refused_for(alice.element.payer.confirm, second, receipt) == "SIGNATURE_INVALID"
    alice.element.payer.confirm(first, receipt)
    assert alice.element.payer.unconfirmed() == [second]


def test_a_payment_that_cannot_be_made_is_not_announced(signers: Signers) -> None:
    text = text_format.write(
        text_format.REQUEST, make_device(signers, "bob").element.payee.request(100 * 100)
    )
    said: list[str] = []
    with pytest.raises(Refusal) as caught:
        holder = OfflinePayments(make_device(signers, "alice", 9_900).element)
        offline_input.asked_fen(holder, text, 10_000, False, said.append)
    assert (caught.value.name, caught.value.metadata["missing_fen"]) == (
        "INSUFFICIENT_FUNDS",
        "100",
    )
    assert said == []


def junk(signers: Signers, payment: Payment) -> Payment:
    """The payment with a statement that nobody has signed."""
    clearance = Clearance(bytes(16), 1_800_000_000_000, bytes(64))
    return replace(payment, statements=(*payment.statements, clearance))


def certified_anew(signers: Signers, payment: Payment) -> Payment:
    """The payment with another certificate of the same key of the payer's."""
    (chain,) = payment.chains
    (hop,) = chain.hops
    other = signers.certify(hop.certificate.key, "alpha", expires=NOW + 99 * DAY)
    return replace(payment, chains=(replace(chain, hops=(replace(hop, certificate=other),)),))


@pytest.mark.parametrize("altering", [junk, certified_anew])
def test_what_is_altered_beside_the_signed_pieces_is_the_same_payment(
    signers: Signers, altering: Callable[[Signers, Payment], Payment]
) -> None:
    """The payee's receipt, and its answer to a repeat, go over what the payer has signed."""
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(1_000), unconfirmed=True)
    altered = altering(signers, Payment.decode(payment)).encode()
    assert altered != payment
    assert bob.element.payee.accept(altered) == bob.element.payee.accept(payment) == 1_000
    assert bob.balance == 1_000
    alice.element.payer.confirm(payment, bob.element.payee.receipt(altered))
    assert alice.element.payer.unconfirmed() == []


def test_a_repeat_with_a_signature_that_does_not_hold_is_refused(signers: Signers) -> None:
    """It names the same pieces, and is not what the payer has signed."""
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(1_000), unconfirmed=True)
    assert bob.element.payee.accept(payment) == 1_000
    (chain,) = Payment.decode(payment).chains
    (hop,) = chain.hops
    broken = replace(hop.endorsement, signature=bytes(64))
    forged = Payment((replace(chain, hops=(replace(hop, endorsement=broken),)),)).encode()
    assert refused_for(bob.element.payee.accept, forged) == "TOKEN_INVALID"
    assert bob.element.payee.accept(payment) == bob.balance == 1_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def asked(
    holder: OfflinePayments, text: str, *, yuan: int | None = None, yes: bool = False
) -> list[str]:
    """What is said before a request is paid."""
    said: list[str] = []
    fen = None if yuan is None else 100 * yuan
    offline_input.asked_fen(holder, text, fen, yes, said.append)
    return said


@pytest.mark.parametrize(("said", "pays"), [("y\n", True), ("yes\n", True), ("\n", 0), ("", 0)])
@pytest.mark.parametrize("yuan", [12, 101])
def test_who_pays_without_an_amount_or_much_is_asked(
    signers: Signers,
    said: str,
    pays: bool,
    yuan: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = make_device(signers, "bob").element.payee.request(100 * yuan)
    text = text_format.write(text_format.REQUEST, request)
    holder = OfflinePayments(make_device(signers, "alice", 20_000).element)
    expected = yuan if yuan > 100 else None
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    if pays:
        assert asked(holder, text, yuan=expected) == []
    else:
        with pytest.raises(UsageError, match="nothing was paid"):
            asked(holder, text, yuan=expected)
    question = capsys.readouterr().err
    assert f"Pay {yuan}.00 yuan to a device of beta whose screen shows" in question
    assert Request.decode(request).code() in question
    assert f"{200 - yuan}.00 yuan are left then" in question


def test_a_program_says_the_amount_and_above_a_limit_yes(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, holder = (
        make_device(signers, "bob"),
        OfflinePayments(make_device(signers, "alice", 20_000).element),
    )
    small, large = (
        text_format.write(text_format.REQUEST, bob.element.payee.request(fen))
        for fen in (10_000, 10_100)
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match=r"--amount 100\.00"):
        asked(holder, small)
    (said,) = asked(holder, small, yuan=100)
    assert said.startswith("Paying 100.00 yuan to a device of beta whose screen shows ")
    with pytest.raises(UsageError, match="say --yes as well; nothing was paid"):
        asked(holder, large, yuan=101)
    assert asked(holder, large, yes=True) == asked(holder, large, yuan=101, yes=True)
    for yes in (False, True):
        with pytest.raises(UsageError, match="the request asks for 101.00 yuan; nothing was paid"):
            asked(holder, large, yuan=100, yes=yes)


def test_a_request_that_was_paid_is_not_asked_about_again(signers: Signers) -> None:
    bob, alice = make_device(signers, "bob"), make_device(signers, "alice", 20_000)
    request = bob.element.payee.request(15_000)
    alice.element.payer.pay(request)
    (said,) = asked(OfflinePayments(alice.element), text_format.write(text_format.REQUEST, request))
    assert said == "This request of 150.00 yuan was paid before; this is the same payment."


def test_a_banks_name_in_a_request_steers_no_terminal(signers: Signers) -> None:
    """Nobody has checked the certificate in a request when it is read."""
    bob, holder = (
        make_device(signers, "bob"),
        OfflinePayments(make_device(signers, "alice", 20_000).element),
    )
    good = Request.decode(bob.element.payee.request(100))
    forged = replace(good, certificate=replace(good.certificate, bank="\x1b[2Jbank\r"))
    (said,) = asked(holder, text_format.write(text_format.REQUEST, forged.encode()), yuan=1)
    assert said.isprintable() and "\\u001b[2Jbank\\u000d" in said


def test_a_request_that_was_paid_and_confirmed_is_repeated_and_listed_nowhere(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    payer, payee = OfflinePayments(alice.element), Altering(OfflinePayments(bob.element), 1_000)
    request = bob.element.payee.request(1_000)
    assert not link_payments.pay_shown(payer, request, payee).repeated
    before = alice.store.data
    assert link_payments.pay_shown(payer, request, payee).repeated
    alice.element.payer.pay(request)
    assert alice.store.data == before
    assert (alice.element.payer.unconfirmed(), alice.element.payer.made()) == ([], [])


def test_a_payment_given_out_as_a_text_is_listed_until_its_payee_confirms_it(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice", 5_000), make_device(signers, "bob")
    request = bob.element.payee.request(1_000)
    payment = alice.element.payer.pay(request)
    assert alice.element.payer.pay(request, unconfirmed=True) == payment
    assert alice.element.payer.unconfirmed() == [payment]
    bob.element.payee.accept(payment)
    alice.element.payer.confirm(payment, bob.element.payee.receipt(payment))
    assert (alice.element.payer.unconfirmed(), alice.element.payer.made()) == ([], [])
