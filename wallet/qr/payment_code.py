"""What a merchant's code asks a payer for: made and read.

Fields after the EMV QR Code Specification, Merchant-Presented Mode 1.0, tables 3.3 to 3.8; our own
template, in which the account is a wallet of this currency, is described in
docs/reference/merchant-qr.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from currency.number import NumberError, check
from language import N_, _
from runtime.output import harmless, quoted
from wallet.qr import merchant_presented, schemes
from wallet.qr.data_objects import compose, parse
from wallet.qr.errors import (
    CodeError,
    CodeExpired,
    CodeNotSupported,
    OtherCurrency,
    OtherScheme,
)

CURRENCY = "156"
"""The yuan, by ISO 4217."""

MAX_NAME = 25
MAX_CITY = 15
MAX_REFERENCE = 25
MAX_AMOUNT_CHARACTERS = 13
ASK_THE_PAYER = "***"
"""In place of a reference: the payer is to say one."""

_COUNTRY = "CN"
_NO_CATEGORY = "0000"
_ACCOUNT = "26"
_CHINESE = "ZH"
_STATIC, _ONCE = "11", "12"
_KNOWN_IN_ACCOUNT = frozenset(("00", "01", "02", "03"))
_NEEDED_IN_ACCOUNT = range(50)
"""Fields of our template that a reader has to know; the others may be passed over."""

_NEWER = N_("this code asks for something that this version of the wallet does not know")
_TIPS = ("55", "56", "57")
_TIME = "%Y%m%dT%H%M%SZ"
_TIME_FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_AMOUNT = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]{0,2}))?")
_CURRENCIES = {
    "036": "AUD",
    "116": "KHR",
    "124": "CAD",
    CURRENCY: "CNY",
    "344": "HKD",
    "356": "INR",
    "360": "IDR",
    "392": "JPY",
    "410": "KRW",
    "446": "MOP",
    "458": "MYR",
    "608": "PHP",
    "643": "RUB",
    "702": "SGD",
    "704": "VND",
    "756": "CHF",
    "764": "THB",
    "826": "GBP",
    "840": "USD",
    "901": "TWD",
    "978": "EUR",
    "986": "BRL",
}
"""Those that a traveller meets; others are called by their number."""


@dataclass(frozen=True)
class LocalName:
    """The merchant's name and city in their own script.

    Attributes:
        name: up to 25 characters.
        city: up to 15; "" if it is not said.
        language: two letters, by ISO 639.
    """

    name: str
    city: str = ""
    language: str = _CHINESE


@dataclass(frozen=True, kw_only=True)
class PaymentCode:
    """A merchant's code that asks for a payment to a wallet of this currency.

    Nobody vouches for the names in it; the number alone says who is paid.

    Attributes:
        number: the payee's wallet.
        name: the merchant's, in ASCII, up to 25 characters.
        city: up to 15 characters of ASCII.
        local: both in their own script.
        amount_fen: None if the payer is to say it.
        reference: up to 25 characters of ASCII; ASK_THE_PAYER if the payer is to say it; "" if
            there is none.
        request_id: 32 hexadecimal digits, if it is for one payment; "" if it is for any number.
        ends_time_ms: it may be paid until then, in whole seconds; None if it has no end.
    """

    number: str
    name: str
    city: str
    local: LocalName | None = None
    amount_fen: int | None = None
    reference: str = ""
    request_id: str = ""
    ends_time_ms: int | None = None

    @property
    def once(self) -> bool:
        """Whether it is for one payment."""
        return bool(self.request_id)

    @property
    def name_and_city(self) -> str:
        """Both, as somebody has written them."""
        return f"{self.name}, {self.city}"

    @property
    def local_name_and_city(self) -> str:
        """Both in their own script; "" if they are not said."""
        local = self.local
        return ", ".join(filter(None, (local.name, local.city))) if local else ""

    def text(self) -> str:
        """The text of the code, as it is drawn.

        Raises:
            CodeError: a field is not as it may stand in a code.
        """
        local = self.local
        text = merchant_presented.write(
            {
                "01": _ONCE if self.once else _STATIC,
                _ACCOUNT: compose(
                    {
                        "00": schemes.GUID,
                        "01": self.number,
                        "02": _time_text(self.ends_time_ms),
                        "03": self.request_id,
                    }
                ),
                "52": _NO_CATEGORY,
                "53": CURRENCY,
                "54": _amount_text(self.amount_fen),
                "58": _COUNTRY,
                "59": self.name,
                "60": self.city,
                "62": compose({"05": self.reference}),
                "64": compose({"00": local.language, "01": local.name, "02": local.city})
                if local
                else "",
            }
        )
        # One set of rules: what its reader would not take is not made.
        if read(text) != self:
            raise CodeError(_("this cannot be said in a code"))
        return text

    def check_time(self, now_ms: int) -> None:
        """Raises CodeExpired if it has ended."""
        if self.ends_time_ms is not None and now_ms > self.ends_time_ms:
            raise CodeExpired(_("this code has ended; nothing was paid"))


def fields_of(text: str) -> dict[str, str]:
    """The fields of anybody's merchant code, by their ids.

    Raises:
        OtherScheme: it is an address for the app of another scheme.
        NotACode: it is something else.
        CodeError: it is damaged.
    """
    if scheme := schemes.of_link(text):
        raise OtherScheme([scheme])
    return merchant_presented.read(text)


def read(text: str) -> PaymentCode:
    """What a code asks for, if it asks for a payment to a wallet of this currency.

    Raises:
        NotACode: it is no merchant code.
        OtherScheme, OtherCurrency, CodeNotSupported: it asks for something else.
        CodeError: it is damaged, or a field is not what may stand there.
    """
    return asked_by(fields_of(text))


def asked_by(objects: Mapping[str, str]) -> PaymentCode:
    """What a code with these fields asks for. Raises as `read`."""
    account = _account(objects)
    if objects[merchant_presented.FORMAT] != merchant_presented.VERSION:
        raise CodeNotSupported(_(_NEWER))
    currency = _field(objects, "53", N_("the currency"), r"[0-9]{3}")
    if currency != CURRENCY:
        raise OtherCurrency(
            _("this code asks for money in another currency: {currency}").format(
                currency=currency_name(currency)
            )
        )
    if any(field in objects for field in _TIPS):
        raise CodeNotSupported(
            _("this code asks for a tip or a fee on top, which this wallet does not pay")
        )
    _field(objects, "52", N_("the kind of business"), r"[0-9]{4}")
    _field(objects, "58", N_("the country"), r"[A-Z]{2}")
    return PaymentCode(
        number=_number(account),
        name=_in_ascii(objects, "59", N_("the merchant's name"), MAX_NAME),
        city=_in_ascii(objects, "60", N_("the merchant's city"), MAX_CITY),
        local=_local(objects),
        amount_fen=_amount_fen(objects["54"]) if "54" in objects else None,
        reference=_reference(objects),
        request_id=_request_id(objects, account),
        ends_time_ms=_time_ms(account["02"]) if "02" in account else None,
    )


def currency_name(number: str) -> str:
    """A currency by its letters, such as ``USD``; or by its number, if that is not known here."""
    return _CURRENCIES.get(number) or harmless(number)


def _account(objects: Mapping[str, str]) -> dict[str, str]:
    """Our own template in a code."""
    accounts = schemes.own_accounts(objects)
    if len(accounts) > 1:
        raise CodeError(_("this code names several wallets; nobody can say which is to be paid"))
    if not accounts:
        raise _other_scheme(objects)
    for field in accounts[0]:
        if int(field) in _NEEDED_IN_ACCOUNT and field not in _KNOWN_IN_ACCOUNT:
            raise CodeNotSupported(_(_NEWER))
    return accounts[0]


def _other_scheme(objects: Mapping[str, str]) -> CodeError:
    if not schemes.has_account(objects):
        return CodeError(_("this code does not say who is to be paid"))
    return OtherScheme(schemes.others(objects))


def _number(account: Mapping[str, str]) -> str:
    """The wallet in our template."""
    number = account.get("01", "")
    try:
        return check(number)
    except NumberError as wrong:
        raise CodeError(
            _("the wallet's number in this code is wrong: {why}").format(why=wrong)
        ) from None


def _request_id(objects: Mapping[str, str], account: Mapping[str, str]) -> str:
    """What tells a code for one payment from the next one for the same amount; "" in others."""
    uses = _field(objects, "01", N_("whether it is for one payment"), r"1[12]", missing=_STATIC)
    if uses == _STATIC and "03" not in account:
        return ""
    request_id = _field(account, "03", N_("the id of the one payment"), r"[0-9a-f]{32}")
    if uses != _ONCE:
        raise CodeError(_("this code is for many payments, and has the id of one"))
    return request_id


def _reference(objects: Mapping[str, str]) -> str:
    """The reference; where there is none, the number of the bill."""
    more = parse(objects.get("62", ""))
    for field in ("05", "01"):
        if field in more:
            return _in_ascii(more, field, N_("the reference"), MAX_REFERENCE)
    return ""


def _local(objects: Mapping[str, str]) -> LocalName | None:
    if "64" not in objects:
        return None
    fields = parse(objects["64"])
    city = fields.get("02", "")
    return LocalName(
        name=_printable(fields.get("01", ""), N_("the merchant's name"), MAX_NAME),
        city=city and _printable(city, N_("the merchant's city"), MAX_CITY),
        language=_field(fields, "00", N_("the language"), r"[A-Za-z]{2}"),
    )


def _field(
    objects: Mapping[str, str], field: str, what: str, form: str, *, missing: str = ""
) -> str:
    """A field that has to match a form. Raises CodeError.

    Args:
        what: its name in messages, in English.
        missing: what it means if it is not there; "" if it has to be.
    """
    value = objects.get(field, missing)
    if not value:
        raise CodeError(_("this code lacks {what}").format(what=_(what)))
    if not re.fullmatch(form, value, re.ASCII):
        raise _wrong(what, value)
    return value


def _in_ascii(objects: Mapping[str, str], field: str, what: str, most: int) -> str:
    value = _field(objects, field, what, r"[ -~]+")
    return _printable(value, what, most)


def _printable(value: str, what: str, most: int) -> str:
    if not value.isprintable() or not value.strip() or len(value) > most:
        raise _wrong(what, value)
    return value


def _wrong(what: str, value: str) -> CodeError:
    return CodeError(
        _("{what} in a code may not be like this: {value}").format(
            what=_(what), value=quoted(value)
        )
    )


def _amount_fen(text: str) -> int:
    """An amount as a code has it: ``98``, ``98.`` or ``98.73``. Raises CodeError."""
    found = _AMOUNT.fullmatch(text) if len(text) <= MAX_AMOUNT_CHARACTERS else None
    if found is None:
        raise _wrong(N_("the amount"), text)
    yuan, fen = found.groups(default="")
    amount_fen = int(yuan) * 100 + int(fen.ljust(2, "0"))
    if not amount_fen:
        raise _wrong(N_("the amount"), text)
    return amount_fen


def _amount_text(amount_fen: int | None) -> str:
    return "" if amount_fen is None else f"{amount_fen // 100}.{amount_fen % 100:02d}"


def _time_ms(text: str) -> int:
    """Raises CodeError."""
    try:
        if not _TIME_FORM.fullmatch(text):
            raise ValueError(text)
        seconds = datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _wrong(N_("the end"), text) from None
    return int(seconds) * 1_000


def _time_text(time_ms: int | None) -> str:
    if time_ms is None:
        return ""
    return datetime.fromtimestamp(time_ms // 1_000, UTC).strftime(_TIME)
