"""Puts acts into words for people, and into fields for programs."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from rich.markup import escape

from console.sheet import clock
from currency.amount import format_yuan
from currency.days import date_of
from currency.key_code import code_of
from dcep.bank.v1.keys_pb2 import KeyRequest
from dcep.office.v1 import office_pb2
from language import N_, _, ngettext
from officers.contents import content_of, kind_of, message_of
from runtime.errors import reason_name
from runtime.output import harmless

ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV"}
LIMITS = ("balance_cap_fen", "single_fen", "day_fen", "year_fen")
_VERBS = {
    "pay_in_reserves": N_("pay reserves in"),
    "pay_out_reserves": N_("pay reserves out"),
    "issue": N_("issue"),
    "redeem": N_("redeem"),
}
_KINDS = (
    N_("suspend bank"),
    N_("reinstate bank"),
    N_("freeze wallet"),
    N_("unfreeze wallet"),
    N_("pay suspense"),
    N_("register officer"),
    N_("renew officer"),
    N_("remove officer"),
    N_("change rights"),
    N_("register cash machine"),
    N_("revoke cash machine"),
    N_("put back"),
    N_("come back"),
    N_("settle lost"),
    N_("renew bank"),
    N_("renew central key"),
    N_("revoke central certificate"),
    N_("renew offline root"),
)
_RIGHTS = {
    "officers": N_("officers"),
    "reserves": N_("reserves"),
    "issuance": N_("issuance"),
    "banks": N_("banks"),
    "devices": N_("devices"),
    "wallets": N_("wallets"),
    "suspense": N_("suspense"),
    "cash": N_("cash"),
    "policy": N_("policy"),
    "customers": N_("customers"),
}
_LIMITS = (N_("balance cap"), N_("single"), N_("day"), N_("year"))
_STATES = (
    N_("open"),
    N_("approved"),
    N_("rejected"),
    N_("expired"),
    N_("refused"),
    N_("withdrawn"),
)


def in_words(act: office_pb2.Act) -> str:
    """What an act does, such as "issue 500,000.00 yuan, alpha", with rich's markup escaped."""
    return escape(said(content_of(act)))


def said(content: office_pb2.OfficerAct) -> str:
    """What an act does, as plain text that is safe for a terminal."""
    kind = kind_of(content)
    asked: Any = message_of(content)
    if asked is None:
        return _("something that this version does not know")
    if kind in _VERBS:
        return harmless(
            _("{verb} {yuan} yuan, {bank}").format(
                verb=_(_VERBS[kind]), yuan=format_yuan(asked.amount_fen), bank=asked.bank
            )
        )
    if kind == "publish_policy":
        return _("limits of all wallets {policy}").format(policy=policy_in_words(asked))
    if kind == "admit_bank":
        return harmless(
            _(
                "admit bank {name}, wallets {prefix}…, at {inner_address}, certificate "
                "{certificate_fingerprint}, key {business_key}"
            ).format(
                name=asked.name,
                prefix=asked.prefix,
                inner_address=asked.inner_address,
                certificate_fingerprint=asked.certificate_fingerprint,
                business_key=asked.business_key.hex(),
            )
        )
    if kind == "replace_key":
        return harmless(_replacing(asked))
    if kind == "cancel_key":
        return harmless(
            _("call off the key {code} that was to be wallet {wallet_number}'s").format(
                code=code_of(asked.public_key), wallet_number=asked.wallet_number
            )
        )
    if kind == "confirm_presence":
        return _("confirm that the holder of wallet {number} was at the counter").format(
            number=harmless(asked.wallet_number)
        )
    if kind == "block_devices":
        return _("block all devices of wallet {number}: nobody is to take money of them").format(
            number=harmless(asked.wallet_number)
        )
    if kind == "downgrade_wallet":
        return _(
            "downgrade wallet {number} to class {name}: what its holder has shown beyond that "
            "counts no more"
        ).format(number=harmless(asked.wallet_number), name=ROMAN.get(asked.wallet_class, "?"))
    if kind == "revoke_device":
        return harmless(
            _("take device {device_key}, certified by {bank}, out of use").format(
                device_key=asked.device_key.hex(), bank=asked.bank
            )
        )
    values = ", ".join(_shown(field, value) for field, value in asked.ListFields())
    return harmless(f"{_(kind.replace('_', ' '))} {values}")


