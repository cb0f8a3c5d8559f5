"""Gives parties of a running stack new keys and certificates, and ends the old ones.

A new key is made beside the old one (``….next``), announced by two officers, and put in the old
one's place. If that fails half-way, the same command goes on where it stopped, with the same key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message
from nacl.signing import SigningKey

from console.clients import ActClient, CentralOfficerClient
from console.registered import revoked_certificates
from currency import parties
from dcep.office.v1 import office_pb2
from deployment.provisioning import (
    CENTRAL_KEYS,
    OFFLINE_ROOT,
    ROOTS_BEFORE,
    fingerprint,
    officer_key_file,
    public_key,
    write_directory,
)
from deployment.topology import CENTRAL_BANK, StackMissing, StackPlan
from language import _
from runtime.certificates import Authority
from runtime.clock import SystemClock
from runtime.envelope import possession
from runtime.private import make_private, write_private

CERTIFICATE, KEY = "certificate", "key"
ROOT = "offline-root"
ROOT_DAYS = 120
BOTH = (CERTIFICATE, KEY)
DAY_MS = 86_400_000
REPLACED = "replaced"
"""The folder, in the central bank's, of its earlier certificates."""
LONGEST_DAYS = 90


@dataclass(frozen=True)
class Party:
    """A party whose keys can be changed.

    Attributes:
        kind: "bank", "officer", "central-bank" or "offline-root".
        name: the bank's or the officer's.
        institution: where an officer works; else "".
    """

    kind: str
    name: str
    institution: str = ""

    @property
    def role(self) -> str:
        """The role in its certificate."""
        if self.kind == "officer":
            return parties.officer(self.institution, self.name)
        return parties.bank(self.name) if self.kind == "bank" else parties.CENTRAL_BANK


@dataclass(frozen=True)
class Change:
    """What to change.

    Attributes:
        what: CERTIFICATE, KEY, or both.
        old_until_ms: until when the old ones stay valid; 0: they are revoked.
        cause: why, for the record.
    """

    what: Sequence[str]
    old_until_ms: int
    cause: str


def party_of(plan: StackPlan, name: str) -> Party:
    """The party with a name: offline-root, central-bank, a bank or an officer.

    Raises:
        StackMissing: there is no such party.
    """
    if name == ROOT:
        return Party(ROOT, name)
    wanted = name.removeprefix("bank/").removeprefix("officer/").rpartition("/")[2]
    if wanted == CENTRAL_BANK:
        return Party("central-bank", wanted)
    if any(bank.name == wanted for bank in plan.banks):
        return Party("bank", wanted)
    try:
        return Party("officer", wanted, plan.institution(wanted))
    except StackMissing:
        raise StackMissing(
            _("{name!r} is neither a bank nor an officer of this stack").format(name=name)
        ) from None


def party_of_role(role: str) -> Party:
    """The party of a role without its scheme, such as ``officer/alpha/wang``."""
    kind, *names = role.split("/")
    return Party(kind, names[-1], names[0] if kind == "officer" else "")


def until(days: int) -> int:
    """The time so many days from now, Unix milliseconds."""
    return SystemClock().now_ms() + days * DAY_MS


def change(plan: StackPlan, party: Party, wanted: Change) -> list[str]:
    """Gives a bank, the central bank or an officer a new certificate, key, or both.

    Returns:
        A sentence about each file that is now in use.
    """
    if party.kind == "bank":
        return _of_bank(plan, party, wanted)
    if party.kind == "central-bank":
        return _of_central_bank(plan, party, wanted)
    return _of_officer(plan, party, wanted)


def announce_root(plan: StackPlan, wanted: Change) -> str:
    """Makes the next offline root and has it announced; returns its public key in hex.

    It takes over later, by `take_over`: devices must know it before they are paid with its tokens.
    """
    key = SigningKey(next_key(plan.central_folder / OFFLINE_ROOT).read_bytes())
    public = bytes(key.verify_key)
    if public not in _known_roots(plan):
        renewal = office_pb2.RenewOfflineRoot(
            root_key=public,
            proof=possession(key, ROOT),
            old_until_time_ms=wanted.old_until_ms,
        )
        _by_two(plan, Party(ROOT, ROOT), renewal, wanted.cause)
    return public.hex()


