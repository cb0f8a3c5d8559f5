"""Every method of the contract at every port of a real stack, by everybody's certificate."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from currency import parties
from runtime.errors import Refusal, Unreached, from_rpc_error
from sandbox.demo.environment import System
from tests.fuzz.roles import Cast, channel_to
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

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]
FOLLOW = "/dcep.registration.v1.RegistrationService/FollowFeed"
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """Certificate and key of everybody, and of who has a role that there is not."""
    plan = system.plan
    cast = Cast(plan, tmp_path_factory.mktemp("certificates"))
    own = {name: plan.bank_folder(name) for name in ("alpha", "beta")}
    own["centre"] = plan.central_folder
    return {
        **{name: (folder / "tls.crt", folder / "tls.key") for name, folder in own.items()},
        "lin": cast.officer(plan.central_officers[0]),
        "wang": cast.officer(plan.officers("alpha")[0]),
        "beta's": cast.officer(plan.officers("beta")[0]),
        "nobody": cast.identity("nobody", "dcep://nobody/at-all"),
        "holder": cast.identity("holder", parties.HOLDER),
        "ghost": cast.identity("ghost", parties.officer("central-bank", "ghost")),
        "gamma": cast.identity("gamma", parties.bank("gamma")),
        "a second alpha": cast.identity("alpha2", parties.bank("alpha")),
    }


def let_in(channel: grpc.Channel, method: str) -> bool:
    """Whether a call without a word gets as far as to be read."""
    call = channel.unary_stream(method)(b"", timeout=20.0)
    try:
        for _ in call:
            call.cancel()
            return True
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return False
        refusal = from_rpc_error(error)
        if isinstance(refusal, Unreached):
            return False  # a port with mutual TLS ends the connection of who shows no certificate
        assert isinstance(refusal, Refusal), (method, refusal)
        assert refusal.name != "INTERNAL", method
        return refusal.name not in NOT_LET_IN
    return True


def check(system: System, address: str, files: Files | None, table: Table, role: str) -> None:
    served = {path for path, roles in table.items() if role in roles}
    with channel_to(system.plan, address, *(files or ())) as channel:
        # A bank's own feed is left alone: the newest two of a bank are all that it has.
        found = {path for path in methods(*SERVICES) - {FOLLOW} if let_in(channel, path)}
        assert found == served - {FOLLOW}
        if FOLLOW not in served:
            assert not let_in(channel, FOLLOW)


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("lin", OFFICER),
        ("alpha", BANK),
        ("", ""),
        ("wang", ""),
        ("centre", ""),
        ("nobody", ""),
        ("holder", ""),
        ("ghost", ""),
        ("gamma", ""),
        ("a second alpha", ""),
    ],
)
def test_at_the_central_bank(system: System, files: dict[str, Files], who: str, role: str) -> None:
    check(system, system.plan.central_address, files.get(who), AT_THE_CENTRAL_BANK, role)


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("wang", OFFICER),
        ("centre", CENTRAL_BANK),
        ("", ""),
        ("lin", ""),
        ("beta's", ""),
        ("alpha", ""),
        ("beta", ""),
        ("nobody", ""),
        ("holder", ""),
    ],
)
def test_at_a_banks_inner_port(
    system: System, files: dict[str, Files], who: str, role: str
) -> None:
    address = system.plan.bank("alpha").inner_address
    check(system, address, files.get(who), AT_THE_INNER_PORT, role)


@pytest.mark.parametrize("who", ["", "lin", "centre"])
def test_at_a_banks_public_port_a_certificate_opens_nothing_more(
    system: System, files: dict[str, Files], who: str
) -> None:
    address = system.plan.bank("alpha").public_address
    anybodys: Table = {path: frozenset([""]) for path in AT_THE_PUBLIC_PORT}
    check(system, address, files.get(who), anybodys, "")
