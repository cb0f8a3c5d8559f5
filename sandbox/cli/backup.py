"""``dcep backup`` and ``dcep restore``: copies of parties' databases, keys and settings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.markup import escape

from console.options import DEFAULT, Folder, Json
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from deployment.topology import CENTRAL_BANK, StackMissing, load
from language import _
from runtime.command_line import typed_folder, typed_server

if TYPE_CHECKING:
    from sandbox.backup.manifest import Manifest

T = TypeVar("T")
VARIABLE = "DCEP_BACKUP_PASSPHRASE"
VERIFY = "verify"
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[PARTY …] TO | verify FROM",
        help="central-bank or names of banks, and then a new folder.",
    ),
]
Passphrase = Annotated[
    Path | None,
    typer.Option(
        help=f"A file whose first line is the passphrase; else {VARIABLE}, or it is asked for."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    words: Words,
    everyone: Annotated[
        bool, typer.Option("--all", help="All parties, and what belongs to none of them.")
    ] = False,
    seal: Annotated[bool, typer.Option("--seal", help="Encrypt it under a passphrase.")] = False,
    passphrase_file: Passphrase = None,
    database_url: Annotated[
        str,
        typer.Option(
            help="To verify: a PostgreSQL server, if not that of the stack.",
            parser=typed_server,
            metavar="<str>",
        ),
    ] = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Copy parties' databases, settings and keys while they run; or verify such a copy.

    The copies of several parties are of one moment, so they fit together. `verify` puts a copy back
    into a scratch place and audits it there; exit code 1 when anything is wrong.
    """
    output = Output(as_json)
    if words[0] == VERIFY and len(words) == 2 and not everyone:
        _verify(output, typed_folder(words[1]), passphrase_file, database_url, folder)
        return
    *names, to = words
    into = typed_folder(to)
    plan = load(folder)
    known = list(plan.commands())
    if everyone == bool(names):
        output.fail(
            EXIT_USAGE,
            "USAGE",
            _("name parties ({names}), or --all of them").format(names=", ".join(known)),
        )
    for name in names:
        if name not in known:
            output.fail(
                EXIT_USAGE,
                "PARTY_UNKNOWN",
                _("no {name!r} here; {names}").format(name=name, names=", ".join(known)),
            )
    from sandbox.backup.making import make_copy

    wanted = known if everyone else list(dict.fromkeys(names))
    secret = None
    if seal or passphrase_file is not None:
        secret = _passphrase(output, passphrase_file, twice=True)
    began = time.monotonic()
    manifest = _or_fail(output, lambda: make_copy(plan, wanted, into, secret, whole=everyone))
    seconds = round(time.monotonic() - began, 1)
    size = sum(file.bytes for file in manifest.stored)
    output.result(
        {"ok": True, "to": to, "seconds": seconds, "bytes": size, **_fields(manifest)},
        _("{parties}: {size:,.1f} MB in {to}, {seconds} s").format(
            parties=_parties(manifest), size=size / 1000000.0, to=escape(to), seconds=seconds
        ),
    )
    if not as_json and not manifest.sealed:
        output.say(_("whoever has this copy has the keys in it; --seal encrypts it"))


