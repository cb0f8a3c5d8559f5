"""Texts in several QR codes: any order, twice, some missing, some of another payment."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.offline.country import Country
from tests.offline.purses import purse
from tests.wallet.test_cli import Cli
from wallet import papers
from wallet.cli_offline_words import paper
from wallet.limits import MAX_QR_CHARACTERS
from wallet.papers import PAYMENT, PaperError, codes, joined, read, write

LARGEST = 16_384
DATA = random.Random(3).randbytes(LARGEST)
TEXT = write(PAYMENT, DATA)


def test_a_short_text_is_its_own_code() -> None:
    for length in (1, 100, 1_153):
        text = write(PAYMENT, bytes(length))
        assert codes(text) == [text]
        assert joined(text.lower()) == text


def test_every_code_fits_a_qr_code_in_its_alphanumeric_mode() -> None:
    import segno

    parts = codes(TEXT)
    assert len(parts) == 15
    for part in parts:
        assert len(part) <= MAX_QR_CHARACTERS
        drawn = segno.make_qr(part, error="l", boost_error=False)
        assert drawn.mode == "alphanumeric" and int(drawn.version) <= 25


@pytest.mark.parametrize("length", [1_154, 1_155, 5_000, LARGEST])
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
    with pytest.raises(PaperError, match="of 15 codes these are missing: 2, 5, 15"):
        joined(" ".join(seen))


def test_codes_of_two_payments_are_not_mixed() -> None:
    parts, others = codes(TEXT), codes(write(PAYMENT, DATA[::-1]))
    with pytest.raises(PaperError, match="different payments"):
        joined(" ".join([*parts[:7], *others[7:]]))


def test_codes_that_were_read_wrongly_are_found() -> None:
    parts = codes(TEXT)
    changed = parts[3][:-1] + ("A" if parts[3][-1] != "A" else "B")
    with pytest.raises(PaperError, match="code 4 of 15 was read wrongly"):
        joined(" ".join([*parts, changed]))
    with pytest.raises(PaperError, match="a code was read wrongly"):
        joined(" ".join([*parts[:3], changed, *parts[4:]]))
    for wrong in ("DCEPQ1/", "DCEPQ1/1/2/00000000/", "DCEPQ1/x/2/00000000/A", "DCEPQ1/1"):
        with pytest.raises(PaperError):
            joined(wrong)
    for wrong in ("DCEPQ1/0/2/00000000/A", "DCEPQ1/3/2/00000000/A", "DCEPQ1/1/0/00000000/A"):
        with pytest.raises(PaperError, match="read wrongly"):
            joined(wrong)


def test_a_long_payment_is_drawn_as_several_codes() -> None:
    fields, text = paper("payment", TEXT, 100, None)
    assert "Code 15 of 15" in text and text.endswith(TEXT)
    assert papers.joined(" ".join(fields["codes"])) == TEXT


def test_accept_takes_several_texts(stack: Path, tmp_path: Path) -> None:
    country = Country()
    alice, bob = purse(country, "alice", *[1] * 16), purse(country, "bob")
    request = bob.element.request(16)
    parts = codes(write(PAYMENT, alice.element.pay(request)))
    assert len(parts) > 2
    payee = Cli(stack, tmp_path / "bob")
    payee.run("open", "--bank", "alpha", "--name", "Bob")
    said = json.loads(payee.run("--json", "offline", "accept", *parts[1:], code=2))
    assert said["message"].endswith("missing: 1")
    said = json.loads(payee.run("--json", "offline", "accept", *parts[::-1], code=1))
    assert said["reason"] == "DEVICE_UNKNOWN"
    (tmp_path / "codes").write_text("\n".join(parts))
    payee.run("offline", "accept", "--file", str(tmp_path / "codes"), code=1)
