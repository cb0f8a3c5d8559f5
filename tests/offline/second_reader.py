"""What the second verifier reads: payments, deposits, returns and trust bundles, by offsets."""

from __future__ import annotations

import hashlib
import struct
from typing import Any


class Refused(Exception):
    """Carries a reason."""


def read_bundle(data: bytes) -> dict[str, Any]:
    """A trust bundle. Raises ValueError."""
    if not 89 <= len(data) <= 61_440 - 32 or data[0:2] != b"U4":
        raise ValueError("no trust bundle")
    banks, barred, revoked = u16(data, 83), u16(data, 85), u16(data, 87)
    first = 89 + 121 * banks
    end = first + 16 * (barred + revoked)
    names = [data[first + 16 * i : first + 16 * i + 16] for i in range(barred + revoked)]
    if banks > 52 or barred > 1_500 or revoked > 256 or len(data) < end + 64:
        raise ValueError("no trust bundle")
    if hashlib.sha256(data[end + 64 :]).digest() != data[43:75]:
        raise ValueError("another filter")
    return {
        "created": u64(data, 2),
        "max_age": u64(data, 10),
        "max_hops": data[18],
        "max_value": u64(data, 19),
        "max_payment": u64(data, 27),
        "since": u64(data, 75),
        "banks": [read_certificate(data[89 + 121 * i : 210 + 121 * i], "B") for i in range(banks)],
        "barred": names[:barred],
        "revoked": names[barred:],
        "body": data[:end],
        "signature": data[end : end + 64],
        "filter": read_filter(data[end + 64 :]),
    }


def read_filter(data: bytes) -> dict[str, Any] | None:
    if not data:
        return None
    if len(data) < 23 or data[0:2] != b"F1":
        raise ValueError("no filter")
    starts = int.from_bytes(data[19:23], "big")
    size = (starts + 127 + 7) // 8
    if not starts or not 1 <= data[18] <= 32 or len(data) != 23 + data[18] * size:
        raise ValueError("no filter")
    strings = [data[23 + size * i : 23 + size * (i + 1)] for i in range(data[18])]
    return {"salt": data[2:18], "starts": starts, "strings": strings}


def read_payment(data: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    try:
        if len(data) > 16_384 or data[0:2] != b"P3" or not 1 <= data[2] <= 16:
            raise ValueError("no payment")
        chains, at = [], 3
        for _ in range(data[2]):
            token = data[at : at + 137]
            count = data[at + 137]
            if token[0:1] != b"T" or count > 32:
                raise ValueError("no chain")
            start, at, hops = at, at + 138, list[dict[str, Any]]()
            shown = b""
            for index in range(count):
                spends_change = index > 0 and data[at] == 1
                end = at + (129 if spends_change else 250)
                if end > len(data):
                    raise ValueError("too short")
                shown = shown if spends_change else data[at + 129 : end]
                hops.append(read_hop(data[at : at + 129] + shown))
                at = end
            chains.append({"token": token, "hops": hops, "data": data[start:at]})
        said = read_statements(data, at)
    except (ValueError, IndexError):
        raise Refused("UNREADABLE") from None
    return chains, said


def read_statements(data: bytes, at: int) -> list[dict[str, Any]]:
    """The statements that the rest consists of."""
    count, said = data[at], list[dict[str, Any]]()
    if count > 32:
        raise ValueError("too many")
    at += 1
    for _ in range(count):
        length = 89 if data[at : at + 1] == b"C" else 121
        one = data[at : at + length]
        if len(one) != length:
            raise ValueError("too short")
        if length == 121:
            said.append({"tag": "bank-certificate/v1", **read_certificate(one, "B")})
        else:
            clearance = {"device": one[1:17], "time": u64(one, 17)}
            said.append(
                {"tag": "clearance/v1", "body": one[:25], "signature": one[25:], **clearance}
            )
        at += length
    if at != len(data):
        raise ValueError("too long")
    return said


def read_deposit(data: bytes) -> tuple[bytes, list[bytes]]:
    count = data[4] if len(data) > 4 and data[0:2] == b"D1" else 0
    start = len(data) - 130 * count
    must(1 <= count <= 16 and start > 2 and len(data) <= 16_384, "UNREADABLE")
    ends = [data[start + 130 * i : start + 130 * (i + 1)] for i in range(count)]
    for end in ends:
        name = end[2:18].rstrip(b"\0")
        readable = bool(name) and all(0 < byte < 0x80 for byte in name)
        must(end[0:1] == b"E" and readable, "UNREADABLE")
    return data[2:start], ends


def read_return(data: bytes) -> list[bytes]:
    count = (len(data) - 19) // 129
    readable = data[0:2] == b"B1" and 1 <= count <= 16 and data[18] == count
    must(readable and len(data) == 19 + 129 * count, "UNREADABLE")
    return [data[19 + 129 * i : 148 + 129 * i] for i in range(count)]


def read_hop(data: bytes) -> dict[str, Any]:
    return {
        "output": data[0],
        "amount": u64(data, 1),
        "payee": data[9:41],
        "challenge": data[41:57],
        "body": data[0:65],
        "signature": data[65:129],
        "certificate": read_certificate(data[129:250], "D"),
    }


def read_certificate(data: bytes, kind: str) -> dict[str, Any]:
    name = data[1:17].rstrip(b"\0")
    if data[0:1] != kind.encode() or not name or not all(0 < byte < 0x80 for byte in name):
        raise ValueError("no certificate")
    return {
        "bank": name,
        "key": data[17:49],
        "expires": u64(data, 49),
        "body": data[0:57],
        "signature": data[57:121],
    }


def must(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)


def tagged(tag: str, body: bytes) -> bytes:
    return b"dcep-offline:" + tag.encode("ascii") + b"\0" + body


def u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">H", data, at)[0])


def u64(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">Q", data, at)[0])
