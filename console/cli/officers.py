"""``dcep officers …``: who they are, and proposals that somebody comes, goes, or may do more."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from google.protobuf.message import Message

from console.act_texts import right_in_words
from console.cli.acts import At, institutions, say_proposed
from console.clients import CAUSE, ActClient
from console.options import DEFAULT, Anew, Folder, Json, Officer
from console.output import Output
from console.proposals import is_unheard, proposed_once
from console.registering import (
    follow,
    give_up,
    is_under_way,
    registered,
    registration,
    renewal,
    renewal_of,
    rights_named,
)
from console.rotation import LONGEST_DAYS
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan, load
from language import _
from officers.contents import content_of, message_of
from runtime.errors import Refusal, is_undecided

Name = Annotated[str, typer.Argument(help="The officer's name: small letters, digits, hyphens.")]
Cause = Annotated[str, typer.Option(help="Why, for the record.")]
Rights = Annotated[
    str, typer.Option("--rights", help="Like officers,issuance; those usual there when left out.")
]
people = typer.Typer(help="Officers: who they are, and who comes and goes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(people, name="officers")


@people.command("list")
def list_command(at: At = "", folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """List the officers who are registered, with their rights."""
    plan, output = load(folder), Output(as_json)
    rows = []
    for name in institutions(plan, at):
        plan = follow(plan, name)
        rows += [_person(name, found) for found in registered(plan, name)]
    output.result({"officers": rows})
    for row in rows if not as_json else ():
        state = _(", removed") if row["removed"] else ""
        output.say(
            _("{name} of {institution}{state}: {names}").format(
                name=row["name"],
                institution=row["institution"],
                state=state,
                names=_(", ").join(map(right_in_words, row["rights"])),
            )
        )


@people.command("register")
def register_command(
    name: Name,
    at: Annotated[str, typer.Option("--at", help="central-bank, or a bank.")] = CENTRAL_BANK,
    rights: Rights = "",
    officer: Officer = "",
    cause: Cause = CAUSE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose a new officer, with a certificate and a key that are made here."""
    plan = follow(load(folder), at)
    found = _found(plan, at, name)
    begun = is_under_way(plan, name) if found is None else False
    if found is not None and name in plan.officers(at):
        held = found.credentials[0]
        kind = office_pb2.RegisterOfficer(
            name=name,
            certificate_fingerprint=held.certificate_fingerprint,
            signing_key=held.signing_key,
            rights=sorted(rights_named(rights, at)),
        )
        _already(plan, at, officer, kind, cause, found, as_json)
        return
    kind = registration(plan, at, name, rights_named(rights, at))
    try:
        propose(plan, at, officer, kind, cause, anew, as_json)
    except Refusal as refusal:
        if not begun and not is_undecided(refusal.reason):
            give_up(plan, name)
        raise


