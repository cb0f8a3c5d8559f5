"""Running stacks for the tests: one shared by most, and fresh ones for those that break things."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment import processes
from deployment.databases import drop_databases
from sandbox.demo.environment import System
from sandbox.stack.supervisor import Stack, init
from tests import forked
from tests.integration.service_report import Report
from tests.integration.systems import MakeSystem, fund


@pytest.fixture(scope="session", autouse=True)
def services_are_forked() -> Iterator[None]:
    """Those that tests start from here, and those that commands start that were forked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "subprocess", forked.AS_SUBPROCESS)
        yield


@pytest.fixture(scope="module")
def systems(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeSystem]:
    """Makes running stacks that are stopped when the module's tests are through.

    Not later: every service that runs holds connections, of which a server has a limit.
    """
    with contextlib.ExitStack() as ends:
        yield _maker(ends, request, tmp_path_factory)


@pytest.fixture(scope="session")
def service_report(request: pytest.FixtureRequest) -> Report:
    """Where tests say how well payers were served while something was done."""
    file = request.config.getoption("--service-report")
    return Report(Path(file) if file else None)


@pytest.fixture
def sqlite_files(request: pytest.FixtureRequest) -> None:
    """For tests that change a database's file; tests/settlement does the same on PostgreSQL."""
    if request.config.getoption("--postgresql"):
        pytest.skip("changes SQLite files")


@pytest.fixture(scope="session")
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """The shared stack: two banks with full vaults. Tests leave it running and consistent."""
    with contextlib.ExitStack() as ends:
        yield _maker(ends, request, tmp_path_factory)()


def _end(system: System) -> None:
    system.close()
    drop_databases(system.database_urls)


def _maker(
    ends: contextlib.ExitStack,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeSystem:
    everywhere = ""
    if request.config.getoption("--postgresql"):
        everywhere = request.getfixturevalue("postgres_url")

    def make(database_url: str = everywhere, *, funded: bool = True) -> System:
        folder: Path = tmp_path_factory.mktemp("stack")
        system = System(
            Stack(init(folder / "stack", database_server=database_url)), folder / "homes"
        )
        ends.callback(_end, system)
        system.stack.up()
        if funded:
            fund(system)
        return system

    return make
