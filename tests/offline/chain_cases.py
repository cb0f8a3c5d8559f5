"""Payments whose tokens, devices or endorsements are wrong in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from offline_token.formats import (
    Chain,
)
from offline_token.limits import MAX_HOPS
from offline_token.signing import certify_bank, certify_device, sign_token
from offline_token.verify import Reason
from tests.offline.case_table import DEPOSIT_GRACE_MS, Table, changed, public_of
from tests.offline.signature_cases import signatures_cases
from tests.offline.signers import DAY, MAX_U64, NOW, Device, key_of


def token_cases(t: Table) -> None:
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


def device_cases(t: Table) -> None:
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
    rotated = certify_bank(c.root, "alpha", public_of(key_of("new")), NOW + DAY)
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


def owner_and_output_cases(t: Table) -> None:
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


def amount_cases(t: Table) -> None:
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


def endorsement_cases(t: Table) -> None:
    c = t.signers
    alice, bob = c.alice, c.bob
    token = c.mint(alice, 100)
    pays = c.endorse(token, alice, bob, 100)
    other = c.endorse(c.mint(alice, 100, number=2), alice, bob, 100)
    moved = Chain(token.token, other.hops)
    t.paid("an endorsement of another token", Reason.ENDORSEMENT_FORGED, moved)
    changes: dict[str, tuple[int, dict[str, Any]]] = {
        "amount": (1, {"amount_fen": 1}),
        "challenge": (100, {"challenge": bytes(16)}),
        "salt": (100, {"salt": 9}),
    }
    for name, (amount, change) in changes.items():
        t.paid(f"an endorsement with another {name}", Reason.ENDORSEMENT_FORGED,
               changed(pays, **change), asks=amount)  # fmt: skip
    to_carol = c.endorse(token, alice, c.carol, 100)
    t.paid("an endorsement with another payee", Reason.ENDORSEMENT_FORGED,
           changed(to_carol, payee=bob.public))  # fmt: skip
    halves = c.endorse(c.endorse(token, alice, alice, 50), alice, bob, 50, spend=1)
    t.paid("an endorsement of the other output", Reason.ENDORSEMENT_FORGED,
           changed(halves, output=0), asks=50)  # fmt: skip
    signatures_cases(t, pays)


def deposit_cases(t: Table) -> None:
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
    new = certify_bank(c.root, "alpha", public_of(key_of("new")), NOW + DAY)
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
