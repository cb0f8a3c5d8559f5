"""``dcep banks``, ``admit``, ``revoke``: who is a bank, since when not, and what is out of use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.acts import propose
from console.clients import CAUSE, BankOfficerClient, CentralOfficerClient
from console.options import DEFAULT, Anew, Folder, Json, Officer, RequestId
from console.output import EXIT_NO_ANSWER, EXIT_USAGE, Output
from console.sheet import clock, sheet, wrapped, zone
from console.waiting import waiting_at
from currency.amount import format_yuan
from dcep.authentication.v1 import authentication_pb2
from dcep.errors.v1 import errors_pb2
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from deployment.provisioning import fingerprint, introduction
from deployment.topology import CENTRAL_BANK, StackPlan, load
from language import N_, _
from officers.contents import content_of
from runtime.errors import NoAnswer, Refusal
from runtime.output import harmless, quoted, reason_of

Cause = Annotated[str, typer.Option(help="Why, for the record.")]
_KEY_DIGITS = 64

_STATES = (N_("admitted"), N_("suspended"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (banks, admit, revoke):
        app.command()(command)


def banks(
    officer: Officer = "lin",
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="How many at most, in the order of admission.")
    ] = 50,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List the banks: state, money, what waits; who is suspended, since when and why.

    Exit code 3 when a bank did not answer.
    """
    plan, output = load(folder), Output(as_json)
    with central_office(plan, officer) as office:
        known, books = office.banks(), {one.bank: one for one in office.books().banks}
        since = _suspensions(office, known)
    rows = [_row(plan, bank, books.get(bank.name)) for bank in known[:limit]]
    for row in rows:
        row.update(since.get(row["bank"], {}))
    more = max(0, len(known) - limit)
    output.result({"banks": rows, "more": more})
    if not as_json:
        _say(output, rows, more)
    if any(row["silent"] for row in rows):
        raise typer.Exit(EXIT_NO_ANSWER)


def admit(
    bank: Annotated[
        str, typer.Argument(help="Its name, which is enough for a bank of this stack.")
    ],
    prefix: Annotated[str, typer.Option(help="The first four digits of its wallets.")] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="The file of its TLS certificate.")
    ] = None,
    business_key: Annotated[
        str, typer.Option(help="Its business key, 64 hexadecimal digits.")
    ] = "",
    proof: Annotated[str, typer.Option(help="As `dcep keys prove` prints it.")] = "",
    address: Annotated[str, typer.Option(help="Its inner port, HOST:PORT.")] = "",
    officer: Officer = "lin",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to admit a bank; another officer of the central bank approves.

    For a bank of this stack the name is enough. A bank elsewhere makes its own keys, and sends the
    five things that the options take.
    """
    plan, output = load(folder), Output(as_json)
    _refuse_admitted(plan, bank, officer)
    sent = (prefix, certificate, business_key, proof, address)
    if not any(sent) and any(one.name == bank for one in plan.banks):
        kind = introduction(plan, bank)
    elif all(sent) and certificate is not None:
        kind = office_pb2.AdmitBank(
            name=bank,
            prefix=prefix,
            certificate_fingerprint=_fingerprint(output, certificate),
            business_key=_bytes(business_key, "--business-key"),
            inner_address=address,
            proof=_bytes(proof, "--proof"),
        )
    else:
        output.fail(
            EXIT_USAGE,
            "FIELD_MISSING",
            _(
                "{bank!r} is no bank of this stack (`dcep bank add` makes one); for one "
                "elsewhere give --prefix, --certificate, --business-key, --proof and --address"
            ).format(bank=bank),
        )
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=CENTRAL_BANK)


def revoke(
    device: Annotated[str, typer.Argument(help="The device's public key, 64 hexadecimal digits.")],
    bank: Annotated[
        str, typer.Option(help="The bank that certified it; known if the device spent twice.")
    ] = "",
    officer: Officer = "lin",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to revoke an offline device; another officer of the central bank approves.

    Payees refuse its money once they are online, and its bank revokes the wallet's other devices.
    For keys of banks and officers: `dcep keys revoke`; for cash machines: `dcep machines revoke`.
    """
    plan, output = load(folder), Output(as_json)
    names = {CENTRAL_BANK, *(one.name for one in plan.banks)}
    names |= {person for name in names for person in plan.officers(name)}
    if device.rpartition("/")[2] in names:
        output.fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _(
                "this is for offline devices; for keys and certificates: dcep keys revoke {device}"
            ).format(device=device),
        )
    key = _bytes(device, "DEVICE")
    if len(device) != _KEY_DIGITS:
        raise typer.BadParameter(
            _("has {key_digits} hexadecimal digits").format(key_digits=_KEY_DIGITS),
            param_hint="DEVICE",
        )
    kind = office_pb2.RevokeDevice(
        device_key=key, bank=bank or _certifier(output, plan, officer, key)
    )
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=CENTRAL_BANK)


