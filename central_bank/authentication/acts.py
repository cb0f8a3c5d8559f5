"""Performs acts about who is trusted: banks admitted, suspended, reinstated and renewed, keys
replaced, devices and certificates revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from central_bank.authentication.bank_rows import Given, Renewal
from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.authentication.central_keys import CentralKeys
from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.possession import check_possession
from central_bank.authentication.trust_bundle import Devices
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect
from runtime.checks import exact_bytes
from runtime.database import Database


def authentication_effects(
    database: Database,
    registry: Registry,
    devices: Devices,
    central_keys: CentralKeys,
    offline_roots: OfflineRoots,
) -> Mapping[str, Effect]:
    """The effects of these acts, by the kind of act."""
    return {
        "admit_bank": _Admission(database, registry, devices),
        "suspend_bank": _Suspension(database, registry, suspended=True),
        "reinstate_bank": _Suspension(database, registry, suspended=False),
        "renew_bank": _Renewal(database, registry, devices),
        "renew_central_key": _CentralRenewal(database, central_keys),
        "revoke_central_certificate": _CertificateRevocation(database, central_keys),
        "renew_offline_root": _RootRenewal(database, offline_roots),
        "revoke_device": _Revocation(database, registry, devices),
    }


class _AuthenticationEffect(Effect):
    right: int = office_pb2.RIGHT_BANKS

    def __init__(self, database: Database) -> None:
        self._database = database

    def end(self, act: Act, decision: Decision) -> None:
        self._database.transaction(decision.mark)


class _Admission(_AuthenticationEffect):
    def __init__(self, database: Database, registry: Registry, devices: Devices) -> None:
        super().__init__(database)
        self._registry = registry
        self._devices = devices

    def check(self, act: Act) -> None:
        self._registry.check_new(self._bank(act))
        check_possession(act.asked.business_key, act.asked.name, act.asked.proof)

    def perform(self, act: Act, decision: Decision) -> None:
        self._registry.admit(self._bank(act), decision.mark, by=_by(decision))

    def _bank(self, act: Act) -> AdmittedBank:
        asked = act.asked
        return AdmittedBank(
            index=0,
            name=asked.name,
            prefix=asked.prefix,
            certificate_fingerprint=asked.certificate_fingerprint,
            business_key=asked.business_key,
            inner_address=asked.inner_address,
            suspended=False,
            offline_certificate=self._devices.certify_bank(asked.name, asked.business_key),
        )


class _Suspension(_AuthenticationEffect):
    def __init__(self, database: Database, registry: Registry, *, suspended: bool) -> None:
        super().__init__(database)
        self._registry = registry
        self._suspended = suspended

    def check(self, act: Act) -> None:
        self._registry.get(act.asked.name, "name")

    def perform(self, act: Act, decision: Decision) -> None:
        self._registry.set_suspended(act.asked.name, self._suspended, decision.mark)


class _Renewal(_AuthenticationEffect):
    def __init__(self, database: Database, registry: Registry, devices: Devices) -> None:
        super().__init__(database)
        self._registry = registry
        self._devices = devices

    def check(self, act: Act) -> None:
        self._registry.check_renewal(_renewal(act))
        if act.asked.business_key:
            check_possession(act.asked.business_key, act.asked.name, act.asked.proof)

    def perform(self, act: Act, decision: Decision) -> None:
        renewal = _renewal(act)
        self._registry.check_renewal(renewal)
        if renewal.business_key:
            made = self._devices.certify_bank(renewal.name, renewal.business_key)
            renewal = replace(renewal, offline_certificate=made)
        shortened = self._devices.shortened
        self._registry.renew(renewal, shortened, decision.mark, by=_by(decision))


class _CentralRenewal(_AuthenticationEffect):
    def __init__(self, database: Database, keys: CentralKeys) -> None:
        super().__init__(database)
        self._keys = keys

    def check(self, act: Act) -> None:
        asked = act.asked
        self._keys.check(asked.business_key, asked.proof, asked.old_until_time_ms)

    def perform(self, act: Act, decision: Decision) -> None:
        self.check(act)
        asked = act.asked
        until_ms = asked.old_until_time_ms
        self._keys.renew(asked.business_key, until_ms, decision.mark, _by(decision))


class _RootRenewal(_AuthenticationEffect):
    def __init__(self, database: Database, roots: OfflineRoots) -> None:
        super().__init__(database)
        self._roots = roots

    def check(self, act: Act) -> None:
        asked = act.asked
        self._roots.check(asked.root_key, asked.proof, asked.old_until_time_ms)

    def perform(self, act: Act, decision: Decision) -> None:
        self.check(act)
        asked = act.asked
        self._roots.renew(asked.root_key, asked.old_until_time_ms, decision.mark, _by(decision))


class _CertificateRevocation(_AuthenticationEffect):
    def __init__(self, database: Database, keys: CentralKeys) -> None:
        super().__init__(database)
        self._keys = keys

    def check(self, act: Act) -> None:
        self._keys.check_revocation(act.asked.certificate_fingerprint)

    def perform(self, act: Act, decision: Decision) -> None:
        fingerprint = act.asked.certificate_fingerprint
        self._keys.revoke_certificate(fingerprint, decision.mark, _by(decision))


class _Revocation(_AuthenticationEffect):
    right = office_pb2.RIGHT_DEVICES

    def __init__(self, database: Database, registry: Registry, devices: Devices) -> None:
        super().__init__(database)
        self._registry = registry
        self._devices = devices

    def check(self, act: Act) -> None:
        self._registry.get(act.asked.bank, "bank")
        exact_bytes(act.asked.device_key, "device_key", 32)

    def perform(self, act: Act, decision: Decision) -> None:
        bank = self._registry.get(act.asked.bank, "bank")
        self._devices.revoke(bank, act.asked.device_key, act.content.cause, decision.mark)


def _by(decision: Decision) -> Given:
    return Given(decision.act.number, decision.time_ms)


def _renewal(act: Act) -> Renewal:
    asked = act.asked
    return Renewal(
        name=asked.name,
        certificate_fingerprint=asked.certificate_fingerprint,
        business_key=asked.business_key,
        old_until_time_ms=asked.old_until_time_ms,
    )
