"""Payments with the answer they deserve. The table of the tests and of the test vectors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp
from nacl.signing import SigningKey

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CENTRAL_BANK,
    Certificate,
    Chain,
    Hop,
    Payment,
    Request,
)
from offline_token.limits import MAX_CHAINS, MAX_HOPS
from offline_token.signing import certify_bank, certify_device, sign_bundle, sign_token
from offline_token.verify import Reason, piece_of
from tests.offline import trust_cases
from tests.offline.signers import DAY, MAX_U64, NOW, Device, Signers, key_of

_ORDER = 2**252 + 27742317777372353535851937790883648493
_PRIME = 2**255 - 19


DEPOSIT_GRACE_MS = 37 * DAY


@dataclass(frozen=True)
class Case:
    """A question to the verifier, and the answer."""

    name: str
    reason: Reason
    payment: bytes
    root: bytes
    bundle: TrustBundle
    now_ms: int
    request: Request | None
    output: int

    def question(self) -> dict[str, Any]:
        """The arguments of `verify` but the payment."""
        return {
            "root": self.root,
            "bundle": self.bundle,
            "now_ms": self.now_ms,
            "request": self.request,
            "output": self.output,
            "grace_ms": DEPOSIT_GRACE_MS if self.request is None else 0,
        }


class Table:
    """Collects cases; Bob is the payee where nothing else is said."""

    def __init__(self, signers: Signers) -> None:
        self.signers = signers
        self.cases: list[Case] = []

    def paid(
        self, name: str, reason: Reason, *chains: Chain, asks: int = 100, **other: Any
    ) -> None:
        """Chains shown to Bob, who asked for the amount."""
        self.bytes(
            name,
            reason,
            Payment(chains).encode(),
            request=other.pop("request", self.signers.request(self.signers.bob, asks)),
            **other,
        )

    def deposited(self, name: str, reason: Reason, *chains: Chain, **other: Any) -> None:
        """Chains verified without a request."""
        self.bytes(name, reason, Payment(chains).encode(), **other)

    def bytes(self, name: str, reason: Reason, payment: bytes, **other: Any) -> None:
        """Any bytes."""
        usual = {
            "root": self.signers.root_public,
            "bundle": self.signers.bundle(),
            "now_ms": NOW,
            "request": None,
            "output": 0,
        }
        self.cases.append(Case(name, reason, payment, **(usual | other)))


def all_cases(signers: Signers) -> list[Case]:
    """Every case, each with a name of its own."""
    table = Table(signers)
    for add in (
        _good,
        _unreadable,
        _bundle,
        _token,
        _device,
        _owner_and_output,
        _amount,
        _endorsement,
        _size,
        _request,
        _first_reason,
        _deposit,
        _roots,
        trust_cases.banks,
        trust_cases.filters,
        trust_cases.bytes_of_statements,
        trust_cases.lifetimes,
    ):
        add(table)
    return table.cases


def _good(t: Table) -> None:
    c = t.signers
    alice, bob, carol = c.alice, c.bob, c.carol
    token = c.mint(alice, 100)
    t.paid("a whole token", Reason.GOOD, c.endorse(token, alice, bob, 100))
    t.paid("a part of a token", Reason.GOOD, c.endorse(token, alice, bob, 1), asks=1)
    kept = c.endorse(token, alice, carol, 40)
    t.paid("change", Reason.GOOD, c.endorse(kept, alice, bob, 60, spend=1), asks=60)
    t.paid("money received before", Reason.GOOD, c.endorse(kept, carol, bob, 40), asks=40)
    part = c.endorse(c.endorse(kept, carol, alice, 30), alice, bob, 20)
    t.paid("a part of a part of a part", Reason.GOOD, part, asks=20)
    t.paid(
        "two tokens",
        Reason.GOOD,
        c.endorse(token, alice, bob, 100),
        c.endorse(c.mint(alice, 7, number=2), alice, bob, 5),
        asks=105,
    )
    t.paid(
        "both outputs of one endorsement",
        Reason.GOOD,
        c.endorse(c.endorse(token, alice, alice, 40), alice, bob, 40),
        c.endorse(c.endorse(token, alice, alice, 40), alice, bob, 60, spend=1),
    )
    t.paid(
        "to oneself", Reason.GOOD, c.endorse(token, alice, alice, 100),
        request=c.request(alice, 100),
    )  # fmt: skip
    t.paid(
        "as many chains as there may be",
        Reason.GOOD,
        *(c.endorse(c.mint(alice, n, number=n), alice, bob, n) for n in range(1, MAX_CHAINS + 1)),
        asks=sum(range(MAX_CHAINS + 1)),
    )
    t.paid(
        "as many hops as may be paid", Reason.GOOD, c.long_chain(MAX_HOPS - 1), asks=500,
        bundle=c.bundle(max_hops=MAX_HOPS),
    )  # fmt: skip
    t.paid("as many hops as the bundle says", Reason.GOOD, c.long_chain(3), asks=500,
           bundle=c.bundle(max_hops=3))  # fmt: skip
    spent = c.small_payments(MAX_HOPS - 2)
    once = c.bundle(max_hops=1)
    t.paid("what is left after thirty small payments", Reason.GOOD,
           c.endorse(spent, alice, bob, 100, spend=1), bundle=once)  # fmt: skip
    t.deposited("deposit of what is left after thirty small payments", Reason.GOOD, spent,
                output=1, bundle=once)  # fmt: skip
    t.paid(
        "the largest numbers", Reason.GOOD,
        c.endorse(c.mint(alice, MAX_U64, expires=MAX_U64), alice, bob, MAX_U64, salt=MAX_U64),
        asks=MAX_U64,
        bundle=c.bundle(created_time_ms=MAX_U64, max_age_ms=MAX_U64, max_value_fen=MAX_U64,
                        max_payment_fen=MAX_U64, max_holding_fen=MAX_U64),
    )  # fmt: skip
    t.paid("everything expires just now, and the token in a day", Reason.GOOD,
           c.endorse(c.mint(alice, 100, expires=NOW + DAY),
                     c.device("alice", "alpha", expires=NOW), bob, 100),
           bundle=c.bundle(created_time_ms=NOW - DAY, max_age_ms=DAY,
                           banks=(c.bank_certificate("alpha", expires=NOW),)))  # fmt: skip
    t.paid("a bundle from the future", Reason.GOOD, c.endorse(token, alice, bob, 100),
           bundle=c.bundle(created_time_ms=NOW + DAY))  # fmt: skip
    t.paid("a bank's expired certificate before its new one", Reason.GOOD,
           c.endorse(token, alice, bob, 100),
           bundle=c.bundle(banks=(c.bank_certificate("alpha", expires=NOW - 1),
                                  c.bank_certificate("alpha"))))  # fmt: skip
    t.paid("another device is revoked", Reason.GOOD, c.endorse(token, alice, bob, 100),
           bundle=c.bundle(revoked=(carol.revocation, bob.revocation)))  # fmt: skip
    t.paid("to a device that nobody certified", Reason.GOOD,
           c.endorse(token, alice, Device(key_of("mallory"), bob.certificate), 100),
           request=Request(replace(bob.certificate, key=_public(key_of("mallory"))), 100,
                           bytes(range(16))))  # fmt: skip
    t.deposited("deposit of a fresh token", Reason.GOOD, token)
    t.deposited("deposit of a fresh token as change", Reason.GOOD, token, output=1)
    t.deposited("deposit of money received", Reason.GOOD, kept)
    t.deposited("deposit of change", Reason.GOOD, kept, output=1)
    t.deposited("deposit of several", Reason.GOOD, kept, c.long_chain(2, number=5))


def _unreadable(t: Table) -> None:
    c = t.signers
    good = Payment((c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100),)).encode()
    kept = c.endorse(c.mint(c.alice, 100), c.alice, c.carol, 40)
    change = Payment((c.endorse(kept, c.alice, c.bob, 60, spend=1),)).encode()
    asked = {"request": c.request(c.bob, 100)}
    bad = {
        "nothing": b"",
        "another type": b"P4" + good[2:],
        "an earlier version": b"P2" + good[2:],
        "a byte short": good[:-1],
        "a byte more": good + b"\0",
        "no chains": b"P3\0\0",
        "a chain more than there are": good[:2] + b"\2" + good[3:],
        "a chain more than there may be": good[:2] + bytes([MAX_CHAINS + 1]) + good[3:],
        "a hop less than there are": good[:140] + b"\0" + good[141:],
        "a hop more than there are": good[:140] + b"\2" + good[141:],
        "a hop more than there may be": Payment((c.long_chain(MAX_HOPS),)).encode()[:140]
        + bytes([MAX_HOPS + 1])
        + good[141:391] * (MAX_HOPS + 1),
        "a token that is none": good[:3] + b"U" + good[4:],
        "a bank's certificate in a hop": good[:270] + b"B" + good[271:],
        "a certificate of a bank without a name": good[:271] + bytes(16) + good[287:],
        "a bank's name with a gap": good[:271] + b"al\0ha".ljust(16, b"\0") + good[287:],
        "a bank's name beyond ASCII": good[:271] + b"\xe4lpha".ljust(16, b"\0") + good[287:],
        "a certificate of who spends change": change + good[270:391],
        "no certificate of who spends what was paid": change[:391] + b"\0" + change[392:],
        "more bytes than there may be": b"P3\3"
        + b"".join(
            c.long_chain(hops, number=hops).encode() for hops in (MAX_HOPS, MAX_HOPS - 1, 3)
        ),
    }
    for name, payment in bad.items():
        t.bytes(f"unreadable: {name}", Reason.UNREADABLE, payment, **asked)


def _bundle(t: Table) -> None:
    c = t.signers
    chain = c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100)
    mallory, usual = key_of("mallory"), c.bundle()
    bundles = {
        "signed by somebody": sign_bundle(mallory, usual),
        "changed": replace(usual, max_hops=17),
        "with a larger limit": replace(usual, max_payment_fen=MAX_U64),
        "with more in a device": replace(usual, max_holding_fen=MAX_U64),
        "with another filter": replace(usual, filter=trust_cases.filter_of(c.alice.revocation)),
        "whose list says it goes back further": replace(usual, since_time_ms=1),
    }
    for name, bundle in bundles.items():
        t.paid(f"a bundle {name}", Reason.BUNDLE_FORGED, chain, bundle=bundle)
    t.paid("another root", Reason.BUNDLE_FORGED, chain, root=_public(mallory))
    old = c.bundle(created_time_ms=NOW - DAY - 1, max_age_ms=DAY)
    t.paid("a bundle too old by a millisecond", Reason.BUNDLE_TOO_OLD, chain, bundle=old)


def _token(t: Table) -> None:
    c = t.signers
    alice, bob = c.alice, c.bob
    fresh = c.mint(alice, 100)
    pays = c.endorse(fresh, alice, bob, 100)
    forged = Chain(sign_token(key_of("mallory"), fresh.token))
    t.paid("a token signed by somebody", Reason.TOKEN_FORGED, c.endorse(forged, alice, bob, 100))
    bank = Chain(sign_token(c.banks["alpha"], fresh.token))
    t.paid("a token signed by a bank", Reason.TOKEN_FORGED, c.endorse(bank, alice, bob, 100))
    larger = Chain(replace(fresh.token, value_fen=101))
    t.paid("a token made larger", Reason.TOKEN_FORGED, c.endorse(larger, alice, bob, 101), asks=101)
    hers = Chain(replace(c.mint(c.carol, 100).token, owner=alice.public))
    t.paid("a token with another owner", Reason.TOKEN_FORGED, c.endorse(hers, alice, bob, 100))
    old = c.endorse(c.mint(alice, 100, expires=NOW - 1), alice, bob, 100)
    t.paid("a token expired a millisecond ago", Reason.TOKEN_EXPIRED, old)
    soon = c.endorse(c.mint(alice, 100, expires=NOW + DAY - 1), alice, bob, 100)
    t.paid("a token that ends in a day less a millisecond", Reason.TOKEN_EXPIRED, soon)
    t.paid("one chain twice", Reason.TOKEN_TWICE, pays, pays, asks=200)
    t.deposited("one fresh token twice", Reason.TOKEN_TWICE, fresh, fresh)
    again = c.endorse(fresh, alice, bob, 100, salt=2)
    t.paid("one piece endorsed twice", Reason.TOKEN_TWICE, pays, again, asks=200)
    detour = c.endorse(c.endorse(fresh, alice, c.carol, 100), c.carol, bob, 100)
    t.paid("two ways from one piece", Reason.TOKEN_TWICE, detour, pays, asks=200)
    halves = [c.endorse(fresh, alice, bob, 50, salt=n) for n in (1, 2)]
    t.deposited("change of a piece that was endorsed twice", Reason.TOKEN_TWICE, *halves, output=1)
    mine = c.endorse(c.mint(bob, 100), bob, bob, 100)
    onward = c.endorse(mine, bob, bob, 100)
    t.paid("a piece and what it was spent on", Reason.TOKEN_TWICE, mine, onward, asks=200)
    t.paid("what a piece was spent on, and the piece", Reason.TOKEN_TWICE, onward, mine, asks=200)
    t.deposited(
        "a fresh token and what it was spent on", Reason.TOKEN_TWICE, c.mint(bob, 100), mine
    )
    t.paid("a token larger than the rules allow by a fen", Reason.VALUE_TOO_LARGE,
           c.endorse(c.mint(alice, 10_000_001), alice, bob, 1), asks=1)  # fmt: skip
    t.paid("a hop more than the bundle says", Reason.TOO_MANY_HOPS, c.long_chain(17), asks=500)
    wide = c.bundle(max_hops=MAX_HOPS)
    t.paid("a hop more than may be paid", Reason.TOO_MANY_HOPS, c.long_chain(MAX_HOPS),
           request=c.request(alice, 500), bundle=wide)  # fmt: skip
    spent = c.small_payments(MAX_HOPS - 1)
    t.paid("what is left after a small payment too many", Reason.TOO_MANY_HOPS,
           c.endorse(spent, alice, bob, 100, spend=1), bundle=wide)  # fmt: skip
    once = c.bundle(max_hops=1)
    kept = c.endorse(c.small_payments(3), alice, c.carol, 100, spend=1)
    t.paid("change whose payee pays it on, where it may change hands once", Reason.TOO_MANY_HOPS,
           c.endorse(kept, c.carol, bob, 100), bundle=once)  # fmt: skip


def _device(t: Table) -> None:
    c = t.signers
    alice, bob = c.alice, c.bob
    token = c.mint(alice, 100)
    pays = c.endorse(token, alice, bob, 100)
    only_beta = c.bundle(banks=(c.bank_certificate("beta"),))
    t.paid("a bank that is not there", Reason.BANK_UNKNOWN, pays, bundle=only_beta)
    expired = c.bundle(banks=(c.bank_certificate("alpha", expires=NOW - 1),))
    t.paid("a bank expired a millisecond ago", Reason.BANK_UNKNOWN, pays, bundle=expired)
    gamma = Device(alice.key, replace(alice.certificate, bank="alph"))
    t.paid("a bank with a similar name", Reason.BANK_UNKNOWN, c.endorse(token, gamma, bob, 100))

    mallory = certify_device(key_of("mallory"), "alpha", alice.public, NOW + DAY)
    beta = certify_device(c.banks["beta"], "alpha", alice.public, NOW + DAY)
    forged = {
        "signed by somebody": mallory,
        "signed by another bank": beta,
        "of another bank": replace(alice.certificate, bank="beta"),
        "made to last longer": replace(alice.certificate, expires_time_ms=NOW + 999 * DAY),
        "for another key": replace(alice.certificate, key=c.carol.public),
        "signed by the root": certify_device(c.root, "alpha", alice.public, NOW + DAY),
    }
    for name, certificate in forged.items():
        chain = c.endorse(token, Device(alice.key, certificate), bob, 100)
        t.paid(f"a device's certificate {name}", Reason.DEVICE_FORGED, chain)
    rotated = certify_bank(c.root, "alpha", _public(key_of("new")), NOW + DAY)
    both = (rotated, c.bank_certificate("alpha"))
    ended = (rotated, c.bank_certificate("alpha", expires=NOW - 1))
    t.paid("by the key that its bank had before", Reason.GOOD, pays,
           bundle=c.bundle(banks=both))  # fmt: skip
    t.paid("by a key that its bank revoked", Reason.DEVICE_REVOKED, pays,
           bundle=c.bundle(banks=both, barred=(both[1].revocation(),)))  # fmt: skip
    t.paid("another key of its bank was revoked", Reason.GOOD, pays,
           bundle=c.bundle(banks=both, barred=(rotated.revocation(),)))  # fmt: skip
    t.paid("by a key that its bank had before, whose certificate has ended",
           Reason.DEVICE_FORGED, pays,
           bundle=c.bundle(banks=ended))  # fmt: skip

    old = c.device("alice", "alpha", expires=NOW - 1)
    t.paid("a device expired a millisecond ago", Reason.DEVICE_EXPIRED,
           c.endorse(token, old, bob, 100))  # fmt: skip
    t.paid("a revoked device", Reason.DEVICE_REVOKED, pays,
           bundle=c.bundle(revoked=(c.carol.revocation, alice.revocation)))  # fmt: skip
    t.paid("a revoked device in the middle", Reason.DEVICE_REVOKED, c.long_chain(3), asks=500,
           bundle=c.bundle(revoked=(bob.revocation,)))  # fmt: skip


def _owner_and_output(t: Table) -> None:
    c = t.signers
    alice, bob, carol = c.alice, c.bob, c.carol
    token = c.mint(alice, 100)
    t.paid("somebody else's token", Reason.NOT_THE_OWNER, c.endorse(token, carol, bob, 100))
    kept = c.endorse(token, alice, carol, 40)
    t.paid("the payee spends the change", Reason.ENDORSEMENT_FORGED,
           c.endorse(kept, Device(carol.key, alice.certificate), bob, 60, spend=1),
           asks=60)  # fmt: skip
    t.paid("the payer spends what it paid", Reason.NOT_THE_OWNER,
           c.endorse(kept, alice, bob, 40), asks=40)  # fmt: skip
    borrowed = Device(carol.key, alice.certificate)
    t.paid("the first endorsement spends change", Reason.OUTPUT_INVALID,
           c.endorse(token, alice, bob, 100, output=1))  # fmt: skip
    t.paid("a third output", Reason.OUTPUT_INVALID,
           c.endorse(kept, alice, bob, 60, spend=1, output=2), asks=60)  # fmt: skip
    t.deposited("deposit of a third output", Reason.OUTPUT_INVALID, kept, output=2)
    t.paid("another key than the certified one signs", Reason.ENDORSEMENT_FORGED,
           c.endorse(token, borrowed, bob, 100))  # fmt: skip


def _amount(t: Table) -> None:
    c = t.signers
    alice, bob, carol = c.alice, c.bob, c.carol
    token = c.mint(alice, 100)
    amounts = {"nothing": 0, "a fen too much": 101, "the largest number": MAX_U64}
    for name, amount in amounts.items():
        t.paid(f"pays {name}", Reason.AMOUNT_INVALID,
               c.endorse(token, alice, bob, amount), asks=amount)  # fmt: skip
    kept = c.endorse(token, alice, carol, 40)
    t.paid("pays more than the change", Reason.AMOUNT_INVALID,
           c.endorse(kept, alice, bob, 61, spend=1), asks=61)  # fmt: skip
    t.paid("pays more than it received", Reason.AMOUNT_INVALID,
           c.endorse(kept, carol, bob, 41), asks=41)  # fmt: skip
    all_paid = c.endorse(token, alice, carol, 100)
    t.paid("spends change that is not there", Reason.AMOUNT_INVALID,
           c.endorse(all_paid, alice, bob, 1, spend=1), asks=1)  # fmt: skip
    t.deposited(
        "deposit of everything kept of a payment of nothing",
        Reason.AMOUNT_INVALID,
        c.endorse(token, alice, bob, 0),
        output=1,
    )
    t.deposited("deposit of change that is not there", Reason.AMOUNT_INVALID, all_paid, output=1)


def _endorsement(t: Table) -> None:
    c = t.signers
    alice, bob = c.alice, c.bob
    token = c.mint(alice, 100)
    pays = c.endorse(token, alice, bob, 100)
    other = c.endorse(c.mint(alice, 100, number=2), alice, bob, 100)
    moved = Chain(token.token, other.hops)
    t.paid("an endorsement of another token", Reason.ENDORSEMENT_FORGED, moved)
    changes = {
        "amount": (1, {"amount_fen": 1}),
        "challenge": (100, {"challenge": bytes(16)}),
        "salt": (100, {"salt": 9}),
    }
    for name, (amount, change) in changes.items():
        t.paid(f"an endorsement with another {name}", Reason.ENDORSEMENT_FORGED,
               _changed(pays, **change), asks=amount)  # fmt: skip
    to_carol = c.endorse(token, alice, c.carol, 100)
    t.paid("an endorsement with another payee", Reason.ENDORSEMENT_FORGED,
           _changed(to_carol, payee=bob.public))  # fmt: skip
    halves = c.endorse(c.endorse(token, alice, alice, 50), alice, bob, 50, spend=1)
    t.paid("an endorsement of the other output", Reason.ENDORSEMENT_FORGED,
           _changed(halves, output=0), asks=50)  # fmt: skip
    _signatures(t, pays)


def _signatures(t: Table, pays: Chain) -> None:
    """Signatures on which implementations of Ed25519 differ. None of them is good."""
    c = t.signers
    message = pays.hops[-1].endorsement.signed_part(piece_of(Chain(pays.token), 0).id)
    signature = pays.hops[-1].endorsement.signature
    s = int.from_bytes(signature[32:], "little") + _ORDER
    crafted = {
        "an S that is too large": signature[:32] + s.to_bytes(32, "little"),
        "an R of small order": _signature_with_r(
            c.alice.key, message, 0, (1).to_bytes(32, "little")
        ),
        "an R that is good only with the cofactor": _signature_with_r(
            c.alice.key, message, 12_345, _plus_order_two(_base_times(12_345))
        ),
    }
    for name, forged in crafted.items():
        t.paid(f"a signature with {name}", Reason.ENDORSEMENT_FORGED,
               _changed(pays, signature=forged))  # fmt: skip
    # With these keys B ‖ 1 is a signature of every message, or of one in two.
    keys = {
        "of order one": (1).to_bytes(32, "little"),
        "of order two": (_PRIME - 1).to_bytes(32, "little"),
        "of order one, not canonical": (_PRIME + 1).to_bytes(32, "little"),
        "of order one, with a sign": (1 | 1 << 255).to_bytes(32, "little"),
    }
    for name, key in keys.items():
        chain = c.mint(key, 100)
        owner = Device(c.alice.key, c.certify(key, "alpha"))
        for salt in range(1, 20):
            endorsed = c.endorse(chain, owner, c.bob, 100, salt=salt)
            message = endorsed.hops[0].endorsement.signed_part(chain.token.piece_id())
            forged = _base_times(1) + (1).to_bytes(32, "little")
            if _hash(forged[:32], key, message) % 2 == 0:
                break
        t.paid(f"the owner's key is {name}", Reason.ENDORSEMENT_FORGED,
               _changed(endorsed, signature=forged))  # fmt: skip


def _size(t: Table) -> None:
    """All chains of a payment together; a deposit may be of several payments."""
    c = t.signers
    alice, bob = c.alice, c.bob
    narrow = c.bundle(max_payment_fen=100)
    whole, small = c.mint(alice, 1_000), c.mint(alice, 60, number=2)
    t.paid("as much as the rules allow in one payment", Reason.GOOD,
           c.endorse(whole, alice, bob, 100), bundle=narrow)  # fmt: skip
    t.paid("a payment larger than the rules allow by a fen", Reason.PAYMENT_TOO_LARGE,
           c.endorse(whole, alice, bob, 101), asks=101, bundle=narrow)  # fmt: skip
    two = (c.endorse(whole, alice, bob, 50), c.endorse(small, alice, bob, 51))
    t.paid("two chains that are too large together", Reason.PAYMENT_TOO_LARGE, *two,
           asks=101, bundle=narrow)  # fmt: skip
    t.deposited("a deposit of more than one payment may pay", Reason.GOOD, *two, bundle=narrow)
    onward = c.endorse(c.endorse(whole, alice, c.carol, 1_000), c.carol, bob, 100)
    t.paid("a part of a larger payment under an older rule", Reason.GOOD, onward, bundle=narrow)
    nothing = c.bundle(max_payment_fen=0)
    t.paid("where no payment is allowed", Reason.PAYMENT_TOO_LARGE,
           c.endorse(whole, alice, bob, 1), asks=1, bundle=nothing)  # fmt: skip
    most = {"max_value_fen": MAX_U64, "max_payment_fen": MAX_U64}
    t.paid("values that wrap round to the amount", Reason.PAYMENT_TOO_LARGE,
           c.endorse(c.mint(alice, MAX_U64), alice, bob, MAX_U64),
           c.endorse(c.mint(alice, 101, number=2), alice, bob, 101),
           asks=100, bundle=c.bundle(**most))  # fmt: skip


def _request(t: Table) -> None:
    c = t.signers
    alice, bob = c.alice, c.bob
    token = c.mint(alice, 100)
    pays = c.endorse(token, alice, bob, 100)
    t.paid("for another payee", Reason.NOT_FOR_THIS_PAYEE, c.endorse(token, alice, c.carol, 100))
    t.paid("a fresh token of the payer's", Reason.NOT_FOR_THIS_PAYEE, token)
    t.paid("a fresh token of the payee's", Reason.NOT_FOR_THIS_PAYEE, c.mint(bob, 100))
    t.paid("the change of a payment", Reason.NOT_FOR_THIS_PAYEE,
           c.endorse(token, alice, bob, 40), asks=60, output=1)  # fmt: skip
    two = c.endorse(c.mint(alice, 5, number=2), alice, c.carol, 5)
    t.paid("one of two for another payee", Reason.NOT_FOR_THIS_PAYEE, pays, two, asks=105)
    t.paid("for another request", Reason.WRONG_CHALLENGE,
           c.endorse(token, alice, bob, 100, challenge=bytes(16)))  # fmt: skip
    old = c.endorse(c.mint(alice, 5, number=2), alice, bob, 5, challenge=bytes(16))
    t.paid("one of two for another request", Reason.WRONG_CHALLENGE, pays, old, asks=105)
    t.paid("a fen too little", Reason.WRONG_AMOUNT, c.endorse(token, alice, bob, 99))
    t.paid("a fen too much", Reason.WRONG_AMOUNT, pays, asks=99)


def _first_reason(t: Table) -> None:
    """Several things are wrong: which one is told."""
    c = t.signers
    alice, bob = c.alice, c.bob
    mallory = Device(key_of("mallory"), alice.certificate)
    expired = c.endorse(c.mint(alice, 1, expires=1), mallory, bob, 1)
    forged = c.endorse(c.long_chain(1, number=2), Device(bob.key, alice.certificate), bob, 1)
    twice = c.endorse(c.mint(alice, 3, number=3), alice, bob, 3)
    old = c.bundle(created_time_ms=0)
    t.bytes("first the bytes, then the bundle", Reason.UNREADABLE, b"?", bundle=old)
    t.paid("first the bundle, then the chains", Reason.BUNDLE_TOO_OLD, expired, bundle=old)
    t.paid("first the first chain: expired", Reason.TOKEN_EXPIRED, expired, forged)
    t.paid("first the first chain: not the owner", Reason.NOT_THE_OWNER, forged, expired)
    t.paid("first each chain, then all of them", Reason.NOT_THE_OWNER, twice, twice, forged)
    t.paid("first all chains, then the request", Reason.TOKEN_TWICE, twice, twice, asks=9)
    narrow = c.bundle(max_payment_fen=2)
    t.paid("first what is there twice, then the size", Reason.TOKEN_TWICE, twice, twice,
           asks=6, bundle=narrow)  # fmt: skip
    t.paid("first the size, then the payee", Reason.PAYMENT_TOO_LARGE,
           c.endorse(c.mint(alice, 3), alice, alice, 3), bundle=narrow)  # fmt: skip
    t.paid("first the payee, then the challenge", Reason.NOT_FOR_THIS_PAYEE,
           c.endorse(c.mint(alice, 3), alice, alice, 3, challenge=bytes(16)))  # fmt: skip
    revoked = c.bundle(revoked=(bob.revocation,))
    bad_output = c.endorse(c.long_chain(1), bob, bob, 1, output=2)
    t.paid("the output of the next hop before its device", Reason.OUTPUT_INVALID,
           bad_output, bundle=revoked)  # fmt: skip


def _deposit(t: Table) -> None:
    """Who took money in good time does not lose it for coming later, or for what came back."""
    c = t.signers
    alice, bob, made = c.alice, c.bob, NOW - DAY
    token = c.mint(alice, 100)
    pays = c.endorse(token, alice, bob, 100)
    for late_ms, reason in ((0, Reason.GOOD), (1, Reason.TOKEN_EXPIRED)):
        expired = c.mint(alice, 100, expires=NOW - DEPOSIT_GRACE_MS - late_ms)
        when = f"37 days and {late_ms} ms after the expiry"
        t.deposited(f"deposit {when}", reason, c.endorse(expired, alice, bob, 100))
    for early_ms, reason in ((0, Reason.GOOD), (1, Reason.DEVICE_EXPIRED)):
        device = c.device("alice", "alpha", expires=made - early_ms)
        when = f"expired {early_ms} ms before the token was made"
        t.deposited(f"deposit, a device {when}", reason, c.endorse(token, device, bob, 100))
    for early_ms, reason in ((0, Reason.GOOD), (1, Reason.BANK_UNKNOWN)):
        banks = (c.bank_certificate("alpha", expires=made - early_ms),)
        when = f"expired {early_ms} ms before the token was made"
        t.deposited(f"deposit, a bank {when}", reason, pays, bundle=c.bundle(banks=banks))
    new = certify_bank(c.root, "alpha", _public(key_of("new")), NOW + DAY)
    then = c.bundle(banks=(c.bank_certificate("alpha", expires=made), new))
    t.deposited("deposit, a bank's key of the time when the token was made", Reason.GOOD, pays,
                bundle=then)  # fmt: skip
    later = Chain(sign_token(c.root, replace(token.token, registered_time_ms=MAX_U64)))
    device = c.device("alice", "alpha", expires=NOW)
    t.deposited("deposit of a token from the future", Reason.GOOD,
                c.endorse(later, device, bob, 100))  # fmt: skip
    longest = c.bundle(max_hops=MAX_HOPS)
    back = c.endorse(c.long_chain(MAX_HOPS - 1), bob, alice, 500)
    t.deposited("deposit of the longest chain that came back", Reason.GOOD, back, bundle=longest)
    nobody = replace(bob.certificate, signature=alice.certificate.signature)
    forged = c.endorse(pays, Device(bob.key, nobody), alice, 100)
    t.deposited("deposit of what a forged device gave back", Reason.DEVICE_FORGED, forged)


def _roots(t: Table) -> None:
    """A root succeeds another: both count while the bundle lists them."""
    c = t.signers
    alice, bob, successor = c.alice, c.bob, key_of("successor")
    old = c.mint(alice, 100)
    new = Chain(sign_token(successor, old.token))

    def bundle(by: SigningKey, *roots: Certificate) -> TrustBundle:
        banks = [
            certify_bank(by, name, _public(key), NOW + 200 * DAY) for name, key in c.banks.items()
        ]
        return sign_bundle(by, replace(c.bundle(), banks=(*roots, *banks)))

    def entry(by: SigningKey, root: SigningKey, expires: int = NOW + DAY) -> Certificate:
        return certify_bank(by, CENTRAL_BANK, _public(root), expires)

    def paid(name: str, reason: Reason, token: Chain, by: SigningKey, *roots: Certificate) -> None:
        pays = c.endorse(token, alice, bob, 100)
        t.paid(name, reason, pays, root=_public(by), bundle=bundle(by, *roots))

    announced = entry(c.root, successor)
    paid("a token of the root's announced successor", Reason.GOOD, new, c.root, announced)
    paid("a token of the root beside its successor", Reason.GOOD, old, c.root, announced)
    paid("a token of a root that nobody announced", Reason.TOKEN_FORGED, new, c.root)
    before = (entry(successor, c.root), entry(c.root, successor))
    paid("a token of the root before", Reason.GOOD, old, successor, *before)
    paid("a token of the root that took over", Reason.GOOD, new, successor, *before)
    for late_ms, reason in ((0, Reason.GOOD), (1, Reason.TOKEN_EXPIRED)):
        ended = entry(successor, c.root, NOW - late_ms)
        paid(f"a token of the root before, {late_ms} ms after its end", reason, old, successor,
             ended)  # fmt: skip
    paid("a token of the root before, which is listed no more", Reason.TOKEN_FORGED, old, successor)
    mallory = key_of("mallory")
    paid("what anybody says of the bundle's own root", Reason.GOOD, old, c.root,
         entry(mallory, c.root))  # fmt: skip
    paid("what anybody says of the bundle's own root makes nobody a root", Reason.TOKEN_FORGED,
         Chain(sign_token(mallory, old.token)), c.root, entry(mallory, c.root))  # fmt: skip
    device = certify_device(successor, CENTRAL_BANK, alice.public, NOW + DAY)
    t.paid("a device that a root has certified", Reason.BANK_UNKNOWN,
           c.endorse(old, Device(alice.key, device), bob, 100),
           bundle=bundle(c.root, announced))  # fmt: skip
    t.deposited("deposit of a token of the root before", Reason.GOOD, old,
                root=_public(successor), bundle=bundle(successor, *before))  # fmt: skip


def _public(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def _changed(chain: Chain, **changes: Any) -> Chain:
    """The chain with its last endorsement changed and not signed anew."""
    last = chain.hops[-1]
    hop = Hop(last.certificate, replace(last.endorsement, **changes))
    return Chain(chain.token, (*chain.hops[:-1], hop))


def _base_times(scalar: int) -> bytes:
    return crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def _plus_order_two(point: bytes) -> bytes:
    """The encoding of a point plus the point of order two: (x, y) becomes (−x, −y)."""
    number = int.from_bytes(point, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    return ((1 - sign) << 255 | (_PRIME - y)).to_bytes(32, "little")


def _hash(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % _ORDER


def _signature_with_r(key: SigningKey, message: bytes, r: int, encoded_r: bytes) -> bytes:
    """A signature whose R is chosen: r·B plus a point of small order."""
    half = int.from_bytes(hashlib.sha512(bytes(key)).digest()[:32], "little")
    secret = half & ((1 << 254) - 8) | 1 << 254
    s = (r + _hash(encoded_r, _public(key), message) * secret) % _ORDER
    return encoded_r + s.to_bytes(32, "little")