def _replacing(asked: office_pb2.ReplaceKey) -> str:
    words = _(
        "replace the key of wallet {wallet_number} of {holder}: the new one has the code "
        "{code}, and counts {wait} after the approval"
    ).format(
        wallet_number=asked.wallet_number,
        holder=_(", ").join(filter(None, (asked.holder_name, asked.phone))),
        code=_code(asked.request.payload),
        wait=_span(asked.wait_ms),
    )
    if not asked.HasField("recovery"):
        return words
    return words + _("; the recovery phrase asks for it too, so that no objection counts")


def _code(request: bytes) -> str:
    """The code of a key that was asked for; "?" if that cannot be read."""
    try:
        return code_of(KeyRequest.FromString(request).public_key)
    except DecodeError:
        return "?"


def _span(time_ms: int) -> str:
    """A span of time, such as "6 hours" or "10 seconds"."""
    hours, seconds = divmod(time_ms // 1_000, 3_600)
    if hours and not seconds:
        return ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    count = time_ms // 1_000
    return ngettext("{count} second", "{count} seconds", count).format(count=count)


def right_in_words(name: str) -> str:
    """A right by its name in commands, with the reader's word for it if that is another."""
    words = _(_RIGHTS.get(name, name))
    return name if words == name else _("{words} ({name})").format(words=words, name=name)


def _shown(field: Any, value: Any) -> str:
    """A field's value, as people read it."""
    if field.name.endswith("_fen"):
        return _("{amount} yuan").format(amount=format_yuan(value))
    if field.name.endswith("_time_ms"):
        return _("until {time}").format(time=clock(value))
    if isinstance(value, bytes):
        return value.hex()
    if field.name == "rights":
        names = (office_pb2.Right.Name(each).removeprefix("RIGHT_").lower() for each in value)
        return _("rights: {names}").format(names=_(", ").join(map(right_in_words, names)))
    return str(value)


def policy_in_words(policy: office_pb2.PublishPolicy) -> str:
    """From when on which limits hold, such as "from 2027-01-01: class I without a limit; …"."""
    said = [class_in_words(each) for each in policy.classes]
    if policy.wallets_per_phone:
        said.append(
            _("{count} wallets for each telephone number").format(count=policy.wallets_per_phone)
        )
    if policy.wallets_per_document:
        said.append(
            _("{count} wallets for each document").format(count=policy.wallets_per_document)
        )
    return _("from {day}: {limits}").format(
        day=date_of(policy.from_day).isoformat(), limits="; ".join(said)
    )


def class_in_words(limits: office_pb2.ClassLimits) -> str:
    """The limits of a wallet class, such as "class II single 50,000.00"."""
    said = [
        f"{_(name.removesuffix('_fen').replace('_', ' '))} {format_yuan(getattr(limits, name))}"
        for name in LIMITS
        if getattr(limits, name)
    ]
    return _("class {roman} {limits}").format(
        roman=ROMAN[limits.wallet_class], limits=_(", ").join(said) or _("without a limit")
    )


def fields(act: office_pb2.Act) -> dict[str, Any]:
    """An act's fields for a program."""
    content = content_of(act)
    asked = message_of(content)
    found: dict[str, Any] = {
        "act_id": content.act_id,
        "number": act.number,
        "institution": content.institution,
        "kind": kind_of(content),
        "state": office_pb2.ActState.Name(act.state).removeprefix("ACT_STATE_").lower(),
        "cause": content.cause,
        "proposed_by": act.proposed_by,
        "decided_by": act.decided_by,
        "position": act.position,
        "reason": reason_name(act.reason) if act.reason else "",
    }
    for name in ("bank", "amount_fen", "name", "wallet_number", "position"):
        if asked is not None and name in asked.DESCRIPTOR.fields_by_name:
            found["entry" if name == "position" else name] = getattr(asked, name)
    return found
