"""Merchant codes in pictures: drawn, found again, and files that are none or too large."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from pathlib import Path

import pytest
import segno
from PIL import Image

from currency.number import make
from wallet.cli.qr import drawn_merchant_code
from wallet.qr import pictures
from wallet.qr.errors import CodeError, NotACode
from wallet.qr.payment_code import LocalName, PaymentCode, read
from wallet.qr.pictures import png, text_in

NUMBER = make("6201", 1)
CODE = PaymentCode(number=NUMBER, name="BEST TRANSPORT", city="BEIJING", amount_fen=1)
IN_CHINESE = PaymentCode(
    number=NUMBER, name="BEST TRANSPORT", city="BEIJING", local=LocalName("最佳运输", "北京")
)


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("L")


def saved(image: Image.Image, file: Path) -> Path:
    image.save(file)
    return file


@pytest.mark.parametrize("code", [CODE, IN_CHINESE], ids=["ascii", "chinese"])
def test_what_is_drawn_is_found_again(code: PaymentCode, tmp_path: Path) -> None:
    file = tmp_path / "code.png"
    file.write_bytes(png(code.text()))
    assert read(text_in(file)) == code
    drawn = pictures.symbol(code.text(), "m")
    assert drawn.mode == "byte"
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_photograph_of_a_code_is_read(tmp_path: Path) -> None:
    drawn = picture(png(IN_CHINESE.text()))
    paper = Image.new("L", (1_600, 1_200), 200)
    paper.paste(drawn.rotate(17, expand=True, fillcolor=200), (300, 200))
    file = saved(paper, tmp_path / "photo.jpg")
    assert read(text_in(file)) == IN_CHINESE


def test_a_code_on_a_transparent_ground_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    segno.make_qr(CODE.text()).save(out, kind="png", scale=8, light=None)
    file = tmp_path / "code.png"
    file.write_bytes(out.getvalue())
    assert read(text_in(file)) == CODE


@pytest.mark.parametrize("eci", [True, False])
def test_letters_beyond_ascii_are_utf_8_whether_that_is_said_or_not(
    eci: bool, tmp_path: Path
) -> None:
    file = tmp_path / "code.png"
    code = segno.make_qr(IN_CHINESE.text(), mode="byte", encoding="utf-8", eci=eci)
    code.save(str(file), scale=4)
    assert read(text_in(file)) == IN_CHINESE


def test_two_codes_in_a_picture_are_not_chosen_from(tmp_path: Path) -> None:
    one, two = picture(png(CODE.text())), picture(png(IN_CHINESE.text()))
    both = Image.new("L", (one.width + two.width, max(one.height, two.height)), 255)
    both.paste(one, (0, 0))
    both.paste(two, (one.width, 0))
    with pytest.raises(NotACode, match="2 different codes"):
        text_in(saved(both, tmp_path / "both.png"))
    twice = Image.new("L", (2 * one.width, one.height), 255)
    twice.paste(one, (0, 0))
    twice.paste(one, (one.width, 0))
    assert read(text_in(saved(twice, tmp_path / "twice.png"))) == CODE


def test_a_picture_without_a_code_is_said_to_have_none(tmp_path: Path) -> None:
    blank = saved(Image.new("L", (300, 300), 255), tmp_path / "blank.png")
    with pytest.raises(NotACode, match="no QR code to be found"):
        text_in(blank)


def test_a_code_of_another_kind_is_none(tmp_path: Path) -> None:
    file = tmp_path / "binary.png"
    segno.make_qr(bytes(range(128, 192)), mode="byte").save(str(file), scale=4)
    with pytest.raises(CodeError):
        read(text_in(file))


def chunk(kind: bytes, content: bytes) -> bytes:
    sum_ = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_)


def bomb(width: int, height: int) -> bytes:
    """A small file that says it is a huge picture."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (2**31 - 1, 1), (8_001, 8_000)])
def test_a_picture_that_would_unpack_to_a_huge_one_is_not_unpacked(
    width: int, height: int, tmp_path: Path
) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(bomb(width, height))
    with pytest.raises(NotACode, match="too large for a picture|not a picture"):
        text_in(file)


def test_a_file_of_any_length_is_read_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "long.png"
    with file.open("wb") as out:
        out.truncate(10**12)
    with pytest.raises(NotACode, match="too large"):
        text_in(file)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for place in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(NotACode, match="is not a file"):
            text_in(place)
    with pytest.raises(NotACode, match="cannot be read: No such file"):
        text_in(tmp_path / "none.png")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a" + bytes(100),
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_what_is_no_picture_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file.png"
    file.write_bytes(content)
    with pytest.raises(NotACode, match="not a picture in PNG or JPEG"):
        text_in(file)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_picture_spoilt_anywhere_is_read_rightly_or_not_at_all(kind: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    picture(png(CODE.text())).resize((300, 300)).save(out, kind)
    whole, file = out.getvalue(), tmp_path / "file"
    source = random.Random(kind)
    for _time in range(150):
        spoilt = bytearray(whole)
        for _change in range(source.choice((1, 1, 5, 50))):
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
        file.write_bytes(spoilt[: source.choice((len(spoilt), source.randrange(len(spoilt))))])
        try:
            assert read(text_in(file)) == CODE
        except CodeError as no:
            assert not no.refused


def test_a_code_in_the_terminal_fits_it_or_says_what_to_do() -> None:
    (block,) = drawn_merchant_code(IN_CHINESE.text(), 80)
    assert max(map(len, block.splitlines())) <= 80
    assert len(block.splitlines()) > 20
    (said,) = drawn_merchant_code(IN_CHINESE.text(), 40)
    assert "this window has 40" in said and "--png" in said
