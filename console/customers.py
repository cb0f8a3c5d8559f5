"""What officers do about customers: they look, on record, and compare what both have seen."""

from __future__ import annotations

import hmac
from pathlib import Path

from console.approving import OPEN, asked_of, check_as_shown
from console.clients import Act, ActClient, BankOfficerClient
from currency.papers import one_document, seen_digest
from currency.text import typed
from dcep.bank.v1 import officers_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan
from language import _
from officers.contents import content_of
from runtime.errors import Refusal
from runtime.files import write_whole
from runtime.private import make_private

_PREFIX = "DOCUMENT_KIND_"
DOCUMENT_KINDS = {
    name.removeprefix(_PREFIX).lower().replace("_", "-"): number
    for name, number in orders_pb2.DocumentKind.items()
    if number
}


class LooksMissing(Exception):
    """The bank's record lacks looks that this officer has made; the message says how many it has
    and how many there were.
    """


def look(
    client: BankOfficerClient, plan: StackPlan, number: str, cause: str
) -> officers_pb2.LookAtCustomerResponse:
    """Who the holder of a wallet is; that, and why, is on record first.

    Raises:
        LooksMissing: nothing was asked for.
        Refusal: nothing was shown.
    """
    last = client.looks(1)
    file = _counted(plan, client.officer)
    known = int(file.read_text()) if file.exists() else 0
    if last.next_number <= known:
        raise LooksMissing(
            _(
                "the bank's record has {count} looks of {officer}, who has made {known}: some were "
                "taken out"
            ).format(count=last.next_number - 1, officer=client.officer, known=known)
        )
    asked = officers_pb2.CustomerLook(
        number=last.next_number,
        previous_time_ms=last.previous_time_ms,
        wallet_number=number,
        cause=typed(cause),
    )
    try:
        return client.look_at_customer(asked)
    finally:
        after = client.looks(1).next_number - 1
        if after > known:
            write_whole(file, b"%d\n" % after)


def seen(
    client: ActClient, number: str, name: str, kind: int, document: str
) -> office_pb2.ConfirmPresence:
    """What an officer signs who has seen this document in the hands of a wallet's holder.

    The same again is the same, so that a command which is repeated proposes nothing twice.
    """
    words = "\0".join((number, name, one_document(kind, document)))
    salt = client.secret_for(words.encode())
    digest = seen_digest(salt, number, name, kind, document)
    return office_pb2.ConfirmPresence(wallet_number=number, salt=salt, shown_digest=digest)


def approve_seen(
    plan: StackPlan, bank: str, officer: str, number: str, name: str, kind: int, document: str
) -> Act:
    """Approves what another officer proposed about a wallet's holder, if both have seen the same.

    Raises:
        Refusal: REQUEST_UNKNOWN, nobody has proposed it; HOLDER_DIFFERS, the other officer has
            seen something else; or the bank's.
    """
    with ActClient(plan, bank, officer) as client:
        waiting = [
            content_of(act)
            for act in client.open_acts()
            if act.proposed_by != officer and content_of(act).HasField("confirm_presence")
        ]
    asked = [each for each in waiting if each.confirm_presence.wallet_number == number]
    if not asked:
        raise Refusal(
            errors_pb2.REASON_REQUEST_UNKNOWN,
            _("no other officer has proposed that this wallet's holder was at the counter"),
            field="wallet_number",
        )
    for each in reversed(asked):
        said = each.confirm_presence
        mine = seen_digest(said.salt, number, name, kind, document)
        if hmac.compare_digest(mine, said.shown_digest):
            return _approved(plan, bank, officer, each.act_id)
    raise Refusal(
        errors_pb2.REASON_HOLDER_DIFFERS,
        _("{officer} has seen something else; nothing was approved").format(
            officer=asked[-1].officer
        ),
        field="document",
    )


def _approved(plan: StackPlan, bank: str, officer: str, act_id: str) -> Act:
    asked = asked_of(plan, bank, officer, act_id)
    check_as_shown(plan, [asked])
    if asked.act.state != OPEN:
        return asked.act
    with ActClient(plan, bank, officer) as client:
        return client.approve(asked.act)


def _counted(plan: StackPlan, officer: str) -> Path:
    """The file with how many looks an officer has made."""
    folder = plan.officers_folder / "looks"
    make_private(folder)
    return folder / officer
