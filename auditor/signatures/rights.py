"""Computes who had which right and key when, from the founding and the acts that changed it.

The service believes its tables of officers and of their certificates and keys. A right, a key or a
longer term that was written into them is named, and so is a removal that was taken out. An act of
somebody who did not have the right or the key at its time is named as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, column, table

from auditor.signatures.verifying import Problems
from dcep.office.v1 import office_pb2
from language import _

officers_table = table("officers", *map(column, ("name", "rights", "registered_by", "removed_by")))
RIGHT_OF = {
    "register_officer": office_pb2.RIGHT_OFFICERS,
    "change_rights": office_pb2.RIGHT_OFFICERS,
    "renew_officer": office_pb2.RIGHT_OFFICERS,
    "remove_officer": office_pb2.RIGHT_OFFICERS,
    "pay_in_reserves": office_pb2.RIGHT_RESERVES,
    "pay_out_reserves": office_pb2.RIGHT_RESERVES,
    "issue": office_pb2.RIGHT_ISSUANCE,
    "redeem": office_pb2.RIGHT_ISSUANCE,
    "admit_bank": office_pb2.RIGHT_BANKS,
    "suspend_bank": office_pb2.RIGHT_BANKS,
    "reinstate_bank": office_pb2.RIGHT_BANKS,
    "renew_bank": office_pb2.RIGHT_BANKS,
    "renew_central_key": office_pb2.RIGHT_BANKS,
    "revoke_central_certificate": office_pb2.RIGHT_BANKS,
    "renew_offline_root": office_pb2.RIGHT_BANKS,
    "put_back": office_pb2.RIGHT_BANKS,
    "revoke_device": office_pb2.RIGHT_DEVICES,
    "publish_policy": office_pb2.RIGHT_POLICY,
    "freeze_wallet": office_pb2.RIGHT_WALLETS,
    "unfreeze_wallet": office_pb2.RIGHT_WALLETS,
    "replace_key": office_pb2.RIGHT_WALLETS,
    "block_devices": office_pb2.RIGHT_WALLETS,
    "confirm_presence": office_pb2.RIGHT_CUSTOMERS,
    "downgrade_wallet": office_pb2.RIGHT_CUSTOMERS,
    "cancel_key": office_pb2.RIGHT_WALLETS,
    "pay_suspense": office_pb2.RIGHT_SUSPENSE,
    "come_back": office_pb2.RIGHT_SUSPENSE,
    "settle_lost": office_pb2.RIGHT_SUSPENSE,
    "register_cash_machine": office_pb2.RIGHT_CASH,
    "revoke_cash_machine": office_pb2.RIGHT_CASH,
}
SKEW_MS = 300_000
"""How far an officer's clock may be from the institution's."""


class Held(NamedTuple):
    """An officer's certificate and key, and their term, as the table has them."""

    fingerprint: str
    signing_key: bytes
    officer: str
    registered_by: int
    from_time_ms: int
    until_time_ms: int


class _State(NamedTuple):
    """An officer's rights, and the acts that registered and removed them."""

    rights: frozenset[int]
    registered_by: int
    removed_by: int | None


