"""The command lines, from the commands themselves: what their help says, in either language."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import typer

from dcep_build.reference.pages import Translate, code, page, saying, table
from language import _
from language.commands import translate

_REQUIRED = "[required]"


def commands_page(language: str, name: str, module: str) -> str:
    """Every command of a command line with its arguments and options.

    Args:
        name: of the command line, such as ``dcep``.
        module: where its Typer app ``app`` is.
    """
    say = saying(language)
    command = typer.main.get_command(import_module(module).app)
    if language:
        translate(command)
    first, *rest = list(_sections(typer.Context(command, info_name=name), say))
    return page(
        f"{name}.md", language, code(name), [*first[1:], *("\n\n".join(one) for one in rest)]
    )


def _sections(context: typer.Context, say: Translate) -> Iterator[list[str]]:
    """A command's own section, then those of the commands below it."""
    command: Any = context.command
    yield [part for part in _section(context, say) if part]
    for below in getattr(command, "commands", {}).values():
        if not below.hidden:
            yield from _sections(typer.Context(below, info_name=below.name, parent=context), say)


def _section(context: typer.Context, say: Translate) -> list[str]:
    command: Any = context.command
    depth = context.command_path.count(" ") + 1
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    records = [each.get_help_record(context) for each in command.get_params(context)]
    rows = [
        [code(typed), text.replace(_REQUIRED, _(_REQUIRED))]
        for typed, text in filter(None, records)
        if typed != "--help"
    ]
    return [
        f"{'#' * depth} {code(context.command_path)}",
        " ".join((command.help or "").split()),
        code(usage),
        table([say("Argument or option"), ""], rows) if rows else "",
    ]
