"""Texts and direct links between devices."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from wallet.offline import link, text_format
from wallet.offline.outcomes import LinkError, LinkRefused, NobodyListens, PaymentReturned


def test_text_is_capital_letters_and_digits_and_comes_back() -> None:
    data = bytes(range(256))
    text = text_format.write(text_format.PAYMENT, data)
    assert text.isascii() and text.isalnum() and text.upper() == text
    wrapped = "\n".join(text[at : at + 60].lower() for at in range(0, len(text), 60))
    assert text_format.read(text_format.PAYMENT, wrapped) == data


@pytest.mark.parametrize("text", ["", "hello", "DCEPR1AAAA", "DCEPP1A1", "DCEPP1A", "DCEPP1é"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(text_format.PaperError):
        text_format.read(text_format.PAYMENT, text)


@dataclass
class Asked:
    """`wallet.offline.link.Asking`."""

    accept: Callable[[str], link.Taken]
    answers: dict[str, str]

    def show(self) -> str:
        return "ASKED"

    def answer(self, line: str) -> str | None:
        return link.answer_to(line, lambda: self.answers)


def linked(
    accept: Callable[[str], link.Taken],
    pay: Callable[[str, link.Payee], object],
    answers: dict[str, str] | None = None,
) -> tuple[object, object]:
    """Both ends of one link; what each came to."""
    where: list[str] = []
    listening = threading.Event()
    came: list[object] = []

    def listen(at: str) -> None:
        where.append(at)
        listening.set()

    def payee() -> None:
        try:
            came.append(
                link.receive(
                    ("127.0.0.1", 0), Asked(accept, answers or {}), on_listening=listen, timeout_s=5
                )
            )
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=payee)
    thread.start()
    listening.wait(5)
    try:
        sent: object = link.send(link.parse_address(where[0]), pay, timeout_s=5)
    except Exception as error:
        sent = error
    thread.join(5)
    return came[0], sent


RECEIPT = bytes(range(64))


def taken(amount_fen: int, *, asked: bool = True) -> link.Taken:
    return link.Taken(amount_fen, asked=asked, receipt=RECEIPT)


def took(payment: str) -> link.Taken:
    return taken(len(payment))


def test_link_carries_request_payment_and_the_last_word() -> None:
    came, sent = linked(took, lambda request, payee: payee.show(request + "!"))
    assert (came, sent) == (link.Taken(6), link.Receipt(6, RECEIPT))


@pytest.mark.parametrize(
    "word", ["OK", "OK 6", "OK 6 00", f"OK 6 {'g' * 128}", f"OK -6 {'0' * 128}"]
)
def test_an_ok_without_a_receipt_is_none(word: str) -> None:
    here, there = socket.socketpair()
    with here, there, here.makefile("rb") as lines:
        there.sendall(word.encode() + b"\n")
        with pytest.raises(LinkRefused):
            link.Payee(here, lines).show("payment")


def test_a_payer_goes_on_until_what_was_asked_is_paid() -> None:
    def accept(payment: str) -> link.Taken:
        return taken(len(payment), asked=len(payment) > 2)

    came, sent = linked(
        accept, lambda request, payee: [payee.show(text) for text in ("x", "xx", "xxx")]
    )
    assert (came, sent) == (link.Taken(3), [link.Receipt(fen, RECEIPT) for fen in (1, 2, 3)])
    came, sent = linked(accept, lambda request, payee: payee.show("xx"))
    assert (came, sent) == (link.Taken(2, asked=False), link.Receipt(2, RECEIPT))


def test_link_carries_a_no() -> None:
    def accept(payment: str) -> link.Taken:
        raise Refusal(errors_pb2.REASON_TOKEN_INVALID, "altered")

    came, sent = linked(accept, lambda request, payee: payee.show(request))
    assert isinstance(came, Refusal)
    assert isinstance(sent, LinkRefused) and str(sent) == "altered"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("/home/holder/wallet is odd"),
        Refusal(errors_pb2.REASON_OVER_BALANCE_CAP, "the holder's own limit is 0.29 yuan in all"),
        Refusal(errors_pb2.REASON_OVERLOADED, "the device holds 1000 pieces"),
        Refusal(errors_pb2.REASON_DEVICE_UNKNOWN, "set DCEP_PKCS11_LIBRARY"),
    ],
)
def test_a_payer_hears_a_bare_no_where_the_reason_is_the_payees_own(error: Exception) -> None:
    def accept(_: str) -> link.Taken:
        raise error

    came, sent = linked(accept, lambda request, payee: payee.say(request))
    assert (came, sent) == (error, "NO")
    _, sent = linked(accept, lambda request, payee: payee.show(request))
    assert isinstance(sent, LinkRefused) and str(sent) == "the payee's device did not take it"


def test_a_payees_words_steer_no_terminal() -> None:
    def accept(_: str) -> link.Taken:
        raise Refusal(errors_pb2.REASON_TOKEN_INVALID, "\x1b[2J taken")

    _, sent = linked(accept, lambda request, payee: payee.show(request))
    assert isinstance(sent, LinkRefused) and str(sent) == "\\u001b[2J taken"


def test_link_carries_what_is_given_back() -> None:
    def accept(payment: str) -> link.Taken:
        if payment == "good":
            return taken(4)
        raise PaymentReturned("BACKTEXT", "a device\nwas revoked", asked=payment == "asked")

    def pay(request: str, payee: link.Payee) -> object:
        with pytest.raises(PaymentReturned) as caught:
            payee.show("earlier")
        assert (caught.value.text, str(caught.value)) == ("BACKTEXT", "a device was revoked")
        return payee.show("good")

    assert linked(accept, pay) == (link.Taken(4), link.Receipt(4, RECEIPT))
    came, sent = linked(accept, lambda request, payee: payee.show("asked"))
    assert isinstance(came, PaymentReturned) and isinstance(sent, PaymentReturned)
    came, sent = linked(
        accept, lambda request, payee: pytest.raises(PaymentReturned, payee.show, "x")
    )
    assert isinstance(came, LinkError)


def test_a_payee_answers_for_its_own_requests_only() -> None:
    def pay(request: str, payee: link.Payee) -> object:
        known = payee.ask(["aa", "bb"]), payee.ask([]), payee.ask(["cc"] * 150 + ["aa"])
        payee.show("x")
        return known

    assert linked(took, pay, {"aa": "11", "cc": "33"})[1] == ({"11"}, set(), {"33"})


def test_a_payer_that_says_too_much_is_left() -> None:
    came, _ = linked(took, lambda request, payee: [payee.ask([]) for _ in range(150)])
    assert isinstance(came, LinkError)


def test_where_nobody_waits_nothing_is_paid_and_that_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(NobodyListens, match="nothing was paid now"):
        link.send(address, lambda request, payee: payee)


def test_payer_that_goes_away_is_no_answer() -> None:
    def pay(request: str, payee: link.Payee) -> int:
        raise ValueError("not for me")

    came, sent = linked(took, pay)
    assert isinstance(came, LinkError)
    assert isinstance(sent, ValueError)


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:x", "host:70000", "h:１"])
def test_wrong_address(text: str) -> None:
    with pytest.raises(ValueError, match="127.0.0.1:7000"):
        link.parse_address(text)
