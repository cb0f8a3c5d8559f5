"""Options and arguments that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.command_line import typed_database, typed_folder
from runtime.output import only_asks
from wallet.app import App
from wallet.cli.console import Output
from wallet.home.pin import pin_from

if TYPE_CHECKING:
    from wallet.cli.limits_output import Limit

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="The wallet's folder; default ~/.dcep-wallet or WALLET_HOME.",
        parser=typed_folder,
        metavar="<path>",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Amount = Annotated[str, typer.Argument(help="Yuan, like 12.50", show_default=False)]
Receipt = Annotated[
    str,
    typer.Option(
        "--receipt", help="For cash: the receipt that the machine showed.", show_default=False
    ),
]
Anew = Annotated[
    bool, typer.Option("--anew", help="A new order, even if an equal one got no answer.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
File = Annotated[Path | None, typer.Option("--file", help="A file instead of text.")]
PinOption = Annotated[
    str,
    typer.Option("--pin", help="The device's PIN; better DCEP_PIN, or typed.", show_default=False),
]
StackOption = Annotated[
    Path | None,
    typer.Option(
        "--stack",
        help="The stack's folder; default DCEP_STACK.",
        parser=typed_folder,
        metavar="<path>",
    ),
]

AMOUNTS = {"ignore_unknown_options": True}
"""For commands with an amount: -5 is then a wrong amount, not an unknown option."""

HolderName = Annotated[str, typer.Option("--name", help="The holder's name.")]
Phone = Annotated[str, typer.Option("--phone", help="The holder's phone.")]
Document = Annotated[
    str, typer.Option("--document", help="The number of a document in the holder's name.")
]
DocumentKind = Annotated[
    str, typer.Option("--document-kind", help="id-card, passport or residence-permit.")
]
BankAccount = Annotated[str, typer.Option("--account", help="A bank account in the holder's name.")]
Code = Annotated[str, typer.Option("--code", help="The code that the bank sent to the phone.")]

DEFAULT_STACK = "stack"


@dataclass
class Common:
    """Options given before the subcommand."""

    home: Path | None = None
    as_json: bool = False
    pin: str = ""


def home_folder(given: Path | None) -> Path:
    """The home that was asked for."""
    return given or typed_folder(os.environ.get("WALLET_HOME") or str(Path.home() / ".dcep-wallet"))


def stack_folder(given: Path | None) -> Path:
    """The stack that was asked for."""
    return given or typed_folder(os.environ.get("DCEP_STACK") or DEFAULT_STACK)


def gather(context: typer.Context, home: Path | None, as_json: bool, pin: str = "") -> Common:
    """Options before and after the subcommand together; the later one wins."""
    before = context.find_object(Common) or Common()
    return Common(home or before.home, as_json or before.as_json, pin or before.pin)


@contextmanager
def wallet(
    context: typer.Context,
    home: Path | None,
    as_json: bool,
    pin: str = "",
    *,
    asks_only: bool = False,
    limits: bool = False,
    device: str = "",
) -> Iterator[tuple[App, Output]]:
    """The wallet and the output of one command; an error is printed and ends it.

    Args:
        asks_only: the command changes nothing.
        limits: the limits that it may exceed are those of the wallet at its bank.
        device: as in `Output`.
    """
    common = gather(context, home, as_json, pin)
    if asks_only:
        only_asks()
    app = App(
        home_folder(common.home),
        database_url=typed_database(os.environ.get("DCEP_WALLET_DATABASE_URL", "")),
        pin=pin_from(common.pin),
        tells_later=True,
    )
    output = Output(
        common.as_json,
        bank=app.bank_name,
        asks_only=asks_only,
        limits=(lambda: _limits(app)) if limits else tuple,
        device=device,
        command=context.command_path,
    )
    with closing(app):
        try:
            with output.failures():
                yield app, output
        finally:
            # The outcome of an order counts as told only once it is on the output.
            if output.was_heard:
                app.heard()


def _limits(app: App) -> Iterable[Limit]:
    """The wallet's limits at its bank; none when the bank cannot say."""
    from runtime.errors import Refusal
    from wallet.cli.limits_output import limits_of

    try:
        state, _why_not = app.look()
    except Refusal:
        return ()
    return limits_of(state) if state is not None else ()
