"""Translates Typer's own words, and the help of commands.

Names of commands and options are typed, so they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from language import N_, _
from language.wide import teach_rich

# Words that Typer looks up itself when it draws a page of help.
TYPERS = (
    N_("Arguments"),
    N_("Options"),
    N_("Commands"),
    N_("Error"),
    N_("(deprecated) "),
    N_("[default: {}]"),
    N_("[env var: {}]"),
    N_("[required]"),
    N_("required"),
    N_("default: {default}"),
    N_("env var: {var}"),
    N_("(dynamic)"),
    N_("Missing command."),
)

_HELP = N_("Show this message and exit.")
_USAGE = N_("Usage: ")
# Likewise, for a command.
METAVARS = (N_("[OPTIONS]"), N_("COMMAND [ARGS]..."))

# Sentences that Typer does not look up. The first that fits is taken, and gaps are filled from left
# to right.
_WRONG = (
    N_("Invalid value for {name}: {why}"),
    N_("Invalid value: {why}"),
    N_("Value error, {why}"),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("Missing command."),
    N_("No such option: {name} (Possible options: {names})"),
    N_("No such option: {name} Did you mean {names}?"),
    N_("No such option: {name}"),
    N_("No such command {name}. Did you mean {names}?"),
    N_("No such command {name}."),
    N_("Got unexpected extra argument(s) ({names})"),
    N_("Got unexpected extra argument ({names})"),
    N_("Got unexpected extra arguments ({names})"),
    N_("Option {name} does not take a value."),
    N_("Option {name} requires an argument."),
    N_("{value} is not one of {names}."),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("Input should be greater than or equal to {least}"),
    N_("Input should be less than or equal to {most}"),
    N_("{value} is not a valid integer."),
    N_("{value} is not in the range {range}."),
    N_("{kind} {name} does not exist."),
    N_("{kind} {name} is a file."),
    N_("{kind} {name} is a directory."),
    N_("{kind} {name} is not readable."),
    N_("{kind} {name} is not writable."),
    N_("Input should be {names}"),
)
_GAP = re.compile(r"\\{[a-z]+\\}")


def parts(command: Any) -> Iterator[Any]:
    """A command with its subcommands, and theirs."""
    yield command
    for part in getattr(command, "commands", {}).values():
        yield from parts(part)


def helps(command: Any) -> Iterator[str]:
    """The help of a command, its options and its subcommands, as it is in the code."""
    for part in parts(command):
        for about in (part, *part.params):
            if about.help:
                yield about.help


def translate(command: Any) -> None:
    """Translates the help of a command and its subcommands, in place."""
    teach_rich()
    for part in parts(command):
        for about in (part, *part.params):
            if about.help:
                about.help = _(about.help)
        for name in ("options_metavar", "subcommand_metavar"):
            if metavar := getattr(part, name, None):
                setattr(part, name, _(metavar))
        _translate_page(part)


def wrong_usage(message: str) -> str:
    """Translates what Typer says about wrong usage, if its sentence is known."""
    for template in _WRONG:
        pattern = _GAP.sub("(.+)", re.escape(template))
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            names = re.findall(r"{([a-z]+)}", template)
            said = dict(zip(names, found.groups(), strict=True))
            if "why" in said:
                said["why"] = wrong_usage(said["why"])
            return _(template).format(**said)
    return _(message)


def _translate_page(part: Any) -> None:
    help_option = part.get_help_option

    def translated(context: Any) -> Any:
        option = help_option(context)
        if option is not None:
            option.help = _(_HELP)
        return option

    def usage(context: Any, formatter: Any) -> None:
        pieces = " ".join(part.collect_usage_pieces(context))
        formatter.write_usage(context.command_path, pieces, prefix=_(_USAGE))

    part.get_help_option = translated
    part.format_usage = usage
