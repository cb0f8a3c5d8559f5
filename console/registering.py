"""Registers, renews and removes officers while a stack runs.

The sandbox's own authority makes certificates and keys, beside those in use (``….next``). When two
officers have decided, `follow` puts the files in their places and brings the plan's list of
officers to the institution's own. If that failed half-way, or nobody did it, the next command goes
on from what the institution says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from console.clients import ActClient
from console.rotation import next_certificate, next_key, next_to
from currency import parties
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.provisioning import (
    BANK_RIGHTS,
    CENTRAL_RIGHTS,
    fingerprint,
    officer_key_file,
    public_key,
)
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from officers.well_formed import check_name
from runtime.checks import invalid
from runtime.errors import Refusal

DAY_MS = 86_400_000
_NOT_ONES_OWN = ("ca",)
"""Names of files in the officers' folder that belong to no officer."""


def rights_named(names: str, institution: str) -> Sequence[office_pb2.Right]:
    """The rights in a list such as "officers,issuance"; when it is empty, all usual ones there.

    Raises:
        Refusal: FIELD_INVALID, for a name that is no right.
    """
    if not names:
        return CENTRAL_RIGHTS if institution == CENTRAL_BANK else BANK_RIGHTS
    known = {
        name.removeprefix("RIGHT_").lower(): number
        for name, number in office_pb2.Right.items()
        if number
    }
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise invalid(
                "rights", _("are of {names}, with commas between").format(names=", ".join(known))
            )
    return [known[name] for name in dict.fromkeys(wanted)]


def registered(plan: StackPlan, institution: str) -> list[office_pb2.Officer]:
    """An institution's officers, as it tells the first officer of the plan whom it knows.

    Raises:
        Refusal: OFFICER_UNKNOWN, when it knows none of them.
    """
    refusal: Refusal | None = None
    for name in plan.officers(institution):
        try:
            with ActClient(plan, institution, name) as client:
                return client.officers()
        except Refusal as no:
            if no.reason != errors_pb2.REASON_OFFICER_UNKNOWN:
                raise
            refusal = no  # removed, or given another certificate, in the meantime
    raise refusal or Refusal(
        errors_pb2.REASON_OFFICER_UNKNOWN,
        _("nobody is left of {institution}").format(institution=institution),
    )


def follow(plan: StackPlan, institution: str) -> StackPlan:
    """Brings files and plan to what two officers have decided by now; returns the new plan."""
    people = registered(plan, institution)
    for officer in people:
        if not officer.removed:
            _put(plan, officer)
    there = [officer for officer in people if not officer.removed and _is_here(plan, officer)]
    names = [officer.name for officer in there]
    before = plan.officers(institution)
    after = [name for name in before if name in names]
    after += [name for name in names if name not in before]
    if tuple(after) != before:
        plan = plan.changed(lambda now: now.with_officers(institution, after))
    for officer in people:
        if officer.removed and _is_here(plan, officer):
            _forget(plan, officer.name)
    return plan


def registration(
    plan: StackPlan, institution: str, name: str, rights: Iterable[office_pb2.Right]
) -> office_pb2.RegisterOfficer:
    """The act to propose for a new officer, whose certificate and key it makes.

    Raises:
        Refusal: FIELD_INVALID, or ALREADY_EXISTS for a name that is in use elsewhere; nothing was
            made.
    """
    check_name(name)
    elsewhere = [other for other in _institutions(plan) if name in plan.officers(other)]
    if name in _NOT_ONES_OWN or (elsewhere and institution not in elsewhere):
        raise Refusal(
            errors_pb2.REASON_ALREADY_EXISTS,
            _("{name!r} is somebody else's name in this stack").format(name=name),
            field="name",
        )
    certificate, key = _made(plan, institution, name)
    return office_pb2.RegisterOfficer(
        name=name,
        certificate_fingerprint=fingerprint(certificate),
        signing_key=public_key(key),
        rights=sorted(rights),
    )


def renewal(plan: StackPlan, institution: str, name: str, days: int) -> office_pb2.RenewOfficer:
    """The act to propose for an officer's new certificate and key.

    They are made, unless an earlier command has made them.

    Args:
        plan: the stack.
        institution: where the officer works.
        name: the officer's.
        days: how long the old ones stay valid, from when the new ones were made; 0: not at all.
    """
    _made(plan, institution, name)
    return renewal_of(plan, name, days, fresh=True)


def renewal_of(plan: StackPlan, name: str, days: int, *, fresh: bool) -> office_pb2.RenewOfficer:
    """The act with which a certificate and a key are, or were, proposed.

    Args:
        plan: the stack.
        name: the officer's.
        days: see `renewal`.
        fresh: True: those that lie beside the ones in use. False: the ones in use.
    """
    certificate, key = _files(plan, name)
    if fresh:
        certificate, key = next_to(certificate), next_to(key)
    # The file's time, so that a repeated command asks for exactly the same.
    made_ms = int(key.stat().st_mtime * 1_000)
    return office_pb2.RenewOfficer(
        name=name,
        certificate_fingerprint=fingerprint(certificate),
        signing_key=public_key(key),
        old_until_time_ms=made_ms + days * DAY_MS if days else 0,
    )


def is_under_way(plan: StackPlan, name: str) -> bool:
    """Whether an officer's new key lies beside the one in use."""
    return next_to(officer_key_file(plan, name)).exists()


def give_up(plan: StackPlan, name: str) -> None:
    """Deletes the files that were made for a proposal that was not taken."""
    certificate, key = _files(plan, name)
    for file in (certificate, certificate.with_suffix(".key"), key):
        next_to(file).unlink(missing_ok=True)


def _institutions(plan: StackPlan) -> list[str]:
    return [CENTRAL_BANK, *(bank.name for bank in plan.banks)]


def _files(plan: StackPlan, name: str) -> tuple[Path, Path]:
    """The certificate and the signing key of an officer."""
    return plan.officers_folder / f"{name}.crt", officer_key_file(plan, name)


def _made(plan: StackPlan, institution: str, name: str) -> tuple[Path, Path]:
    certificate, key = _files(plan, name)
    role = parties.officer(institution, name)
    return next_certificate(plan, certificate, role), next_key(key)


def _put(plan: StackPlan, officer: office_pb2.Officer) -> None:
    """Puts registered new files in the place of those in use; goes on where it was interrupted."""
    certificate, key = _files(plan, officer.name)
    fresh, fresh_key = next_to(certificate), next_to(key)
    marks = {held.certificate_fingerprint for held in officer.credentials}
    keys = {held.signing_key for held in officer.credentials}
    if fresh.exists() and fingerprint(fresh) in marks:
        tls_key = certificate.with_suffix(".key")
        if next_to(tls_key).exists():
            os.replace(next_to(tls_key), tls_key)
        os.replace(fresh, certificate)
    if fresh_key.exists() and public_key(fresh_key) in keys:
        os.replace(fresh_key, key)


def _is_here(plan: StackPlan, officer: office_pb2.Officer) -> bool:
    """Whether the officer's certificate and key lie in the stack."""
    certificate, key = _files(plan, officer.name)
    if not (certificate.exists() and key.exists()):
        return False
    mark, public = fingerprint(certificate), public_key(key)
    held = officer.credentials
    return any(each.certificate_fingerprint == mark for each in held) and any(
        each.signing_key == public for each in held
    )


def _forget(plan: StackPlan, name: str) -> None:
    """Deletes the certificate and keys of somebody who is no officer any more."""
    certificate, key = _files(plan, name)
    for file in (key, certificate.with_suffix(".key"), certificate):
        file.unlink(missing_ok=True)
    give_up(plan, name)
