"""Wallets with a fake bank."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.testing

import language
from runtime.clock import ManualClock, SystemClock
from tests.offline.signers import Signers
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.fake_banks import FakeBanks
from tests.wallet.grpc_bank import served
from tests.wallet.office import MakeOffice, Office
from wallet.app import App
from wallet.payroll import paying


@cache
def _made(commands: typer.Typer, _language: str) -> Any:
    return typer.main.get_command(commands)


@pytest.fixture(scope="session", autouse=True)
def commands_are_made_once() -> Iterator[None]:
    """For each language: `CliRunner` makes all of them again for each line, which takes longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", lambda app: _made(app, language.chosen()))
        yield


@pytest.fixture(scope="session")
def signers() -> Signers:
    """Making its certificates takes time."""
    return Signers()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
def bank(clock: ManualClock) -> FakeBank:
    return FakeBank(clock)


@pytest.fixture
def make_app(tmp_path: Path, clock: ManualClock, bank: FakeBank) -> Iterator[MakeApp]:
    """A wallet's app on a home; with the same name it is the same home, started again."""
    made: list[App] = []

    def make(name: str = "alice", *, opened: bool = True, tells_later: bool = False) -> App:
        app = App(tmp_path / name, clock=clock, banks=FakeBanks(bank), tells_later=tells_later)
        made.append(app)
        if opened:
            app.open(ALPHA, holder_name=name)
        return app

    yield make
    for app in made:
        app.close()


@pytest.fixture
def grpc_bank() -> FakeBank:
    return FakeBank(SystemClock())


@pytest.fixture
def stack(tmp_path: Path, grpc_bank: FakeBank) -> Iterator[Path]:
    with served(grpc_bank, tmp_path / "stack"):
        yield tmp_path / "stack"


@pytest.fixture
def make_office(make_app: MakeApp, bank: FakeBank, clock: ManualClock) -> MakeOffice:
    return lambda count: Office(make_app, bank, clock, count)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "PAYROLL_ITEMS", 3)
