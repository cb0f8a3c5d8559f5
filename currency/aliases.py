"""Reads aliases: a telephone number, or "@" and a name; each has one spelling, and one key that
look-alikes share.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from typing import NamedTuple

from currency.phones import one_phone
from language import _

LEAST_LETTERS, LEAST_HAN, MOST_CHARACTERS = 3, 2, 20
_PHONE_DIGITS = range(7, 16)  # E.164; a wallet's number has one more
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]*")
_LATIN = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_HAN = re.compile(r"[\u4e00-\u9fff]+[0-9]*")
_LOOK_ALIKES = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", ".": "", "_": "", "-": ""})


class AliasError(ValueError):
    """Not an alias; the message says why."""


class AliasKind(IntEnum):
    """What an alias is."""

    PHONE = 1
    NAME = 2


class Alias(NamedTuple):
    """An alias that was read.

    Attributes:
        kind: a telephone or a name.
        shown: its one spelling, such as "+8613900139000" or "@li.ming".
        key: what is looked up; names that look alike have the same.
    """

    kind: AliasKind
    shown: str
    key: str


def is_alias(text: str) -> bool:
    """Whether somebody means an alias and no wallet number: "@" and a name, or too few digits."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return plain.startswith("@") or _digits(plain) in _PHONE_DIGITS


def read_alias(text: str) -> Alias:
    """The alias that somebody typed.

    A name is of one script, so that none is spelled like another one by letters of a third: Latin
    letters without marks, or Chinese characters, and digits. Case, width and the marks between
    letters do not count, and neither does what looks alike: 0 and o, 1, l and i, 5 and s, rn and
    m, vv and w.

    Raises:
        AliasError: it is none.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.startswith("@"):
        return _name(unicodedata.normalize("NFKC", plain[1:].casefold()))
    digits = one_phone(plain) if _PHONE.fullmatch(plain) else ""
    if _digits(plain) not in _PHONE_DIGITS or len(digits) not in _PHONE_DIGITS:
        raise AliasError(_("an alias is a telephone number, or @ and a name, like @li.ming"))
    return Alias(AliasKind.PHONE, f"+{digits}", digits)


def _digits(plain: str) -> int:
    return sum(each in "0123456789" for each in plain)


def _name(name: str) -> Alias:
    latin, han = _LATIN.fullmatch(name), _HAN.fullmatch(name)
    if latin is None and han is None:
        raise AliasError(
            _(
                "a name begins with a letter, and has Latin letters without marks, or Chinese"
                " characters, and digits; single dots, - and _ between Latin letters"
            )
        )
    least = LEAST_LETTERS if latin else LEAST_HAN
    if not least <= len(name) <= MOST_CHARACTERS:
        raise AliasError(
            _("this name has {least} to {most} characters").format(
                least=least, most=MOST_CHARACTERS
            )
        )
    key = name.translate(_LOOK_ALIKES).replace("rn", "m").replace("vv", "w") if latin else name
    return Alias(AliasKind.NAME, f"@{name}", key)
