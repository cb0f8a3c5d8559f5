"""Merchant codes as pictures: drawn for a printer or a screen, and found in a file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from language import _
from runtime.output import reason_of
from wallet.limits import MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS
from wallet.qr.errors import NotACode

if TYPE_CHECKING:
    import segno
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG")
_MODULE_PIXELS = 10
_QUIET_ZONE = 4
"""Light modules around a code, as ISO/IEC 18004 has it."""


def symbol(text: str, error: str) -> segno.QRCode:
    """The QR code that carries the text of a merchant code.

    Byte mode alone; letters that are not ASCII come with the sign for UTF-8 (section 4.12.1 of the
    specification).

    Args:
        error: how much of it may be covered: "l" 7 %, "m" 15 %, "q" 25 %, "h" 30 %.
    """
    import segno

    return segno.make_qr(
        text,
        mode="byte",
        encoding="utf-8",
        eci=not text.isascii(),
        error=error,
        boost_error=False,
    )


def png(text: str) -> bytes:
    """A picture of a merchant code, to be printed."""
    drawn = io.BytesIO()
    symbol(text, "m").save(drawn, kind="png", scale=_MODULE_PIXELS, border=_QUIET_ZONE)
    return drawn.getvalue()


def text_in(file: Path) -> str:
    """The text of the one QR code in a picture.

    Raises:
        NotACode: the file cannot be read, is no picture in PNG or JPEG, or larger than one may be;
            or there is not exactly one code in it.
    """
    from zxingcpp import BarcodeFormat, BarcodeFormats, TextMode, read_barcodes

    found = read_barcodes(
        _picture(_content(file), file),
        formats=BarcodeFormats(BarcodeFormat.QRCode),
        text_mode=TextMode.Plain,
    )
    # In bytes without the sign for UTF-8 the reader guesses; a merchant code is in UTF-8.
    texts = {_in_utf8(each.bytes) or each.text for each in found}
    if not texts:
        raise NotACode(_("there is no QR code to be found in {file}").format(file=file))
    if len(texts) > 1:
        raise NotACode(
            _("there are {count} different codes in {file}; give a picture of one").format(
                count=len(texts), file=file
            )
        )
    return texts.pop()


def _content(file: Path) -> bytes:
    try:
        # A pipe or a device would keep the reader waiting, or never end.
        if file.exists() and not file.is_file():
            raise NotACode(_("{file} is not a file").format(file=file))
        with file.open("rb") as source:
            content = source.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise NotACode(
            _("{file} cannot be read: {error}").format(file=file, error=reason_of(error))
        ) from error
    if len(content) > MAX_PICTURE_BYTES:
        raise _too_large(file)
    return content


def _picture(content: bytes, file: Path) -> Image:
    """The picture in shades of grey; what is transparent in it is white.

    Its size is looked at before anything is unpacked.
    """
    from PIL import Image

    with _reading(file):
        picture: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
    if picture.width * picture.height > MAX_PICTURE_PIXELS:
        raise _too_large(file)
    with _reading(file):
        if picture.has_transparency_data:
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture.convert("RGBA"))
        return picture.convert("L")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Around what unpacks a picture: raises NotACode for all that may be wrong with one."""
    from PIL.Image import DecompressionBombError

    try:
        with warnings.catch_warnings():
            # What Pillow remarks on large pictures is said here.
            warnings.simplefilter("ignore")
            yield
    except (OSError, SyntaxError, ValueError, EOFError, DecompressionBombError) as error:
        raise NotACode(_("{file} is not a picture in PNG or JPEG").format(file=file)) from error


def _too_large(file: Path) -> NotACode:
    return NotACode(
        _(
            "{file} is too large for a picture of a code: {bytes} bytes and {pixels} pixels at most"
        ).format(file=file, bytes=MAX_PICTURE_BYTES, pixels=MAX_PICTURE_PIXELS)
    )


def _in_utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""
