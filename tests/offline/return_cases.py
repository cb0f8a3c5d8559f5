"""Give-backs with the answer that their payer's device has to give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from offline_token.formats import DEVICE, Certificate, Chain, FormatError, Payment
from offline_token.limits import MAX_CHAINS, MAX_HOPS
from offline_token.payment_return import SignedReturn, returned
from offline_token.signing import certify_device
from offline_token.verify import Bad, Reason, piece_of
from tests.offline.signers import CHALLENGE, DAY, MAX_U64, NOW, Device, Signers, key_of

OTHER_CHALLENGE = bytes(range(16, 32))
_GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
_HEAD_BYTES, _ENDORSEMENT_BYTES = 19, 129


@dataclass(frozen=True)
class ReturnCase:
    """What a payer's device knows, what it is shown, and the answer.

    Attributes:
        payee: the certificate that stood in the request.
    """

    name: str
    reason: Reason
    payment: bytes
    payee: bytes
    back: bytes


def taken_back(payment: bytes, payee: bytes, back: bytes) -> tuple[Reason, tuple[Chain, ...]]:
    """What a payer's device answers, with the chains that are its again."""
    paid, certificate = Payment.decode(payment), Certificate.decode(payee, DEVICE)
    try:
        return Reason.GOOD, returned(paid, certificate, SignedReturn.decode(back))
    except FormatError:
        return Reason.UNREADABLE, ()
    except Bad as bad:
        return bad.reason, ()


def given(
    signers: Signers,
    chains: Sequence[Chain],
    by: Device,
    *,
    to: bytes | None = None,
    **changes: Any,
) -> SignedReturn:
    """What a payee signs for the chains of a payment; with changes, what it must not sign."""
    endorsements = []
    for number, chain in enumerate(chains, 1):
        payer = chain.hops[-1].certificate.key if to is None else to
        amount = piece_of(chain, 0).value_fen
        more = signers.endorse(chain, by, payer, amount, **({"salt": number} | changes))
        endorsements.append(more.hops[-1].endorsement)
    return SignedReturn(CHALLENGE, tuple(endorsements))


class Table:
    """Collects cases; Bob is the payee where nothing else is said."""

    def __init__(self, signers: Signers) -> None:
        self.signers = signers
        self.cases: list[ReturnCase] = []

    def add(
        self,
        name: str,
        reason: Reason,
        chains: Sequence[Chain],
        back: SignedReturn | bytes,
        certificate: Certificate | None = None,
    ) -> None:
        """A payment of these chains, and what is said to give it back."""
        self.cases.append(
            ReturnCase(
                name,
                reason,
                Payment(tuple(chains)).encode(),
                (certificate or self.signers.bob.certificate).encode(),
                back if isinstance(back, bytes) else back.encode(),
            )
        )

    def good(self, name: str, *chains: Chain, **changes: Any) -> None:
        """Chains that Bob gives back."""
        self.add(
            name, Reason.GOOD, chains, given(self.signers, chains, self.signers.bob, **changes)
        )


def all_returns(signers: Signers) -> list[ReturnCase]:
    """Every case, each with a name of its own."""
    table = Table(signers)
    for add in (_good, _unreadable, _chains, _fields, _signatures, _first_reason):
        add(table)
    return table.cases


def _good(t: Table) -> None:
    c = t.signers
    token = c.mint(c.alice, 100)
    kept = c.endorse(token, c.alice, c.carol, 40)
    t.good("a whole token", c.endorse(token, c.alice, c.bob, 100))
    t.good("a part of a token, the change stays", c.endorse(token, c.alice, c.bob, 1))
    t.good("change", c.endorse(kept, c.alice, c.bob, 60, spend=1))
    t.good("money received before", c.endorse(kept, c.carol, c.bob, 40))
    t.good(
        "two pieces, each to the key that paid it",
        c.endorse(kept, c.carol, c.bob, 30),
        c.endorse(kept, c.alice, c.bob, 60, spend=1),
    )
    t.good(
        "as many chains as there may be",
        *(
            c.endorse(c.mint(c.alice, n, number=n), c.alice, c.bob, n)
            for n in range(1, MAX_CHAINS + 1)
        ),
    )
    t.good("as many hops as leave room for one more", c.long_chain(MAX_HOPS - 1))
    expired = c.mint(c.alice, 100, expires=NOW - DAY)
    t.good("a token that has expired meanwhile", c.endorse(expired, c.alice, c.bob, 100))
    largest = c.endorse(c.mint(c.alice, MAX_U64), c.alice, c.bob, MAX_U64)
    t.good("the largest numbers", largest, salt=MAX_U64)
    t.good("a salt of zero", c.endorse(token, c.alice, c.bob, 100), salt=0)
    mine = c.endorse(c.mint(c.bob, 100), c.bob, c.bob, 100)
    t.good("a payment to oneself", mine)


