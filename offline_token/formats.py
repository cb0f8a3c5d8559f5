"""The bytes: certificates, tokens, endorsements, payments, requests.

Every number is unsigned and big-endian; times are Unix milliseconds, amounts
fen; keys are Ed25519 public keys and signatures Ed25519 (RFC 8032). A
signature covers a tag that names the type, a NUL byte, and everything before
the signature. docs/explanation/offline_token.md specifies each field.
"""

from __future__ import annotations

import hashlib
import struct
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from nacl.bindings import crypto_sign_BYTES, crypto_sign_PUBLICKEYBYTES

from offline_token.limits import MAX_CHAINS, MAX_HOPS, MAX_PAYMENT_BYTES, MAX_STATEMENTS

KEY_BYTES: int = crypto_sign_PUBLICKEYBYTES
REVOCATION_BYTES = 16
SIGNATURE_BYTES: int = crypto_sign_BYTES
ID_BYTES = 16
DIGEST_BYTES = hashlib.sha256().digest_size
NAME_BYTES = 16
_CODE_BYTES = 5
_NAMED_BYTES = 1 + NAME_BYTES + KEY_BYTES
"""Kind, bank and key at the head of a certificate."""
_CERTIFICATE = struct.Struct(f">c{NAME_BYTES}s{KEY_BYTES}sQ{SIGNATURE_BYTES}s")
_TOKEN = struct.Struct(f">c{ID_BYTES}sQ{KEY_BYTES}sQQ{SIGNATURE_BYTES}s")
_ENDORSEMENT = struct.Struct(f">BQ{KEY_BYTES}s{ID_BYTES}sQ{SIGNATURE_BYTES}s")
_REQUEST = struct.Struct(f">2s{_CERTIFICATE.size}sQ{ID_BYTES}sQ{SIGNATURE_BYTES}s")
_CLEARANCE = struct.Struct(f">c{REVOCATION_BYTES}sQ{SIGNATURE_BYTES}s")
_BANK, _DEVICE, _A_TOKEN, _A_CLEARANCE = b"B", b"D", b"T", b"C"
_PAYMENT, _A_REQUEST = b"P3", b"R3"
_EARLIER_PAYMENTS = (b"P1", b"P2")


class FormatError(ValueError):
    """These bytes do not follow the format; the message says where."""


def tagged(tag: str, body: bytes) -> bytes:
    """The bytes that a signature covers: tag, NUL, body."""
    return _head(tag) + body


@cache
def _head(tag: str) -> bytes:
    return b"dcep-offline:" + tag.encode("ascii") + b"\0"


def bank_name(name: str) -> bytes:
    """Encodes a bank's name: ASCII, padded with zero bytes to 16. Raises FormatError."""
    if not name or not name.isascii() or "\0" in name:
        raise FormatError("a bank's name: ASCII without zero bytes expected")
    if len(name) > NAME_BYTES:
        raise FormatError(f"a bank's name of more than {NAME_BYTES} letters")
    return name.encode("ascii").ljust(NAME_BYTES, b"\0")


