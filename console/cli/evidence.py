"""``dcep evidence …``: double spends that came to light, and the proof for anybody who asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from console.clients import CentralOfficerClient
from console.options import DEFAULT, Folder, Json, Officer
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from currency.amount import format_yuan
from dcep.authentication.v1 import authentication_pb2
from deployment.provisioning import known_roots
from deployment.topology import load
from language import _
from offline_token.deposit import DepositEndorsement, read_spend
from offline_token.evidence import FORMAT, DoubleSpend
from offline_token.formats import BANK, DEVICE, Certificate, Endorsement, FormatError
from runtime.output import reason_of

File = Annotated[Path, typer.Argument(help="A file of evidence.")]
Root = Annotated[
    str, typer.Option("--root", help="The root's public key in hex; the stack's when left out.")
]
evidence = typer.Typer(
    help="Double spends: list, export and verify the evidence.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(evidence, name="evidence")


@evidence.command("list")
def show(officer: Officer = "lin", folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """List devices that spent a piece twice, the newest first."""
    cases = [_fields(double, case) for double, case in _cases(folder, officer)]
    output = Output(as_json)
    output.result({"evidence": cases})
    for case in cases if not as_json else ():
        output.say(
            _(
                "device {device_key} of {bank}: piece {piece_id}… {spent}, deposited at "
                "{first_bank} and {second_bank}"
            ).format(
                device_key=case["device_key"],
                bank=case["bank"],
                piece_id=case["piece_id"][:16],
                spent=_spent(case),
                first_bank=case["first_bank"],
                second_bank=case["second_bank"],
            )
        )
    if not cases and not as_json:
        output.say(_("nobody has spent anything twice"))


@evidence.command()
def export(
    file: File, officer: Officer = "lin", folder: Folder = DEFAULT, as_json: Json = False
) -> None:
    """Write all evidence to a file that anybody can verify."""
    found = [double.as_fields() for double, _rest in _cases(folder, officer)]
    text = json.dumps({"format": FORMAT, "evidence": found}, indent=1)
    file.write_text(text + "\n", encoding="utf-8")
    Output(as_json).result(
        {"file": str(file), "cases": len(found)},
        _("{count} cases in {file}").format(count=len(found), file=file),
    )


@evidence.command()
def verify(file: File, root: Root = "", folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Say who cheated, from the file and the root's public key alone. Exit code 1: not proved."""
    output = Output(as_json)
    try:
        keys = [bytes.fromhex(root)] if root else known_roots(load(folder))
        found = _read(file)
    except (OSError, ValueError) as error:
        output.fail(EXIT_USAGE, "EVIDENCE_UNREADABLE", _unreadable(file, error))
    cheaters = []
    for number, double in enumerate(found, start=1):
        wrong = [double.wrong(key) for key in keys]
        if all(wrong):
            output.fail(
                EXIT_REFUSED,
                "NOT_PROVED",
                _("case {number}: {wrong}").format(number=number, wrong=wrong[0]),
            )
        cheaters.append(_proved(double))
    output.result({"ok": True, "proved": cheaters})
    for case in cheaters if not as_json else ():
        output.say(
            _(
                "proved: device {device_key}, certified by {bank}, signed piece {piece_id}… "
                "away twice, {spent}"
            ).format(
                device_key=case["device_key"],
                bank=case["bank"],
                piece_id=case["piece_id"][:16],
                spent=_spent(case),
            )
        )


def _unreadable(file: Path, error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or file}: {reason_of(error)}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return _("{file} holds no evidence: `dcep evidence export FILE` writes it").format(
            file=file
        )
    return str(error)


def _read(file: Path) -> list[DoubleSpend]:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FormatError(_("the file is not of the format {format}").format(format=FORMAT))
    cases = content.get("evidence")
    if not isinstance(cases, list) or not cases:
        raise FormatError(_("the file holds no case"))
    return [DoubleSpend.from_fields(fields) for fields in cases]


def _cases(folder: Path, officer: str) -> list[tuple[DoubleSpend, authentication_pb2.Evidence]]:
    with CentralOfficerClient(load(folder), officer) as office:
        return [(_double_spend(case), case) for case in office.evidence()]


def _double_spend(case: authentication_pb2.Evidence) -> DoubleSpend:
    return DoubleSpend(
        case.piece_id,
        Certificate.decode(case.bank_certificate, BANK),
        Certificate.decode(case.device_certificate, DEVICE),
        read_spend(case.first_endorsement),
        read_spend(case.second_endorsement),
    )


def _fields(double: DoubleSpend, case: authentication_pb2.Evidence) -> dict[str, Any]:
    where = {"first_bank": case.first_bank, "second_bank": case.second_bank}
    return {**_proved(double), **where, "time_ms": case.time_ms}


def _proved(double: DoubleSpend) -> dict[str, Any]:
    return {
        "device_key": double.device_certificate.key.hex(),
        "bank": double.device_certificate.bank,
        "piece_id": double.piece_id.hex(),
        "first_fen": _fen(double.first),
        "second_fen": _fen(double.second),
    }


def _fen(way: Endorsement | DepositEndorsement) -> int | None:
    """What an endorsement pays, in fen; None for a deposit, which takes the whole piece."""
    return way.amount_fen if isinstance(way, Endorsement) else None


def _spent(case: dict[str, Any]) -> str:
    """Says in words how a piece was spent twice."""
    ways = [case["first_fen"], case["second_fen"]]
    said = [
        _("by a deposit") if fen is None else _("for {fen} yuan").format(fen=format_yuan(fen))
        for fen in ways
    ]
    return _(" and ").join(said)
