"""``dcep``: the stack on one machine, the officers' desks, the demo, replay and audit."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from console.cli import (
    acts,
    banks,
    books,
    cash,
    ceremony,
    come_back,
    customers,
    evidence,
    feed,
    keys,
    machines,
    money,
    officers,
    policy,
    requests,
    suspense,
    wallets,
)
from console.next_steps import next_step
from console.options import Json
from console.output import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_USAGE, Output
from currency.amount import AmountError
from currency.number import NumberError
from currency.reasons import in_words
from dcep.errors.v1 import errors_pb2
from deployment.another_stack import AnotherStack
from deployment.ports import PortsMisnamed
from deployment.processes import ProcessFailed
from deployment.topology import BanksMisnamed, StackMissing
from language import N_, _
from runtime.command_line import Version, as_defaults, run_app, typed_folder
from runtime.errors import NoAnswer, Refusal, is_undecided
from runtime.output import asked_for_json, of_this_machine, only_asks, run_command
from sandbox.cli import audit, backup, bank, cards, codes, demo, offline_risk, replay, stack, status

app = typer.Typer(
    name="dcep",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="An open two-tier digital currency on one machine. Amounts are yuan, like 12.50.",
)
for part in (
    demo,
    stack,
    status,
    money,
    cash,
    machines,
    requests,
    acts,
    bank,
    banks,
    books,
    suspense,
    evidence,
    feed,
    come_back,
    keys,
    wallets,
    customers,
    codes,
    cards,
    audit,
    backup,
    ceremony,
    replay,
    officers,
    offline_risk,
    policy,
):
    part.register(app)


_LOOKS = (
    "status",
    "requests",
    "acts",
    "banks",
    "books",
    "flows",
    "feed",
    "audit",
    "offline-risk",
)

_RENAMED = {"--dir": "--stack"}

_OF_WHO_ASKS = frozenset(
    (
        errors_pb2.REASON_CERTIFICATE_REQUIRED,
        errors_pb2.REASON_ROLE_NOT_ALLOWED,
        errors_pb2.REASON_BANK_NOT_ADMITTED,
        errors_pb2.REASON_BANK_SUSPENDED,
    )
)
"""They decide nothing about what was asked; to ask again by the same certificate does not help."""


@app.callback()
def common(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--stack",
            help="The stack's folder, for the command that follows.",
            parser=typed_folder,
            metavar="<path>",
        ),
    ] = None,
    as_json: Json = False,
    version: Version = False,
) -> None:
    """An open two-tier digital currency on one machine. Amounts are yuan, like 12.50."""
    if context.invoked_subcommand in _LOOKS:
        only_asks()
    if folder is not None:
        os.environ["DCEP_STACK"] = str(folder)
    if as_json:
        as_defaults(context, {"as_json": True})


def main() -> None:
    """Run the command line; every failure becomes a sentence and an exit code."""
    run_command(_run, N_("Repeat the same command: nothing is done twice."))


def _run() -> None:
    output = Output(asked_for_json())
    try:
        run_app(app, "dcep", partial(_wrong_usage, output), _RENAMED)
    except Refusal as refusal:
        if is_undecided(refusal.reason) and refusal.reason not in _OF_WHO_ASKS:
            more = {"why": refusal.name, **refusal.metadata}
            said = f"{refusal.name}: {_said(refusal)}"
            output.fail(EXIT_NO_ANSWER, "NO_ANSWER", said, next_step(refusal.name), **more)
        output.fail(EXIT_REFUSED, refusal.name, _said(refusal), **refusal.metadata)
    except NoAnswer as silence:
        output.fail(EXIT_NO_ANSWER, "NO_ANSWER", str(silence))
    except AmountError as wrong:
        output.fail(EXIT_USAGE, "AMOUNT_INVALID", str(wrong))
    except NumberError as wrong:
        output.fail(EXIT_USAGE, "NUMBER_INVALID", str(wrong))
    except BanksMisnamed as wrong:
        output.fail(EXIT_USAGE, "BANK_NAMES", str(wrong))
    except PortsMisnamed as wrong:
        output.fail(EXIT_USAGE, "PORTS", str(wrong))
    except StackMissing as missing:
        output.fail(EXIT_USAGE, missing.reason, str(missing))
    except AnotherStack as other:
        output.fail(EXIT_REFUSED, "ANOTHER_STACK", str(other))
    except ProcessFailed as failed:
        output.fail(EXIT_REFUSED, "PROCESS_FAILED", str(failed))
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if find_spec(name) is not None:
            raise  # it is there: the program asks it for something else
        text = _("this needs {name}, which is not installed here: pip install {name}").format(
            name=name
        )
        output.fail(EXIT_USAGE, "MODULE_MISSING", text)
    except Exception as error:
        said = of_this_machine(error)
        if not said:
            raise
        output.fail(EXIT_NO_ANSWER, "MACHINE", said)


def _said(refusal: Refusal) -> str:
    return in_words(refusal.name, refusal.message, refusal.metadata, refusal.field)


def _wrong_usage(output: Output, message: str, following: str) -> NoReturn:
    output.fail(EXIT_USAGE, "USAGE", message, following)


if __name__ == "__main__":
    main()
