"""Opens signed orders, all kinds in one way: verified first, then parsed, then checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, NoReturn, Protocol, TypeVar

import numpy as np
from google.protobuf.message import Message
from nacl.signing import SigningKey
from numpy.typing import NDArray

from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, sub_wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.limits import CLOCK_SKEW_MS, MAX_ORDER_VALIDITY_MS, MAX_SEQUENCES_AHEAD
from operator_bank.sub_wallets.families import Families
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.released import Released
from operator_bank.wallets.signers import (
    PLACES,
    Release,
    check_may,
    check_may_sign,
    has_sequence,
)
from runtime.bounds import too_long
from runtime.checks import invalid
from runtime.chunks import chunks
from runtime.ed25519 import verified
from runtime.envelope import begin_many, signed_bytes, wrong_signature
from runtime.errors import Refusal
from runtime.messages import check, read_payload
from runtime.signatures import SignatureVerifier
from settlement.builders import Row, hold
from settlement.records import KEY_SHIFT, first_sequence, record_digest

_AT_ONCE = 1_024
"""Orders whose signatures are verified while those before them are parsed."""

Unnumbered = (
    orders_pb2.Query
    | orders_pb2.RequestToPay
    | orders_pb2.ChangeAskedOrder
    | orders_pb2.BlockAskerOrder
    | orders_pb2.ChangeClassOrder
    | orders_pb2.AliasOrder
    | keys_pb2.KeyObjection
    | keys_pb2.RotateKeyOrder
    | sub_wallets_pb2.SubWalletOrder
    | signers_pb2.SignersOrder
    | signers_pb2.WithdrawOrder
    | signers_pb2.ReleaseOrder
)
"""What moves no money has no sequence."""
WalletOrder = (
    orders_pb2.PaymentOrder
    | orders_pb2.RefundOrder
    | orders_pb2.ExchangeOrder
    | orders_pb2.LoadOrder
    | orders_pb2.DepositOrder
    | orders_pb2.CertifyDeviceOrder
    | orders_pb2.CloseOrder
    | orders_pb2.SweepOrder
    | Unnumbered
)
"""What a wallet signs: each says whose it is, its times, and but for some its sequence."""
T = TypeVar("T", bound=WalletOrder)
T_co = TypeVar("T_co", bound=WalletOrder, covariant=True)


class Dated(Protocol):
    """A statement with times, Unix milliseconds."""

    created_time_ms: int
    expires_time_ms: int


class VerifiedOrder(NamedTuple, Generic[T_co]):
    """A verified order of a wallet.

    Attributes:
        digest: tells whether two orders are the same.
        payload: the content as it was signed.
        signature: over the payload, by the wallet's key.
    """

    wallet: Wallet
    content: T_co
    digest: int
    payload: bytes
    signature: bytes


def hold_for(
    order: VerifiedOrder[orders_pb2.PaymentOrder]
    | VerifiedOrder[orders_pb2.RefundOrder]
    | VerifiedOrder[orders_pb2.LoadOrder],
    purpose: int,
    now_ms: int,
    flags: int = 0,
) -> Row:
    """The record that holds what an order sends away from this bank, until that has ended."""
    content, account = order.content, order.wallet.account
    return hold(
        origin=account,
        sequence=content.sequence,
        debit=account,
        amount_fen=content.amount_fen,
        purpose=purpose,
        time_ms=now_ms,
        expires_ms=content.expires_time_ms,
        flags=flags,
        digest=order.digest,
    )


class Orders:
    """Opens envelopes with orders.

    Attributes:
        families: which wallets belong to which, and what each sub-wallet may do.
    """

    def __init__(
        self,
        context: Context,
        directory: Directory,
        verifier: SignatureVerifier,
        families: Families,
    ) -> None:
        self._directory = directory
        self.families = families
        self._released = Released(context)
        self._ledger = context.ledger
        self._clock = context.clock
        self._verifier = verifier
        # Nobody has the secret of this key. An envelope that names an unknown wallet is verified
        # with it: that takes as long as for a wallet that exists, and gets the same words as a
        # wrong signature.
        self._nobody = bytes(SigningKey.generate().verify_key)

    def open(self, kind: type[T], envelope: SignedEnvelope) -> VerifiedOrder[T]:
        """The order in an envelope.

        Raises:
            Refusal: the signature is wrong, it has expired, and so on; it names the field.
        """
        wallet = self._verified(kind, envelope)
        release = self._released.of(kind, [(wallet, envelope.payload)]).get(0, Release.NONE)
        order = _parse(kind, wallet, envelope, self._clock.now_ms(), release)
        if "sequence" in kind.DESCRIPTOR.fields_by_name:
            self.families.check_end(wallet, order.content.expires_time_ms)
            self._check_sequences([order])
        return order

    def open_together(self, kind: type[T], envelope: SignedEnvelope) -> VerifiedOrder[T]:
        """The order in an envelope that one of several signers has signed, under the list in force.

        A sequence in it is one of whoever prepared it, and not of each who signs.

        Raises:
            Refusal: as `open`; SIGNER_MAY_NOT, the signer only looks, or the wallet has one key.
        """
        wallet = self._verified(kind, envelope)
        order = _parse(kind, wallet, envelope, self._clock.now_ms(), together=True)
        if isinstance(order.content, orders_pb2.PaymentOrder):
            check_prepared(wallet, order.content.sequence, self.last_sequence(wallet))
        return order

    def last_sequence(self, wallet: Wallet) -> int:
        """The highest that the journal has of a wallet."""
        return int(self._ledger.read([wallet.account])[0]["last_sequence"])

    def _verified(self, kind: type[Message], envelope: SignedEnvelope) -> Wallet:
        """The wallet with the key that has signed an envelope. Raises Refusal."""
        _check_shape(kind, envelope)
        wallet = self._find(envelope)
        message = signed_bytes(kind, envelope.payload)
        if not verified(self._key(wallet), message, envelope.signature) or wallet is None:
            raise wrong_signature()
        return wallet

    def open_many(
        self, kind: type[T], envelopes: Sequence[SignedEnvelope]
    ) -> list[VerifiedOrder[T] | Refusal]:
        """For each envelope its order, or why it is refused; verified on all cores."""
        begun = [self._begin(kind, chunk) for chunk in chunks(envelopes, _AT_ONCE)]
        now_ms = self._clock.now_ms()
        answers: list[VerifiedOrder[T] | Refusal] = []
        for part, found, finish in begun:
            whether = zip(found, finish().tolist(), strict=True)
            good = [wallet if ok else None for wallet, ok in whether]
            payloads = (envelope.payload for envelope in part)
            released = self._released.of(kind, zip(good, payloads, strict=True))
            for at, (envelope, wallet) in enumerate(zip(part, good, strict=True)):
                if wallet is None:
                    answers.append(_unverified(kind, envelope))
                    continue
                try:
                    order = _parse(kind, wallet, envelope, now_ms, released.get(at, Release.NONE))
                    self.families.check_end(wallet, order.content.expires_time_ms)
                    answers.append(order)
                except Refusal as refusal:
                    answers.append(refusal)
        self._refuse_far_sequences(answers)
        return answers

    def _refuse_far_sequences(self, answers: list[VerifiedOrder[T] | Refusal]) -> None:
        """Replaces each order whose sequence is too far ahead by a refusal."""
        places = [i for i, one in enumerate(answers) if not isinstance(one, Refusal)]
        orders: list[VerifiedOrder[T]] = [answers[i] for i in places]  # type: ignore[misc]
        try:
            self._check_sequences(orders)
        except Refusal:
            for place, order in zip(places, orders, strict=True):
                try:
                    self._check_sequences([order])
                except Refusal as refusal:
                    answers[place] = refusal

    def _check_sequences(self, orders: Sequence[VerifiedOrder[T]]) -> None:
        """Checks that each sequence is one of its wallet's key, and not too far ahead of the last.

        The key is the one that the order was verified by: what another one signs after it was
        replaced, or before it is in force, has no sequence that counts. Raises Refusal.
        """
        if not orders:
            return
        rows = self._ledger.read([order.wallet.account for order in orders])
        for order, last in zip(orders, rows["last_sequence"].tolist(), strict=True):
            sequence, key = order.content.sequence, order.wallet.key_number
            if (
                order.wallet.signer is not None
                or sequence >> KEY_SHIFT != key
                or sequence > last + MAX_SEQUENCES_AHEAD
            ):
                _check_sequence(order.wallet, sequence, last)

    def _begin(
        self, kind: type[T], envelopes: Sequence[SignedEnvelope]
    ) -> tuple[Sequence[SignedEnvelope], list[Wallet | None], Callable[[], NDArray[np.bool_]]]:
        """The envelopes, their wallets, and a function that waits until the signatures are
        verified.
        """
        found = [self._find(envelope) for envelope in envelopes]
        keys = [self._key(wallet) for wallet in found]
        most = too_long(kind.DESCRIPTOR)
        finish = begin_many(kind, envelopes, keys, self._verifier, most=most)
        return envelopes, found, finish

    def _find(self, envelope: SignedEnvelope) -> Wallet | None:
        try:
            wallet = self._directory.signing(envelope.key_id.decode("ascii"))
        except UnicodeDecodeError:
            return None
        # Nobody orders with the key of a mandate: as if there were no such wallet.
        return None if wallet and self.families.mandate(wallet.account) else wallet

    def _key(self, wallet: Wallet | None) -> bytes:
        return wallet.public_key if wallet is not None else self._nobody


def _unverified(kind: type[Message], envelope: SignedEnvelope) -> Refusal:
    """The refusal for an envelope that is not verified; the same if there is no such wallet."""
    try:
        _check_shape(kind, envelope)
    except Refusal as refusal:
        return refusal
    return wrong_signature()


def _check_shape(kind: type[Message], envelope: SignedEnvelope) -> None:
    """Checks an envelope against the contract; those of a bulk call were not checked before."""
    check(envelope)
    if len(envelope.payload) >= too_long(kind.DESCRIPTOR):
        raise invalid("payload", f"is too long for a {kind.DESCRIPTOR.name}")


def _parse(
    kind: type[T],
    wallet: Wallet,
    envelope: SignedEnvelope,
    now_ms: int,
    release: Release = Release.NONE,
    *,
    together: bool = False,
) -> VerifiedOrder[T]:
    payload = envelope.payload
    content = read_payload(kind, payload)
    if content.wallet_number != wallet.number:
        raise Refusal(
            errors_pb2.REASON_WRONG_WALLET,
            "the order is another wallet's than its signature",
            field="wallet_number",
        )
    if together:
        check_may_sign(wallet.signer)
    elif wallet.signer is not None and wallet.signers is not None:
        check_may(kind, wallet.signer, wallet.signers, release)
    check_window(
        content.created_time_ms, content.expires_time_ms, now_ms, longest_ms=MAX_ORDER_VALIDITY_MS
    )
    return VerifiedOrder(wallet, content, record_digest(payload), payload, envelope.signature)


def check_window(created_ms: int, expires_ms: int, now_ms: int, *, longest_ms: int) -> None:
    """Checks that a statement's times are possible. Raises Refusal.

    Whether an order has expired is for the rule to say: an order that settled in time still gets
    its first answer when it is repeated later.
    """
    latest_ms = created_ms + longest_ms
    if not created_ms <= now_ms + CLOCK_SKEW_MS or not created_ms <= expires_ms <= latest_ms:
        _refuse_window(created_ms, expires_ms, now_ms, longest_ms)


def _refuse_window(created_ms: int, expires_ms: int, now_ms: int, longest_ms: int) -> NoReturn:
    """Raises Refusal, which says what is wrong with a statement's times."""
    if created_ms > now_ms + CLOCK_SKEW_MS:
        raise Refusal(
            errors_pb2.REASON_NOT_YET_VALID,
            "it was made in the future",
            field="created_time_ms",
        )
    if expires_ms < created_ms:
        raise invalid("expires_time_ms", "lies before created_time_ms")
    raise Refusal(
        errors_pb2.REASON_VALIDITY_TOO_LONG,
        f"it may be valid for {longest_ms} ms at most",
        field="expires_time_ms",
    )


