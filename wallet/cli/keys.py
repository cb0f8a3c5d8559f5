"""``wallet recover``, ``wallet keys`` and ``wallet key``: another key, and what of that."""

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
        str,
        typer.Argument(
            metavar="[NUMBER]",
            help="The wallet's number, 16 digits; the phrase finds it by itself.",
            show_default=False,
        ),
    ] = "",
    bank: Annotated[
        str,
        typer.Option(
            "--bank",
            help="The bank's name or HOST:PORT; with --phrase, every bank of the stack is asked.",
            show_default=False,
        ),
    ] = "",
    by_phrase: Annotated[
        bool,
        typer.Option(
            "--phrase", help="By the recovery phrase, which is asked for; no officers are needed."
        ),
    ] = False,
    stack: StackOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask, in a new home, for a key of your wallet whose home is lost.

    With --phrase the bank is asked by the recovery phrase. Else it shows a code: go to the bank
    with it, and with what shows who you are, and two officers of the bank approve the key. In both
    ways the old key then has some hours to object. The same command says how far that is, and ends
    with the wallet in this home.
    """
    from currency.number import check, typed
    from wallet.cli.console import EXIT_NO_ANSWER, UsageError
    from wallet.cli.phrase import read
    from wallet.peers.bank_directory import find_bank, known_banks

    with wallet(context, home, as_json) as (app, output):
        folder = stack_folder(stack)
        if by_phrase:
            if number:
                raise UsageError(_("the phrase finds the wallet: leave its number away"))
            entries = [find_bank(folder, bank)] if bank else known_banks(folder)
            done = app.recover_by_phrase(entries, read)
        else:
            if not number or not bank:
                raise UsageError(
                    _(
                        "say which wallet, like: wallet recover 6201000000000012 --bank alpha; or "
                        "with its phrase: wallet recover --phrase"
                    )
                )
            done = app.recover(find_bank(folder, bank), check(typed(number)))
        why_not = app.prepare_offline() if done.profile.opened else ""
        output.result(*recovered(done, why_not, by_phrase=by_phrase))
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


key = typer.Typer(
    help="The key in this home.", no_args_is_help=True, pretty_exceptions_enable=False
)


@key.command()
def rotate(
    context: typer.Context,
    with_phrase: Annotated[
        bool,
        typer.Option(
            "--phrase", help="Make a new recovery phrase too, in place of the one before."
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put another key in the place of the one in this home, at once.

    For when somebody may have read it, or a backup of it: whoever has the key of before can order
    nothing any more. Whoever comes first has the wallet. With --phrase a new recovery phrase is
    shown, once; the one before it counts 7 days longer.
    """
    from wallet.cli.phrase import phrase_for

    with wallet(context, home, as_json) as (app, output):
        profile = app.profile()
        named = phrase_for(app, output, profile.bank, wanted=with_phrase)
        there = app.rotate_key(named)
        output.result(*rotated(there.number, there.public, named))


def rotated(number: str, public: bytes, named: bytes) -> CommandResult:
    """After ``key rotate``."""
    from currency.key_code import code_of

    code = code_of(public)
    fields = {"number": number, "code": code, "new_phrase": bool(named)}
    text = _(
        "This home has another key now, {code}. The one before it orders nothing any more, and "
        "backups of before open nothing: make a new one, `wallet backup FILE`."
    ).format(code=code)
    if named:
        text += "\n" + _(
            "The new recovery phrase counts from now on, the one before it 7 days longer."
        )
    return fields, text


