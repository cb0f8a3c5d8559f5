"""A second verifier of offline payments and signed returns.

It is written from docs/explanation/offline_token.md alone, and shares no code with the first:
OpenSSL's Ed25519 instead of libsodium's, offsets instead of layouts, plain dicts and strings.
Tests hold the two against each other."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.offline.second_reader import (
    Refused,
    must,
    read_bundle,
    read_certificate,
    read_deposit,
    read_hop,
    read_payment,
    read_return,
    read_statements,
    tagged,
    u64,
)

_SMALL_ORDER = [
    bytes.fromhex("0000000000000000000000000000000000000000000000000000000000000000"),
    bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_GRACE_MS = 37 * 24 * 60 * 60 * 1_000
_LEFT_MS = 24 * 60 * 60 * 1_000
_LONGEST_MS = 127 * 24 * 60 * 60 * 1_000


def answer(
    payment: bytes, root: bytes, bundle: bytes, now_ms: int, output: int, request: bytes | None
) -> tuple[str, list[tuple[bytes, bytes, int, bytes]]]:
    """The reason, and (piece id, token id, value, owner) of each piece if it is GOOD.

    Args:
        bundle: the encoded trust bundle, which has to be readable.
        request: the encoded request, which has to be readable; None at a deposit.
    """
    trust = read_bundle(bundle)
    try:
        chains, trust["said"] = read_payment(payment)
        _check_bundle(trust, root, now_ms)
        deposit = request is None
        pieces = [_walk(chain, root, trust, now_ms, output, deposit) for chain in chains]
        _check_once(pieces)
        if request is not None:
            _check_request(chains, pieces, request, trust["max_payment"])
    except Refused as refused:
        return str(refused), []
    return "GOOD", [(p["id"], p["token"], p["value"], p["owner"]) for p in pieces]


def deposited(
    data: bytes, root: bytes, bundle: bytes, now_ms: int, bank: str
) -> tuple[str, list[tuple[bytes, bytes, int, bytes]]]:
    """The same of a deposit that a bank brings in."""
    trust = read_bundle(bundle)
    try:
        payment, ends = read_deposit(data)
        chains, trust["said"] = read_payment(payment)
        must(len({end[2:66] for end in ends}) == 1, "UNREADABLE")
        _check_bundle(trust, root, now_ms)
        pieces = [
            _walk(chain, root, trust, now_ms, end[1], True)
            for chain, end in zip(chains, ends, strict=True)
        ]
        _check_once(pieces)
        must(ends[0][2:18].rstrip(b"\0") == bank.encode(), "NOT_FOR_THIS_PAYEE")
        for piece, end in zip(pieces, ends, strict=True):
            body = piece["id"] + end[:66]
            _signed(piece["owner"], "deposit/v1", body, end[66:], "DEPOSIT_FORGED")
    except Refused as refused:
        return str(refused), []
    return "GOOD", [(p["id"], p["token"], p["value"], p["owner"]) for p in pieces]


def taken_back(payment: bytes, payee: bytes, back: bytes) -> tuple[str, list[bytes]]:
    """The reason, and a payment of each chain that came back if it is GOOD.

    Args:
        payment: as the payer made it; it was verified then.
        payee: the certificate that stood in the request.
    """
    returned = []
    try:
        ends = read_return(back)
        chains, _ = read_payment(payment)
        for chain in chains:
            must(len(chain["hops"]) > 0, "NOT_FOR_THIS_PAYEE")
            must(len(chain["hops"]) < 32, "TOO_MANY_HOPS")
        must(len(ends) == len(chains), "WRONG_AMOUNT")
        for chain, end in zip(chains, ends, strict=True):
            _check_end(chain, read_hop(end + payee), back[2:18])
            hops = bytes([len(chain["hops"]) + 1]) + chain["data"][138:] + end + payee
            returned.append(b"P3\1" + chain["token"] + hops + b"\0")
    except Refused as refused:
        return str(refused), []
    return "GOOD", returned


def possesses(key: bytes, bank: str, wallet: str, nonce: bytes, signature: bytes) -> bool:
    """Whether a device key asks to be certified at a bank for a wallet."""
    account = hashlib.sha256(tagged("account/v1", wallet.encode() + nonce)).digest()
    body = bank.encode() + bytes(16 - len(bank)) + account
    return holds(key, tagged("possession/v1", body), signature)


def may_be_paid(request: bytes, now_ms: int) -> bool:
    """Whether the device in a request has asked for that, and not too long ago."""
    if len(request) < 220 or request[0:2] != b"R3":
        return False
    try:
        read_statements(request, 219)
    except (ValueError, IndexError):
        return False
    key = read_certificate(request[2:123], "D")["key"]
    message = tagged("request/v1", request[:155])
    return holds(key, message, request[155:219]) and now_ms <= u64(request, 147) + 3_600_000


def code(request: bytes) -> str:
    """What payer and payee compare."""
    number = int.from_bytes(hashlib.sha256(tagged("code/v1", request[:219])).digest()[:5], "big")
    letters = [_LETTERS[number >> 5 * place & 31] for place in range(7, -1, -1)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def receipted(payee: bytes, payment: bytes, receipt: bytes) -> bool:
    """Whether the device with that certificate has signed that it took a payment."""
    pieces = []
    for chain in read_payment(payment)[0]:
        piece, hops = _whole(chain["token"]), chain["hops"]
        for index, hop in enumerate(hops):
            _spend(piece, hop, 0 if index + 1 == len(hops) else hops[index + 1]["output"])
        pieces.append(piece["id"])
    named = hashlib.sha256(b"".join(sorted(pieces))).digest()
    return holds(payee[17:49], tagged("receipt/v2", named), receipt)


def ended(payment: bytes, output: int, root: bytes, ruling: bytes) -> str:
    """How a payment's only chain has ended by a ruling; "" if it has not."""
    names = {1: "BAD", 2: "SPENT_TWICE", 3: "DEPOSITED", 4: "REFUNDED"}
    if len(ruling) != 107 or ruling[0:2] != b"V1" or ruling[34] not in names:
        return ""
    digest = hashlib.sha256(tagged("chain/v1", payment + bytes([output]))).digest()
    said = holds(root, tagged("ruling/v1", ruling[:43]), ruling[43:])
    return names[ruling[34]] if said and ruling[2:34] == digest else ""


