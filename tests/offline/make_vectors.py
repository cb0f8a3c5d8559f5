"""Writes tests/vectors/offline_token.json; the same file each time.

Run it from the repository: python -m tests.offline.make_vectors
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from offline_token.formats import Chain, FormatError, Payment
from offline_token.possession import Possession, account_of, prove
from offline_token.receipt import is_receipt, payment_id, sign_receipt
from offline_token.ruling import End, Ruling, sign_ruling
from offline_token.signing import verified
from offline_token.verify import Reason, Verdict, piece_of, verify
from tests.offline.case_table import Case
from tests.offline.cases import all_cases
from tests.offline.deposit_cases import DepositCase, all_deposits
from tests.offline.return_cases import ReturnCase, all_returns, taken_back
from tests.offline.signers import DAY, Signers, key_of

PATH = Path(__file__).parents[1] / "vectors" / "offline_token.json"
ABOUT = (
    "Offline payments with the answer a verifier has to give; "
    "docs/explanation/offline_token.md has the rule. Bytes are hex, "
    "numbers that may need 64 bits are decimal text. A case's `bundle` names one of "
    "`bundles`, without the root key in front; `request` is null at a deposit; `pieces` are what "
    "a good payment pays. The private keys (RFC 8032 seeds) let another implementation make the "
    "same bytes. `piece_ids` shows the steps from a token to the pieces of a chain. `returns` "
    "are what a payer's device is shown that made `payment` for a request with the certificate "
    "`payee`; `returned` are the payments that a good one makes, chain by chain. `deposits` "
    "are what `bank` brings in at the centre. `rulings` are shown to a device that holds the "
    "piece of `payment` and `output`; `end` says how it has ended, if it has. "
    "`requests` are signed by the key that they name, or not; `code` is what people compare. "
    "`receipts` are shown to a payer who made `payment` for a request with the certificate `payee`."
)


def vectors() -> dict[str, Any]:
    """The content of the file."""
    signers = Signers()
    bundles: dict[str, str] = {}
    cases = [_case(case, bundles) for case in all_cases(signers)]
    keys: dict[str, SigningKey] = {"root": signers.root, **signers.banks}
    keys |= {name: key_of(name) for name in ("alice", "bob", "carol", "mallory")}
    found = {
        "about": ABOUT,
        "keys": {
            name: {"private": bytes(key).hex(), "public": bytes(key.verify_key).hex()}
            for name, key in keys.items()
        },
        "reasons": {reason.name: int(reason) for reason in Reason},
        "piece_ids": _piece_ids(signers),
        "cases": cases,
        "deposits": [_deposit(case, bundles) for case in all_deposits(signers)],
        "possessions": _possessions(signers),
        "rulings": _rulings(signers),
        "requests": _requests(signers),
        "receipts": _receipts(signers),
        "returns": [_return_case(case) for case in all_returns(signers)],
    }
    return found | {"bundles": {name: encoded for encoded, name in bundles.items()}}


def encoded() -> str:
    """The text of the file."""
    return json.dumps(vectors(), indent=1) + "\n"


def _case(case: Case, bundles: dict[str, str]) -> dict[str, Any]:
    verdict = verify(case.payment, **case.question())
    if verdict.reason != case.reason:
        raise AssertionError(f"{case.name}: {verdict.reason.name}, not {case.reason.name}")
    bundle = bundles.setdefault(case.bundle.encode().hex(), f"bundle {len(bundles) + 1}")
    return {
        "name": case.name,
        "root": case.root.hex(),
        "bundle": bundle,
        "now_ms": str(case.now_ms),
        "output": case.output,
        "request": case.request.encode().hex() if case.request is not None else None,
        "payment": case.payment.hex(),
        "reason": case.reason.name,
        "pieces": _pieces(verdict),
    }


def _deposit(case: DepositCase, bundles: dict[str, str]) -> dict[str, Any]:
    verdict = case.verdict()
    if verdict.reason != case.reason:
        raise AssertionError(f"{case.name}: {verdict.reason.name}, not {case.reason.name}")
    bundle = bundles.setdefault(case.bundle.encode().hex(), f"bundle {len(bundles) + 1}")
    return {
        "name": case.name,
        "root": case.root.hex(),
        "bundle": bundle,
        "now_ms": str(case.now_ms),
        "bank": case.bank,
        "deposit": case.deposit.hex(),
        "reason": case.reason.name,
        "pieces": _pieces(verdict),
    }


def _pieces(verdict: Verdict) -> list[dict[str, str]]:
    return [
        {
            "id": piece.id.hex(),
            "token_id": piece.token_id.hex(),
            "value_fen": str(piece.value_fen),
            "owner": piece.owner.hex(),
        }
        for piece in verdict.pieces
    ]


def _return_case(case: ReturnCase) -> dict[str, Any]:
    reason, chains = taken_back(case.payment, case.payee, case.back)
    if reason != case.reason:
        raise AssertionError(f"{case.name}: {reason.name}, not {case.reason.name}")
    return {
        "name": case.name,
        "payment": case.payment.hex(),
        "payee": case.payee.hex(),
        "return_payment": case.back.hex(),
        "reason": reason.name,
        "returned": [Payment((chain,)).encode().hex() for chain in chains],
    }


def _possessions(signers: Signers) -> list[dict[str, Any]]:
    """Alice's key asks alpha to certify it for a wallet; and what does not show that."""
    wallet, nonce, alice = "6201000000000017", bytes(range(16)), signers.alice
    account = account_of(wallet, nonce)
    good = prove(alice.key, "alpha", account).signature
    cases = {
        "good": ("alpha", wallet, nonce, alice.public, good),
        "at another bank": ("beta", wallet, nonce, alice.public, good),
        "for another wallet": ("alpha", "6201000000000025", nonce, alice.public, good),
        "with another nonce": ("alpha", wallet, bytes(16), alice.public, good),
        "of another key": ("alpha", wallet, nonce, signers.bob.public, good),
        "without a signature": ("alpha", wallet, nonce, alice.public, bytes(64)),
    }
    return [
        {
            "name": name,
            "bank": bank,
            "wallet": number,
            "nonce": given.hex(),
            "key": key.hex(),
            "signature": signature.hex(),
            "account": account_of(number, given).hex(),
            "good": Possession(account_of(number, given), signature).proves(key, bank),
        }
        for name, (bank, number, given, key, signature) in cases.items()
    ]