def _check_sequence(wallet: Wallet, sequence: int, last: int) -> None:
    """Checks a sequence that is not plainly one of a wallet's only key. Raises Refusal.

    A signer may have one of a list or key before, if it was the wallet's then: the rule takes
    nothing new with it, and repeats what was decided.
    """
    key, ahead = wallet.key_number, sequence > last + MAX_SEQUENCES_AHEAD
    if wallet.signer is None or wallet.signers is None or ahead or sequence >> KEY_SHIFT > key:
        _refuse_sequence(key, last)
    if not has_sequence(wallet.signer, wallet.signers, sequence, KEY_SHIFT):
        _refuse_sequence(key, last)


def check_prepared(wallet: Wallet, sequence: int, last: int) -> None:
    """Checks a sequence of a payment that several sign: under the list in force it is of a signer
    who may prepare. Of an earlier one the journal says what came of it. Raises Refusal.
    """
    preparer = wallet.signers.at(sequence % PLACES) if wallet.signers is not None else None
    if sequence >> KEY_SHIFT > wallet.key_number or sequence > last + MAX_SEQUENCES_AHEAD:
        _refuse_sequence(wallet.key_number, last)
    if sequence >> KEY_SHIFT == wallet.key_number:
        check_may_sign(preparer)


def _refuse_sequence(key: int, last: int) -> NoReturn:
    """Raises Refusal, which says what sequences there are for a key, of which this is the last."""
    lowest = first_sequence(key)
    highest = min(max(last, lowest) + MAX_SEQUENCES_AHEAD, first_sequence(key + 1) - 1)
    raise Refusal(
        errors_pb2.REASON_SEQUENCE_INVALID,
        f"sequence is {lowest} to {highest} now; this wallet's last one was {last}",
        field="sequence",
        highest=str(highest),
        last=str(last),
    )


def check_bank(named: str, own: str) -> None:
    """Raises Refusal: FIELD_INVALID, if a statement is for another bank than this one."""
    if named != own:
        raise invalid("bank", f"is not this bank, {own}")


def check_times(said: Dated, now_ms: int, *, longest_ms: int) -> None:
    """Checks that a statement is good now, about which the rule does not decide. Raises Refusal."""
    check_window(said.created_time_ms, said.expires_time_ms, now_ms, longest_ms=longest_ms)
    check_unexpired(said.expires_time_ms, now_ms)


def check_unexpired(expires_ms: int, now_ms: int) -> None:
    """Raises Refusal: EXPIRED. For what the rule does not decide about: queries and
    certificates.
    """
    if expires_ms < now_ms:
        raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired", field="expires_time_ms")
