"""Payments judged by what a bundle lists, bars and filters, and by what was brought along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nacl.signing import SigningKey

from offline_token.formats import CENTRAL_BANK, Certificate, Chain, Clearance, Payment, Statement
from offline_token.limits import MAX_CERTIFICATE_MS, MAX_STATEMENTS
from offline_token.revoked_filter import build_filter
from offline_token.signing import certify_bank, certify_device, sign_bundle, sign_clearance
from offline_token.verify import Reason
from tests.offline.signers import DAY, NOW, Device, key_of

if TYPE_CHECKING:
    from tests.offline.case_table import Table

SINCE = NOW - 7_200_000


def filter_of(*devices: bytes, bits: int = 8) -> bytes:
    """An encoded filter, the same for the same devices."""
    return build_filter(devices, bits, lambda count: bytes(range(count))).encode()


def _public(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def paid(
    t: Table, name: str, reason: Reason, chain: Chain, *said: Statement, **changes: Any
) -> None:
    """A chain with statements, shown to Bob with a bundle that is as usual but for the changes."""
    c = t.signers
    t.bytes(
        name,
        reason,
        Payment((chain,), said).encode(),
        request=c.request(c.bob, 100),
        bundle=c.bundle(**changes),
    )


def banks(t: Table) -> None:
    """A bank that the bundle has no room for is shown by who pays; one that is barred is not."""
    c = t.signers
    pays = c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100)
    alpha, beta = c.bank_certificate("alpha"), c.bank_certificate("beta")
    small = {"banks": (beta,)}
    paid(t, "a bank's certificate brought along", Reason.GOOD, pays, alpha, **small)
    paid(t, "a bank's certificate that is in the bundle too", Reason.GOOD, pays, alpha)
    middle = c.endorse(c.mint(c.bob, 100), c.bob, c.carol, 100)
    paid(t, "a bank in the middle brought along", Reason.GOOD,
         c.endorse(middle, c.carol, c.bob, 100), beta, banks=(alpha,))  # fmt: skip
    mallory = key_of("mallory")
    own = certify_bank(mallory, "alpha", _public(mallory), NOW + DAY)
    his = replace(c.alice, certificate=certify_device(mallory, "alpha", c.alice.public, NOW + DAY))
    forged = c.endorse(c.mint(c.alice, 100), his, c.bob, 100)
    paid(t, "a bank that somebody certified", Reason.BANK_UNKNOWN, forged, own, **small)
    paid(t, "a bank's other key that somebody certified", Reason.DEVICE_FORGED, forged, own)
    paid(t, "a bank that a bank certified", Reason.BANK_UNKNOWN, pays,
         certify_bank(c.banks["beta"], "alpha", alpha.key, NOW + DAY), **small)  # fmt: skip
    paid(t, "another bank's certificate brought along", Reason.BANK_UNKNOWN, pays, beta, **small)
    other = certify_bank(c.root, "alpha", _public(key_of("new")), NOW + DAY)
    paid(t, "another key of the bank brought along", Reason.DEVICE_FORGED, pays, other, **small)
    paid(t, "the bank's key that the bundle does not have", Reason.GOOD, pays, alpha,
         banks=(other, beta))  # fmt: skip
    for late_ms, reason in ((0, Reason.GOOD), (1, Reason.BANK_UNKNOWN)):
        ended = c.bank_certificate("alpha", expires=NOW - late_ms)
        paid(t, f"a bank brought along {late_ms} ms after its end", reason, pays, ended, **small)
    name = b"alpha".ljust(16, b"\0")
    paid(t, "a suspended bank", Reason.BANK_UNKNOWN, pays, barred=(name,))
    paid(t, "a suspended bank brought along", Reason.BANK_UNKNOWN, pays, alpha, barred=(name,))
    paid(t, "another bank is suspended", Reason.GOOD, pays, barred=(b"alph".ljust(16, b"\0"),))
    paid(t, "a bank's revoked key brought along", Reason.DEVICE_REVOKED, pays, alpha,
         barred=(alpha.revocation(),), **small)  # fmt: skip
    root = certify_bank(c.root, CENTRAL_BANK, _public(key_of("successor")), NOW + DAY)
    device = certify_device(key_of("successor"), CENTRAL_BANK, c.alice.public, NOW + DAY)
    theirs = c.endorse(c.mint(c.alice, 100), Device(c.alice.key, device), c.bob, 100)
    paid(t, "a device of a root that is brought along", Reason.BANK_UNKNOWN, theirs, root)


def filters(t: Table) -> None:
    """Who is in the filter is refused, but for whom the root has cleared since."""
    c = t.signers
    pays = c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100)
    alice = c.alice.revocation
    old: dict[str, Any] = {"filter": filter_of(alice), "since_time_ms": SINCE}
    paid(t, "a device that is in the filter", Reason.DEVICE_UNCLEAR, pays, **old)
    paid(t, "a device in the middle that is in the filter", Reason.DEVICE_UNCLEAR,
         c.endorse(c.endorse(c.mint(c.alice, 100), c.alice, c.carol, 100), c.carol, c.bob, 100),
         **old)  # fmt: skip
    paid(t, "another device is in the filter", Reason.GOOD, pays,
         **old | {"filter": filter_of(c.bob.revocation)})  # fmt: skip

    def cleared(name: str, reason: Reason, *said: Clearance, **changes: Any) -> None:
        paid(t, f"cleared {name}", reason, pays, *said, **(old | changes))

    good = sign_clearance(c.root, alice, SINCE)
    cleared("since then", Reason.GOOD, good)
    cleared("a millisecond too early", Reason.DEVICE_UNCLEAR,
            sign_clearance(c.root, alice, SINCE - 1))  # fmt: skip
    cleared("too early and since then", Reason.GOOD, sign_clearance(c.root, alice, 1), good)
    cleared("by somebody", Reason.DEVICE_UNCLEAR, sign_clearance(key_of("mallory"), alice, NOW))
    cleared("by its bank", Reason.DEVICE_UNCLEAR, sign_clearance(c.banks["alpha"], alice, NOW))
    cleared("as another device", Reason.DEVICE_UNCLEAR,
            sign_clearance(c.root, c.carol.revocation, NOW))  # fmt: skip
    cleared("for longer than was said", Reason.DEVICE_UNCLEAR,
            replace(sign_clearance(c.root, alice, SINCE - 1), time_ms=NOW))  # fmt: skip
    cleared("and listed", Reason.DEVICE_REVOKED, good, revoked=(alice,))
    clear_carol = sign_clearance(c.root, c.carol.revocation, NOW)
    cleared("among others", Reason.GOOD, *[clear_carol] * (MAX_STATEMENTS - 1), good)
    successor = key_of("successor")
    for late_ms, reason in ((0, Reason.GOOD), (1, Reason.DEVICE_UNCLEAR)):
        entry = certify_bank(successor, CENTRAL_BANK, c.root_public, NOW - late_ms)
        certificates = _by(successor, c.banks, entry)
        bundle = sign_bundle(successor, replace(c.bundle(**old), banks=certificates))
        chain = c.endorse(c.mint(c.alice, 100, by=successor), c.alice, c.bob, 100)
        t.bytes(f"cleared by the root before, {late_ms} ms after its end", reason,
                Payment((chain,), (good,)).encode(), request=c.request(c.bob, 100),
                root=_public(successor), bundle=bundle)  # fmt: skip
    t.bytes("deposit with statements", Reason.GOOD, Payment((pays,), (good,)).encode())


def bytes_of_statements(t: Table) -> None:
    """Statements that cannot be read make the payment unreadable."""
    c = t.signers
    pays = c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100)
    one = sign_clearance(c.root, c.alice.revocation, NOW)
    good = Payment((pays,), (one,)).encode()
    start = len(good) - len(one.encode()) - 1
    bad = {
        "a statement less than there are": good[:start] + b"\0" + good[start + 1 :],
        "a statement more than there are": good[:start] + b"\2" + good[start + 1 :],
        "a statement more than there may be": good[:start]
        + bytes([MAX_STATEMENTS + 1])
        + one.encode() * (MAX_STATEMENTS + 1),
        "a device's certificate as a statement": good[:start]
        + b"\1"
        + c.alice.certificate.encode(),
        "no number of statements": good[:start],
        "half a statement": good[:-1],
    }
    for name, payment in bad.items():
        t.bytes(f"unreadable: {name}", Reason.UNREADABLE, payment, request=c.request(c.bob, 100))


def lifetimes(t: Table) -> None:
    """A device's certificate counts in the 127 days before its end."""
    c = t.signers
    for early_ms, reason in ((0, Reason.GOOD), (1, Reason.DEVICE_EXPIRED)):
        device = c.device("alice", "alpha", expires=NOW + MAX_CERTIFICATE_MS + early_ms)
        chain = c.endorse(c.mint(c.alice, 100), device, c.bob, 100)
        paid(t, f"a certificate that ends in 127 days and {early_ms} ms", reason, chain)
    t.deposited("deposit, a certificate that ends later", Reason.GOOD, chain)


def _by(
    root: SigningKey, keys: dict[str, SigningKey], *before: Certificate
) -> tuple[Certificate, ...]:
    made: Sequence[Certificate] = [
        certify_bank(root, name, _public(key), NOW + 200 * DAY) for name, key in keys.items()
    ]
    return (*before, *made)