def read_bank_name(written: bytes) -> str:
    """Decodes what `bank_name` has encoded. Raises FormatError."""
    name = written.rstrip(b"\0")
    if not name or not name.isascii() or b"\0" in name:
        raise FormatError("a bank's name: ASCII without zero bytes expected")
    return name.decode("ascii")


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signed structure. It keeps the bytes it was read from, and verifies those very bytes."""

    _bytes: bytes = field(default=b"", init=False, compare=False, repr=False)

    def encode(self) -> bytes:
        """The bytes, with the signature last. Raises FormatError."""
        return self._bytes or self._packed()

    def _packed(self) -> bytes:
        raise NotImplementedError

    def _read_from(self, data: bytes) -> Self:
        object.__setattr__(self, "_bytes", data)
        return self


@dataclass(frozen=True, slots=True)
class Certificate(_Signed):
    """Says whose a key is. The root signs a bank's, the bank a device's. 121 bytes."""

    kind: bytes
    bank: str
    key: bytes
    expires_time_ms: int
    signature: bytes = b""

    @property
    def tag(self) -> str:
        """The tag of its signature."""
        return "bank-certificate/v1" if self.kind == _BANK else "device-certificate/v1"

    def _packed(self) -> bytes:
        fields = (self.kind, bank_name(self.bank), self.key, self.expires_time_ms, self.signature)
        return pack(_CERTIFICATE, fields, "certificate")

    def signed_part(self) -> bytes:
        """What its signature covers."""
        return tagged(self.tag, self.encode()[:-SIGNATURE_BYTES])

    def revocation(self) -> bytes:
        """The 16 bytes that a trust bundle lists when this bank's key or this device is revoked.

        They depend on kind, bank and key, so a bank that certifies somebody else's key can revoke
        only its own certificate.
        """
        named = tagged("revoked/v1", self.encode()[:_NAMED_BYTES])
        return hashlib.sha256(named).digest()[:REVOCATION_BYTES]

    @classmethod
    def decode(cls, data: bytes, kind: bytes) -> Self:
        """Raises FormatError."""
        found, name, key, expires, signature = _unpack(_CERTIFICATE, data, "certificate")
        if found != kind:
            raise FormatError("certificate: of another kind")
        made = cls(kind, read_bank_name(name), key, expires, signature)
        return made._read_from(data)


CERTIFICATE_BYTES = _CERTIFICATE.size
BANK, DEVICE = _BANK, _DEVICE


@dataclass(frozen=True, slots=True)
class Clearance(_Signed):
    """The root's statement that a device was not revoked at some time: 89 bytes.

    An honest device needs one when the bundle's filter matches it by chance.

    Attributes:
        device: as `Certificate.revocation` names it.
    """

    device: bytes
    time_ms: int
    signature: bytes = b""

    def _packed(self) -> bytes:
        fields = (_A_CLEARANCE, self.device, self.time_ms, self.signature)
        return pack(_CLEARANCE, fields, "clearance")

    def signed_part(self) -> bytes:
        """What the root's signature covers."""
        return tagged("clearance/v1", self.encode()[:-SIGNATURE_BYTES])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        found, *rest = _unpack(_CLEARANCE, data, "clearance")
        if found != _A_CLEARANCE:
            raise FormatError("clearance: of another kind")
        return cls(*rest)._read_from(data)


Statement = Certificate | Clearance
"""What the root says of a bank or a device; whoever pays or asks brings it along."""


def encode_statements(statements: Sequence[Statement]) -> bytes:
    """Encodes statements: their number, then one after another. Raises FormatError."""
    if len(statements) > MAX_STATEMENTS:
        raise FormatError(f"more than {MAX_STATEMENTS} statements")
    return bytes([len(statements)]) + b"".join(each.encode() for each in statements)


def statement_bytes(kind: bytes) -> int:
    """The length in bytes of a statement whose first byte is this."""
    return _CLEARANCE.size if kind == _A_CLEARANCE else _CERTIFICATE.size


def decode_statement(data: bytes) -> Statement:
    """Decodes a certificate of a bank's key, or a clearance. Raises FormatError."""
    if data[:1] == _A_CLEARANCE:
        return Clearance.decode(data)
    return Certificate.decode(data, _BANK)


@dataclass(frozen=True, slots=True)
class Token(_Signed):
    """Value signed by the central bank, bound to a device key. 137 bytes."""

    id: bytes
    value_fen: int
    owner: bytes
    registered_time_ms: int
    expires_time_ms: int
    signature: bytes = b""

    def _packed(self) -> bytes:
        fields = (
            _A_TOKEN,
            self.id,
            self.value_fen,
            self.owner,
            self.registered_time_ms,
            self.expires_time_ms,
            self.signature,
        )
        return pack(_TOKEN, fields, "token")

    def signed_part(self) -> bytes:
        """What the root's signature covers."""
        return tagged("token/v1", self.encode()[:-SIGNATURE_BYTES])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        found, *rest = _unpack(_TOKEN, data, "token")
        if found != _A_TOKEN:
            raise FormatError("token: of another kind")
        return cls(*rest)._read_from(data)

    def piece_id(self) -> bytes:
        """The id of the piece that the whole, not yet endorsed token is: 32 bytes."""
        return hashlib.sha256(tagged("piece/v1", self.id)).digest()


TOKEN_BYTES = _TOKEN.size
PAYEE_OUTPUT, CHANGE_OUTPUT = 0, 1


