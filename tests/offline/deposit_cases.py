"""Deposits with the answer they deserve. The table of the tests and of the test vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offline_token.bundle import TrustBundle
from offline_token.deposit import Deposit, sign_deposit, with_owners
from offline_token.formats import FormatError, Payment
from offline_token.possession import account_of
from offline_token.verify import Reason, Verdict, check_bundle, judge, piece_of
from tests.offline.case_table import DEPOSIT_GRACE_MS
from tests.offline.signers import NOW, Signers, key_of

ACCOUNT = account_of("6201000000000017", bytes(range(16)))


@dataclass(frozen=True)
class DepositCase:
    """What a bank brings in, and the answer."""

    name: str
    reason: Reason
    deposit: bytes
    root: bytes
    bundle: TrustBundle
    bank: str = "alpha"
    now_ms: int = NOW

    def verdict(self, deposit: bytes | None = None) -> Verdict:
        """What the registration centre makes of it, or of another one in its place."""
        try:
            found = Deposit.decode(self.deposit if deposit is None else deposit)
        except FormatError:
            return Verdict(Reason.UNREADABLE)
        sound = check_bundle(self.bundle, self.root, self.now_ms)
        if sound != Reason.GOOD:
            return Verdict(sound)
        verdict = judge(
            found.payment,
            root=self.root,
            bundle=self.bundle,
            now_ms=self.now_ms,
            request=None,
            outputs=[end.output for end in found.endorsements],
            grace_ms=DEPOSIT_GRACE_MS,
        )
        return with_owners(verdict, found, self.bank)


def all_deposits(signers: Signers) -> list[DepositCase]:
    """Every case, each with a name of its own. Bob, who banks at beta, deposits at alpha."""
    c, cases = signers, []

    def add(name: str, reason: Reason, deposit: bytes, bank: str = "alpha") -> None:
        cases.append(DepositCase(name, reason, deposit, c.root_public, c.bundle(), bank))

    token = c.mint(c.alice, 100)
    kept = c.endorse(token, c.alice, c.bob, 40)
    good = c.deposit(kept, account=ACCOUNT)
    other = c.deposit(c.endorse(token, c.alice, c.bob, 41), account=ACCOUNT)
    (end,) = good.endorsements
    piece = piece_of(kept, 0)
    data = good.encode()
    add("what was paid", Reason.GOOD, data)
    add("what was kept", Reason.GOOD, c.deposit(kept, output=1, account=ACCOUNT).encode())
    add("a fresh token", Reason.GOOD, c.deposit(token, account=ACCOUNT).encode())
    both = Deposit(
        Payment((kept, kept)),
        (end, *c.deposit(kept, output=1, account=ACCOUNT).endorsements),
    )
    add("both outputs of one endorsement", Reason.GOOD, both.encode())
    add("brought in by another bank", Reason.NOT_FOR_THIS_PAYEE, data, "beta")
    forged = {
        "by the one who paid": sign_deposit(c.alice.key, piece.id, end),
        "by somebody": sign_deposit(key_of("mallory"), piece.id, end),
        "of another piece": other.endorsements[0],
        "turned to another bank": replace(end, bank="beta"),
        "turned to another wallet": replace(end, account=bytes(32)),
        "with another id": replace(end, id=bytes(16)),
        "unsigned": replace(end, signature=bytes(64)),
    }
    for name, endorsement in forged.items():
        add(
            f"an endorsement {name}",
            Reason.DEPOSIT_FORGED,
            Deposit(good.payment, (endorsement,)).encode(),
            endorsement.bank,
        )
    paid = kept.hops[-1].endorsement
    as_payment = replace(end, signature=paid.signature)
    add("a payment's signature", Reason.DEPOSIT_FORGED,
        Deposit(good.payment, (as_payment,)).encode())  # fmt: skip
    add("first the chain, then its owner", Reason.NOT_THE_OWNER,
        c.deposit(c.endorse(token, c.carol, c.bob, 1), account=ACCOUNT).encode(),
        "beta")  # fmt: skip
    add("a third output", Reason.OUTPUT_INVALID,
        c.deposit(kept, output=2, account=ACCOUNT).encode())  # fmt: skip
    _unreadable(add_unreadable=lambda n, d: add(n, Reason.UNREADABLE, d), data=data, good=good)
    return cases


def _unreadable(add_unreadable, data: bytes, good: Deposit) -> None:  # type: ignore[no-untyped-def]
    size = 130
    (end,) = good.endorsements
    two = Payment((good.payment.chains[0],) * 2).encode()
    bad = {
        "nothing": b"",
        "a payment": good.payment.encode(),
        "another type": b"D2" + data[2:],
        "a byte short": data[:-1],
        "a byte more": data + b"\0",
        "without an endorsement": data[:-size],
        "an endorsement too many": data + data[-size:],
        "an endorsement of another kind": data[:-size] + b"F" + data[1 - size :],
        "a bank without a name": data[:-128] + bytes(16) + data[-112:],
        "to two wallets": b"D1" + two + end.encode() + replace(end, account=bytes(32)).encode(),
        "under two ids": b"D1" + two + end.encode() + replace(end, id=bytes(16)).encode(),
        "no chains": b"D1P3\0",
    }
    for name, deposit in bad.items():
        add_unreadable(f"unreadable: {name}", deposit)
