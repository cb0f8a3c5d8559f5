"""``dcep ceremony …``: makes a root key in front of people, and makes it again from its shares."""

from __future__ import annotations

import datetime
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from console.ceremony import CeremonyError, Held, Record, hold, holder_of, read_record, restore
from console.options import Json
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from language import _
from runtime.output import reason_of
from runtime.settings import SettingsError
from runtime.signing_keys import put_token_key

T = TypeVar("T")
_CHECKED_WORDS = 3
_TRIES = 3

Into = Annotated[
    str,
    typer.Option(
        "--into", help="Where the key goes: a PKCS#11 URI, or a new file (a sandbox only)."
    ),
]
RecordFile = Annotated[Path, typer.Argument(help="The ceremony's signed record, a JSON file.")]
ceremony = typer.Typer(
    help="Make a root key that no single person has, before witnesses.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ceremony, name="ceremony")


@ceremony.command("hold")
def hold_command(
    record_file: RecordFile,
    into: Into,
    holder: Annotated[list[str], typer.Option(help="Who gets a share; once for each.")],
    threshold: Annotated[int, typer.Option(help="How many shares make the key again.")],
    witness: Annotated[list[str] | None, typer.Option(help="Who else is there.")] = None,
    purpose: Annotated[str, typer.Option(help="What the key is for.")] = "offline-root",
    as_json: Json = False,
) -> None:
    """Make a key, hand its shares out one by one, put it into a token, and sign the record."""
    output = Output(as_json)
    if record_file.exists():
        output.fail(
            EXIT_USAGE,
            "FILE_EXISTS",
            _("{record_file} is there already").format(record_file=record_file),
        )
    now = datetime.datetime.now(datetime.UTC)
    held = _or_fail(output, lambda: hold(purpose, holder, threshold, witness or (), now))
    for number, name in enumerate(held.shares, start=1):
        _hand_out(output, held, name, number)
    # The record first: shares whose record was lost would be of no ceremony.
    record_file.write_text(held.record.encode(), encoding="utf-8")
    _or_fail(
        output,
        lambda: _keep(into, held.seed),
        _(
            "the shares are good: once that is mended, run dcep ceremony restore {record_file}"
        ).format(record_file=record_file),
    )
    _said(
        output,
        held.record,
        _("the key is in its place; the record is in {record_file}").format(
            record_file=record_file
        ),
    )


@ceremony.command("restore")
def restore_command(record_file: RecordFile, into: Into, as_json: Json = False) -> None:
    """Make the key again from enough shares, each typed by its holder, and put it into a token."""
    output = Output(as_json)
    record = _read(output, record_file)
    shares: dict[str, str] = {}
    while len(shares) < record.threshold:
        share = typer.prompt(
            _("share {count} of {threshold}").format(
                count=len(shares) + 1, threshold=record.threshold
            ),
            hide_input=True,
            err=True,
        )
        try:
            name = holder_of(record, share)
        except CeremonyError as wrong:
            output.say(
                _("{wrong}; nothing was taken, type it again (Ctrl-C ends)").format(wrong=wrong)
            )
            continue
        output.say(
            _("that is the share of {name}").format(name=name)
            + (_(", again") if name in shares else "")
        )
        shares[name] = share
    seed = _or_fail(output, lambda: restore(record, list(shares.values())))
    _or_fail(output, lambda: _keep(into, seed))
    _said(output, record, _("the key of the record is in its place"))


@ceremony.command()
def verify(record_file: RecordFile, as_json: Json = False) -> None:
    """Verify a record by itself. Exit code 1 when it was changed."""
    output = Output(as_json)
    _said(output, _read(output, record_file), _("the record is as the key signed it"))


def _hand_out(output: Output, held: Held, name: str, number: int) -> None:
    """Shows a holder their share, clears the screen, and asks for some of its words."""
    words = held.shares[name].split()
    typer.prompt(
        _("share {number} of {count}: {name} alone looks at the screen now; Enter").format(
            number=number, count=len(held.shares), name=name
        ),
        default="",
        show_default=False,
        err=True,
    )
    for start in range(0, len(words), 6):
        line = "  ".join(
            f"{place + 1:2d} {words[place]}" for place in range(start, min(start + 6, len(words)))
        )
        typer.echo(line, err=True)
    typer.prompt(
        _("written down? Enter clears the screen"), default="", show_default=False, err=True
    )
    _clear()
    for place in sorted(secrets.SystemRandom().sample(range(len(words)), _CHECKED_WORDS)):
        _check_word(output, name, place, words[place])


def _clear() -> None:
    """Clears a terminal, with what can be scrolled back to."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[3J\x1b[2J\x1b[H")
        sys.stderr.flush()


def _check_word(output: Output, name: str, place: int, word: str) -> None:
    for _turn in range(_TRIES):
        if (
            typer.prompt(_("{name}, word {place}").format(name=name, place=place + 1), err=True)
            .strip()
            .lower()
            == word
        ):
            return
        output.say(_("that is another word than the one that was shown"))
    output.fail(
        EXIT_REFUSED,
        "SHARE_NOT_KEPT",
        _("{name}'s share was not written down rightly; nothing was made, begin again").format(
            name=name
        ),
    )


def _keep(into: str, seed: bytes) -> None:
    if into.startswith("pkcs11:"):
        put_token_key(into, seed)
        return
    try:
        with open(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(seed)
    except OSError as error:
        raise CeremonyError(f"{into}: {reason_of(error)}") from None


def _read(output: Output, file: Path) -> Record:
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        output.fail(EXIT_USAGE, "RECORD_UNREADABLE", f"{file}: {reason_of(error)}")
    return _or_fail(output, lambda: read_record(content))


def _or_fail(output: Output, act: Callable[[], T], then: str = "") -> T:
    try:
        return act()
    except (CeremonyError, SettingsError) as wrong:
        output.fail(EXIT_REFUSED, "CEREMONY_REFUSED", f"{wrong}\n{then}" if then else str(wrong))


def _said(output: Output, record: Record, what: str) -> None:
    fields = {
        "ok": True,
        "purpose": record.purpose,
        "public_key": record.public_key,
        "threshold": record.threshold,
        "holders": list(record.holders),
        "witnesses": list(record.witnesses),
        "time": record.time,
    }
    people = ", ".join(record.holders)
    output.result(
        fields,
        _(
            "{purpose}: {public_key}\n"
            "made {time}; any {threshold} of {people} make it again; witnesses: {names}\n"
            "{what}"
        ).format(
            purpose=record.purpose,
            public_key=record.public_key,
            time=record.time,
            threshold=record.threshold,
            people=people,
            names=", ".join(record.witnesses) or _("nobody"),
            what=what,
        ),
    )