@dataclass(frozen=True, slots=True)
class Endorsement(_Signed):
    """Says "of this piece, so much to that key, the rest back to me": 129 bytes.

    Attributes:
        output: which output of the previous endorsement is spent: 0 what it paid, 1 what it kept.
            The first endorsement of a chain has 0.
        salt: random bytes of whoever endorses.
    """

    output: int
    amount_fen: int
    payee: bytes
    challenge: bytes
    salt: int
    signature: bytes = b""

    def _packed(self) -> bytes:
        fields = (
            self.output,
            self.amount_fen,
            self.payee,
            self.challenge,
            self.salt,
            self.signature,
        )
        return pack(_ENDORSEMENT, fields, "endorsement")

    def signed_part(self, piece_id: bytes) -> bytes:
        """The bytes that the owner of the endorsed piece signs."""
        return tagged("endorsement/v1", piece_id + self.encode()[:-SIGNATURE_BYTES])

    def digest(self, piece_id: bytes) -> bytes:
        """Identifies this endorsement of a piece, whatever its signature: 32 bytes."""
        return hashlib.sha256(self.signed_part(piece_id)).digest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        return cls(*_unpack(_ENDORSEMENT, data, "endorsement"))._read_from(data)


def output_id(spent: bytes, digest: bytes, output: int) -> bytes:
    """The id of an output of the endorsement that has this digest and spends `spent`: 32 bytes."""
    return hashlib.sha256(tagged("piece/v1", spent + digest + bytes([output]))).digest()


ENDORSEMENT_BYTES = _ENDORSEMENT.size
SALT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Hop:
    """An endorsement with the certificate of the device that made it.

    A device that spends its own change shows the same certificate as when it kept the change.
    """

    certificate: Certificate
    endorsement: Endorsement


@dataclass(frozen=True, slots=True)
class Chain:
    """A token and its endorsements, oldest first; a fresh token has none."""

    token: Token
    hops: tuple[Hop, ...] = ()

    def encode(self) -> bytes:
        """Encodes the token, the number of hops, and the hops. Raises FormatError."""
        parts = [self.token.encode(), bytes([len(self.hops)])]
        shown: Certificate | None = None
        for hop in self.hops:
            parts.append(hop.endorsement.encode())
            if shown is None or hop.endorsement.output != CHANGE_OUTPUT:
                parts.append(hop.certificate.encode())
            elif hop.certificate != shown:
                raise FormatError("payment: change is spent under another certificate")
            shown = hop.certificate
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Payment:
    """One or several chains that pay together.

    Attributes:
        statements: about banks and devices in the chains that the payee's bundle may lack.
    """

    chains: tuple[Chain, ...]
    statements: tuple[Statement, ...] = ()

    def encode(self) -> bytes:
        """Encodes the payment. Raises FormatError when it exceeds the bounds."""
        if not 1 <= len(self.chains) <= MAX_CHAINS:
            raise FormatError(f"payment: 1 to {MAX_CHAINS} chains")
        if any(len(chain.hops) > MAX_HOPS for chain in self.chains):
            raise FormatError(f"payment: a chain of more than {MAX_HOPS} hops")
        body = b"".join(chain.encode() for chain in self.chains)
        beside = encode_statements(self.statements)
        return _PAYMENT + bytes([len(self.chains)]) + body + beside

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        if len(data) > MAX_PAYMENT_BYTES:
            raise FormatError(f"payment: more than {MAX_PAYMENT_BYTES} bytes")
        reader = Reader(data, "payment")
        kind = reader.take(2)
        if kind != _PAYMENT:
            earlier = ", by an earlier version" if kind in _EARLIER_PAYMENTS else ""
            raise FormatError(f"payment: of another kind{earlier}")
        count = reader.byte()
        if not 1 <= count <= MAX_CHAINS:
            raise FormatError(f"payment: 1 to {MAX_CHAINS} chains")
        chains = tuple(_read_chain(reader) for _ in range(count))
        statements = _read_statements(reader, "payment")
        reader.end()
        return cls(chains, statements)


def _read_chain(reader: Reader) -> Chain:
    token = Token.decode(reader.take(TOKEN_BYTES))
    count = reader.byte()
    if count > MAX_HOPS:
        raise FormatError(f"payment: a chain of more than {MAX_HOPS} hops")
    hops: list[Hop] = []
    for _ in range(count):
        endorsement = Endorsement.decode(reader.take(ENDORSEMENT_BYTES))
        if hops and endorsement.output == CHANGE_OUTPUT:
            certificate = hops[-1].certificate
        else:
            certificate = Certificate.decode(reader.take(CERTIFICATE_BYTES), _DEVICE)
        hops.append(Hop(certificate, endorsement))
    return Chain(token, tuple(hops))


