"""Chooses who confirms what holders show, by the bank's settings."""

from __future__ import annotations

from pathlib import Path

from operator_bank.customers.checks import IdentityChecks, NoChecks
from operator_bank.customers.sandbox_checks import AtOnce, LikeReal
from runtime.settings import SettingsError


def identity_checks(name: str, outbox: str) -> IdentityChecks:
    """The checks with this name.

    Args:
        name: `none`, `sandbox-at-once` or `sandbox`.
        outbox: where the sandbox's telephones are; only for `sandbox`.

    Raises:
        SettingsError: there are no such checks, or no outbox is given.
    """
    if name == NoChecks.setting:
        return NoChecks()
    if name == AtOnce.name:
        return AtOnce()
    if name != LikeReal.name:
        raise SettingsError(
            f"identity_checks is none, {AtOnce.name} or {LikeReal.name}, not {name!r}"
        )
    if not outbox:
        raise SettingsError('identity_checks = "sandbox" needs identity_outbox, a file')
    return LikeReal(Path(outbox))