@people.command()
def renew(
    name: Name,
    days: Annotated[
        int, typer.Option(min=0, max=LONGEST_DAYS, help="How many days the old ones stay good.")
    ] = 7,
    officer: Officer = "",
    cause: Cause = CAUSE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose a new certificate and key for an officer; `--days 0` ends the old ones at once."""
    plan = load(folder)
    at = plan.institution(name)
    plan = follow(plan, at)
    if not is_under_way(plan, name):
        kind = renewal_of(plan, name, days, fresh=False)
        if is_unheard(plan, at, _proposer(plan, at, officer, name), kind, cause):
            propose(plan, at, officer, kind, cause, anew, as_json)
            return
    propose(plan, at, officer, renewal(plan, at, name, days), cause, anew, as_json)


@people.command()
def remove(
    name: Name,
    officer: Officer = "",
    cause: Cause = CAUSE,
    anew: Anew = False,
    at: At = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to remove an officer; once approved, nothing that they sign is accepted."""
    plan = load(folder)
    at = at or _where(plan, name)
    plan = follow(plan, at)
    kind = office_pb2.RemoveOfficer(name=name)
    found = _found(plan, at, name)
    if found is not None and found.removed:
        _already(plan, at, officer, kind, cause, found, as_json)
        return
    propose(plan, at, officer, kind, cause, anew, as_json)


@people.command()
def rights(
    name: Name,
    wanted: Annotated[
        str, typer.Argument(metavar="RIGHTS", help="All rights, like officers,issuance.")
    ],
    officer: Officer = "",
    cause: Cause = CAUSE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose an officer's new rights; that officer can neither propose nor approve it."""
    plan = load(folder)
    at = plan.institution(name)
    plan = follow(plan, at)
    kind = office_pb2.ChangeRights(name=name, rights=sorted(rights_named(wanted, at)))
    found = _found(plan, at, name)
    if found is not None and list(found.rights) == list(kind.rights):
        _already(plan, at, officer, kind, cause, found, as_json)
        return
    propose(plan, at, officer, kind, cause, anew, as_json)


def propose(
    plan: StackPlan,
    at: str,
    officer: str,
    kind: Message,
    cause: str,
    anew: bool,
    as_json: bool,
) -> None:
    """Proposes an act, unless the same already waits for a second officer."""
    output, proposer = Output(as_json), _proposer(plan, at, officer, kind.name)
    if not anew and not is_unheard(plan, at, proposer, kind, cause):
        with ActClient(plan, at, proposer) as client:
            for act in client.open_acts():
                if message_of(content_of(act)) == kind:
                    say_proposed(output, plan, act, repeated=True)
                    return
    with proposed_once(plan, at, proposer, kind, cause, anew=anew) as proposed:
        say_proposed(output, plan, proposed.act, repeated=proposed.repeated)


def _already(
    plan: StackPlan,
    at: str,
    officer: str,
    kind: Message,
    cause: str,
    found: office_pb2.Officer,
    as_json: bool,
) -> None:
    """Says that it is so already, or tells the act of an equal command that got no answer."""
    proposer = _proposer(plan, at, officer, found.name)
    if is_unheard(plan, at, proposer, kind, cause):
        with proposed_once(plan, at, proposer, kind, cause) as proposed:
            say_proposed(Output(as_json), plan, proposed.act, repeated=True)
        return
    row = _person(at, found)
    state = (
        _("removed")
        if found.removed
        else _("registered: {names}").format(names=", ".join(row["rights"]))
    )
    said = _("{found} of {at} is {state} already; nothing was proposed").format(
        found=found.name, at=at, state=state
    )
    Output(as_json).result({**row, "state": "approved", "repeated": True}, said)


def _proposer(plan: StackPlan, at: str, officer: str, concerned: str) -> str:
    """The officer who proposes: the named one, or the first whom the act does not concern."""
    if officer:
        if officer not in plan.officers(at):
            raise Refusal(
                errors_pb2.REASON_OFFICER_UNKNOWN,
                _("{officer!r} is no officer of {at}").format(officer=officer, at=at),
                field="as",
            )
        return officer
    others = [name for name in plan.officers(at) if name != concerned]
    return (others or list(plan.officers(at)))[0]


def _where(plan: StackPlan, name: str) -> str:
    """The institution where somebody works, or worked before being removed."""
    every = institutions(plan, "")
    if not any(name in plan.officers(at) for at in every):
        for at in every:
            if _found(plan, at, name) is not None:
                return at
    return plan.institution(name)


def _found(plan: StackPlan, at: str, name: str) -> office_pb2.Officer | None:
    return next((one for one in registered(plan, at) if one.name == name), None)


def _person(institution: str, found: office_pb2.Officer) -> dict[str, Any]:
    return {
        "institution": institution,
        "name": found.name,
        "removed": found.removed,
        "rights": [
            office_pb2.Right.Name(right).removeprefix("RIGHT_").lower() for right in found.rights
        ],
        "certificates": [known.certificate_fingerprint for known in found.credentials],
    }
