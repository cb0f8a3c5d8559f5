"""Texts in several QR codes: any order, twice, some missing, some of another payment."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from central_bank.registration.offline.sizes import sizes
from tests.offline.devices import make_device
from tests.offline.signers import Signers
from tests.wallet.shell import Cli
from wallet.cli.qr import codes_for, drawn
from wallet.limits import MAX_QR_CHARACTERS
from wallet.offline import text_format
from wallet.offline.text_format import PAYMENT, REQUEST, PaperError, codes, joined, read, write

LARGEST = 16_384
DATA = random.Random(3).randbytes(LARGEST)
TEXT = write(PAYMENT, DATA)


def test_a_short_text_is_its_own_code() -> None:
    for length in (1, 100, 391, 413):
        text = write(PAYMENT, bytes(length))
        assert codes(text) == [text]
        assert joined(text.lower()) == text


def test_every_code_fits_a_qr_code_in_its_alphanumeric_mode() -> None:
    import segno

    parts = codes(TEXT)
    assert len(parts) == 41
    for part in parts:
        assert len(part) <= MAX_QR_CHARACTERS
        drawn = segno.make_qr(part, error="l", boost_error=False)
        assert drawn.mode == "alphanumeric" and int(drawn.version) <= 14


@pytest.mark.parametrize("length", [414, 415, 5_000, LARGEST])
def test_codes_in_any_order_and_twice_come_together(length: int) -> None:
    data = DATA[:length]
    parts = codes(write(PAYMENT, data))
    source = random.Random(length)
    for _ in range(5):
        seen = parts + source.sample(parts, len(parts))
        source.shuffle(seen)
        assert read(PAYMENT, " ".join(seen)) == data
        assert read(PAYMENT, "\n".join(seen).lower()) == data


def test_missing_codes_are_named() -> None:
    parts = codes(TEXT)
    seen = [part for at, part in enumerate(parts, 1) if at not in (2, 5, 15)]
    with pytest.raises(PaperError, match="of 41 codes these are missing: 2, 5, 15"):
        joined(" ".join(seen))


def test_codes_of_two_payments_are_not_mixed() -> None:
    parts, others = codes(TEXT), codes(write(PAYMENT, DATA[::-1]))
    with pytest.raises(PaperError, match="different payments"):
        joined(" ".join([*parts[:7], *others[7:]]))


def test_codes_that_were_read_wrongly_are_found() -> None:
    parts = codes(TEXT)
    changed = parts[3][:-1] + ("A" if parts[3][-1] != "A" else "B")
    with pytest.raises(PaperError, match="code 4 of 41 was read wrongly"):
        joined(" ".join([*parts, changed]))
    with pytest.raises(PaperError, match="a code was read wrongly"):
        joined(" ".join([*parts[:3], changed, *parts[4:]]))
    for wrong in ("DCEPQ1/", "DCEPQ1/1/2/00000000/", "DCEPQ1/x/2/00000000/A", "DCEPQ1/1"):
        with pytest.raises(PaperError):
            joined(wrong)
    for wrong in ("DCEPQ1/0/2/00000000/A", "DCEPQ1/3/2/00000000/A", "DCEPQ1/1/0/00000000/A"):
        with pytest.raises(PaperError, match="read wrongly"):
            joined(wrong)


@pytest.mark.parametrize("width", [30, 39, 40, 60, 79, 80, 123, 400])
def test_what_is_drawn_fits_the_window(width: int) -> None:
    for length in (391, 520, 5_000):
        text = write(PAYMENT, DATA[:length])
        lines = "\n".join(drawn(text, width)).splitlines()
        blocks = [line for line in lines if line and not line.isascii()]
        assert max(map(len, blocks), default=0) <= width
        assert bool(blocks) == (width >= 39)
        assert not blocks or text_format.joined(" ".join(codes_for(text, width))) == text


def test_a_common_payment_is_one_code_of_80_columns() -> None:
    signers = Signers()
    alice, bob = make_device(signers, "alice", *sizes(60_000)), make_device(signers, "bob")
    for amount in (300, 1_200, 4_900, 15_000, 20_000):
        payment = write(PAYMENT, alice.element.payer.pay(bob.element.payee.request(amount)))
        assert codes_for(payment, 80) == codes(payment) == [payment]
    request = write(REQUEST, bob.element.payee.request(100))
    assert codes_for(request, 80) == [request]


def test_several_codes_are_numbered_in_turn() -> None:
    lines = drawn(write(PAYMENT, DATA[:1_200]), 80)
    assert [line for line in lines if line.isascii()] == [
        "3 codes carry it; the other device reads them in any order.",
        *(f"Code {at} of 3" for at in (1, 2, 3)),
    ]


def test_a_window_that_is_too_narrow_says_what_to_do() -> None:
    (said,) = drawn(TEXT, 38, again="wallet offline again ABCD-EFGH")
    assert "A code needs 39 columns, and this window has 38." in said
    assert "Make it 80 wide, and draw it with `wallet offline again ABCD-EFGH`" in said


def test_accept_takes_several_texts(stack: Path, tmp_path: Path) -> None:
    signers = Signers()
    alice, bob = make_device(signers, "alice", *[1] * 16), make_device(signers, "bob")
    request = bob.element.payee.request(16)
    parts = codes(write(PAYMENT, alice.element.payer.pay(request)))
    assert len(parts) > 2
    payee = Cli(stack, tmp_path / "bob")
    payee.run("open", "--bank", "alpha", "--name", "Bob")
    said = json.loads(payee.run("--json", "offline", "accept", *parts[1:], code=2))
    assert said["message"].endswith("missing: 1")
    said = json.loads(payee.run("--json", "offline", "accept", *parts[::-1], code=1))
    assert said["reason"] == "DEVICE_UNKNOWN"
    (tmp_path / "codes").write_text("\n".join(parts))
    payee.run("offline", "accept", "--file", str(tmp_path / "codes"), code=1)
