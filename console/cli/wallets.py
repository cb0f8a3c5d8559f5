"""``dcep wallet …``: a wallet is frozen, and gets another key when its holder has lost the old."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.acts import propose
from console.cli.money import Cause, Number, officer_of
from console.clients import CAUSE, BankOfficerClient
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from console.output import EXIT_REFUSED, Output
from console.sheet import clock
from currency.key_code import code_of, same_code
from currency.number import typed
from currency.text import typed as text_typed
from dcep.bank.v1 import keys_pb2, officers_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan, load
from language import N_, _
from runtime.output import only_asks

_STATES = (
    N_("requested"),
    N_("approved"),
    N_("in force"),
    N_("objected"),
    N_("refused"),
    N_("cancelled"),
    N_("superseded"),
)


wallets = typer.Typer(
    help="A bank's wallets: freeze one, give one another key.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(wallets, name="wallet")


@wallets.command()
def freeze(
    number: Number,
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to freeze a wallet; another officer of its bank approves."""
    plan, number = load(folder), typed(number)
    kind = office_pb2.FreezeWallet(wallet_number=number)
    propose(
        plan, officer or officer_of(plan, number, as_json), kind, cause, request_id, anew, as_json
    )


@wallets.command()
def unfreeze(
    number: Number,
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to end a freeze; another officer of the bank approves."""
    plan, number = load(folder), typed(number)
    kind = office_pb2.UnfreezeWallet(wallet_number=number)
    propose(
        plan, officer or officer_of(plan, number, as_json), kind, cause, request_id, anew, as_json
    )


@wallets.command("key-requests")
def requests(
    number: Number,
    officer: BankOfficer = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List the keys that were asked for for a wallet, the newest first.

    Anybody can ask for a key of any number. Only the code that the holder reads out at the counter
    says which of them is the holder's.
    """
    only_asks()
    plan, number = load(folder), typed(number)
    found = _asked(plan, number, officer, as_json)
    entries = [_fields(asked) for asked in found.keys]
    Output(as_json).entries(entries, _line, _("nobody has asked for a key of this wallet"))


@wallets.command("replace-key")
def replace(
    number: Number,
    code: Annotated[str, typer.Option(help="The code that the holder's new home shows.")],
    name: Annotated[
        str, typer.Option(help="The holder's name, if the wallet was opened with one.")
    ] = "",
    phone: Annotated[
        str, typer.Option(help="The holder's telephone, if the wallet was opened with one.")
    ] = "",
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose another key for a wallet whose holder has lost the old one; another officer approves.

    Name and telephone are what the holder has shown you, just as the wallet was opened with them.
    The new key counts some hours after the approval, unless the old one objects. If the wallet's
    recovery phrase asks for the same key, no objection counts.
    """
    plan, number = load(folder), typed(number)
    found, chosen = _chosen(plan, number, code, officer, as_json)
    kind = office_pb2.ReplaceKey(
        wallet_number=number,
        request=chosen.request,
        holder_name=text_typed(name),
        phone=phone.strip(),
        wait_ms=found.wait_ms,
        recovery=chosen.recovery if chosen.HasField("recovery") else None,
    )
    officer = officer or officer_of(plan, number, as_json)
    propose(plan, officer, kind, cause, request_id, anew, as_json)


@wallets.command("cancel-key")
def cancel(
    number: Number,
    code: Annotated[str, typer.Option(help="The code of the key that is on its way.")],
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to call off a key that is on its way to be a wallet's; another officer approves.

    The key in force stays. What a recovery phrase has asked for can be called off too: the phrase
    then decides nothing alone any more, and counts with two officers.
    """
    plan, number = load(folder), typed(number)
    _found, chosen = _chosen(plan, number, code, officer, as_json)
    kind = office_pb2.CancelKey(wallet_number=number, public_key=_content(chosen).public_key)
    officer = officer or officer_of(plan, number, as_json)
    propose(plan, officer, kind, cause, request_id, anew, as_json)


def _chosen(
    plan: StackPlan, number: str, code: str, officer: str, as_json: bool
) -> tuple[officers_pb2.ListKeyRequestsResponse, officers_pb2.AskedKey]:
    """What the bank says of a wallet's keys, and the key of this code."""
    found = _asked(plan, number, officer, as_json)
    chosen = next((a for a in found.keys if same_code(code, _content(a).public_key)), None)
    if chosen is None:
        Output(as_json).fail(
            EXIT_REFUSED, "REQUEST_UNKNOWN", _("nobody has asked for a key with this code")
        )
    return found, chosen


def _asked(
    plan: StackPlan, number: str, officer: str, as_json: bool
) -> officers_pb2.ListKeyRequestsResponse:
    who = officer or officer_of(plan, number, as_json)
    with BankOfficerClient(plan, plan.institution(who), who) as client:
        return client.key_requests(number)


def _content(asked: officers_pb2.AskedKey) -> keys_pb2.KeyRequest:
    content: keys_pb2.KeyRequest = keys_pb2.KeyRequest.FromString(asked.request.payload)
    return content


def _fields(asked: officers_pb2.AskedKey) -> dict[str, Any]:
    key = _content(asked).public_key
    return {
        "code": code_of(key),
        "public_key": key.hex(),
        "state": keys_pb2.KeyState.Name(asked.state).removeprefix("KEY_STATE_"),
        "time_ms": asked.time_ms,
        "in_force_time_ms": asked.in_force_time_ms or None,
        "by_phrase": asked.HasField("recovery"),
    }


def _line(entry: dict[str, Any]) -> str:
    state = _(entry["state"].lower().replace("_", " "))
    since = (
        _(", counts from {time}").format(time=clock(entry["in_force_time_ms"]))
        if entry["in_force_time_ms"]
        else ""
    )
    by = _("; the recovery phrase asks for it") if entry["by_phrase"] else ""
    return _("{code}  asked for at {time}: {state}{since}{by}").format(
        code=entry["code"], time=clock(entry["time_ms"]), state=state, since=since, by=by
    )
