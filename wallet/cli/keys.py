"""``wallet recover`` and ``wallet keys``: another key in place of a lost one, and what of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, StackOption, stack_folder, wallet

if TYPE_CHECKING:
    from dcep.bank.v1 import keys_pb2
    from wallet.cli.console import CommandResult
    from wallet.online.keys import Recovered


def recover(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="The wallet's number, 16 digits.")
    ],
    bank: Annotated[str, typer.Option("--bank", help="The bank's name or HOST:PORT.")],
    stack: StackOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask, in a new home, for a key of your wallet whose home is lost.

    Shows a code: go to the bank with it, and with what shows who you are. Two officers of the bank
    approve the key; the old one then has some hours to object. The same command says how far that
    is, and ends with the wallet in this home.
    """
    from currency.number import check, typed
    from wallet.cli.console import EXIT_NO_ANSWER
    from wallet.peers.bank_directory import find_bank

    with wallet(context, home, as_json) as (app, output):
        number = check(typed(number))
        done = app.recover(find_bank(stack_folder(stack), bank), number)
        why_not = app.prepare_offline() if done.profile.opened else ""
        output.result(*recovered(done, why_not))
        if not done.profile.opened:
            raise SystemExit(EXIT_NO_ANSWER)


def keys(
    context: typer.Context,
    objected: Annotated[
        str,
        typer.Option(
            "--object",
            metavar="CODE",
            help="Object to the key of this code: it will never be this wallet's.",
        ),
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether the key in this home is the wallet's, and what is to take its place."""
    with wallet(context, home, as_json, asks_only=not objected) as (app, output):
        here = app.key_here()
        if objected:
            from currency.key_code import code_of

            code = code_of(here.object(objected))
            output.result(
                {"number": here.number, "objected": code},
                _("Key {code} will not be this wallet's. Tell the bank why you object.").format(
                    code=code
                ),
            )
            return
        output.result(*shown(here.number, here.public, here.state()))


def recovered(done: Recovered, why_not: str) -> CommandResult:
    """After ``recover``."""
    from currency.key_code import code_of
    from wallet.cli.output import opened
    from wallet.cli.times import clock
    from wallet.online.keys import APPROVED

    code = code_of(done.key)
    fields: dict[str, Any] = {
        "number": done.profile.number,
        "bank": done.profile.bank,
        "code": code,
        "state": _state_name(done.state.state),
    }
    if done.profile.opened:
        more, text = opened(done.profile, why_not)
        said = _("The key in this home is the wallet's. The one before it orders nothing any more.")
        return {**fields, **more, **_devices(done.state)}, f"{text}\n{said}"
    if done.state.state == APPROVED:
        fields["in_force_time_ms"] = done.state.in_force_time_ms
        return fields, _(
            "Two officers of {bank} have approved this key, {code}. It is the wallet's from {time} "
            "on, unless the old key objects. Repeat this command then."
        ).format(bank=done.profile.bank, code=code, time=clock(done.state.in_force_time_ms))
    return fields, _(
        "The code of this home's key is\n  {code}\nGo to {bank} with it, with the wallet's number, "
        "and with what shows who you are. Nobody there needs anything else that is in this home. "
        "Then repeat this command: it says how far the bank is. {bank} keeps what you asked for 7 "
        "days."
    ).format(bank=done.profile.bank, code=code)


def shown(number: str, public: bytes, state: keys_pb2.GetKeyResponse) -> CommandResult:
    """After ``keys``."""
    from currency.key_code import code_of
    from wallet.cli.times import clock
    from wallet.online.keys import REPLACED

    code = code_of(public)
    fields: dict[str, Any] = {
        "number": number,
        "code": code,
        "state": _state_name(state.state),
        "in_force_time_ms": state.in_force_time_ms or None,
        **successor_fields(state.successor, state.successor_time_ms),
        **_devices(state),
    }
    if state.state == REPLACED:
        from wallet.cli.reason_texts import sentence

        said, following = sentence("KEY_REPLACED", "", {})
        return fields, f"{said}\n{following}"
    lines = [_("The key in this home, {code}, is the wallet's.").format(code=code)]
    if state.in_force_time_ms:
        lines[0] += _(" It has been since {time}.").format(time=clock(state.in_force_time_ms))
    if state.successor:
        lines.append(successor_in_words(state.successor, state.successor_time_ms))
    if state.earlier_devices:
        lines.append(
            _(
                "Offline money may still be in devices of a key before it: {devices}. They stay "
                "good until they expire; the bank can have them revoked."
            ).format(devices=", ".join(key.hex()[:16] for key in state.earlier_devices))
        )
    return fields, "\n".join(lines)


def successor_fields(successor: bytes, time_ms: int) -> dict[str, Any]:
    """For a program: the key that is to take a wallet's key's place."""
    from currency.key_code import code_of

    return {
        "successor": code_of(successor) if successor else None,
        "successor_time_ms": time_ms or None,
    }


def successor_in_words(successor: bytes, time_ms: int) -> str:
    """Warns of the key that is to take a wallet's key's place."""
    from currency.key_code import code_of
    from wallet.cli.times import clock

    return _(
        "Another key, {code}, takes its place at {time}: the bank has been told that this home is "
        "lost. If that was not you: wallet keys --object {code}"
    ).format(code=code_of(successor), time=clock(time_ms))


def _devices(state: keys_pb2.GetKeyResponse) -> dict[str, Any]:
    return {"earlier_devices": [key.hex() for key in state.earlier_devices]}


def _state_name(state: int) -> str:
    from dcep.bank.v1 import keys_pb2

    name: str = keys_pb2.KeyState.Name(state)
    return name.removeprefix("KEY_STATE_")
