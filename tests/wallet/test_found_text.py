"""A text that went through other programs is found in whatever they made of it."""

from __future__ import annotations

import random
import textwrap

import pytest

from offline_token.formats import Payment
from tests.offline.signers import Signers
from wallet.offline.found_text import decoded, found
from wallet.offline.text_format import BACK, PAYMENT, REQUEST, PaperError, codes, read, write

SIGNERS = Signers()
ASKED = write(REQUEST, SIGNERS.request(SIGNERS.bob, 1_250).encode())
CHAINS = (
    SIGNERS.endorse(SIGNERS.mint(SIGNERS.alice, 100), SIGNERS.alice, SIGNERS.bob, 100),
    SIGNERS.small_payments(3),
    SIGNERS.long_chain(4, number=7),
)
PAID = write(PAYMENT, Payment(CHAINS).encode())
GIVEN = write(BACK, b"B1" + bytes(16) + b"\2" + bytes(2 * 129))
PAYMENTS = (PAYMENT, BACK)

WRAPPED = "\n".join(textwrap.wrap(PAID, 64))
AROUND = {
    "alone": PAID,
    "in small letters": PAID.lower(),
    "with words around it": f"Hello Bob,\nhere it is: {PAID}\nThanks and see you, Alice",
    "with words glued on by spaces alone": f"PAYMENT {PAID} THANKS",
    "wrapped": WRAPPED,
    "wrapped, with words around it": f"Hello,\n\n{WRAPPED}\nTHANKS ALICE",
    "quoted": "On Monday Alice wrote:\n" + textwrap.indent(WRAPPED, "> > "),
    "with line ends of another system": WRAPPED.replace("\n", "\r\n") + "\r\n",
    "full-width": "".join(chr(ord(letter) + 0xFEE0) for letter in PAID),
    "with invisible characters": "\u200b".join(textwrap.wrap(PAID, 30)) + "\ufeff",
    "with soft hyphens": "\u00ad".join(textwrap.wrap(PAID, 30)),
    "behind the request": f"{ASKED}\n{PAID}",
    "twice": f"{PAID}\n\n{PAID}",
    "as the terminal showed it": "\x1b[1mcodes\x1b[0m\n█▀▀█ ▄▄ █\n" + PAID + "\n12.50 yuan left.",
}


@pytest.mark.parametrize("how", AROUND)
def test_a_payment_is_found(how: str) -> None:
    assert found(AROUND[how], PAYMENTS) == PAID


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_payment_is_found_in_another_encoding(encoding: str) -> None:
    text = f"付款：{PAID}\r\n谢谢"
    assert found(decoded(text.encode(encoding)), PAYMENTS) == PAID


def test_words_in_an_encoding_that_nobody_names_do_no_harm() -> None:
    assert found(decoded("支付 ".encode("gbk") + PAID.encode()), PAYMENTS) == PAID


def test_what_comes_back_and_what_was_asked_for_are_found_too() -> None:
    assert found(f"back: {GIVEN} BYE", PAYMENTS) == GIVEN
    assert found(f"please {ASKED}AAAA", (REQUEST,)) == ASKED


def test_codes_are_found_with_what_was_drawn_around_them() -> None:
    parts = codes(PAID)
    assert len(parts) > 2
    shown = "".join(
        f"Code {at} of {len(parts)}\n█▀▀█\n{part}\n" for at, part in enumerate(parts, 1)
    )
    assert found(shown, PAYMENTS) == PAID
    assert found(shown + PAID, PAYMENTS) == PAID
    wrapped = "\n".join(textwrap.fill(part, 50) for part in parts)
    assert found(wrapped, PAYMENTS) == PAID


def test_codes_in_any_order_and_twice() -> None:
    source, parts = random.Random(1), codes(PAID)
    for _ in range(5):
        seen = parts + source.sample(parts, 2)
        source.shuffle(seen)
        assert found("\n".join(seen), PAYMENTS) == PAID


def test_a_code_that_is_missing_is_named() -> None:
    with pytest.raises(PaperError, match="these are missing: 2"):
        found("\n".join(part for at, part in enumerate(codes(PAID), 1) if at != 2), PAYMENTS)


def test_codes_of_two_payments_are_told_apart() -> None:
    others = codes(write(PAYMENT, Payment(CHAINS[::-1]).encode()))
    with pytest.raises(PaperError, match="codes of different payments"):
        found("\n".join([codes(PAID)[0], *others[1:]]), PAYMENTS)


def test_two_payments_are_not_guessed_between() -> None:
    other = write(PAYMENT, Payment(CHAINS[:1]).encode())
    with pytest.raises(PaperError, match="2 different texts"):
        found(f"{PAID}\n{other}", PAYMENTS)


def test_a_request_in_place_of_a_payment_is_called_what_it_is() -> None:
    with pytest.raises(PaperError, match="this is a request for an offline payment"):
        read(PAYMENT, found(f"here: {ASKED} thanks", PAYMENTS))


@pytest.mark.parametrize(
    "text", ["", "hello", "DCEPP2", "DCEPQ1/", "DCEPQ1/1/2/", PAID[:200], "DCEPP2" * 3_000]
)
def test_what_is_no_whole_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError):
        Payment.decode(read(PAYMENT, found(text, PAYMENTS)))


def test_a_quarter_of_a_megabyte_of_prefixes_is_read_through_at_once() -> None:
    """Each byte is looked at a bounded number of times, whatever is in it."""
    assert found("DCEPR1 " * 37_000 + PAID, PAYMENTS) == PAID
