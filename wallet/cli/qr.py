"""QR codes that fit a terminal: a merchant's code, or as many as an offline text needs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from language import _
from runtime.output import can_print
from wallet.offline import text_format

if TYPE_CHECKING:
    import segno

QUIET_ZONE = 3
"""Light modules around a code."""

USUAL_COLUMNS = 80
_CHARACTERS = (
    *(0, 25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1_046),
    *(1_153, 1_249, 1_352, 1_460, 1_588, 1_704, 1_853),
)
"""What a code of each version carries at level L in its alphanumeric mode (ISO/IEC 18004). Beyond
version 25, 117 modules wide, a camera has trouble."""

_SMALLEST = 4
"""Version below which a code carries so little that a payment needs too many."""


def columns() -> int:
    """Of the terminal that standard output is; `USUAL_COLUMNS` where it is none."""
    return shutil.get_terminal_size((USUAL_COLUMNS, 24)).columns


def width_of(version: int) -> int:
    """Columns that a code takes; a module is one wide and half a line high."""
    return 17 + 4 * version + 2 * QUIET_ZONE


def largest_version(width: int) -> int:
    """The largest code for a window; 0 when it is too narrow for any."""
    fitting = [v for v in range(_SMALLEST, len(_CHARACTERS)) if width_of(v) <= width]
    return fitting[-1] if fitting else 0


def codes_for(text: str, width: int) -> list[str]:
    """The texts of the codes that carry a text in a window; none when it is too narrow."""
    version = largest_version(width)
    return text_format.codes(text, _CHARACTERS[version]) if version else []


def drawn(text: str, width: int, again: str = "") -> list[str]:
    """Lines that show a text as codes, each with its number where there are several.

    Args:
        text: an offline text.
        width: columns of the window.
        again: the command that draws it once more; "" where there is none.
    """
    codes = codes_for(text, width)
    if not codes:
        wider = _(", and draw it with `{again}`").format(again=again) if again else ""
        return [
            _(
                "(A code needs {needed} columns, and this window has {width}. Make it {usual} "
                "wide{wider}; the text says all.)"
            ).format(needed=width_of(_SMALLEST), width=width, usual=USUAL_COLUMNS, wider=wider)
        ]
    blocks = [_offline_block(code) for code in codes]
    if not can_print("".join(blocks)):
        return [_("(This terminal cannot draw a code; the text says all.)")]
    if len(blocks) == 1:
        return blocks
    lines = [
        _("{count} codes carry it; the other device reads them in any order.").format(
            count=len(blocks)
        )
    ]
    for at, block in enumerate(blocks, 1):
        lines += [_("Code {at} of {count}").format(at=at, count=len(blocks)), block]
    return lines


def drawn_merchant_code(text: str, width: int) -> list[str]:
    """Lines that show a merchant's code, or say why it is not drawn.

    Args:
        text: of the code.
        width: columns of the window.
    """
    from wallet.qr.pictures import symbol

    code = symbol(text, "l")
    needed = code.symbol_size(border=QUIET_ZONE)[0]
    if needed > width:
        return [
            _(
                "(The code needs {needed} columns, and this window has {width}. Make it wider, or "
                "write a picture with --png FILE.)"
            ).format(needed=needed, width=width)
        ]
    block = _block(code)
    if not can_print(block):
        return [_("(This terminal cannot draw a code; write a picture with --png FILE.)")]
    return [block]


def _offline_block(text: str) -> str:
    import segno

    return _block(segno.make_qr(text, error="l", boost_error=False))


def _block(code: segno.QRCode) -> str:
    from io import StringIO

    out = StringIO()
    code.terminal(out, compact=True, border=QUIET_ZONE)
    return out.getvalue().rstrip("\n")