def _read_statements(reader: Reader, what: str) -> tuple[Statement, ...]:
    count = reader.byte()
    if count > MAX_STATEMENTS:
        raise FormatError(f"{what}: more than {MAX_STATEMENTS} statements")
    found: list[Statement] = []
    for _ in range(count):
        found.append(decode_statement(reader.take(statement_bytes(reader.next()))))
    return tuple(found)


@dataclass(frozen=True)
class Request:
    """A payee's request for an amount, with a fresh challenge, signed by its device.

    Attributes:
        expires_time_ms: it may be paid up to this time.
        signature: by the certified key.
        statements: about the payee's bank and device, for a payer whose bundle lacks them. Each is
            signed by the root; the request's signature does not cover them.
    """

    certificate: Certificate
    amount_fen: int
    challenge: bytes
    expires_time_ms: int = 0
    signature: bytes = bytes(SIGNATURE_BYTES)
    statements: tuple[Statement, ...] = ()

    def encode(self) -> bytes:
        """Encodes the request's 220 bytes and its statements. Raises FormatError."""
        return self._asked() + encode_statements(self.statements)

    def _asked(self) -> bytes:
        asked = (self.amount_fen, self.challenge, self.expires_time_ms, self.signature)
        fields = (_A_REQUEST, self.certificate.encode(), *asked)
        return pack(_REQUEST, fields, "request")

    def signed_part(self) -> bytes:
        """The bytes that the payee signs."""
        return tagged("request/v1", self._asked()[:-SIGNATURE_BYTES])

    def code(self) -> str:
        """Eight letters, derived from the request, that payer and payee compare."""
        digest = hashlib.sha256(tagged("code/v1", self._asked())).digest()
        letters = b32encode(digest[:_CODE_BYTES]).decode("ascii")
        return f"{letters[:4]}-{letters[4:]}"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        reader = Reader(data, "request")
        fields = _unpack(_REQUEST, reader.take(_REQUEST.size), "request")
        found, certificate, amount_fen, challenge, expires_ms, signature = fields
        if found != _A_REQUEST:
            raise FormatError("request: of another kind")
        statements = _read_statements(reader, "request")
        reader.end()
        asked = (amount_fen, challenge, expires_ms, signature)
        return cls(Certificate.decode(certificate, _DEVICE), *asked, statements)


REQUEST_BYTES = _REQUEST.size
"""Of a request, before its statements."""
MAX_REQUEST_BYTES = REQUEST_BYTES + 1 + MAX_STATEMENTS * CERTIFICATE_BYTES

CENTRAL_BANK = "central-bank"
"""In place of a bank's name in a certificate: the key is a root of offline money. It certifies no
devices, and no bank is called so."""


class Reader:
    """Reads bytes from front to back."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        """The next bytes. Raises FormatError where fewer are left."""
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise FormatError(f"{self._what}: cut short at byte {len(self._data)}")
        self._at += count
        return part

    def byte(self) -> int:
        """The next byte, as a number."""
        return self.take(1)[0]

    def next(self) -> bytes:
        """The next byte, without taking it; b"" at the end."""
        return self._data[self._at : self._at + 1]

    def rest(self) -> bytes:
        """All remaining bytes."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Raises FormatError if any bytes are left."""
        if self._at != len(self._data):
            raise FormatError(f"{self._what}: {len(self._data) - self._at} bytes too many")


def pack(layout: struct.Struct, fields: tuple[bytes | int, ...], what: str) -> bytes:
    """Packs values as `struct.pack` does, but never pads, truncates or wraps them.

    `struct` pads and truncates bytes silently, so what was packed is unpacked again and compared.

    Raises FormatError when a value does not fit.
    """
    try:
        packed = layout.pack(*fields)
    except struct.error as error:
        raise FormatError(f"{what}: {error}") from None
    if layout.unpack(packed) != fields:
        raise FormatError(f"{what}: a field of the wrong length")
    return packed


def _unpack(layout: struct.Struct, data: bytes, what: str) -> tuple:  # type: ignore[type-arg]
    if len(data) != layout.size:
        raise FormatError(f"{what}: {layout.size} bytes expected, not {len(data)}")
    return layout.unpack(data)