def recovered(done: Recovered, why_not: str, *, by_phrase: bool = False) -> CommandResult:
    """After ``recover``."""
    from currency.key_code import code_of
    from wallet.cli.output import opened
    from wallet.cli.times import clock
    from wallet.online.keys import APPROVED, CANCELLED

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
        more["has_recovery_phrase"] = done.state.has_recovery_key
        if not done.state.has_recovery_key:
            said += "\n" + _no_phrase()
        return {**fields, **more, **_devices(done.state)}, f"{text}\n{said}"
    if done.state.state == CANCELLED:
        return fields, _(
            "Two officers of {bank} have called this key, {code}, off. Ask the bank why; they can "
            "approve it anew."
        ).format(bank=done.profile.bank, code=code)
    if done.state.state == APPROVED:
        fields["in_force_time_ms"] = done.state.in_force_time_ms
        if by_phrase:
            return fields, _(
                "{bank} has taken the phrase's word for this key, {code}, of wallet {number}. It "
                "is the wallet's from {time} on, unless the old key objects. Repeat this command "
                "then; it does not ask for the phrase again."
            ).format(
                bank=done.profile.bank,
                code=code,
                number=done.profile.number,
                time=clock(done.state.in_force_time_ms),
            )
        return fields, _(
            "Two officers of {bank} have approved this key, {code}. It is the wallet's from {time} "
            "on, unless the old key objects. Repeat this command then."
        ).format(bank=done.profile.bank, code=code, time=clock(done.state.in_force_time_ms))
    if by_phrase:
        return fields, _(
            "The old key, or the bank, has objected to what this phrase has asked for before: it "
            "does not decide alone any more. The code of this home's key is\n  {code}\nGo to "
            "{bank} with it, with the wallet's number, {number}, and with what shows who you are. "
            "Two officers and the phrase together need nobody else. Then repeat this command."
        ).format(bank=done.profile.bank, code=code, number=done.profile.number)
    return fields, _(
        "The code of this home's key is\n  {code}\nGo to {bank} with it, with the wallet's number, "
        "and with what shows who you are. Nobody there needs anything else that is in this home. "
        "Then repeat this command: it says how far the bank is. {bank} keeps what you asked for 7 "
        "days."
    ).format(bank=done.profile.bank, code=code)


def shown(number: str, public: bytes, state: keys_pb2.GetKeyResponse) -> CommandResult:
    """After ``keys``."""
    from currency.key_code import code_of
    from dcep.bank.v1 import keys_pb2
    from wallet.cli.times import clock
    from wallet.online.keys import REPLACED

    code = code_of(public)
    fields: dict[str, Any] = {
        "number": number,
        "code": code,
        "state": _state_name(state.state),
        "in_force_time_ms": state.in_force_time_ms or None,
        **successor_fields(state.successor, state.successor_time_ms),
        "successor_by_phrase": state.successor_cause == keys_pb2.KEY_CAUSE_PHRASE,
        "successor_is_final": state.successor_is_final,
        "has_recovery_phrase": state.has_recovery_key,
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
        lines.append(_coming(state))
    if not state.has_recovery_key:
        lines.append(_no_phrase())
    if state.earlier_devices:
        lines.append(
            _(
                "Offline money may still be in devices of a key before it, this home's own perhaps "
                "among them: {devices}. They stay good until they expire; the bank can have them "
                "revoked."
            ).format(devices=", ".join(key.hex()[:16] for key in state.earlier_devices))
        )
    return fields, "\n".join(lines)


def _coming(state: keys_pb2.GetKeyResponse) -> str:
    """Warns of the key that is to take this one's place, and says on whose word."""
    from currency.key_code import code_of
    from dcep.bank.v1 import keys_pb2
    from wallet.cli.times import clock

    code, time = code_of(state.successor), clock(state.successor_time_ms)
    if state.successor_is_final:
        return _(
            "Another key, {code}, takes its place at {time}: the bank's officers and the recovery "
            "phrase agree on it, and no objection counts. If that was not you, go to your bank."
        ).format(code=code, time=time)
    if state.successor_cause == keys_pb2.KEY_CAUSE_PHRASE:
        return _(
            "Another key, {code}, takes its place at {time}: somebody has asked for it with this "
            "wallet's recovery phrase. If that was not you: wallet keys --object {code}, and then "
            "make a new phrase: wallet key rotate --phrase"
        ).format(code=code, time=time)
    return successor_in_words(state.successor, state.successor_time_ms)


def _no_phrase() -> str:
    return _(
        "No recovery phrase is kept for this wallet. Make one, and write it down: wallet key "
        "rotate --phrase"
    )


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
