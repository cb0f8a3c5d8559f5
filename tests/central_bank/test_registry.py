"""The authentication centre: who is admitted, and what each caller may call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from central_bank.authentication.authorization import central_authorizer
from central_bank.authentication.banks import AdmittedBank
from dcep.office.v1 import office_pb2
from runtime.errors import Refusal
from runtime.tls import Identity
from tests.central_bank.admitting import KEYS, admission, identity, particulars
from tests.central_bank.system import LIN, System
from tests.refusals import refused_for

GAMMA = particulars("gamma", "6203")
REGISTRATION = "/dcep.registration.v1.RegistrationService/SubmitPayments"
CREATE = "/dcep.issuance.v1.IssuanceService/CreateRequest"
ACT = "/dcep.office.v1.ActService/ProposeAct"
BUNDLE = "/dcep.authentication.v1.AuthenticationService/GetTrustBundle"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "bank.name"),
        ({"name": "Gamma"}, "bank.name"),
        ({"name": "gamma/lin"}, "bank.name"),
        ({"name": "central-bank"}, "bank.name"),
        ({"name": "g" * 17}, "bank.name"),
        ({"prefix": "620"}, "bank.prefix"),
        ({"prefix": "６２０３"}, "bank.prefix"),
        ({"certificate_fingerprint": "A" * 64}, "bank.certificate_fingerprint"),
        ({"business_key": b"short"}, "bank.business_key"),
        ({"business_key": bytes(32)}, "bank.business_key"),
        ({"inner_address": "no port"}, "bank.inner_address"),
    ],
)
def test_particulars_are_checked_by_field(system: System, changes: dict, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        system.central.registry.admit(replace(GAMMA, **changes))
    assert caught.value.field == field
    assert len(system.central.registry.all()) == 2


def test_a_bank_is_admitted_once(system: System) -> None:
    registry = system.central.registry
    gamma = registry.admit(GAMMA)
    assert registry.admit(GAMMA) == gamma
    assert [bank.index for bank in registry.all()] == [0, 1, 2]


def test_the_longest_name_fits_the_offline_certificate_too(system: System) -> None:
    name = "g" * 16
    assert system.central.registry.admit(replace(GAMMA, name=name)).name == name
    assert system.central.devices.certify_bank(name, bytes(KEYS["other"].verify_key))


def test_banks_that_are_admitted_at_once_have_an_index_each(system: System) -> None:
    banks = [particulars(f"bank-{prefix}", str(prefix)) for prefix in range(6210, 6218)]
    with ThreadPoolExecutor(len(banks)) as pool:
        admitted = list(pool.map(system.central.registry.admit, banks))
    assert sorted(bank.index for bank in admitted) == list(range(2, 10))
    assert system.restart().registry.all()[2:] == sorted(admitted, key=lambda bank: bank.index)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "alpha"},
        {"prefix": "6201"},
        {"certificate_fingerprint": particulars("alpha", "6201").certificate_fingerprint},
        {"business_key": bytes(KEYS["alpha"].verify_key)},
    ],
)
def test_what_belongs_to_one_bank_is_not_given_to_another(system: System, changes: dict) -> None:
    assert refused_for(system.central.registry.admit, replace(GAMMA, **changes)) == "ALREADY_EXISTS"


def test_only_the_admitted_certificate_is_welcome(system: System) -> None:
    registry, alpha = system.central.registry, identity(system.alpha)
    assert registry.require_active(alpha) == system.alpha
    for peer, reason in (
        (replace(alpha, fingerprint="0" * 64), "BANK_NOT_ADMITTED"),
        (replace(alpha, name="gamma"), "BANK_NOT_ADMITTED"),
        (replace(alpha, role="wallet"), "ROLE_NOT_ALLOWED"),
        (None, "ROLE_NOT_ALLOWED"),
    ):
        assert refused_for(registry.require_active, peer) == reason


def test_a_suspension_works_at_once_and_after_a_restart(system: System) -> None:
    system.central.registry.set_suspended("alpha", True)
    for central in (system.central, system.restart()):
        assert (
            refused_for(central.registry.require_active, identity(system.alpha)) == "BANK_SUSPENDED"
        )
    system.central.registry.set_suspended("alpha", False)
    assert system.central.registry.require_active(identity(system.alpha)).name == "alpha"


def verdict(system: System, peer: Identity | None, method: str) -> str:
    try:
        central_authorizer(
            system.central.registry, system.central.officers, system.central.standing
        )(peer, method)
    except Refusal as refusal:
        return refusal.name
    return "OK"


def test_who_may_call_what(system: System) -> None:
    alpha: AdmittedBank = system.alpha
    bank, clerk = identity(alpha), Identity("officer", "alpha/wang", "3" * 64)
    stranger = Identity("bank", "gamma", "4" * 64)
    no, nobody = "ROLE_NOT_ALLOWED", "OFFICER_UNKNOWN"
    for peer, answers in (
        (LIN.identity, {REGISTRATION: no, CREATE: no, ACT: "OK", BUNDLE: "OK"}),
        (bank, {REGISTRATION: "OK", CREATE: "OK", ACT: no, BUNDLE: "OK"}),
        (clerk, {REGISTRATION: no, CREATE: no, ACT: no, BUNDLE: no}),
        (stranger, {REGISTRATION: "BANK_NOT_ADMITTED", CREATE: "BANK_NOT_ADMITTED", ACT: no}),
        (None, dict.fromkeys([REGISTRATION, CREATE, ACT], "CERTIFICATE_REQUIRED")),
        # The right shape, and registered by nobody.
        (replace(LIN.identity, fingerprint="5" * 64), {BUNDLE: nobody, ACT: nobody}),
        (replace(LIN.identity, name="central-bank/Lin"), {BUNDLE: nobody, ACT: nobody}),
        (Identity("officer", "central-bank/ghost", "6" * 64), {BUNDLE: nobody, ACT: nobody}),
    ):
        assert {method: verdict(system, peer, method) for method in answers} == answers


def test_two_officers_admit_suspend_and_reinstate(system: System) -> None:
    asked = admission(GAMMA)
    registry, gamma = system.central.registry, identity(GAMMA)
    for kind, before, after in (
        (asked, "BANK_NOT_ADMITTED", "OK"),
        (office_pb2.SuspendBank(name="gamma"), "OK", "BANK_SUSPENDED"),
        (office_pb2.ReinstateBank(name="gamma"), "BANK_SUSPENDED", "OK"),
    ):
        act = system.propose(kind)
        assert verdict(system, gamma, REGISTRATION) == before
        system.approve(act)
        assert verdict(system, gamma, REGISTRATION) == after
    assert registry.all()[2].offline_certificate
    taken = system.both(asked)  # once more, the same: it is admitted already
    assert (taken.state, len(registry.all())) == (office_pb2.ACT_STATE_APPROVED, 3)
    for kind, reason in (
        (office_pb2.SuspendBank(name="omega"), "BANK_UNKNOWN"),
        (office_pb2.ReinstateBank(), "FIELD_MISSING"),
        (office_pb2.AdmitBank(name="alpha", prefix="6203"), "FIELD_MISSING"),
    ):
        assert refused_for(system.propose, kind) == reason