def restore(
    source: Annotated[
        Path,
        typer.Argument(metavar="FROM", help="The folder of a copy.", parser=typed_folder),
    ],
    parties: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PARTY …]", help="The parties to restore; all in the copy when left out."
        ),
    ] = None,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Even if the copy lacks something that is there now.")
    ] = False,
    files: Annotated[
        bool,
        typer.Option("--files", help="Replace settings, keys and certificates too."),
    ] = False,
    passphrase_file: Passphrase = None,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Put a copy back in place of what is there, which is kept under another name.

    The parties have to be stopped. A missing stack is made anew from a copy of --all.
    """
    output = Output(as_json)
    from sandbox.backup.putting_back import put_back

    secret = _if_sealed(output, source, passphrase_file)
    manifest, done = _or_fail(
        output,
        lambda: put_back(folder, source, parties or [], secret, give_up=give_up, files=files),
    )
    output.result(
        {
            "ok": True,
            "made_time_ms": manifest.made_time_ms,
            "parties": [
                {"name": one.name, "aside": list(one.aside), "kept": list(one.kept)} for one in done
            ],
        }
    )
    for one in done if not as_json else ():
        output.say(
            _("{one} is as it was at {time}").format(
                one=one.name, time=_time(manifest.made_time_ms)
            )
        )
        if one.aside:
            output.say(
                _("  what was there is kept in {names}").format(
                    names=escape(_(" and ").join(one.aside))
                )
            )
        if one.kept:
            output.say(
                _("  left as they are, and not as in the copy: {names}").format(
                    names=", ".join(one.kept)
                )
            )
    if not as_json:
        output.say(_("next: dcep up, dcep feed, dcep audit; see docs/how-to/backup.md"))


def _verify(
    output: Output, source: Path, passphrase_file: Path | None, server: str, folder: Path
) -> None:
    from sandbox.backup.verifying import verify_copy

    secret = _if_sealed(output, source, passphrase_file)
    found = _or_fail(output, lambda: verify_copy(source, secret, server or _server_of(folder)))
    audit = found.audit.as_fields() if found.audit is not None else None
    ok = not found.problems
    output.result({"ok": ok, **_fields(found.manifest), "audit": audit, "problems": found.problems})
    if not output.as_json:
        if audit is not None:
            from sandbox.cli.audit import show

            show(output, audit)
        for problem in found.problems if audit is None else ():
            output.say(f"[red]{escape(problem)}[/]")
        said = _("it can be put back") if ok else _("it is not good")
        output.say(
            _("{parties}, as of {time}: {said}").format(
                parties=_parties(found.manifest), time=_time(found.manifest.made_time_ms), said=said
            )
        )
    raise typer.Exit(0 if ok else EXIT_REFUSED)


def _server_of(folder: Path) -> str:
    """The URL of the central bank's database, beside which scratch ones go; "" without a stack."""
    try:
        return load(folder).database_url(CENTRAL_BANK)
    except StackMissing:
        return ""


def _or_fail(output: Output, act: Callable[[], T]) -> T:
    from sandbox.backup.refused import BackupRefused

    try:
        return act()
    except BackupRefused as refused:
        output.fail(EXIT_REFUSED, refused.reason, str(refused))


def _if_sealed(output: Output, source: Path, file: Path | None) -> str | None:
    """The passphrase for a copy, if it is sealed or a passphrase file was named."""
    from sandbox.backup.manifest import is_sealed

    if file is None and not _or_fail(output, lambda: is_sealed(source)):
        return os.environ.get(VARIABLE) or None
    return _passphrase(output, file, twice=False)


def _passphrase(output: Output, file: Path | None, *, twice: bool) -> str:
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        return lines[0] if lines else ""
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not sys.stdin.isatty():
        output.fail(
            EXIT_USAGE,
            "PASSPHRASE_MISSING",
            _("name --passphrase-file FILE, or set {variable}").format(variable=VARIABLE),
        )
    asked: str = typer.prompt(
        _("passphrase of the copy"), hide_input=True, confirmation_prompt=twice, err=True
    )
    return asked


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {
        "made_time_ms": manifest.made_time_ms,
        "sealed": manifest.sealed,
        "parties": [
            {
                "name": party.name,
                "journal_position": party.journal_position,
                "journal_hash": party.journal_hash,
                "feed_number": party.feed_number,
            }
            for party in manifest.parties
        ],
    }


def _parties(manifest: Manifest) -> str:
    return ", ".join(party.name for party in manifest.parties)


def _time(time_ms: int) -> str:
    return time.strftime("%F %T", time.localtime(time_ms / 1_000))