def take_over(plan: StackPlan) -> str:
    """Puts the announced next offline root in the old one's place; returns its public key in hex.

    Raises:
        StackMissing: none was announced.
    """
    root = plan.central_folder / OFFLINE_ROOT
    fresh = next_to(root)
    if not fresh.exists() or public_key(fresh) not in _known_roots(plan):
        raise StackMissing(_("no successor of the offline root was announced"))
    before = plan.central_folder / ROOTS_BEFORE
    lines = before.read_text(encoding="ascii") if before.exists() else ""
    if (own := public_key(root).hex()) not in lines:
        write_private(before, f"{lines}{own}\n".encode())
    os.replace(fresh, root)
    write_directory(plan)
    return public_key(root).hex()


def _known_roots(plan: StackPlan) -> set[bytes]:
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        return {root.key for root in office.central_keys().offline_roots}


def end_replaced(plan: StackPlan, party: Party, cause: str) -> None:
    """Revokes the replaced keys and certificates of a bank, the central bank or the offline root.

    It makes no new ones.
    """
    if party.kind == "bank":
        _by_two(plan, party, office_pb2.RenewBank(name=party.name), cause)
        return
    if party.kind == ROOT:
        _by_two(plan, party, office_pb2.RenewOfflineRoot(), cause)
        return
    certificates = _revoke_replaced(plan, party, cause)
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        keys = office.central_keys().keys
    if not certificates or any(key.until_time_ms and not key.revoked for key in keys):
        _by_two(plan, party, office_pb2.RenewCentralKey(), cause)


def _of_bank(plan: StackPlan, party: Party, wanted: Change) -> list[str]:
    folder = plan.bank_folder(party.name)
    tls, business = folder / "tls.crt", folder / "business.key"
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        (known,) = [bank for bank in office.banks() if bank.name == party.name]
    renewal = office_pb2.RenewBank(name=party.name, old_until_time_ms=wanted.old_until_ms)
    if CERTIFICATE in wanted.what:
        mark = fingerprint(next_certificate(plan, tls, party.role))
        if mark != known.certificate_fingerprint:
            renewal.certificate_fingerprint = mark
    if KEY in wanted.what:
        key = SigningKey(next_key(business).read_bytes())
        if bytes(key.verify_key) != known.business_key:
            renewal.business_key = bytes(key.verify_key)
            renewal.proof = possession(key, party.name)
    new = [each for each in (renewal.certificate_fingerprint, renewal.business_key) if each]
    if new:
        _by_two(plan, party, renewal, wanted.cause)
    done = _put(wanted.what, tls, business)
    if not wanted.old_until_ms and len(new) < len(wanted.what):
        # An earlier act has renewed them already, and left the old ones valid for some time.
        end_replaced(plan, party, wanted.cause)
    return done


def _of_central_bank(plan: StackPlan, party: Party, wanted: Change) -> list[str]:
    folder = plan.central_folder
    tls, business = folder / "tls.crt", folder / "business.key"
    if CERTIFICATE in wanted.what:
        # Its peers check only the root and the role of its certificate. So a new one needs no act;
        # only a revocation does.
        next_certificate(plan, tls, party.role)
        _keep_replaced(plan, tls)
    if KEY in wanted.what:
        key = SigningKey(next_key(business).read_bytes())
        public = bytes(key.verify_key)
        with CentralOfficerClient(plan, plan.central_officers[0]) as office:
            known = {each.key for each in office.central_keys().keys}
        if public not in known:
            renewal = office_pb2.RenewCentralKey(
                business_key=public,
                proof=possession(key, CENTRAL_BANK),
                old_until_time_ms=wanted.old_until_ms,
            )
            _by_two(plan, party, renewal, wanted.cause)
        if not wanted.old_until_ms:
            _list_alone(plan, public)
    done = _put(wanted.what, tls, business)
    if CERTIFICATE in wanted.what and not wanted.old_until_ms:
        _revoke_replaced(plan, party, wanted.cause)
    if KEY in wanted.what and not wanted.old_until_ms and public in known:
        # An earlier act has renewed the key already, as with a bank.
        _by_two(plan, party, office_pb2.RenewCentralKey(), wanted.cause)
    return done


def _keep_replaced(plan: StackPlan, certificate: Path) -> None:
    """Keeps a copy of a certificate before it is replaced: it is valid until revoked or ended."""
    folder = plan.central_folder / REPLACED
    make_private(folder)
    content = certificate.read_bytes()
    (folder / f"{fingerprint(certificate)}.crt").write_bytes(content)


