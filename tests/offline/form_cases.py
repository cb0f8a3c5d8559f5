"""Good payments, and payments wrong in their form, their size or what they were asked for."""

from __future__ import annotations

from dataclasses import replace

from nacl.signing import SigningKey

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    CENTRAL_BANK,
    Certificate,
    Chain,
    Payment,
    Request,
)
from offline_token.limits import MAX_CHAINS, MAX_HOPS
from offline_token.signing import certify_bank, certify_device, sign_bundle, sign_token
from offline_token.verify import Reason
from tests.offline import trust_cases
from tests.offline.case_table import Table, public_of
from tests.offline.signers import DAY, MAX_U64, NOW, Device, key_of


def good_cases(t: Table) -> None:
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
           request=Request(replace(bob.certificate, key=public_of(key_of("mallory"))), 100,
                           bytes(range(16))))  # fmt: skip
    t.deposited("deposit of a fresh token", Reason.GOOD, token)
    t.deposited("deposit of a fresh token as change", Reason.GOOD, token, output=1)
    t.deposited("deposit of money received", Reason.GOOD, kept)
    t.deposited("deposit of change", Reason.GOOD, kept, output=1)
    t.deposited("deposit of several", Reason.GOOD, kept, c.long_chain(2, number=5))


def unreadable_cases(t: Table) -> None:
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


def bundle_cases(t: Table) -> None:
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
    t.paid("another root", Reason.BUNDLE_FORGED, chain, root=public_of(mallory))
    old = c.bundle(created_time_ms=NOW - DAY - 1, max_age_ms=DAY)
    t.paid("a bundle too old by a millisecond", Reason.BUNDLE_TOO_OLD, chain, bundle=old)


def size_cases(t: Table) -> None:
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


def request_cases(t: Table) -> None:
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


def first_reason_cases(t: Table) -> None:
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


def roots_cases(t: Table) -> None:
    """A root succeeds another: both count while the bundle lists them."""
    c = t.signers
    alice, bob, successor = c.alice, c.bob, key_of("successor")
    old = c.mint(alice, 100)
    new = Chain(sign_token(successor, old.token))

    def bundle(by: SigningKey, *roots: Certificate) -> TrustBundle:
        banks = [
            certify_bank(by, name, public_of(key), NOW + 200 * DAY) for name, key in c.banks.items()
        ]
        return sign_bundle(by, replace(c.bundle(), banks=(*roots, *banks)))

    def entry(by: SigningKey, root: SigningKey, expires: int = NOW + DAY) -> Certificate:
        return certify_bank(by, CENTRAL_BANK, public_of(root), expires)

    def paid(name: str, reason: Reason, token: Chain, by: SigningKey, *roots: Certificate) -> None:
        pays = c.endorse(token, alice, bob, 100)
        t.paid(name, reason, pays, root=public_of(by), bundle=bundle(by, *roots))

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
                root=public_of(successor), bundle=bundle(successor, *before))  # fmt: skip
