"""``dcep offline-risk``: what broken devices cost under the limits that one may choose."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from console.options import Json
from console.output import EXIT_DONE, EXIT_USAGE, Output
from currency.amount import format_yuan, parse_yuan
from language import _
from simulation.offline_risk.parameters import Parameters

_USUAL = Parameters()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("offline-risk")(offline_risk)


def offline_risk(
    payment_limit: Annotated[str, typer.Option(help="Yuan, the most of one payment.")] = "500.00",
    device_limit: Annotated[str, typer.Option(help="Yuan, the most in one device.")] = "2000.00",
    sync_hours: Annotated[
        float, typer.Option(min=0.1, max=10_000, help="Hours from one time online to the next.")
    ] = _USUAL.sync_hours,
    revocation_hours: Annotated[
        float,
        typer.Option(
            min=0, max=10_000, help="Hours from discovery until the trust bundle says so."
        ),
    ] = _USUAL.revocation_hours,
    hops: Annotated[int, typer.Option(min=1, max=31, help="Times that money changes hands.")] = (
        _USUAL.hops
    ),
    broken: Annotated[float, typer.Option(min=0, max=0.5, help="Share of broken devices.")] = (
        _USUAL.broken
    ),
    frauds_a_day: Annotated[
        float, typer.Option(min=0, max=10_000, help="Payments of a broken device.")
    ] = _USUAL.frauds_a_day,
    payments_a_day: Annotated[
        float, typer.Option(min=0, max=1_000, help="Payments of an honest device.")
    ] = _USUAL.payments_a_day,
    average: Annotated[str, typer.Option(help="Yuan, an honest payment on average.")] = "50.00",
    devices: Annotated[int, typer.Option(min=4, max=1_000_000)] = _USUAL.devices,
    banks: Annotated[int, typer.Option(min=1, max=52)] = _USUAL.banks,
    days: Annotated[int, typer.Option(min=1, max=120)] = _USUAL.days,
    sample: Annotated[
        float, typer.Option(min=0, max=1, help="Share of honest money that is real tokens.")
    ] = _USUAL.sample,
    seed: Annotated[int, typer.Option(help="The same seed, the same result.")] = _USUAL.seed,
    plot: Annotated[
        Path | None,
        typer.Option(help="SVG: loss over the hours between times online, for several limits."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a country in which some devices are broken and spend the same money repeatedly."""
    from simulation.offline_risk.simulation import simulate

    output = Output(as_json)
    if plot is not None:
        _check_plot(output, plot)
    asked = Parameters(
        seed=seed,
        devices=devices,
        broken=broken,
        banks=banks,
        days=days,
        payment_limit_fen=parse_yuan(payment_limit),
        device_limit_fen=parse_yuan(device_limit),
        sync_hours=sync_hours,
        revocation_hours=revocation_hours,
        hops=hops,
        payments_a_day=payments_a_day,
        average_fen=parse_yuan(average),
        frauds_a_day=frauds_a_day,
        sample=sample,
    )
    fields = simulate(asked).as_fields()
    if plot is not None:
        fields["plot"] = _plot(asked, plot)
    output.result(fields)
    if not as_json:
        _show(output, fields)
    raise typer.Exit(EXIT_DONE)


def _check_plot(output: Output, file: Path) -> None:
    if find_spec("matplotlib") is None:
        output.fail(
            EXIT_USAGE,
            "NO_MATPLOTLIB",
            _("--plot needs matplotlib; it comes with the optional dependencies called bench"),
        )
    if file.is_dir() or not file.parent.is_dir():
        output.fail(
            EXIT_USAGE, "FILE_REFUSED", _("{file}: no file can be written there").format(file=file)
        )


def _plot(asked: Parameters, file: Path) -> dict[str, Any]:
    from simulation.offline_risk.plot import INTERVALS_HOURS, curves, draw

    found = curves(asked)
    draw(found, asked, file)
    return {
        "file": str(file),
        "sync_hours": list(INTERVALS_HOURS),
        "yuan_per_broken_device": {str(limit // 100): values for limit, values in found.items()},
    }


def _show(output: Output, fields: dict[str, Any]) -> None:
    asked, honest, broken = fields["parameters"], fields["honest"], fields["broken"]
    loss, payees, found = fields["loss"], fields["payees"], fields["detection"]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    table.add_column()
    table.add_column(justify="right")
    rows = (
        (
            _("limit of a payment / of a device"),
            _pair(asked, "payment_limit_fen", "device_limit_fen"),
        ),
        (_("online every"), f"{asked['sync_hours']:g} h"),
        (_("revoked after"), f"{asked['revocation_hours']:g} h"),
        (_("hops"), f"{asked['hops']}"),
        (
            _("broken devices"),
            _("{devices} of {devices2:,}").format(
                devices=broken["devices"], devices2=asked["devices"]
            ),
        ),
        ("", ""),
        (_("honest payments"), f"{honest['payments']:,}"),
        (_("  of yuan"), _yuan(honest["paid_fen"])),
        (_("  could not be made"), f"{honest['not_made']:,}"),
        (_("  given back and deposited"), f"{honest['returned']:,}"),
        (_("payments by broken devices"), f"{broken['payments']:,}"),
        (_("  of yuan"), _yuan(broken["paid_fen"])),
        (_("  that payees refused"), f"{broken['refused']:,}"),
        ("", ""),
        (_("[bold]lost[/], yuan"), f"[bold]{_yuan(loss['total_fen'])}[/]"),
        (_("  per broken device"), _yuan(loss["per_broken_device_fen"])),
        (_("  per million paid"), _yuan(loss["per_million_yuan_paid_fen"])),
        (_("  borne by the banks of the broken"), _yuan(loss["banks_of_the_broken_fen"])),
        (_("  borne by payees, beyond the cap"), _yuan(loss["payees_fen"])),
        (_("honest payees paid / not paid"), f"{payees['paid']:,} / {payees['not_paid']:,}"),
        (
            _("found out"),
            _("{found} of {double_spenders}").format(
                found=found["found"], double_spenders=broken["double_spenders"]
            ),
        ),
        (_("  after hours, median / 95 %"), f"{_hours(found, 'median')} / {_hours(found, 'p95')}"),
    )
    for label, value in rows:
        table.add_row(label, value)
    output.console.print(table)
    output.say(
        _("seed {seed}, {verified:,} payments verified byte by byte").format(
            seed=asked["seed"], verified=fields["verified"]
        )
    )
    if "plot" in fields:
        output.say(_("drawn: {file}").format(file=fields["plot"]["file"]))


def _pair(fields: dict[str, Any], one: str, other: str) -> str:
    return f"{_yuan(fields[one])} / {_yuan(fields[other])}"


def _hours(found: dict[str, Any], name: str) -> str:
    hours = found[f"{name}_hours"]
    return "–" if hours is None else f"{hours:g}"


def _yuan(amount_fen: int) -> str:
    return format_yuan(amount_fen)
