"""Opens a wallet at a bank, with what its holder shows of who they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from nacl.signing import SigningKey

from currency.contract_words import class_name
from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from language import _
from runtime.checks import invalid, text
from runtime.clock import Clock
from runtime.ed25519 import SEED_BYTES
from runtime.envelope import sign
from runtime.errors import Refusal, is_undecided
from runtime.randomness import Randomness
from wallet.home.home import Home, Profile
from wallet.limits import MAX_NAME, MAX_PHONE, OPENING_VALID_MS, SALT_BYTES
from wallet.peers.bank_directory import BankEntry
from wallet.peers.interface import BankPort, Banks

_PREFIX = "DOCUMENT_KIND_"


@dataclass(frozen=True)
class HolderShows:
    """What a holder shows of who they are; "" for what is not shown.

    Attributes:
        document: its number.
        document_kind: such as ``id-card``.
        bank_account: in the holder's name.
    """

    name: str = ""
    phone: str = ""
    document: str = ""
    document_kind: str = ""
    bank_account: str = ""


def document_kinds() -> list[str]:
    """The kinds of documents, as people write them."""
    return [_word(name) for name, number in orders_pb2.DocumentKind.items() if number]


def open_wallet(
    home: Home,
    banks: Banks,
    randomness: Randomness,
    clock: Clock,
    bank: BankEntry,
    holder: HolderShows,
    code: str = "",
    recovery_key: bytes = b"",
) -> Profile:
    """Makes the key and opens the wallet at a bank; a repeat gives the same wallet.

    If the bank wants a code from the holder's telephone and none is given, it is asked to send one.
    A `recovery_key` is named in the order; a repeat has the same.

    Raises:
        Refusal: by the bank, PHONE_NOT_CONFIRMED among others; or ALREADY_EXISTS when another
            wallet lives in this home.
        NoAnswer: ask again; no second wallet is opened.
    """
    profile = home.profile()
    wanted = Profile(
        request_id=profile.request_id if profile else randomness.uuid(),
        bank_address=bank.address,
        offline_root=bank.offline_root,
        holder_name=text(holder.name, "holder_name", longest=MAX_NAME, shortest=0),
        phone=text(holder.phone, "phone", longest=MAX_PHONE, shortest=0),
        document=holder.document,
        document_kind=holder.document_kind if holder.document else "",
        bank_account=holder.bank_account,
        bank=bank.name,
        stack=bank.stack,
    )
    if profile is not None and not _same(profile, wanted):
        raise another_lives(home, profile)
    if profile is not None and profile.opened:
        return profile
    home.seal(randomness.bytes(SEED_BYTES))
    wanted = replace(wanted, bank_ca=home.keep_ca(bank.ca))
    home.save(wanted)
    request = _opening(wanted, home.key(), bank, clock, code, recovery_key)
    port = banks.at(bank.address, home.bank_ca(wanted), bank.name)
    try:
        answer = port.open_wallet(request)
    except Refusal as refusal:
        if not is_undecided(refusal.reason):
            home.forget()
        if refusal.reason == errors_pb2.REASON_PHONE_NOT_CONFIRMED and not code:
            ask_for_code(port, wanted.phone, home.key())
        raise
    opened = replace(
        wanted,
        number=answer.wallet_number,
        wallet_class=class_name(answer.wallet_class),
    )
    home.save(opened)
    home.drop_recovery_key()
    return opened


def another_lives(home: Home, profile: Profile) -> Refusal:
    """The refusal to make a wallet in a home that has another one, which is described."""
    return Refusal(
        errors_pb2.REASON_ALREADY_EXISTS,
        _("another wallet lives in {folder}: {number}").format(
            folder=home.folder, number=profile.number or _("one being opened")
        ),
    )


def ask_for_code(port: BankPort, phone: str, key: SigningKey) -> None:
    """Has the bank send a code to a telephone, for the wallet of a key.

    If so many came to it that no other is sent, the newest of them is good for any wallet.
    """
    asked = wallets_pb2.SendCodeRequest(phone=phone, public_key=bytes(key.verify_key))
    try:
        port.send_code(asked)
    except Refusal as refusal:
        if (refusal.reason, refusal.field) != (errors_pb2.REASON_OVERLOADED, "phone"):
            raise


def _opening(
    wanted: Profile,
    key: SigningKey,
    bank: BankEntry,
    clock: Clock,
    code: str,
    recovery_key: bytes,
) -> wallets_pb2.OpenWalletRequest:
    """The order that opens the wallet, signed with its key, so that nobody else can open one for
    it, and beside it who the holder is.
    """
    now_ms, public = clock.now_ms(), bytes(key.verify_key)
    shows = HolderShows(*_shown(wanted)[1:])
    holder = holder_bytes(shows, key, wanted.request_id)
    order = orders_pb2.OpenWalletOrder(
        request_id=wanted.request_id,
        public_key=public,
        holder_digest=hashlib.sha256(holder).digest(),
        bank=bank.name,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + OPENING_VALID_MS,
        recovery_key=recovery_key,
    )
    signed: SignedEnvelope = sign(order, key, public.hex().encode())
    return wallets_pb2.OpenWalletRequest(order=signed, holder=holder, code=code)


def holder_bytes(shows: HolderShows, key: SigningKey, request_id: str) -> bytes:
    """Who the holder is; the same bytes for the same request of a key, because a repeated order
    must be of the same holder.
    """
    secret = b"dcep holder salt/v1\0" + bytes(key) + request_id.encode()
    said = orders_pb2.Holder(
        salt=hashlib.sha256(secret).digest()[:SALT_BYTES],
        name=shows.name,
        phone=shows.phone,
        bank_account=shows.bank_account,
    )
    if shows.document:
        said.document.number = shows.document
        said.document.kind = _kind_of(shows.document_kind)  # type: ignore[assignment]
    return bytes(said.SerializeToString(deterministic=True))


def _kind_of(word: str) -> int:
    """Raises Refusal: FIELD_INVALID, there is no such kind of document."""
    for name, number in orders_pb2.DocumentKind.items():
        if number and _word(name) == word:
            return int(number)
    kinds = ", ".join(document_kinds())
    raise invalid("document_kind", _("is one of {kinds}").format(kinds=kinds))


def _word(name: str) -> str:
    return name.removeprefix(_PREFIX).lower().replace("_", "-")


def _same(found: Profile, wanted: Profile) -> bool:
    return _shown(found) == _shown(wanted)


def _shown(profile: Profile) -> tuple[str, ...]:
    return (
        *(profile.bank_address, profile.holder_name, profile.phone),
        *(profile.document, profile.document_kind, profile.bank_account),
    )
