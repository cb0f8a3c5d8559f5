"""``dcep keys …``: which certificates end when, and new ones whose keys stay with their owners."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from cryptography import x509

from console.cli import rotation
from console.options import DEFAULT, Folder, Json
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from console.registered import registered_at
from console.sheet import sheet
from deployment.certificates import held
from deployment.topology import load
from language import _
from runtime.authority_key import make_authority_key, open_authority_key
from runtime.certificates import Authority, request
from runtime.envelope import possession
from runtime.output import of_this_machine, reason_of
from runtime.settings import SettingsError
from runtime.signing_keys import make_token_key, open_key

T = TypeVar("T")
_PKCS11 = "pkcs11:"

Role = Annotated[str, typer.Argument(help="Whose it is, such as bank/alpha or officer/alpha/wang.")]
Uri = Annotated[str, typer.Argument(help="A PKCS#11 URI: token, object, module-path, pin-source.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write; it must not be there.")]
keys = typer.Typer(help="Keys and certificates: when they end, and new ones.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rotation.register(keys)
    app.add_typer(keys, name="keys")


@keys.command("list")
def list_command(folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Show when each certificate of the stack expires, the next one first, and which keys are good.

    The central bank says which keys are good and which were replaced, while it runs.
    """
    plan = load(folder)
    found = sorted(held(plan), key=lambda each: each.ends)
    output = Output(as_json)
    certificates = [
        {
            "role": each.role,
            "file": str(each.file.relative_to(plan.folder)),
            "ends": each.ends.isoformat(timespec="seconds"),
            "days_left": each.days_left,
        }
        for each in found
    ]
    registered = registered_at(plan)
    output.result({"certificates": certificates, "registered": registered})
    if as_json:
        return
    ends = [(each.role, f"{each.ends:%Y-%m-%d}", str(each.days_left)) for each in found]
    output.plain(sheet((_("role"), _("ends"), _("days left")), ends, right=(2,)))
    if not registered:
        output.say(_("the central bank does not run: it would say which keys are good"))
        return
    # Whoever compares a key, or revokes by it, needs all of it.
    head = (_("of"), _("what"), _("is"), _("SHA-256 or public key"))
    rows = [(row["party"], _(row["kind"]), _state(row), row["value"]) for row in registered]
    output.plain(sheet(head, rows))


def _state(row: dict[str, Any]) -> str:
    if row["revoked"]:
        return _("revoked")
    if not row["until_time_ms"]:
        return _("in use")
    ends = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["until_time_ms"] / 1_000))
    over = row["until_time_ms"] <= time.time() * 1_000
    return _("ended {ends}").format(ends=ends) if over else _("good until {ends}").format(ends=ends)


@keys.command()
def make(uri: Uri, as_json: Json = False) -> None:
    """Make a business key (Ed25519) in a token, which it never leaves; prints its public half."""
    output = Output(as_json)
    public = _or_fail(output, lambda: make_token_key(uri)).hex()
    output.result({"public_key": public}, _("public key {public}").format(public=public))


@keys.command()
def prove(
    owner: Annotated[str, typer.Argument(help="Whose key it is to be: a bank, or central-bank.")],
    key: Annotated[str, typer.Argument(help="The business key: a PKCS#11 URI, or a file.")],
    as_json: Json = False,
) -> None:
    """Show that somebody has a new business key: what officers need to register it.

    Prints the public half, and a proof that is good for this owner alone.
    """
    output = Output(as_json)
    signer = _or_fail(output, lambda: open_key(key, in_files=True))
    public, proof = bytes(signer.verify_key).hex(), possession(signer, owner).hex()
    fields = {"owner": owner, "public_key": public, "proof": proof}
    output.result(
        fields, _("public key {public}\nproof      {proof}").format(public=public, proof=proof)
    )


@keys.command()
def authority(
    uri: Uri,
    out: Out,
    name: Annotated[str, typer.Option(help="What the root is called.")] = "DCEP root",
    as_json: Json = False,
) -> None:
    """Make the certificate authority's key in a token, and its root certificate."""
    output = Output(as_json)
    _refuse_existing(output, out)
    _or_fail(output, lambda: make_authority_key(uri))
    made = _or_fail(output, lambda: Authority.create(name, open_authority_key(uri)))
    _write(output, out, made.certificate_pem, 0o644)
    output.result({"certificate": str(out)}, _("the root certificate is in {out}").format(out=out))


@keys.command("request")
def request_command(
    role: Role,
    out: Out,
    key: Annotated[Path, typer.Option("--key", help="Where the new private key goes.")],
    as_json: Json = False,
) -> None:
    """Make a new TLS key and a request for its certificate; the key stays in its file."""
    output = Output(as_json)
    for file in (out, key):
        _refuse_existing(output, file)
    asked, made = request(f"dcep://{role}")
    _write(output, key, made, 0o600)
    _write(output, out, asked, 0o644)
    text = _("the key is in {key}; send {out} to the certificate authority").format(
        key=key, out=out
    )
    output.result({"request": str(out), "key": str(key)}, text)


@keys.command()
def certify(
    role: Role,
    asked: Annotated[Path, typer.Argument(metavar="REQUEST", help="What its owner sent.")],
    root: Annotated[Path, typer.Option("--root", help="The authority's certificate.")],
    key: Annotated[str, typer.Option("--key", help="The authority's key: a URI, or a file.")],
    out: Out,
    as_json: Json = False,
) -> None:
    """Certify the key of a request for a role; you say the role, not the request."""
    output = Output(as_json)
    _refuse_existing(output, out)
    made = _or_fail(
        output, lambda: _authority(root, key).certify(asked.read_bytes(), f"dcep://{role}")
    )
    _write(output, out, made, 0o644)
    certificate = x509.load_pem_x509_certificate(made)
    ends = certificate.not_valid_after_utc
    fields = {"certificate": str(out), "ends": ends.isoformat(timespec="seconds")}
    output.result(
        fields, _("{out}: {role}, until {ends:%Y-%m-%d}").format(out=out, role=role, ends=ends)
    )


def _authority(root: Path, key: str) -> Authority:
    if key.startswith(_PKCS11):
        return Authority(root.read_bytes(), open_authority_key(key))
    return Authority.of_pem(root.read_bytes(), Path(key).read_bytes())


def _refuse_existing(output: Output, file: Path) -> None:
    if file.exists():
        output.fail(
            EXIT_USAGE,
            "FILE_EXISTS",
            _("{file} is there already; nothing was made").format(file=file),
        )


def _write(output: Output, file: Path, content: bytes, mode: int) -> None:
    """Writes a new file with its mode from the start."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            opened.write(content)
    except OSError as error:
        output.fail(EXIT_REFUSED, "FILE_NOT_WRITTEN", f"{file}: {reason_of(error)}")


def _or_fail(output: Output, act: Callable[[], T]) -> T:
    try:
        return act()
    except OSError as wrong:
        output.fail(EXIT_REFUSED, "KEY_REFUSED", of_this_machine(wrong))
    except (SettingsError, ValueError) as wrong:
        output.fail(EXIT_REFUSED, "KEY_REFUSED", str(wrong))
