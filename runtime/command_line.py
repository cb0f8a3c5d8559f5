"""What both command lines have in common: usage errors, versions, options before a subcommand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer

import language
from language import _
from language.commands import parts, translate, wrong_usage
from runtime.output import EXIT_USAGE, asked_for_json, can_print, only_asks
from runtime.settings import SettingsError, check_database, folder_named

_DRAWN = "╭─…"
"""What a page of help is drawn with, where it can be."""

Fail = Callable[[str, str], NoReturn]
"""Says what is wrong with what was typed, and what to do next, and ends with the code for it."""


def _show_version(wanted: bool) -> None:
    if wanted:
        only_asks()
        sys.stdout.write(f"{version('dcep')}\n")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
]


def typed_folder(text: str) -> Path:
    """The parser of an option or an argument that names a folder of ours.

    Raises:
        typer.BadParameter: nothing stands there.
    """
    try:
        return folder_named(text)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None


def typed_database(url: str) -> str:
    """The parser of an option that is a database's URL; "" is none.

    Raises:
        typer.BadParameter: it is of no kind that is known.
    """
    try:
        if url:
            check_database(url)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
    return url


def typed_server(url: str) -> str:
    """The parser of an option that is the URL of a PostgreSQL server; "" is none.

    Raises:
        typer.BadParameter: it is anything else.
    """
    if url and not typed_database(url).startswith("postgresql"):
        raise typer.BadParameter(_("this is no server; write postgresql://USER@HOST"))
    return url


def run_app(
    app: typer.Typer, name: str, fail: Fail, renamed: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Runs a command line on what was typed.

    Args:
        app: its commands.
        name: what it is called.
        fail: tells of usage errors.
        renamed: what options of earlier versions are called now; they are refused with that.

    Raises:
        SystemExit: always, at the latest with 0.
        KeyboardInterrupt: somebody pressed Ctrl-C, or ended what was to be typed.
    """
    command = typer.main.get_command(app)
    if language.chosen():
        translate(command)
    for part in parts(command):
        if asked_for_json():
            # A missing subcommand is an error then and no page of help, which no program reads.
            part.no_args_is_help = False
        if not can_print(_DRAWN):
            part.rich_markup_mode = None
        _help_only_asks(part)
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except typer.TyperException as wrong:
        _tell(wrong, name, fail, renamed)
    except typer.Abort:
        raise KeyboardInterrupt from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _help_only_asks(part: Any) -> None:
    """Marks help as a command that changes nothing, so a closed pipe is not reported."""
    get_help = part.get_help

    def asked(context: Any) -> Any:
        only_asks()
        return get_help(context)

    part.get_help = asked


def as_defaults(context: typer.Context, values: Mapping[str, Any]) -> None:
    """Applies options given before the subcommand to it, if it has them.

    Args:
        context: of the command line itself.
        values: by the names of the commands' parameters.
    """
    context.default_map = _for_all(context.command, values)


def _for_all(command: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    parts = getattr(command, "commands", {})
    return {**values, **{name: _for_all(part, values) for name, part in parts.items()}}


def _tell(
    wrong: typer.TyperException, name: str, fail: Fail, renamed: Mapping[str, str]
) -> NoReturn:
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context is not None else name
    message = wrong.format_message()
    if not message:
        raise SystemExit(EXIT_USAGE)  # the help has been shown instead
    if language.chosen():
        message = wrong_usage(message)
    now = renamed.get(getattr(wrong, "option_name", ""))
    if now is not None:
        fail(message, _("Type {option} instead.").format(option=now))
    fail(message, _("Look with `{path} --help`.").format(path=path))