def _unreadable(t: Table) -> None:
    chains, good = _one(t.signers)
    data = good.encode()
    end = data[_HEAD_BYTES:]
    bad = {
        "nothing": b"",
        "another type": b"B2" + data[2:],
        "the payment": Payment(tuple(chains)).encode(),
        "the endorsement alone": end,
        "the head cut short": data[: _HEAD_BYTES - 1],
        "the head alone": data[:_HEAD_BYTES],
        "a byte short": data[:-1],
        "a byte more": data + b"\0",
        "no endorsements": data[:18] + b"\0",
        "none by the number, one behind": data[:18] + b"\0" + end,
        "one more by the number than there are": data[:18] + b"\2" + end,
        "one fewer by the number than there are": data + end,
        "more than there may be": data[:18] + bytes([MAX_CHAINS + 1]) + end * (MAX_CHAINS + 1),
    }
    for name, back in bad.items():
        t.add(f"unreadable: {name}", Reason.UNREADABLE, chains, back)


def _chains(t: Table) -> None:
    """The payment is another one, or the payee is."""
    c = t.signers
    chains, good = _one(c)
    (end,) = good.endorsements
    second = c.endorse(c.mint(c.alice, 100, number=2), c.alice, c.bob, 100)
    two = (*chains, second)
    both = given(c, two, c.bob)
    t.add("two endorsements for one chain", Reason.WRONG_AMOUNT, chains, both)
    t.add(
        "the same endorsement twice",
        Reason.WRONG_AMOUNT,
        chains,
        replace(good, endorsements=(end, end)),
    )
    t.add("one endorsement for two chains", Reason.WRONG_AMOUNT, two, good)
    t.add("the same endorsement for both chains", Reason.ENDORSEMENT_FORGED, two,
          replace(good, endorsements=(end, end)))  # fmt: skip
    t.add("two endorsements in another order", Reason.ENDORSEMENT_FORGED, two,
          replace(both, endorsements=both.endorsements[::-1]))  # fmt: skip
    t.add("of another payment for the same request", Reason.ENDORSEMENT_FORGED, (second,), good)
    elsewhere = c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 100, challenge=OTHER_CHALLENGE)
    other = given(c, (elsewhere,), c.bob, challenge=OTHER_CHALLENGE)
    t.add("of a payment for another request", Reason.WRONG_CHALLENGE, chains,
          replace(other, challenge=OTHER_CHALLENGE))  # fmt: skip
    t.add("with the challenge of another request in front", Reason.WRONG_CHALLENGE, chains,
          replace(good, challenge=OTHER_CHALLENGE))  # fmt: skip
    t.add("of another payment under this challenge", Reason.WRONG_CHALLENGE, chains, other)
    mallory = _mallory()
    t.add("a device that is not the payee", Reason.NOT_THE_OWNER, chains,
          given(c, chains, c.carol), c.carol.certificate)  # fmt: skip
    t.add("a device that somebody certified", Reason.NOT_THE_OWNER, chains,
          given(c, chains, mallory), mallory.certificate)  # fmt: skip
    t.add(
        "a fresh token, which was not paid", Reason.NOT_FOR_THIS_PAYEE, (c.mint(c.bob, 100),), good
    )
    longest = (c.long_chain(MAX_HOPS),)
    t.add("no room for one more hop", Reason.TOO_MANY_HOPS, longest, given(c, longest, c.alice),
          c.alice.certificate)  # fmt: skip


def _fields(t: Table) -> None:
    """What the payee signs is not what gives this payment back."""
    c = t.signers
    chains, good = _one(c)

    def signed(name: str, reason: Reason, **changes: Any) -> None:
        t.add(name, reason, chains, given(c, chains, c.bob, **changes))

    signed("the change of an endorsement before", Reason.OUTPUT_INVALID, output=1)
    signed("a third output", Reason.OUTPUT_INVALID, output=2)
    signed("nothing", Reason.WRONG_AMOUNT, amount_fen=0)
    signed("a fen less", Reason.WRONG_AMOUNT, amount_fen=99)
    signed("a fen more", Reason.WRONG_AMOUNT, amount_fen=101)
    signed("the largest amount", Reason.WRONG_AMOUNT, amount_fen=MAX_U64)
    signed("to the payee itself", Reason.NOT_FOR_THIS_PAYEE, to=c.bob.public)
    signed("to somebody else", Reason.NOT_FOR_THIS_PAYEE, to=_mallory().public)
    signed(
        "another challenge in the endorsement", Reason.WRONG_CHALLENGE, challenge=OTHER_CHALLENGE
    )
    kept = c.endorse(c.mint(c.alice, 100), c.alice, c.carol, 40)
    onward = (c.endorse(kept, c.carol, c.bob, 40),)
    t.add("to the first owner and not to the payer", Reason.NOT_FOR_THIS_PAYEE, onward,
          given(c, onward, c.bob, to=c.alice.public))  # fmt: skip
    t.add("the amount changed and not signed anew", Reason.WRONG_AMOUNT, chains,
          _changed(good, amount_fen=50))  # fmt: skip


