"""Every method that a port serves, called by everybody: who gets through stands in `who_may`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditor.signatures.rights import RIGHT_OF
from central_bank.__main__ import services as central_services
from central_bank.authentication.authorization import central_authorizer
from dcep.office.v1 import office_pb2
from operator_bank.__main__ import edge_service, inner_services, public_services
from operator_bank.api.inner import inner_authorizer
from operator_bank.ledger.standing import public_authorizer
from runtime.errors import Refusal
from runtime.metrics import CallMetrics
from runtime.server import Authorizer
from runtime.tls import Identity
from tests.central_bank.admitting import identity
from tests.central_bank.system import HAN, LIN
from tests.central_bank.system import System as CentralWorld
from tests.officers.people import Person
from tests.operator_bank.system import CHEN, WANG
from tests.operator_bank.system import System as BankWorld
from tests.who_may import (
    AT_THE_CENTRAL_BANK,
    AT_THE_INNER_PORT,
    AT_THE_PUBLIC_PORT,
    BANK,
    CENTRAL_BANK,
    NOT_LET_IN,
    OFFICER,
    SERVICES,
    Table,
    methods,
)

CENTRE = Identity("central-bank", "central-bank", "1" * 64)
HOLDER = Identity("holder", "self", "2" * 64)
OTHERS: Mapping[str, Identity | None] = {
    "no certificate": None,
    "a holder's program": HOLDER,
    "a role that there is not": Identity("auditor", "self", "3" * 64),
    "officers of nobody": Identity("officer", "", "4" * 64),
}


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> CentralWorld:
    """Where beta is suspended, and han an officer no more."""
    system = CentralWorld(tmp_path_factory.mktemp("central"))
    system.both(office_pb2.SuspendBank(name="beta"))
    system.both(office_pb2.RemoveOfficer(name="han"))
    return system


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> BankWorld:
    """Where chen is an officer no more."""
    folder: Path = tmp_path_factory.mktemp("bank")
    system = BankWorld(folder)
    system.both(office_pb2.RemoveOfficer(name="chen"))
    return system


def let_in(authorize: Authorizer, who: Identity | None, method: str) -> bool:
    try:
        authorize(who, method)
    except Refusal as refusal:
        assert refusal.name in NOT_LET_IN, (method, who, refusal.name)
        return False
    return True


def check(
    authorize: Authorizer, table: Table, callers: Mapping[str, tuple[str, Identity | None]]
) -> None:
    """Everybody calls everything; `callers` by who they are: the role that they have, if any."""
    paths = {*table, *methods(*SERVICES)}
    for name, (role, who) in callers.items():
        allowed = {path for path in sorted(paths) if let_in(authorize, who, path)}
        served = {path for path, roles in table.items() if role in roles}
        assert allowed & set(table) == served, name
        # A method of another port gets nobody anywhere: it is not served here.
        assert {path.rpartition("/")[0] for path in allowed} <= {
            path.rpartition("/")[0] for path in served
        }, name


def test_every_method_of_the_central_bank_for_everybody(central: CentralWorld) -> None:
    alpha = identity(central.alpha)
    callers: dict[str, tuple[str, Identity | None]] = {
        "an officer": (OFFICER, LIN.identity),
        "a bank": (BANK, alpha),
        "a suspended bank": ("", identity(central.beta)),
        "a bank that nobody admitted": ("", Identity("bank", "gamma", "5" * 64)),
        "a bank's name on another certificate": ("", replace(alpha, fingerprint="6" * 64)),
        "another name on a bank's certificate": ("", replace(alpha, name="beta")),
        "an officer of a bank": ("", Identity("officer", "alpha/wang", "7" * 64)),
        "an officer who was removed": ("", HAN.identity),
        "an officer whom nobody registered": ("", Person("central-bank", "ghost").identity),
        "an officer's name on another certificate": ("", replace(LIN.identity, fingerprint="8")),
        "the central bank itself": ("", CENTRE),
        **{name: ("", who) for name, who in OTHERS.items()},
    }
    authorize = central_authorizer(
        central.central.registry, central.central.officers, central.central.standing
    )
    served = methods(*(service.name for service in central_services(central.central)))
    assert served == set(AT_THE_CENTRAL_BANK), "each has a line in tests/who_may.py"
    check(authorize, AT_THE_CENTRAL_BANK, callers)


def test_every_method_of_a_banks_inner_port_for_everybody(bank: BankWorld) -> None:
    callers: dict[str, tuple[str, Identity | None]] = {
        "an officer": (OFFICER, WANG.identity),
        "an officer who was removed": ("", CHEN.identity),
        "an officer whom nobody registered": ("", Person("alpha", "ghost").identity),
        "an officer's name on another certificate": ("", replace(WANG.identity, fingerprint="8")),
        "an officer of another bank": ("", Person("beta", "wang").identity),
        "an officer of the central bank": ("", Person("central-bank", "lin").identity),
        "the central bank": (CENTRAL_BANK, CENTRE),
        "a certificate that is the central bank's no more": ("", replace(CENTRE, fingerprint="9")),
        "the bank itself": ("", Identity("bank", "alpha", "5" * 64)),
        "another bank": ("", Identity("bank", "beta", "6" * 64)),
        **{name: ("", who) for name, who in OTHERS.items()},
    }
    authorize = inner_authorizer(bank.bank.officers, lambda: {"9"})
    served = methods(*(service.name for service in inner_services(bank.bank)))
    assert served == set(AT_THE_INNER_PORT), "each has a line in tests/who_may.py"
    check(authorize, AT_THE_INNER_PORT, callers)


def test_every_method_of_the_public_port_has_a_line_and_the_edges_questions_have_none(
    bank: BankWorld,
) -> None:
    served = methods(*(service.name for service in public_services(bank.bank)))
    assert served == AT_THE_PUBLIC_PORT
    edge = methods(edge_service(bank.bank, CallMetrics(CollectorRegistry())).name)
    every = {*AT_THE_CENTRAL_BANK, *AT_THE_INNER_PORT, *AT_THE_PUBLIC_PORT}
    assert every | edge == methods(*SERVICES), "no method of the contract is forgotten"
    assert not edge & every
    authorize = public_authorizer(bank.bank.standing)
    assert all(let_in(authorize, None, path) for path in AT_THE_PUBLIC_PORT)


def test_every_kind_of_act_takes_the_right_that_is_written_down_for_it(
    central: CentralWorld, bank: BankWorld
) -> None:
    rights: dict[str, int] = {}
    for acts in (central.central.acts, bank.bank.acts):
        found = {kind: effect.right for kind, effect in acts.effects.items()}
        assert {kind: RIGHT_OF.get(kind) for kind in found} == found
        rights |= found
    kinds = office_pb2.OfficerAct.DESCRIPTOR.oneofs_by_name["kind"].fields
    assert set(rights) == {field.name for field in kinds} == set(RIGHT_OF)