class Rights:
    """The officers as of the last act given to `heed`."""

    def __init__(
        self, founders: Iterable[office_pb2.RegisterOfficer], founded_time_ms: int
    ) -> None:
        self._officers: dict[str, _State] = {}
        self._held: dict[str, list[Held]] = {}
        for first in founders:
            self._register(first, 0, founded_time_ms)

    def keys(self, name: str, time_ms: int) -> list[bytes]:
        """The keys with which an officer may have signed something at a time, within SKEW_MS."""
        state, held = self._officers.get(name), self._held.get(name, [])
        if state is None or state.removed_by is not None:
            return []
        last_ms = max(each.from_time_ms for each in held)
        return [
            each.signing_key
            for each in held
            if each.from_time_ms <= time_ms + SKEW_MS
            and not 0 < each.until_time_ms <= max(last_ms, time_ms - SKEW_MS)
        ]

    def ever(self, name: str, time_ms: int) -> list[bytes]:
        """The keys that an officer had at a time, within SKEW_MS, whatever came later."""
        return [
            each.signing_key
            for each in self._held.get(name, [])
            if each.from_time_ms <= time_ms + SKEW_MS
            and not 0 < each.until_time_ms <= time_ms - SKEW_MS
        ]

    def has(self, name: str, right: int | None) -> bool:
        """Whether an officer has a right now; nobody has the right None."""
        state = self._officers.get(name)
        return state is not None and state.removed_by is None and right in state.rights

    def heed(self, number: int, time_ms: int, content: office_pb2.OfficerAct) -> None:
        """Applies an act that took effect.

        Args:
            number: the act's.
            time_ms: when it took effect.
            content: what it says.
        """
        kind = content.WhichOneof("kind") or ""
        asked: Any = getattr(content, kind) if kind else content
        if kind == "register_officer":
            self._register(content.register_officer, number, time_ms)
        elif kind == "renew_officer" and asked.name in self._officers:
            self._renew(asked, number, time_ms)
        elif kind == "change_rights" and asked.name in self._officers:
            state = self._officers[asked.name]
            self._officers[asked.name] = state._replace(rights=frozenset(asked.rights))
        elif kind == "remove_officer" and asked.name in self._officers:
            state = self._officers[asked.name]
            self._officers[asked.name] = state._replace(removed_by=number)
            self._end(asked.name, time_ms)

    def check_rows(
        self, people: Sequence[Row[Any]], credentials: Sequence[Row[Any]], problems: Problems
    ) -> None:
        """Names rows of the tables that do not follow from the founding and the acts.

        Args:
            people: the rows of officers.
            credentials: the rows of their certificates and keys.
            problems: gets a sentence for each.
        """
        self._check_officers(people, problems)
        found = {
            Held(*(_plain(getattr(row, name)) for name in Held._fields)) for row in credentials
        }
        wanted = {each for held in self._held.values() for each in held}
        for each in sorted(found - wanted):
            problems.say(self._why_not(each))
        known = {(each.officer, each.signing_key, each.fingerprint) for each in found}
        for each in sorted(wanted - found):
            if (each.officer, each.signing_key, each.fingerprint) not in known:
                problems.say(
                    _(
                        "table officer_credentials: the key {signing_key} of officer {officer} "
                        "is missing"
                    ).format(signing_key=each.signing_key.hex(), officer=each.officer)
                )

    def _check_officers(self, rows: Sequence[Row[Any]], problems: Problems) -> None:
        for row in rows:
            rights = frozenset(bit for bit in range(63) if row.rights >> bit & 1)
            if self._officers.get(row.name) != (rights, row.registered_by, row.removed_by):
                problems.say(
                    _(
                        "table officers, row name={row}: neither the founding nor acts of two "
                        "say this"
                    ).format(row=row.name)
                )
        for name in sorted(set(self._officers) - {row.name for row in rows}):
            problems.say(_("table officers, row name={name} is missing").format(name=name))

    def _why_not(self, each: Held) -> str:
        mine = self._held.get(each.officer, [])
        neither = _("that neither the founding nor an act of two gave")
        officer = _("table officer_credentials: officer {officer}").format(officer=each.officer)
        if each.signing_key not in {held.signing_key for held in mine}:
            return _("{officer} has a key, {signing_key}, {neither}").format(
                officer=officer, signing_key=each.signing_key.hex(), neither=neither
            )
        if each.fingerprint not in {held.fingerprint for held in mine}:
            return _("{officer} has a certificate, {fingerprint}, {neither}").format(
                officer=officer, fingerprint=each.fingerprint, neither=neither
            )
        return _("{officer} has the key {signing_key} for another time than acts say").format(
            officer=officer, signing_key=each.signing_key.hex()
        )

    def _register(self, new: office_pb2.RegisterOfficer, act: int, time_ms: int) -> None:
        self._officers[new.name] = _State(frozenset(new.rights), act, None)
        first = Held(new.certificate_fingerprint, new.signing_key, new.name, act, time_ms, 0)
        self._held.setdefault(new.name, []).append(first)

    def _renew(self, asked: office_pb2.RenewOfficer, act: int, time_ms: int) -> None:
        held = sorted(self._held[asked.name], key=lambda each: each.from_time_ms)
        last_ms = held[-1].from_time_ms
        live = [
            each
            for each in held
            if each.from_time_ms <= time_ms
            and not (each.until_time_ms and each.until_time_ms <= max(last_ms, time_ms))
        ]
        before = live[-1] if live else held[-1]
        self._end(asked.name, max(asked.old_until_time_ms, time_ms))
        self._held[asked.name].append(
            Held(
                asked.certificate_fingerprint or before.fingerprint,
                asked.signing_key or before.signing_key,
                asked.name,
                act,
                time_ms,
                0,
            )
        )

    def _end(self, name: str, until_ms: int) -> None:
        self._held[name] = [
            each._replace(until_time_ms=until_ms)
            if not each.until_time_ms or each.until_time_ms > until_ms
            else each
            for each in self._held[name]
        ]


def _plain(value: object) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