def _signatures(t: Table) -> None:
    """All is as it should be but the signature."""
    c = t.signers
    chains, good = _one(c)
    (end,) = good.endorsements
    t.add("the salt changed and not signed anew", Reason.ENDORSEMENT_FORGED, chains,
          _changed(good, salt=9))  # fmt: skip
    signers = {
        "somebody": _mallory(),
        "the payer": c.alice,
        "the payee's bank": Device(c.banks["beta"], c.bob.certificate),
    }
    for name, signer in signers.items():
        t.add(f"signed by {name}", Reason.ENDORSEMENT_FORGED, chains, given(c, chains, signer))
    spent = Chain(chains[0].token)
    whole = c.endorse(spent, c.bob, c.alice, 100).hops[-1].endorsement
    t.add("of the piece that was paid with", Reason.ENDORSEMENT_FORGED, chains,
          replace(good, endorsements=(whole,)))  # fmt: skip
    halves = (c.endorse(c.mint(c.alice, 100), c.alice, c.bob, 50),)
    kept = c.endorse(halves[0], c.bob, c.alice, 50, spend=1, output=0).hops[-1].endorsement
    t.add("of the change of the payment", Reason.ENDORSEMENT_FORGED, halves,
          replace(good, endorsements=(kept,)))  # fmt: skip
    s = int.from_bytes(end.signature[32:], "little") + _GROUP_ORDER
    spoiled = {
        "of zeros": bytes(64),
        "with a bit turned": end.signature[:-1] + bytes([end.signature[-1] ^ 1]),
        "with an S that is too large": end.signature[:32] + s.to_bytes(32, "little"),
    }
    for name, signature in spoiled.items():
        t.add(f"a signature {name}", Reason.ENDORSEMENT_FORGED, chains,
              _changed(good, signature=signature))  # fmt: skip


def _first_reason(t: Table) -> None:
    """Several things are wrong: which one is told."""
    c = t.signers
    chains, good = _one(c)
    wrong: dict[str, Any] = {
        "output": 1, "amount_fen": 99, "payee": c.carol.public, "challenge": OTHER_CHALLENGE,
        "salt": 9,
    }  # fmt: skip
    reasons = (
        Reason.OUTPUT_INVALID,
        Reason.WRONG_AMOUNT,
        Reason.NOT_FOR_THIS_PAYEE,
        Reason.WRONG_CHALLENGE,
        Reason.ENDORSEMENT_FORGED,
    )
    everything = _changed(good, **wrong)
    t.add("first the owner", Reason.NOT_THE_OWNER, chains, everything, c.carol.certificate)
    for number, reason in enumerate(reasons):
        changes = dict(list(wrong.items())[number:])
        t.add(f"then {reason.name}", reason, chains, _changed(good, **changes))
    t.add(
        "first the bytes",
        Reason.UNREADABLE,
        chains,
        everything.encode() + b"\0",
        c.carol.certificate,
    )
    two = (*chains, c.endorse(c.mint(c.alice, 5, number=2), c.alice, c.bob, 5))
    t.add(
        "first the number, then the owner",
        Reason.WRONG_AMOUNT,
        two,
        everything,
        c.carol.certificate,
    )
    first, second = given(c, two, c.bob).endorsements
    pair = (replace(first, salt=9), replace(second, output=1))
    t.add("first the first chain to its end", Reason.ENDORSEMENT_FORGED, two,
          replace(good, endorsements=pair))  # fmt: skip
    t.add("then the second one", Reason.OUTPUT_INVALID, two,
          replace(good, endorsements=(first, pair[1])))  # fmt: skip
    longest = (c.long_chain(MAX_HOPS), c.mint(c.bob, 100))
    t.add("first the hops of all chains, then the number", Reason.TOO_MANY_HOPS, longest, good)
    t.add("the hops of the first chain first", Reason.NOT_FOR_THIS_PAYEE, longest[::-1], good)


def _one(signers: Signers) -> tuple[tuple[Chain, ...], SignedReturn]:
    """A payment of Alice's to Bob, and Bob's word that gives it back."""
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    return (chain,), given(signers, (chain,), signers.bob)


def _changed(good: SignedReturn, **changes: Any) -> SignedReturn:
    """With its only endorsement changed and not signed anew."""
    (end,) = good.endorsements
    return replace(good, endorsements=(replace(end, **changes),))


def _mallory() -> Device:
    """Somebody with a certificate of their own making."""
    key = key_of("mallory")
    public = bytes(key.verify_key)
    return Device(key, certify_device(key, "beta", public, NOW + 1))
