"""What the commands about merchant codes say: fields for programs, text for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from language import _
from language.wide import labelled
from runtime.output import harmless, quoted
from wallet.cli.amounts import yuan
from wallet.cli.console import CommandResult
from wallet.cli.merchant_qr_input import names_of
from wallet.cli.qr import columns, drawn_merchant_code
from wallet.cli.times import clock
from wallet.qr import schemes
from wallet.qr.errors import CodeError, CodeExpired, OtherScheme
from wallet.qr.payment_code import ASK_THE_PAYER, PaymentCode, currency_name


def shown(code: PaymentCode, text: str, file: Path | None) -> CommandResult:
    """After ``qr show``.

    Args:
        text: of the code.
        file: where a picture was written; None if none was wanted.
    """
    fields = {**_fields(code), "text": text, "file": None if file is None else str(file)}
    lines = labelled(_rows(code), 10)
    if file is None:
        lines += drawn_merchant_code(text, columns())
    else:
        lines.append(_("The picture is in {file}.").format(file=file))
    return fields, "\n".join([*lines, text])


def read_by_us(code: PaymentCode, now_ms: int) -> CommandResult:
    """After ``qr read`` of a code that asks for a payment to a wallet."""
    fields: dict[str, Any] = {"payable": True, "reason": "", "schemes": [schemes.GUID]}
    fields |= _fields(code)
    lines = labelled(_rows(code), 10)
    try:
        code.check_time(now_ms)
    except CodeExpired as ended:
        fields |= {"payable": False, "reason": ended.reason}
        lines.append(_("It has ended. {following}").format(following=_(ended.following)))
    return fields, "\n".join(lines)


def read_by_another(objects: Mapping[str, str], no: CodeError) -> CommandResult:
    """After ``qr read`` of a whole code that this wallet does not pay.

    Args:
        objects: the code's fields; none for an address.
        no: why it is not paid.
    """
    name, city, amount = (harmless(objects.get(field, "")) for field in ("59", "60", "54"))
    currency = currency_name(objects["53"]) if "53" in objects else ""
    fields = {
        "payable": False,
        "reason": no.reason,
        "message": str(no),
        "schemes": no.names if isinstance(no, OtherScheme) else [schemes.GUID],
        "name": name,
        "city": city,
        "currency": currency,
        "amount": amount,
    }
    rows = [
        (_("Merchant"), quoted(", ".join(filter(None, (name, city))))),
        (_("Asks for"), f"{amount} {currency}".strip() if amount else ""),
    ]
    lines = labelled([row for row in rows if row[1]], 10)
    lines.append(_("This wallet cannot pay it: {why}.").format(why=no))
    return fields, "\n".join([*lines, _(no.following)])


def _fields(code: PaymentCode) -> dict[str, Any]:
    local = code.local
    return {
        "number": code.number,
        "name": code.name,
        "city": code.city,
        "local_name": local.name if local else "",
        "local_city": local.city if local else "",
        "amount_fen": code.amount_fen,
        "reference": code.reference,
        "once": code.once,
        "request_id": code.request_id,
        "ends_time_ms": code.ends_time_ms,
    }


def _rows(code: PaymentCode) -> list[tuple[str, str]]:
    amount = yuan(code.amount_fen) if code.amount_fen else _("what the payer says")
    once = _("for one payment") if code.once else _("for any number of payments")
    rows = [
        (_("Wallet"), code.number),
        (_("Merchant"), names_of(code)),
        (_("Asks for"), _("{amount}, {once}").format(amount=amount, once=once)),
    ]
    if code.reference:
        asked = code.reference == ASK_THE_PAYER
        rows.append((_("Reference"), _("what the payer says") if asked else quoted(code.reference)))
    if code.ends_time_ms is not None:
        rows.append((_("Until"), clock(code.ends_time_ms)))
    return rows