def _rulings(signers: Signers) -> list[dict[str, Any]]:
    """The root's last words on a chain, and what are none."""
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 60)
    endorsement = chain.hops[0].endorsement
    broken = Chain(
        chain.token,
        (replace(chain.hops[0], endorsement=replace(endorsement, signature=bytes(64))),),
    )
    data = {
        end.name.lower(): sign_ruling(signers.root, chain, 0, end, 1_800_000_000_000).encode()
        for end in End
    }
    good = data["bad"]
    data |= {
        "of the other output": sign_ruling(signers.root, chain, 1, End.BAD, 1).encode(),
        "of a broken copy of the chain": sign_ruling(signers.root, broken, 0, End.BAD, 1).encode(),
        "by somebody": sign_ruling(key_of("mallory"), chain, 0, End.BAD, 1).encode(),
        "another end than was signed": good[:34] + b"\3" + good[35:],
        "another time than was signed": good[:42] + b"\1" + good[43:],
        "no such end": good[:34] + b"\5" + good[35:],
        "of another kind": b"V2" + good[2:],
        "cut short": good[:-1],
    }
    return [
        {
            "name": name,
            "root": signers.root_public.hex(),
            "payment": Payment((chain,)).encode().hex(),
            "output": 0,
            "ruling": ruling.hex(),
            "end": _end(ruling, chain, signers.root_public),
        }
        for name, ruling in data.items()
    ]


