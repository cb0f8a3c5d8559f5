"""Broken devices in a simulated country: what they cost, who bears it, when they are found out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli.main import app
from simulation.offline_risk import plot
from simulation.offline_risk.money import Mint
from simulation.offline_risk.outcome import Outcome
from simulation.offline_risk.parameters import Parameters
from simulation.offline_risk.simulation import simulate

SMALL = Parameters(devices=120, broken=0.05, days=8, sample=0.05)


@pytest.fixture(scope="module")
def usual() -> Outcome:
    """A small country under the usual limits."""
    return simulate(SMALL)


def test_the_same_seed_gives_the_same_result_and_another_one_another(usual: Outcome) -> None:
    assert simulate(SMALL).as_fields() == usual.as_fields()
    assert simulate(replace(SMALL, seed=2)).as_fields()["loss"] != usual.as_fields()["loss"]


def test_the_limits_are_rules_that_payees_verify_by() -> None:
    rules = Parameters(payment_limit_fen=70, device_limit_fen=900)
    bundle = Mint(Random(1), rules).bundle(())
    assert (bundle.max_payment_fen, bundle.max_holding_fen) == (70, 900)


def test_nothing_is_lost_without_broken_devices() -> None:
    fields = simulate(replace(SMALL, broken=0.0)).as_fields()
    assert set(fields["loss"].values()) == {0}
    assert fields["payees"] == {"paid": 0, "not_paid": 0}
    assert fields["refused_because"] == {}
    assert fields["detection"]["median_hours"] is None
    assert fields["honest"]["payments"] > 0
    assert fields["verified"] > 0


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sync_hours", (4.0, 24.0, 96.0)),
        ("payment_limit_fen", (10_000, 50_000, 200_000)),
        ("revocation_hours", (0.0, 48.0)),
    ],
)
def test_the_loss_grows(name: str, values: tuple[float, ...]) -> None:
    changes: list[dict[str, Any]] = [{name: value} for value in values]
    losses = [simulate(replace(SMALL, **change)).loss_fen for change in changes]
    assert losses == sorted(set(losses))


def test_a_broken_device_is_found_out_at_the_second_surfacing(usual: Outcome) -> None:
    assert len(usual.broken) == 6
    for one in usual.broken:
        assert one.payments > 2
        assert len(one.surfaced) == 2
        assert one.detection_hours is not None


def test_every_fen_that_a_broken_device_has_paid_is_somewhere(usual: Outcome) -> None:
    for one in usual.broken:
        assert one.paid_fen == one.float_fen + one.bank_fen + one.unpaid_fen
        assert one.float_fen <= one.loaded_fen


def test_payees_bear_nothing_below_the_cap_and_the_bank_nothing_above_it() -> None:
    mild = simulate(replace(SMALL, payment_limit_fen=20_000))
    assert mild.loss_fen > 0
    assert mild.as_fields()["payees"]["not_paid"] == 0
    wild = simulate(replace(SMALL, payment_limit_fen=200_000, sync_hours=96.0))
    assert wild.as_fields()["payees"]["not_paid"] > 0
    assert all(one.bank_fen <= 5 * one.loaded_fen for one in wild.broken)


def test_what_payees_do_not_take_comes_back_and_is_deposited() -> None:
    seldom = simulate(replace(SMALL, sync_hours=96.0)).as_fields()["honest"]
    assert seldom["returned"] > 0
    assert seldom["returned_fen"] > 0


def test_few_hops_hinder_who_lives_on_what_he_is_paid() -> None:
    busy = replace(SMALL, payments_a_day=12.0)
    assert simulate(replace(busy, hops=1)).not_made > 2 * simulate(busy).not_made


def test_few_hops_do_not_hinder_who_spends_his_own_load(usual: Outcome) -> None:
    """Change that stays in one hand is not counted."""
    assert simulate(replace(SMALL, hops=1)).not_made == usual.not_made


def test_the_command_gives_its_seed_and_parameters() -> None:
    asked = ["offline-risk", "--devices", "60", "--broken", "0.1", "--days", "4", "--seed", "7"]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    fields = json.loads(done.stdout)
    wanted = replace(Parameters(), devices=60, broken=0.1, days=4, seed=7)
    assert fields == simulate(wanted).as_fields()
    assert fields["parameters"]["seed"] == 7
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0
    assert "seed 7" in shown.stdout


def test_without_matplotlib_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sandbox.cli.offline_risk.find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["offline-risk", "--plot", str(tmp_path / "risk.svg"), "--json"])
    assert done.exit_code == 2
    assert json.loads(done.stdout)["reason"] == "NO_MATPLOTLIB"


def test_the_plot_has_a_curve_for_each_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plot, "INTERVALS_HOURS", (12.0, 48.0))
    found = plot.curves(replace(SMALL, devices=60, days=4))
    assert set(found) == set(plot.LIMITS_FEN)
    assert all(0 < first < last for first, last in found.values())
    pytest.importorskip("matplotlib")
    plot.draw(found, SMALL, tmp_path / "risk.svg")
    assert (tmp_path / "risk.svg").read_text().startswith("<?xml")
