"""What is shown of what waits for signatures: whoever signs sees all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from currency.amount import format_yuan
from dcep.bank.v1 import orders_pb2, signers_pb2
from language import N_, _
from wallet.cli.amounts import yuan
from wallet.cli.signers import signer_fields
from wallet.cli.times import clock
from wallet.online.together import Waiting
from wallet.orders.releases import Item, Release

FIRST = 20
"""Orders of a release that are shown before it is signed; the rest by `wallet pending ID`."""

_NAMES: dict[int, str] = {
    signers_pb2.RELEASED_KIND_PAYMENT: "payment",
    signers_pb2.RELEASED_KIND_REFUND: "refund",
    signers_pb2.RELEASED_KIND_EXCHANGE: "exchange",
    signers_pb2.RELEASED_KIND_CLOSE: "close",
}
_WORDS: dict[int, str] = {
    signers_pb2.RELEASED_KIND_PAYMENT: N_("payments to others"),
    signers_pb2.RELEASED_KIND_REFUND: N_("refunds"),
    signers_pb2.RELEASED_KIND_EXCHANGE: N_("exchanges with the deposit account"),
    signers_pb2.RELEASED_KIND_CLOSE: N_("closing of the wallet, for good"),
}


def fields_of(one: Waiting) -> dict[str, Any]:
    """What waits, for programs."""
    fields: dict[str, Any] = {
        "id": one.name,
        "kind": "payment",
        "prepared_by": one.place,
        "signed": list(one.signed),
        "expires_time_ms": one.expires_time_ms,
    }
    if one.payment is not None:
        fields |= _payment(one.payment)
    if one.signers is not None:
        fields["kind"] = "signers"
        fields |= {"threshold": one.signers.threshold, "signers": _listed(one)}
    if one.release is not None:
        fields["kind"] = "release"
        fields |= {
            "count": len(one.release.items),
            "amount_fen": one.release.amount_fen,
            "orders": [_item_fields(item) for item in one.release.items],
        }
    return fields


def shown(one: Waiting, most: int | None) -> Iterator[str]:
    """What waits, in lines.

    Args:
        most: so many orders of a release, with how many more there are; 0: all; None: none.
    """
    yield line_of(one)
    if one.release is None or most is None:
        return
    items = one.release.items
    yield from (_item_line(item) for item in (items[:most] if most else items))
    if most and len(items) > most:
        yield _("  … and {more:,} more: `wallet pending {id}`").format(
            more=len(items) - most, id=one.name
        )


def line_of(one: Waiting) -> str:
    """What waits, in one line."""
    by = ", ".join(map(str, one.signed))
    until = clock(one.expires_time_ms)
    if one.release is not None:
        what = _release(one.release)
    elif one.payment is not None:
        what = _payment_line(one.payment)
    else:
        keys = ", ".join(
            f"{each['place']}: {each['code']} {each['role']} {each['label']}".rstrip()
            for each in _listed(one)
        )
        what = _("signers from now on, {count} of whom release: {keys}").format(
            count=one.signers.threshold if one.signers is not None else 0, keys=keys
        )
    return _("{id}  {what}  (signed by {by}; until {time})").format(
        id=one.name, what=what.rstrip(), by=by, time=until
    )


def _release(release: Release) -> str:
    """How many orders of what kinds, and their sum."""
    kinds: dict[int, list[Item]] = {}
    for item in release.items:
        kinds.setdefault(item.kind, []).append(item)
    return "; ".join(
        _("{count:,} {kind}, {total} yuan").format(
            count=len(items),
            kind=_(_WORDS[kind]),
            total=format_yuan(sum(item.amount_fen for item in items)),
        )
        for kind, items in kinds.items()
    )


def _item_line(item: Item) -> str:
    order = item.order
    if item.kind == signers_pb2.RELEASED_KIND_PAYMENT:
        said = _payment_line(order)
    elif item.kind == signers_pb2.RELEASED_KIND_CLOSE:
        said = _("the wallet is closed, for good")
    elif item.kind == signers_pb2.RELEASED_KIND_REFUND:
        said = _("{yuan} back, of payment {id} {memo}").format(
            yuan=yuan(order.amount_fen), id=order.refunds_payment_id, memo=order.memo
        )
    elif order.direction == orders_pb2.EXCHANGE_DIRECTION_TOP_UP:
        said = _("{yuan} from the deposit account").format(yuan=yuan(order.amount_fen))
    else:
        said = _("{yuan} to the deposit account").format(yuan=yuan(order.amount_fen))
    return f"  {said.rstrip()}"


def _payment_line(order: orders_pb2.PaymentOrder) -> str:
    said = _("{yuan} to {number} {memo}").format(
        yuan=yuan(order.amount_fen), number=order.payee_number, memo=order.memo
    )
    if order.request_to_pay_id:
        said += _(" (asked for by {id})").format(id=order.request_to_pay_id)
    if order.top_up_fen:
        said += _(" (of it {yuan} from the deposit account)").format(yuan=yuan(order.top_up_fen))
    return said


def _item_fields(item: Item) -> dict[str, Any]:
    order, kind = item.order, _NAMES[item.kind]
    if item.kind == signers_pb2.RELEASED_KIND_PAYMENT:
        return {"kind": kind, **_payment(order)}
    fields: dict[str, Any] = {"kind": kind, "amount_fen": item.amount_fen}
    if item.kind == signers_pb2.RELEASED_KIND_CLOSE:
        return fields
    if item.kind == signers_pb2.RELEASED_KIND_REFUND:
        return {**fields, "refunds_payment_id": order.refunds_payment_id, "memo": order.memo}
    name = orders_pb2.ExchangeDirection.Name(order.direction)
    return {**fields, "direction": name.removeprefix("EXCHANGE_DIRECTION_")}


def _payment(order: orders_pb2.PaymentOrder) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "payee": order.payee_number,
        "amount_fen": order.amount_fen,
        "memo": order.memo,
    }
    if order.request_to_pay_id:
        fields["request_to_pay_id"] = order.request_to_pay_id
    if order.top_up_fen:
        fields["top_up_fen"] = order.top_up_fen
    return fields


def _listed(one: Waiting) -> list[dict[str, Any]]:
    listed = one.signers.signers if one.signers is not None else ()
    return [signer_fields(each) for each in listed]
