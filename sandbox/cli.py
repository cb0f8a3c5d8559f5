"""``dcep``: the stack on one machine, the officers' desks, the demo, replay and audit."""

from __future__ import annotations

import sys

import typer

from currency.amount import AmountError
from currency.number import NumberError
from runtime.errors import NoAnswer, Refusal, is_undecided
from runtime.output import run_command
from sandbox import (
    cli_acts,
    cli_audit,
    cli_cash,
    cli_ceremony,
    cli_desks,
    cli_evidence,
    cli_feed,
    cli_keys,
    cli_offline_risk,
    cli_replay,
    cli_stack,
    cli_story,
    cli_suspense,
)
from sandbox.plan import BanksMisnamed, StackMissing
from sandbox.processes import ProcessFailed
from sandbox.words import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_USAGE, Speaker

app = typer.Typer(
    name="dcep",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An open two-tier digital currency on one machine. Amounts are yuan, like 12.50.",
)
for part in (
    cli_story,
    cli_stack,
    cli_desks,
    cli_cash,
    cli_acts,
    cli_suspense,
    cli_evidence,
    cli_feed,
    cli_keys,
    cli_audit,
    cli_ceremony,
    cli_replay,
    cli_offline_risk,
):
    part.register(app)


def main() -> None:
    """Run the command line; every failure becomes a sentence and an exit code."""
    run_command(_run, "Repeat the same command: nothing is done twice.")


def _run() -> None:
    speaker = Speaker("--json" in sys.argv[1:])
    try:
        app()
    except Refusal as refusal:
        if is_undecided(refusal.reason):
            more = {"why": refusal.name, **refusal.metadata}
            said = f"{refusal.name}: {refusal.message} (safe to repeat)"
            speaker.fail(EXIT_NO_ANSWER, "NO_ANSWER", said, **more)
        speaker.fail(EXIT_REFUSED, refusal.name, refusal.message, **refusal.metadata)
    except NoAnswer as silence:
        speaker.fail(EXIT_NO_ANSWER, "NO_ANSWER", f"{silence} (safe to repeat)")
    except AmountError as wrong:
        speaker.fail(EXIT_USAGE, "AMOUNT_INVALID", str(wrong))
    except NumberError as wrong:
        speaker.fail(EXIT_USAGE, "NUMBER_INVALID", str(wrong))
    except BanksMisnamed as wrong:
        speaker.fail(EXIT_USAGE, "BANK_NAMES", str(wrong))
    except StackMissing as missing:
        speaker.fail(EXIT_USAGE, "NO_STACK", str(missing))
    except ProcessFailed as failed:
        speaker.fail(EXIT_REFUSED, "PROCESS_FAILED", str(failed))


if __name__ == "__main__":
    main()
