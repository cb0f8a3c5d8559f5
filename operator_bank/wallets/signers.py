"""Who may sign for a wallet that has several signers, and what each of them may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from google.protobuf.message import Message

from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.ledger.reasons import refusal_of
from runtime.envelope import key_id
from runtime.errors import Refusal
from settlement.records import Result

PLACES = 16
"""A signer's sequences are those whose rest by this is its place."""


class Release(Enum):
    """How far an order has come that a signer may send only once it was released."""

    NONE = 0
    WAITS = 1
    OVER = 2
    """It is of a list of before, and was not decided under that."""
    DONE = 3


PREPARE, RELEASE = states_pb2.SIGNER_ROLE_PREPARE, states_pb2.SIGNER_ROLE_RELEASE


class Signer(NamedTuple):
    """One of a wallet's signers.

    Attributes:
        since: from which of the wallet's keys and lists on it has been its key without a break.
    """

    place: int
    public_key: bytes
    role: int
    since: int

    @property
    def name(self) -> str:
        """By what its envelopes name its key, behind the wallet's number."""
        return key_id(self.public_key).decode("ascii")


class Signers(NamedTuple):
    """A wallet's list.

    Attributes:
        threshold: how many who may release an order takes.
        since: the number of the first of the lists of which this is the last, with no single key
            between them.
    """

    signers: tuple[Signer, ...]
    threshold: int
    since: int

    def named(self, name: str) -> Signer | None:
        """The signer whose key has this name."""
        return next((one for one in self.signers if one.name == name), None)

    def at(self, place: int) -> Signer | None:
        """The signer in this place."""
        return next((one for one in self.signers if one.place == place), None)

    def of(self, key: bytes) -> Signer | None:
        """The signer with this key."""
        return next((one for one in self.signers if one.public_key == key), None)


def following(
    number: int, before: Signers | None, key: bytes, key_since: int, order: signers_pb2.SignersOrder
) -> Signers:
    """The list that an order puts in force.

    Args:
        number: which of the wallet's keys and lists it is.
        before: the list before it; None if there was one key.
        key: that key.
        key_since: which of the wallet's keys it was.
        order: what was signed.
    """
    since = {one.public_key: one.since for one in before.signers} if before else {key: key_since}
    made = tuple(
        Signer(one.place, one.public_key, one.role, since.get(one.public_key, number))
        for one in order.signers
    )
    return Signers(made, order.threshold, before.since if before else number)


def check_may(
    kind: type[Message], signer: Signer, signers: Signers, release: Release = Release.NONE
) -> None:
    """Checks that a signer may sign this alone, or that it was released.

    Args:
        release: how far the order has come.

    Raises:
        Refusal: SIGNER_MAY_NOT; NOT_RELEASED, it waits for others; KEY_REPLACED; HAS_SIGNERS, a key
            would take the place of the whole list.
    """
    if kind is orders_pb2.Query or release is Release.DONE:
        return
    if release is Release.WAITS:
        raise not_released()
    if release is Release.OVER:
        raise refusal_of(Result.KEY_REPLACED)
    alone = signers.threshold == 1 or kind is keys_pb2.KeyObjection
    if signer.role != RELEASE or not alone:
        raise may_not()
    if kind is keys_pb2.RotateKeyOrder:
        raise Refusal(
            errors_pb2.REASON_HAS_SIGNERS,
            "the wallet has a list of signers; a key is changed by another list",
            field="key_id",
        )


def check_may_sign(signer: Signer | None) -> None:
    """Checks that a signer may sign together with others. Raises Refusal: SIGNER_MAY_NOT."""
    if signer is None or signer.role not in (PREPARE, RELEASE):
        raise may_not()


def not_released() -> Refusal:
    """The refusal of what waits for others: nothing is decided, and it may be sent later."""
    return Refusal(
        errors_pb2.REASON_NOT_RELEASED, "too few of those who may release it have", field="key_id"
    )


def may_not() -> Refusal:
    """The refusal of what a signer may not sign alone."""
    return Refusal(
        errors_pb2.REASON_SIGNER_MAY_NOT, "this signer may not order this alone", field="key_id"
    )


def has_sequence(signer: Signer, signers: Signers, sequence: int, key_shift: int) -> bool:
    """Whether a sequence is one of a signer's own, of now or of a list or key before."""
    number = sequence >> key_shift
    if number < signer.since:
        return False
    return number < signers.since or sequence % PLACES == signer.place


def distinct(values: Iterable[object]) -> bool:
    """Whether no value stands twice."""
    found: Sequence[object] = list(values)
    return len(set(found)) == len(found)
