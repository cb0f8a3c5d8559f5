"""``wallet backup`` and ``wallet restore``: a home in one file, encrypted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet

if TYPE_CHECKING:
    from wallet.cli.console import CommandResult
    from wallet.recovery.backup import Restored

VARIABLE = "DCEP_PASSPHRASE"
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup's file.")]


def backup(
    context: typer.Context,
    file: BackupFile,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that another home of this wallet needs into one file, encrypted.

    The passphrase is asked for, twice; a program gives it in DCEP_PASSPHRASE. Offline money is not
    in the file: it lies in this home's device, and stays there. Another key, by `wallet key rotate`
    or `wallet restore`, makes the file worthless: make a new one then.
    """
    with wallet(context, home, as_json) as (app, output):
        from wallet.recovery.format import check_passphrase

        number = app.profile().number
        passphrase = _passphrase(twice=True)
        check_passphrase(passphrase)
        app.back_up(file, passphrase)
        offline_fen = app.offline_fen()
        output.result(*backed_up(file, number, offline_fen))


def restore(
    context: typer.Context,
    file: BackupFile,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a home of a backup. The home that it is of orders nothing any more.

    The home gets a new key at once, so that one alone can order: who restores first has the wallet.
    Repeat the command after no answer. Offline money stays in the device of the home before, and is
    good until it expires.
    """
    with wallet(context, home, as_json) as (app, output):
        from wallet.recovery.backup import read_backup

        content = read_backup(file)
        done = app.restore(content, _passphrase(twice=False))
        why_not = app.prepare_offline()
        output.result(*restored(done, why_not))


def backed_up(file: Path, number: str, offline_fen: int | None) -> CommandResult:
    """After ``backup``; `offline_fen` is None if the device has a PIN that was not given."""
    fields = {"number": number, "file": str(file), "offline_left_out_fen": offline_fen}
    text = _(
        "{file} has all that another home of wallet {number} needs, encrypted: `wallet restore "
        "{file}`. Keep it elsewhere than the passphrase. After another key, make a new one."
    ).format(file=file, number=number)
    if offline_fen != 0:
        text += "\n" + _(
            "Offline money is not in it: it lies in this home's device. If the device is lost, who "
            "has it can pay with it; what is not spent comes back into the wallet when it expires."
        )
    return fields, text


def restored(done: Restored, why_not: str) -> CommandResult:
    """After ``restore``."""
    from wallet.cli.output import opened
    from wallet.cli.times import clock

    fields, text = opened(done.profile, why_not)
    fields["backup_time_ms"] = done.made_time_ms
    fields["earlier_devices"] = [key.hex() for key in done.state.earlier_devices]
    fields["has_recovery_phrase"] = done.state.has_recovery_key
    text += "\n" + _(
        "It is as in the backup of {time}, and has a new key: the home that the backup is of "
        "orders nothing any more, and the backup opens nothing any more. Make a new one: `wallet "
        "backup FILE`."
    ).format(time=clock(done.made_time_ms))
    if done.state.earlier_devices:
        text += "\n" + _(
            "Offline money of before is not here: it stays in the devices that it is in, "
            "{devices}. Who has such a device can pay with it. What is not spent comes back into "
            "the wallet by itself when it expires; the bank can have the device revoked."
        ).format(devices=", ".join(key.hex()[:16] for key in done.state.earlier_devices))
    return fields, text


def _passphrase(*, twice: bool) -> str:
    """Raises UsageError: there is nobody to ask, or it was typed in two ways."""
    from wallet.cli.console import UsageError
    from wallet.home.pin import asked

    given = os.environ.get(VARIABLE, "") or asked(_("Passphrase of the backup: "))
    if not given:
        raise UsageError(
            _("a backup has a passphrase: type it at a terminal, or give it in DCEP_PASSPHRASE")
        )
    if twice and not os.environ.get(VARIABLE) and asked(_("The same again: ")) != given:
        raise UsageError(_("that was another passphrase; nothing was written"))
    return given
