"""The authentication centre: who is admitted, and what each caller may call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from central_bank.authentication.registry import Bank
from central_bank.gate import central_gate, own_bank_only
from runtime.errors import Refusal
from runtime.tls import Identity
from tests.central_bank.conftest import KEYS, LIN, World, identity, particulars

GAMMA = particulars("gamma", "6203")
REGISTRATION = "/dcep.registration.v1.RegistrationService/SubmitPayments"
CREATE = "/dcep.issuance.v1.IssuanceService/CreateRequest"
APPROVE = "/dcep.issuance.v1.IssuanceService/ApproveRequest"
ADMIT = "/dcep.authentication.v1.AuthenticationService/AdmitBank"
BUNDLE = "/dcep.authentication.v1.AuthenticationService/GetTrustBundle"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "bank.name"),
        ({"name": "Gamma"}, "bank.name"),
        ({"name": "gamma/lin"}, "bank.name"),
        ({"name": "g" * 17}, "bank.name"),
        ({"prefix": "620"}, "bank.prefix"),
        ({"prefix": "６２０３"}, "bank.prefix"),
        ({"certificate_fingerprint": "A" * 64}, "bank.certificate_fingerprint"),
        ({"business_key": b"short"}, "bank.business_key"),
        ({"business_key": bytes(32)}, "bank.business_key"),
        ({"inner_address": "no port"}, "bank.inner_address"),
    ],
)
def test_particulars_are_checked_by_field(world: World, changes: dict, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        world.central.registry.admit(replace(GAMMA, **changes))
    assert caught.value.field == field
    assert len(world.central.registry.all()) == 2


def test_a_bank_is_admitted_once(world: World) -> None:
    registry = world.central.registry
    gamma = registry.admit(GAMMA)
    assert registry.admit(GAMMA) == gamma
    assert [bank.index for bank in registry.all()] == [0, 1, 2]


def test_the_longest_name_fits_the_offline_certificate_too(world: World) -> None:
    name = "g" * 16
    assert world.central.registry.admit(replace(GAMMA, name=name)).name == name
    assert world.central.devices.certify_bank(name, bytes(KEYS["other"].verify_key))


def test_banks_that_are_admitted_at_once_have_an_index_each(world: World) -> None:
    banks = [particulars(f"bank-{prefix}", str(prefix)) for prefix in range(6210, 6218)]
    with ThreadPoolExecutor(len(banks)) as pool:
        admitted = list(pool.map(world.central.registry.admit, banks))
    assert sorted(bank.index for bank in admitted) == list(range(2, 10))
    assert world.restart().registry.all()[2:] == sorted(admitted, key=lambda bank: bank.index)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "alpha"},
        {"prefix": "6201"},
        {"certificate_fingerprint": particulars("alpha", "6201").certificate_fingerprint},
    ],
)
def test_what_belongs_to_one_bank_is_not_given_to_another(world: World, changes: dict) -> None:
    with pytest.raises(Refusal) as caught:
        world.central.registry.admit(replace(GAMMA, **changes))
    assert caught.value.name == "ALREADY_EXISTS"


def test_only_the_admitted_certificate_is_welcome(world: World) -> None:
    registry, alpha = world.central.registry, identity(world.alpha)
    assert registry.welcome(alpha) == world.alpha
    for peer, reason in (
        (replace(alpha, fingerprint="0" * 64), "BANK_NOT_ADMITTED"),
        (replace(alpha, name="gamma"), "BANK_NOT_ADMITTED"),
        (replace(alpha, role="wallet"), "ROLE_NOT_ALLOWED"),
        (None, "ROLE_NOT_ALLOWED"),
    ):
        with pytest.raises(Refusal) as caught:
            registry.welcome(peer)
        assert caught.value.name == reason


def test_a_suspension_works_at_once_and_after_a_restart(world: World) -> None:
    world.central.registry.set_suspended("alpha", True)
    for central in (world.central, world.restart()):
        with pytest.raises(Refusal) as caught:
            central.registry.welcome(identity(world.alpha))
        assert caught.value.name == "BANK_SUSPENDED"
    world.central.registry.set_suspended("alpha", False)
    assert world.central.registry.welcome(identity(world.alpha)).name == "alpha"


def verdict(world: World, peer: Identity | None, method: str) -> str:
    try:
        central_gate(world.central.registry)(peer, method)
    except Refusal as refusal:
        return refusal.name
    return "OK"


def test_who_may_call_what(world: World) -> None:
    alpha: Bank = world.alpha
    bank, clerk = identity(alpha), Identity("officer", "alpha/wang", "3" * 64)
    stranger = Identity("bank", "gamma", "4" * 64)
    no = "ROLE_NOT_ALLOWED"
    for peer, answers in (
        (LIN, {REGISTRATION: no, CREATE: "OK", APPROVE: "OK", ADMIT: "OK", BUNDLE: "OK"}),
        (bank, {REGISTRATION: "OK", CREATE: "OK", APPROVE: no, ADMIT: no, BUNDLE: "OK"}),
        (clerk, {REGISTRATION: no, CREATE: "OK", APPROVE: no, ADMIT: no, BUNDLE: no}),
        (stranger, {REGISTRATION: "BANK_NOT_ADMITTED", APPROVE: no, ADMIT: no}),
        (None, dict.fromkeys([REGISTRATION, CREATE, ADMIT], "CERTIFICATE_REQUIRED")),
    ):
        assert {method: verdict(world, peer, method) for method in answers} == answers


def test_a_suspended_banks_officers_are_out_too(world: World) -> None:
    world.central.registry.set_suspended("alpha", True)
    clerk = Identity("officer", "alpha/wang", "3" * 64)
    assert verdict(world, clerk, CREATE) == "ROLE_NOT_ALLOWED"
    assert verdict(world, identity(world.alpha), CREATE) == "BANK_SUSPENDED"


def test_a_bank_and_its_officers_act_for_that_bank_alone() -> None:
    clerk = Identity("officer", "alpha/wang", "3" * 64)
    own_bank_only(clerk, "alpha")
    own_bank_only(LIN, "alpha")
    with pytest.raises(Refusal):
        own_bank_only(clerk, "beta")
