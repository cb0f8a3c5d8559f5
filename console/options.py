"""Declares the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployment.topology import DEFAULT_FOLDER
from runtime.command_line import typed_folder, typed_server

Folder = Annotated[
    Path,
    typer.Option(
        "--stack",
        envvar="DCEP_STACK",
        help="The stack's folder.",
        show_default=True,
        parser=typed_folder,
        metavar="<path>",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
DatabaseUrl = Annotated[
    str,
    typer.Option(
        help="postgresql://… puts every service on that server; else SQLite files.",
        parser=typed_server,
        metavar="<str>",
    ),
]
Officer = Annotated[str, typer.Option("--as", help="The officer who acts.")]
BankOfficer = Annotated[
    str, typer.Option("--as", help="The officer of the bank who acts; the first one when left out.")
]
RequestId = Annotated[
    str, typer.Option(help="An id by which this can be repeated; a new one when left out.")
]
Anew = Annotated[bool, typer.Option("--anew", help="Anew, even if an equal command got no answer.")]
DEFAULT = Path(DEFAULT_FOLDER)
