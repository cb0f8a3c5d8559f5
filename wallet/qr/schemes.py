"""Whose a code is, as far as that can be seen from it."""

from __future__ import annotations

from collections.abc import Mapping

from language import N_, _
from runtime.output import harmless
from wallet.qr.data_objects import parse_if_whole

GUID = "org.dcep.wallet"
"""Names the accounts that are wallets of this currency: a domain name, the last part first."""

_IDENTIFIER = "00"
_TEMPLATES = range(26, 52)
_BY_FIELD = {
    **dict.fromkeys(("02", "03"), "Visa"),
    **dict.fromkeys(("04", "05"), "Mastercard"),
    **dict.fromkeys(("09", "10"), "Discover"),
    **dict.fromkeys(("11", "12"), N_("American Express")),
    **dict.fromkeys(("13", "14"), "JCB"),
    **dict.fromkeys(("15", "16"), N_("UnionPay")),
}
"""Fields of accounts that EMVCo has given to card schemes (table 4.1 of its specification)."""

_OTHER_FIELDS = ("06", "07", "08", *(str(field) for field in range(17, 26)))
"""Fields of accounts that EMVCo keeps."""

_BY_IDENTIFIER = {
    "a000000615": "DuitNow",
    "a000000677": "PromptPay",
    "a000000727": "VietQR",
    "br.gov.bcb.pix": "Pix",
    "hk.com.hkicl": "FPS",
    "id.co.qris.www": "QRIS",
    "sg.paynow": "PayNow",
}
"""How identifiers of templates begin, in small letters."""

_BY_LINK = {
    "wxp://": N_("WeChat Pay"),
    "weixin://": N_("WeChat Pay"),
    "https://qr.alipay.com/": N_("Alipay"),
    "https://qr.95516.com/": N_("UnionPay"),
    "upi://": "UPI",
}
"""How codes begin that are addresses for an app, in small letters."""


def own_accounts(objects: Mapping[str, str]) -> list[dict[str, str]]:
    """The accounts in a code that are wallets of this currency, each with the fields of its
    template.

    Args:
        objects: the fields of the code.
    """
    return [each for each in _templates(objects) if _lowered(each.get(_IDENTIFIER, "")) == GUID]


def has_account(objects: Mapping[str, str]) -> bool:
    """Whether a code names any account at all."""
    fields = {*_BY_FIELD, *_OTHER_FIELDS, *map(str, _TEMPLATES)}
    return not fields.isdisjoint(objects)


def others(objects: Mapping[str, str]) -> list[str]:
    """The schemes of the other accounts in a code: by name; or what they call themselves, if none
    is known by a name.
    """
    identifiers = [each[_IDENTIFIER] for each in _templates(objects) if _IDENTIFIER in each]
    foreign = [each for each in identifiers if _lowered(each) != GUID]
    known = [_(_BY_FIELD[field]) for field in objects if field in _BY_FIELD]
    known += [
        name
        for identifier in foreign
        for beginning, name in _BY_IDENTIFIER.items()
        if _lowered(identifier).startswith(beginning)
    ]
    return list(dict.fromkeys(known or map(harmless, foreign)))


def of_link(text: str) -> str:
    """The scheme whose codes are addresses that begin so; "" for any other text."""
    lowered = _lowered(text)
    return next((_(name) for link, name in _BY_LINK.items() if lowered.startswith(link)), "")


def _templates(objects: Mapping[str, str]) -> list[dict[str, str]]:
    fields = (str(field) for field in _TEMPLATES)
    return [parse_if_whole(objects[field]) for field in fields if field in objects]


def _lowered(text: str) -> str:
    """In small letters, if it is ASCII: in Unicode some other signs become an ASCII letter."""
    return text.lower() if text.isascii() else text
