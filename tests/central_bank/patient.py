"""A central bank on which years pass: expired tokens are refunded, and old ones deleted."""

from __future__ import annotations

from dataclasses import replace

from auditor.audit import StackAudit, audit_engines
from central_bank import limits
from deployment.topology import CENTRAL_BANK
from offline_token.limits import MAX_CERTIFICATE_MS
from offline_token.signing import certify_device
from tests.central_bank.admitting import KEYS
from tests.offline.centre import Centre
from tests.offline.signers import Device

OVER = limits.TOKEN_LIFETIME_MS + limits.RESTORE_GRACE_MS


class PatientCentre(Centre):
    """Certifies devices for as long as a certificate counts."""

    def device(self, name: str, bank: str = "alpha") -> Device:
        made = super().device(name, bank)
        expires = self.clock.now_ms() + MAX_CERTIFICATE_MS
        return replace(made, certificate=certify_device(KEYS[bank], bank, made.public, expires))


def audit(centre: Centre) -> StackAudit:
    return audit_engines({CENTRAL_BANK: centre.engine})
