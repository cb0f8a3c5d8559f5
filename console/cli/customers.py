"""``dcep customer …``: who a wallet's holder is, who looked, and what officers decide of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.act_texts import fields
from console.cli.acts import propose
from console.cli.money import Number, officer_of
from console.clients import CAUSE, BankOfficerClient
from console.customers import DOCUMENT_KINDS, LooksMissing, approve_seen, look, seen
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from console.sheet import clock, wrapped
from currency.contract_words import WALLET_CLASSES, class_name
from currency.number import typed
from currency.text import typed as text_typed
from dcep.bank.v1 import officers_pb2, orders_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import load
from language import N_, _
from runtime.output import harmless, quoted

customers = typer.Typer(
    help="Who the holder of a wallet is, what was shown at the counter, and who looked.",
    no_args_is_help=True,
)
Why = Annotated[str, typer.Option(help="Why, for the record; required.")]
_PROOFS = {
    "phone": N_("telephone"),
    "name_alone": N_("name alone"),
    "document": N_("document"),
    "account": N_("bank account"),
    "presence": N_("presence at a counter"),
}
_KINDS = (N_("id-card"), N_("passport"), N_("residence-permit"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(customers, name="customer")


@customers.command()
def show(
    number: Number,
    cause: Why,
    officer: BankOfficer = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show who the holder of a wallet is. It is on record who looked, when, at whom, and why."""
    plan, number, output = load(folder), typed(number), Output(as_json)
    who = officer or officer_of(plan, number, as_json)
    if not cause.strip():
        output.fail(EXIT_USAGE, "FIELD_MISSING", _("say why you look"), field="cause")
    with BankOfficerClient(plan, plan.institution(who), who) as client:
        try:
            found = look(client, plan, number, cause)
        except LooksMissing as missing:
            output.fail(EXIT_REFUSED, "LOOKS_MISSING", str(missing))
    shown = _holder(number, found)
    output.result(shown)
    if not as_json:
        output.plain(_lines(shown))


@customers.command()
def looks(
    bank: Annotated[str, typer.Argument(help="Name of a bank.")],
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
    officer: BankOfficer = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List who looked at which customers of a bank, when and why, the newest first."""
    plan = load(folder)
    name = plan.bank(bank).name
    with BankOfficerClient(plan, name, officer) as client:
        found = client.looks(limit).looks
    entries = [_look(each) for each in found]
    Output(as_json).entries(entries, _look_line, _("nobody has looked at a customer"))


@customers.command()
def confirm(
    number: Number,
    name: Annotated[str, typer.Option(help="The name in the document that you have seen.")],
    document: Annotated[str, typer.Option(help="The document's number.")],
    kind: Annotated[
        str, typer.Option("--document-kind", help="id-card, passport or residence-permit.")
    ] = "id-card",
    second: Annotated[
        bool, typer.Option("--second", help="You have seen it too, after the one who proposed.")
    ] = False,
    officer: BankOfficer = "",
    cause: Annotated[str, typer.Option(help="Why, for the record.")] = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Confirm that a wallet's holder is at the counter, with the document that you have in hand.

    One officer proposes it. Another one looks at the document too, and says --second. Neither is
    told what the other has typed, or what the bank knows.
    """
    plan, number, output = load(folder), typed(number), Output(as_json)
    if kind not in DOCUMENT_KINDS:
        output.fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _("a document is one of these: {kinds}").format(kinds=", ".join(DOCUMENT_KINDS)),
            field="document_kind",
        )
    who = officer or officer_of(plan, number, as_json)
    bank, said = plan.institution(who), (text_typed(name), DOCUMENT_KINDS[kind], document.strip())
    if second:
        act = approve_seen(plan, bank, who, number, *said)
        output.result(
            fields(act),
            _("confirmed by {first} and {second}; the holder can `wallet upgrade --to I`").format(
                first=act.proposed_by, second=act.decided_by
            ),
        )
        return
    with BankOfficerClient(plan, bank, who) as client:
        wish = seen(client, number, *said)
    propose(plan, who, wish, cause, request_id, anew, as_json)


@customers.command()
def downgrade(
    number: Number,
    to: Annotated[str, typer.Argument(help="The class that is left: II, III or IV.")],
    cause: Why,
    officer: BankOfficer = "",
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose that what a holder has shown beyond a class counts no more; another officer approves.

    For instance IV when the document turned out false. No money is taken: what is over the lower
    limits can be paid out, and nothing comes in until then.
    """
    plan, number, output = load(folder), typed(number), Output(as_json)
    wanted = next((c for c in WALLET_CLASSES[1:] if class_name(c) == to.strip().upper()), None)
    if wanted is None:
        output.fail(EXIT_USAGE, "FIELD_INVALID", _("the class is II, III or IV"), field="to")
    if not cause.strip():
        output.fail(EXIT_USAGE, "FIELD_MISSING", _("say why"), field="cause")
    kind = office_pb2.DowngradeWallet(wallet_number=number, wallet_class=wanted)
    who = officer or officer_of(plan, number, as_json)
    propose(plan, who, kind, cause, request_id, anew, as_json)


def _holder(number: str, found: officers_pb2.LookAtCustomerResponse) -> dict[str, Any]:
    kind = orders_pb2.DocumentKind.Name(found.document.kind).removeprefix("DOCUMENT_KIND_")
    return {
        "wallet_number": number,
        "wallet_class": class_name(found.wallet_class),
        "name": found.name,
        "phone": found.phone,
        "document": found.document.number,
        "document_kind": kind.lower().replace("_", "-") if found.document.number else None,
        "bank_account": found.bank_account,
        "proofs": [
            {
                "proof": officers_pb2.HolderProof.Name(each.proof)
                .removeprefix("HOLDER_PROOF_")
                .lower(),
                "time_ms": each.time_ms,
                "confirmed_by": each.confirmed_by,
            }
            for each in found.proofs
        ],
    }


def _lines(shown: dict[str, Any]) -> str:
    document = shown["document"]
    if document:
        counts = any(each["proof"] == "document" for each in shown["proofs"])
        document = f"{_(shown['document_kind'])} {document}" + (
            "" if counts else _(", which was withdrawn")
        )
    said = [
        _("wallet {number}, class {name}").format(
            number=shown["wallet_number"], name=shown["wallet_class"]
        )
    ]
    for label, value in (
        (_("name"), shown["name"]),
        (_("telephone"), shown["phone"]),
        (_("document"), document),
        (_("bank account"), shown["bank_account"]),
    ):
        if value:
            said.append(f"  {label}: {harmless(value)}")
    for each in shown["proofs"]:
        text = _("shown: {proof}, {time}, confirmed by {whom}").format(
            proof=_(_PROOFS[each["proof"]]), time=clock(each["time_ms"]), whom=each["confirmed_by"]
        )
        said.append(wrapped(harmless(text), 2))
    return "\n".join(said)


def _look(recorded: officers_pb2.RecordedLook) -> dict[str, Any]:
    said = officers_pb2.CustomerLook.FromString(recorded.look.payload)
    return {
        "officer": said.officer,
        "number": said.number,
        "time_ms": recorded.time_ms,
        "wallet_number": said.wallet_number,
        "cause": said.cause,
    }


def _look_line(entry: dict[str, Any]) -> str:
    return _("{time}  {officer} at the holder of {number}: {cause}").format(
        time=clock(entry["time_ms"]),
        officer=entry["officer"],
        number=entry["wallet_number"],
        cause=quoted(entry["cause"]),
    )
