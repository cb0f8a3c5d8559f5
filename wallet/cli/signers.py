"""``wallet signers …``: the same wallet on several phones, and cutting one off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from language import N_, _
from wallet.cli.options import (
    HomeOption,
    JsonOption,
    StackOption,
    Yes,
    gather,
    stack_folder,
    wallet,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcep.bank.v1 import signers_pb2
    from wallet.cli.console import CommandResult
    from wallet.online.keys import Recovered
    from wallet.online.signers import SignerList, Signers

ROLES = {"see": 1, "prepare": 2, "release": 3}
"""What a signer may do, as it is typed, and its SignerRole."""

_IN_WORDS = {1: N_("may look"), 2: N_("may prepare payments"), 3: N_("may release")}

signers = typer.Typer(
    help="Who signs for this wallet: your other phones, and other people.",
    invoke_without_command=True,
)


@signers.callback()
def listed(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the keys that sign for this wallet, and those that have asked to."""
    context.obj = gather(context, home, as_json)
    if context.invoked_subcommand is not None:
        return
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        use = app.signers()
        output.result(*shown(use, use.show()))


@signers.command()
def join(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="The wallet's number, 16 digits.")
    ],
    bank: Annotated[str, typer.Option("--bank", help="The bank's name or HOST:PORT.")],
    stack: StackOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask, in a new home, to sign for a wallet that another phone has.

    Shows a code. Type it into the other phone: `wallet signers add CODE`. Then repeat this command:
    it ends with the wallet in this home.
    """
    from currency.number import check, typed
    from wallet.cli.console import EXIT_NO_ANSWER
    from wallet.peers.bank_directory import find_bank

    with wallet(context, home, as_json) as (app, output):
        number = check(typed(number))
        done = app.recover(find_bank(stack_folder(stack), bank), number)
        why_not = app.prepare_offline() if done.profile.opened else ""
        output.result(*joined(done, why_not))
        if not done.profile.opened:
            raise SystemExit(EXIT_NO_ANSWER)


@signers.command()
def add(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="As the other phone shows it.")],
    role: Annotated[str, typer.Option("--role", help="see, prepare or release.")] = ("release"),
    label: Annotated[str, typer.Option("--label", help="What it is, at most 40 characters.")] = "",
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let another phone sign for this wallet.

    What other phones have on the way and the bank has not decided counts no more; they order it
    anew by themselves.
    """
    with wallet(context, home, as_json) as (app, output):
        from currency.text import typed as cleaned
        from wallet.cli.console import UsageError

        if role not in ROLES:
            raise UsageError(_("--role is one of: {roles}").format(roles=", ".join(ROLES)))
        use = app.signers()
        agree = _agreed(yes, _("Let it sign for this wallet?"))
        output.result(*shown(use, use.add(code, ROLES[role], cleaned(label), agree)))


@signers.command()
def remove(
    context: typer.Context,
    place: Annotated[int, typer.Argument(metavar="PLACE", help="As `wallet signers` shows it.")],
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut a phone off: from now on the bank takes nothing of it, whenever it was signed."""
    with wallet(context, home, as_json) as (app, output):
        use = app.signers()
        agree = _agreed(yes, _("Cut it off, for good?"))
        output.result(*shown(use, use.remove(place, agree)))


@signers.command()
def threshold(
    context: typer.Context,
    count: Annotated[int, typer.Argument(metavar="COUNT", help="How many who may release.")],
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how many signatures an order of this wallet takes.

    With more than one, `wallet prepare`, `payroll`, `topup`, `cashout`, `refund`, `pay --request`
    and `close` put what they order before the others; nothing else is ordered until it is one
    again.
    """
    with wallet(context, home, as_json) as (app, output):
        use = app.signers()
        question = _("From now on each order takes {count} signatures?").format(count=count)
        output.result(*shown(use, use.set_threshold(count, _yes_to(yes, question))))


@signers.command("give-up-phrase")
def give_up_phrase(
    context: typer.Context,
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the wallet's recovery phrase count seven days longer, and then no more.

    It takes this before an order can take more than one signature: whoever has the phrase could
    give the wallet one key again.
    """
    with wallet(context, home, as_json) as (app, output):
        use = app.signers()
        agree = _yes_to(yes, _("Give up the recovery phrase, for good?"))
        output.result(*shown(use, use.give_up_phrase(agree)))


def shown(use: Signers, found: SignerList) -> CommandResult:
    """After ``signers``, and what changes them."""
    from currency.key_code import code_of
    from wallet.cli.times import clock

    fields: dict[str, Any] = {
        "number": use.number,
        "list": found.number,
        "threshold": found.threshold,
        "signers": [{**signer_fields(one), "here": use.is_here(one)} for one in found.signers],
        "waits": found.waits,
        "asked": [{"code": code_of(key), "time_ms": time_ms} for key, time_ms in found.asked],
    }
    lines = [_line(one, here=use.is_here(one)) for one in found.signers]
    if found.threshold > 1:
        lines.append(
            _("An order takes {count} of those who may release it.").format(count=found.threshold)
        )
    if found.waits:
        lines.append(
            _(
                "The change waits for the others, for 24 hours: `wallet pending`, then `wallet "
                "release ID`."
            )
        )
    for key, time_ms in found.asked:
        lines.append(
            _("? {code} has asked at {time} to be one. Anybody can ask.").format(
                code=code_of(key), time=clock(time_ms)
            )
        )
    return fields, "\n".join(lines)


def joined(done: Recovered, why_not: str) -> CommandResult:
    """After ``signers join``."""
    from currency.key_code import code_of
    from wallet.cli.output import opened

    code = code_of(done.key)
    fields: dict[str, Any] = {
        "number": done.profile.number,
        "bank": done.profile.bank,
        "code": code,
        "opened": done.profile.opened,
    }
    if done.profile.opened:
        more, text = opened(done.profile, why_not)
        said = _("This home signs for the wallet too. `wallet signers` shows who does.")
        return {**fields, **more}, f"{text}\n{said}"
    return fields, _(
        "The code of this home's key is\n  {code}\nOn a phone that has the wallet: wallet signers "
        "add {code}\nThen repeat this command. {bank} keeps what you asked for 7 days."
    ).format(bank=done.profile.bank, code=code)


def signer_fields(one: signers_pb2.Signer) -> dict[str, Any]:
    """A signer for programs."""
    from currency.key_code import code_of
    from dcep.bank.v1 import states_pb2

    return {
        "place": one.place,
        "code": code_of(one.public_key),
        "role": states_pb2.SignerRole.Name(one.role).removeprefix("SIGNER_ROLE_"),
        "label": one.label,
    }


def _line(one: signers_pb2.Signer, *, here: bool) -> str:
    from currency.key_code import code_of

    words = [f"{one.place}", code_of(one.public_key), _(_IN_WORDS[one.role])]
    if one.label:
        words.append(f"“{one.label}”")
    if here:
        words.append(_("(this home)"))
    return "  ".join(words)


def _agreed(yes: bool, question: str) -> Callable[[signers_pb2.Signer], None]:
    """Asks whoever types before a list with or without a signer is signed."""

    def agree(one: signers_pb2.Signer) -> None:
        _yes_to(yes, f"{_line(one, here=False)}\n{question}")()

    return agree


def _yes_to(yes: bool, question: str) -> Callable[[], None]:
    """Asks whoever types; raises UsageError unless they agree, or did by `--yes`."""
    from wallet.cli.asking import consent

    return lambda: consent(question, _("nothing was changed"), yes=yes)