def central_office(plan: StackPlan, officer: str) -> CentralOfficerClient:
    """The client of an officer of the central bank.

    Raises:
        Refusal: OFFICER_UNKNOWN, for anybody else.
    """
    if officer not in plan.central_officers:
        text = _("{officer!r} is no officer of {central_bank}; only they are told").format(
            officer=officer, central_bank=CENTRAL_BANK
        )
        raise Refusal(errors_pb2.REASON_OFFICER_UNKNOWN, text, field="as")
    return CentralOfficerClient(plan, officer)


def _refuse_admitted(plan: StackPlan, bank: str, officer: str) -> None:
    with central_office(plan, officer) as office:
        if any(known.name == bank for known in office.banks()):
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                _("{bank} is admitted already; nothing was proposed").format(bank=bank),
                field="bank",
            )


def _row(
    plan: StackPlan, bank: authentication_pb2.Bank, books: issuance_pb2.BankBooks | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "bank": bank.name,
        "prefix": bank.prefix,
        "state": authentication_pb2.BankState.Name(bank.state).removeprefix("BANK_STATE_").lower(),
        "suspended_since_time_ms": 0,
        "suspended_why": "",
        "suspended_by": [],
        "reserves_fen": books.reserves_fen if books else 0,
        "circulation_fen": books.circulation_fen if books else 0,
        "vault_fen": None,
        "waiting": None,
        "silent": "",
    }
    if not any(one.name == bank.name for one in plan.banks):
        row["silent"] = _("it is no bank of this stack: its officers see its books")
        return row
    try:
        with BankOfficerClient(plan, bank.name) as office:
            row["vault_fen"] = office.books().vault_fen
        row["waiting"] = waiting_at(plan, [bank.name]).count(bank.name)
    except (NoAnswer, Refusal) as no:
        row["silent"] = harmless(str(no))
    return row


def _suspensions(
    office: CentralOfficerClient, known: list[authentication_pb2.Bank]
) -> dict[str, dict[str, Any]]:
    """By suspended bank, since when, why, and by which two officers it is suspended."""
    wanted = {bank.name for bank in known if bank.state == authentication_pb2.BANK_STATE_SUSPENDED}
    found: dict[str, dict[str, Any]] = {}
    for act in office.approved_acts("suspend_bank") if wanted else ():
        content = content_of(act)
        name = content.suspend_bank.name
        if name in wanted:
            wanted.remove(name)
            found[name] = {
                "suspended_since_time_ms": act.decided_time_ms,
                "suspended_why": content.cause,
                "suspended_by": [content.officer, act.decided_by],
            }
        if not wanted:
            break
    return found


def _say(output: Output, rows: list[dict[str, Any]], more: int) -> None:
    if not rows:
        output.plain(_("no bank has been admitted yet"))
        return
    head = (
        _("bank"),
        _("state"),
        _("vault"),
        _("circulation"),
        _("reserves"),
        _("waiting"),
    )
    cells = [
        (
            row["bank"],
            _(row["state"]),
            "" if row["vault_fen"] is None else format_yuan(row["vault_fen"]),
            format_yuan(row["circulation_fen"]),
            format_yuan(row["reserves_fen"]),
            "" if row["waiting"] is None else str(row["waiting"]),
        )
        for row in rows
    ]
    output.plain(sheet(head, cells, right=(2, 3, 4, 5)))
    for row in rows:
        if row["state"] == "suspended":
            when = f"{clock(row['suspended_since_time_ms'])} ({zone()})"
            by = _(" and ").join(row["suspended_by"])
            said = _("{bank} is suspended since {when}, by {by}: ").format(
                bank=row["bank"], when=when, by=by
            )
            output.plain(wrapped(said + quoted(row["suspended_why"])))
        if row["silent"]:
            output.plain(
                wrapped(
                    _("{bank} does not say what it has: {silent}").format(
                        bank=row["bank"], silent=row["silent"]
                    )
                )
            )
    if more:
        output.plain(
            wrapped(
                _("{more} more; --limit {count} lists them too").format(
                    more=more, count=len(rows) + more
                )
            )
        )


def _certifier(output: Output, plan: StackPlan, officer: str, key: bytes) -> str:
    """The bank that certified a device which spent a piece twice."""
    from offline_token.formats import DEVICE, Certificate

    with CentralOfficerClient(plan, officer) as office:
        for case in office.evidence():
            certificate = Certificate.decode(case.device_certificate, DEVICE)
            if certificate.key == key:
                return certificate.bank
    return output.fail(
        EXIT_USAGE,
        "FIELD_MISSING",
        _("which bank certified it? Say --bank NAME; `dcep evidence list` knows who spent twice"),
    )


def _fingerprint(output: Output, certificate: Path) -> str:
    try:
        return fingerprint(certificate)
    except (OSError, ValueError) as wrong:
        output.fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _("{certificate} is no certificate: {wrong}").format(
                certificate=certificate, wrong=reason_of(wrong)
            ),
        )


def _bytes(text: str, name: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter(_("is not hexadecimal"), param_hint=name) from None