def _requests(signers: Signers) -> list[dict[str, Any]]:
    """What Bob asks for, and what somebody makes of it on the way."""
    good = signers.request(signers.bob, 100)
    mallory = signers.device("mallory", "alpha")
    requests = {
        "good": good,
        "another amount": replace(good, amount_fen=9_000),
        "another challenge": replace(good, challenge=bytes(16)),
        "a bystander's certificate": replace(good, certificate=signers.carol.certificate),
        "longer than was said": replace(good, expires_time_ms=good.expires_time_ms + DAY),
        "a middleman's own": signers.request(mallory, 100),
        "unsigned": replace(good, signature=bytes(64)),
    }
    return [
        {
            "name": name,
            "request": request.encode().hex(),
            "code": request.code(),
            "signed": verified(request.certificate.key, request.signed_part(), request.signature),
            "expires": str(request.expires_time_ms),
        }
        for name, request in requests.items()
    ]


def _receipts(signers: Signers) -> list[dict[str, Any]]:
    """Bob has taken a payment of two pieces, one of which is change of Alice's."""
    whole = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 60)
    kept = signers.endorse(
        signers.mint(signers.alice, 50, number=2), signers.alice, signers.carol, 10
    )
    rest = signers.endorse(kept, signers.alice, signers.bob, 40, spend=1)
    salted = signers.endorse(kept, signers.alice, signers.bob, 40, spend=1, salt=99)
    paid = Payment((whole, rest))
    beside = Payment((rest, whole), (signers.bank_certificate("alpha"),))
    good = sign_receipt(signers.bob.key, payment_id(paid))
    receipts = {
        "good": (paid, good),
        "of the chains in another order, with statements": (beside, good),
        "of one of the pieces": (Payment((whole,)), good),
        "of another endorsement": (Payment((whole, salted)), good),
        "by the payer": (paid, sign_receipt(signers.alice.key, payment_id(paid))),
        "nothing": (paid, bytes(64)),
    }
    return [
        {
            "name": name,
            "payee": signers.bob.certificate.encode().hex(),
            "payment": payment.encode().hex(),
            "receipt": receipt.hex(),
            "good": is_receipt(signers.bob.public, payment_id(payment), receipt),
        }
        for name, (payment, receipt) in receipts.items()
    ]


def _end(data: bytes, chain: Chain, root: bytes) -> str:
    """How the chain has ended, "" if it has not."""
    try:
        ruling = Ruling.decode(data)
    except FormatError:
        return ""
    return ruling.end.name if ruling.ends(chain, 0, root) else ""


def _piece_ids(signers: Signers) -> dict[str, Any]:
    """A token of 100, of which Alice pays 40 and then 25 of the change."""
    chain = signers.mint(signers.alice, 100)
    chain = signers.endorse(chain, signers.alice, signers.carol, 40)
    chain = signers.endorse(chain, signers.alice, signers.bob, 25, spend=1)
    spent = [piece for piece, _ in signers.verdict(Payment((chain,)).encode()).spent[0]]
    signed = [
        hop.endorsement.signed_part(piece.id) for hop, piece in zip(chain.hops, spent, strict=True)
    ]
    return {
        "payment": Payment((chain,)).encode().hex(),
        "token_message": chain.token.signed_part().hex(),
        "certificate_message": chain.hops[0].certificate.signed_part().hex(),
        "endorsement_messages": [message.hex() for message in signed],
        "spent": [piece.id.hex() for piece in spent],
        "paid": piece_of(chain, 0).id.hex(),
        "kept": piece_of(chain, 1).id.hex(),
    }


if __name__ == "__main__":
    PATH.write_text(encoded(), encoding="utf-8")
    made = vectors()
    print(f"{PATH}: {len(made['cases'])} cases, {len(made['returns'])} returns")
