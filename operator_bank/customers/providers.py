"""Chooses who confirms what holders show, by the bank's settings."""

from __future__ import annotations

from pathlib import Path

from operator_bank.customers.checks import IdentityChecks, NoChecks
from operator_bank.customers.sandbox_checks import AtOnce, LikeReal
from runtime.settings import SettingsError


def identity_checks(name: str, outbox: str, *, in_sandbox: bool) -> IdentityChecks:
    """The checks with this name.

    Args:
        name: `none`, `sandbox-at-once` or `sandbox`.
        outbox: where the sandbox's telephones are; only for `sandbox`.
        in_sandbox: whether the bank says that it is no real one; else it has none of a sandbox.

    Raises:
        SettingsError: there are no such checks, or only in a sandbox, or no outbox is given.
    """
    if name == NoChecks.setting:
        return NoChecks()
    if name in (AtOnce.name, LikeReal.name) and not in_sandbox:
        raise SettingsError(
            f'identity_checks = "{name}" really checks nobody: it is for a sandbox, which says '
            "keys_in_files = true"
        )
    if name == AtOnce.name:
        return AtOnce()
    if name != LikeReal.name:
        raise SettingsError(
            f"identity_checks is none, {AtOnce.name} or {LikeReal.name}, not {name!r}"
        )
    if not outbox:
        raise SettingsError('identity_checks = "sandbox" needs identity_outbox, a file')
    return LikeReal(Path(outbox))