def may_be_in(found: dict[str, Any] | None, name: bytes) -> bool:
    """Whether a filter takes a device for a revoked one."""
    if found is None:
        return False
    digest = hashlib.sha256(tagged("filter/v1", found["salt"] + name)).digest()
    start = u64(digest, 0) * found["starts"] // 2**64
    picked = [0] + [i for i in range(1, 128) if digest[8 + i // 8] & 128 >> i % 8]
    value = int.from_bytes(digest[24:28], "big")
    for number, string in enumerate(found["strings"]):
        places = [start + i for i in picked]
        ones = sum(bool(string[place // 8] & 128 >> place % 8) for place in places)
        if ones % 2 != value >> number & 1:
            return False
    return True


def _is_of_a_root(certificate: dict[str, Any]) -> bool:
    return bool(certificate["bank"] == b"central-bank")


def _check_bundle(trust: dict[str, Any], root: bytes, now_ms: int) -> None:
    _signed(root, "trust-bundle/v4", trust["body"], trust["signature"], "BUNDLE_FORGED")
    others = [b for b in trust["banks"] if _is_of_a_root(b) and b["key"] != root]
    counting = [root] + [b["key"] for b in others if b["expires"] >= now_ms]
    trust["said"] = [
        one
        for one in trust["said"]
        if any(holds(key, tagged(one["tag"], one["body"]), one["signature"]) for key in counting)
    ]
    must(now_ms <= trust["created"] + trust["max_age"], "BUNDLE_TOO_OLD")


def _walk(
    chain: dict[str, Any],
    root: bytes,
    trust: dict[str, Any],
    now_ms: int,
    output: int,
    deposit: bool,
) -> dict[str, Any]:
    token, hops = chain["token"], chain["hops"]
    ends = [(b["key"], b["expires"]) for b in trust["banks"] if _is_of_a_root(b)]
    message = tagged("token/v1", token[0:73])
    roots = [(root, 1 << 64)] + [(key, end) for key, end in ends if key != root]
    signers = [end for key, end in roots if holds(key, message, token[73:137])]
    must(bool(signers), "TOKEN_FORGED")
    must(max(signers) >= now_ms, "TOKEN_EXPIRED")
    must(now_ms <= u64(token, 65) + (_GRACE_MS if deposit else -_LEFT_MS), "TOKEN_EXPIRED")
    must(u64(token, 17) <= trust["max_value"], "VALUE_TOO_LARGE")
    spent = [hop["output"] for hop in hops[1:]] + [output]
    hands = spent[: len(hops)].count(0)
    must(hands <= (32 if deposit else trust["max_hops"]), "TOO_MANY_HOPS")
    must(deposit or len(hops) <= 31, "TOO_MANY_HOPS")
    certified_ms = min(now_ms, u64(token, 57)) if deposit else now_ms
    piece = _whole(token)
    for index, hop in enumerate(hops):
        following = output if index + 1 == len(hops) else hops[index + 1]["output"]
        _check_device(hop["certificate"], trust, certified_ms, deposit)
        must(hop["certificate"]["key"] == piece["owner"], "NOT_THE_OWNER")
        must(hop["output"] in ((0, 1) if index else (0,)), "OUTPUT_INVALID")
        must(1 <= hop["amount"] <= piece["value"], "AMOUNT_INVALID")
        body = piece["id"] + hop["body"]
        _signed(piece["owner"], "endorsement/v1", body, hop["signature"], "ENDORSEMENT_FORGED")
        must(following in (0, 1), "OUTPUT_INVALID")
        _spend(piece, hop, following)
        must(piece["value"] > 0, "AMOUNT_INVALID")
    return piece


def _whole(token: bytes) -> dict[str, Any]:
    return {
        "id": hashlib.sha256(tagged("piece/v1", token[1:17])).digest(),
        "token": token[1:17],
        "value": u64(token, 17),
        "owner": token[25:57],
        "spendings": [],
    }


def _spend(piece: dict[str, Any], hop: dict[str, Any], output: int) -> None:
    """Makes of a piece what an output of its endorsement is."""
    signed = hashlib.sha256(tagged("endorsement/v1", piece["id"] + hop["body"])).digest()
    piece["spendings"].append((piece["id"], signed))
    made = tagged("piece/v1", piece["id"] + signed + bytes([output]))
    piece["id"] = hashlib.sha256(made).digest()
    if output == 0:
        piece["value"], piece["owner"] = hop["amount"], hop["payee"]
    else:
        piece["value"] -= hop["amount"]


def _check_end(chain: dict[str, Any], end: dict[str, Any], challenge: bytes) -> None:
    """Whether an endorsement gives back what a chain paid."""
    hops, piece = chain["hops"], _whole(chain["token"])
    for hop, output in zip(hops, [hop["output"] for hop in hops[1:]] + [0], strict=True):
        _spend(piece, hop, output)
    must(piece["owner"] == end["certificate"]["key"], "NOT_THE_OWNER")
    must(end["output"] == 0, "OUTPUT_INVALID")
    must(end["amount"] == piece["value"], "WRONG_AMOUNT")
    must(end["payee"] == hops[-1]["certificate"]["key"], "NOT_FOR_THIS_PAYEE")
    must(end["challenge"] == challenge == hops[-1]["challenge"], "WRONG_CHALLENGE")
    body = piece["id"] + end["body"]
    _signed(piece["owner"], "endorsement/v1", body, end["signature"], "ENDORSEMENT_FORGED")


def _check_device(
    device: dict[str, Any], trust: dict[str, Any], now_ms: int, deposit: bool
) -> None:
    said = trust["said"]
    must(device["bank"].ljust(16, b"\0") not in trust["barred"], "BANK_UNKNOWN")
    shown = trust["banks"] + [one for one in said if one["tag"] == "bank-certificate/v1"]
    banks = [b for b in shown if not _is_of_a_root(b)]
    valid = [b for b in banks if b["bank"] == device["bank"] and b["expires"] >= now_ms]
    must(bool(valid), "BANK_UNKNOWN")
    message = tagged("device-certificate/v1", device["body"])
    signers = [b for b in valid if holds(b["key"], message, device["signature"])]
    must(bool(signers), "DEVICE_FORGED")
    must(now_ms <= device["expires"], "DEVICE_EXPIRED")
    must(deposit or device["expires"] <= now_ms + _LONGEST_MS, "DEVICE_EXPIRED")
    name, its = (
        hashlib.sha256(tagged("revoked/v1", c["body"][:49])).digest()[:16]
        for c in (device, signers[0])
    )
    must(name not in trust["revoked"] and its not in trust["barred"], "DEVICE_REVOKED")
    times = [one["time"] for one in said if one["tag"] == "clearance/v1" and one["device"] == name]
    unclear = may_be_in(trust["filter"], name) and max(times, default=-1) < trust["since"]
    must(not unclear, "DEVICE_UNCLEAR")


def _check_once(pieces: list[dict[str, Any]]) -> None:
    """Of all spendings, told apart by what was signed, each is of another piece; as is each end."""
    spendings = {spending for piece in pieces for spending in piece["spendings"]}
    gone = [spent for spent, _ in spendings] + [piece["id"] for piece in pieces]
    must(len(set(gone)) == len(gone), "TOKEN_TWICE")


def _check_request(
    chains: list[dict[str, Any]], pieces: list[dict[str, Any]], request: bytes, max_payment: int
) -> None:
    if len(request) < 220 or request[0:2] != b"R3":
        raise ValueError("no request")
    read_statements(request, 219)
    payee = read_certificate(request[2:123], "D")["key"]
    together = sum(piece["value"] for piece in pieces)
    must(together <= max_payment, "PAYMENT_TOO_LARGE")
    for chain, piece in zip(chains, pieces, strict=True):
        must(bool(chain["hops"]) and piece["owner"] == payee, "NOT_FOR_THIS_PAYEE")
        must(chain["hops"][-1]["challenge"] == request[131:147], "WRONG_CHALLENGE")
    must(together == u64(request, 123), "WRONG_AMOUNT")


def _signed(key: bytes, tag: str, body: bytes, signature: bytes, reason: str) -> None:
    must(holds(key, tagged(tag, body), signature), reason)


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is by a key over a message: strict where OpenSSL alone is not."""
    number = int.from_bytes(key, "little") & ((1 << 255) - 1)
    canonical = number < 2**255 - 19
    small = any(_without_sign(point) in _SMALL_ORDER for point in (key, signature[0:32]))
    if not canonical or small:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _without_sign(point: bytes) -> bytes:
    return point[:31] + bytes([point[31] & 0x7F])