def _revoke_replaced(plan: StackPlan, party: Party, cause: str) -> int:
    """Revokes the central bank's replaced certificates; returns how many there were."""
    found = sorted((plan.central_folder / REPLACED).glob("*.crt"))
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        revoked = revoked_certificates(office.central_keys())
    for file in found:
        if file.stem not in revoked:
            kind = office_pb2.RevokeCentralCertificate(certificate_fingerprint=file.stem)
            _by_two(plan, party, kind, cause)
        file.unlink()
    return len(found)


def _list_alone(plan: StackPlan, public: bytes) -> None:
    """Lists a key as the central bank's only one in each bank's file.

    In earnest each bank's operator does this, after hearing of the theft in another way.
    """
    for bank in plan.banks:
        file = plan.bank_folder(bank.name) / CENTRAL_KEYS
        kept = [
            line
            for line in file.read_text(encoding="ascii").splitlines()
            if line.startswith("revoked-certificate")
        ]
        lines = [
            f"{public.hex()}  # the central bank's business key",
            *kept,
        ]
        fresh = file.with_suffix(".next")
        write_private(fresh, "".join(f"{line}\n" for line in lines).encode())
        os.replace(fresh, file)


def _of_officer(plan: StackPlan, party: Party, wanted: Change) -> list[str]:
    tls = plan.officers_folder / f"{party.name}.crt"
    signing = officer_key_file(plan, party.name)
    mark = fingerprint(next_certificate(plan, tls, party.role))
    public = public_key(next_key(signing))
    with ActClient(plan, party.institution, _others(plan, party)[0]) as client:
        (known,) = [found for found in client.officers() if found.name == party.name]
    begun = any(held.signing_key == public for held in known.credentials)
    if not begun:
        renewal = office_pb2.RenewOfficer(
            name=party.name,
            certificate_fingerprint=mark,
            signing_key=public,
            old_until_time_ms=wanted.old_until_ms,
        )
        _by_two(plan, party, renewal, wanted.cause)
    done = _put(BOTH, tls, signing)
    # An earlier renewal left the old ones valid for some time; another renewal ends them.
    return _of_officer(plan, party, wanted) if begun and not wanted.old_until_ms else done


def _others(plan: StackPlan, party: Party) -> list[str]:
    """The officers who may decide about a party: all but the one whose keys they are."""
    return [name for name in plan.officers(party.institution or CENTRAL_BANK) if name != party.name]


def _by_two(plan: StackPlan, party: Party, kind: Message, cause: str) -> None:
    """Has one officer propose and another approve; an officer may propose for herself."""
    institution = party.institution or CENTRAL_BANK
    approver, *rest = _others(plan, party)
    proposer = rest[0] if rest else party.name
    with ActClient(plan, institution, proposer) as client:
        act = client.propose(kind, cause)
    with ActClient(plan, institution, approver) as client:
        client.approve(act)


def next_certificate(plan: StackPlan, certificate: Path, role: str) -> Path:
    """The path of a new certificate beside the one in use; it is made if it is not there yet.

    Its TLS key is made with it.
    """
    fresh, key = next_to(certificate), next_to(certificate.with_suffix(".key"))
    if not (fresh.exists() and key.exists()):
        root = plan.root_folder
        authority = Authority.of_pem((root / "ca.crt").read_bytes(), (root / "ca.key").read_bytes())
        issued = authority.issue(role)
        write_private(key, issued.key_pem)
        fresh.write_bytes(issued.certificate_pem)
    return fresh


def next_key(key: Path) -> Path:
    """The path of a new signing key beside the one in use; it is made if it is not there yet."""
    fresh = next_to(key)
    if not fresh.exists():
        write_private(fresh, bytes(SigningKey.generate()))
    return fresh


def next_to(file: Path) -> Path:
    """Where a file's successor lies until it is put in its place."""
    return file.with_name(file.name + ".next")


def _put(what: Sequence[str], certificate: Path, key: Path) -> list[str]:
    """Puts the new files in the place of the old ones; returns a sentence about each."""
    done: list[str] = []
    if CERTIFICATE in what:
        tls_key = certificate.with_suffix(".key")
        os.replace(next_to(tls_key), tls_key)
        os.replace(next_to(certificate), certificate)
        done.append(_("certificate {fingerprint}").format(fingerprint=fingerprint(certificate)))
    if KEY in what:
        os.replace(next_to(key), key)
        done.append(_("key {public_key}").format(public_key=public_key(key).hex()))
    return done
