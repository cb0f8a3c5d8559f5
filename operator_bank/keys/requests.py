"""Keeps who asks for a new key of a wallet; it says nothing of whether there is such a wallet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.tables import key_requests
from operator_bank.limits import (
    CLOCK_SKEW_MS,
    KEY_REQUEST_KEPT_MS,
    KEY_REQUESTS_EACH,
    MAX_FORGOTTEN,
    MAX_KEY_REQUESTS,
    MAX_KEY_VALIDITY_MS,
    MAX_QUERY_VALIDITY_MS,
)
from operator_bank.wallets.orders import check_bank, check_times
from runtime.checks import invalid, public_key
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import verify
from runtime.errors import Refusal
from runtime.messages import read_payload

Statement = TypeVar("Statement", keys_pb2.KeyRequest, keys_pb2.KeyQuery)
Spoken = TypeVar(
    "Spoken",
    keys_pb2.KeyRequest,
    keys_pb2.KeyQuery,
    keys_pb2.RecoveryQuery,
    keys_pb2.RecoveryOrder,
)
_OF = key_requests.c


class KeyRequests:
    """The keys that were asked for."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._clock = context.clock
        self._bank = context.bank
        self._prefix = context.prefix

    def ask(self, envelope: SignedEnvelope) -> None:
        """Keeps a request for a new key. For a number that is no wallet's it does the same.

        Raises:
            Refusal: it is not signed by the key, is for another bank, or has expired; OVERLOADED.
        """
        _, request = self.signed(keys_pb2.KeyRequest, envelope)
        check_times(request, self._clock.now_ms(), longest_ms=MAX_KEY_VALIDITY_MS)
        self.keep(envelope)

    def keep(self, envelope: SignedEnvelope, *, recovery: SignedEnvelope | None = None) -> None:
        """Keeps a request that was checked, and that the recovery key asks the same.

        Raises:
            Refusal: OVERLOADED.
        """
        key, request = self.signed(keys_pb2.KeyRequest, envelope)
        now_ms = self._clock.now_ms()
        values = {
            "payload": envelope.payload,
            "signature": envelope.signature,
            "time_ms": now_ms,
        }
        if recovery is not None:
            values |= {
                "recovery": recovery.payload,
                "recovery_signature": recovery.signature,
                "recovery_key": _key(recovery.key_id),
            }
        same = (_OF.number == request.wallet_number, _OF.public_key == key)

        def body(connection: Connection) -> None:
            if connection.execute(update(key_requests).where(*same).values(values)).rowcount:
                return
            _forget(connection, now_ms)
            count = connection.execute(select(func.count()).select_from(key_requests)).scalar_one()
            if count >= MAX_KEY_REQUESTS:
                raise Refusal(
                    errors_pb2.REASON_OVERLOADED, "so many keys were asked for; ask again later"
                )
            if recovery is not None:
                # A later one takes its place, so that one phrase alone fills not all room.
                by_it = _OF.recovery_key == values["recovery_key"]
                of_number = _OF.number == request.wallet_number
                connection.execute(delete(key_requests).where(of_number, by_it))
            named = {"number": request.wallet_number, "public_key": key}
            connection.execute(insert(key_requests), named | values)
            _forget_all_but_newest(connection, request.wallet_number)

        self._database.transaction(body)

    def asking(self, envelope: SignedEnvelope) -> tuple[str, bytes]:
        """The number and the key that a question is about, which the key has signed just now.

        Raises:
            Refusal: the question is not good.
        """
        key, query = self.signed(keys_pb2.KeyQuery, envelope)
        check_times(query, self._clock.now_ms(), longest_ms=MAX_QUERY_VALIDITY_MS)
        return query.wallet_number, key

    def signed(self, kind: type[Statement], envelope: SignedEnvelope) -> tuple[bytes, Statement]:
        """The key that signed a statement to this bank, and the statement; times are not checked.

        Raises:
            Refusal: it is not signed by the key that its key_id names, or is for another bank.
        """
        key, statement = self.spoken(kind, envelope)
        if not statement.wallet_number.startswith(self._prefix):
            raise invalid("wallet_number", "is a number of another bank")
        if isinstance(statement, keys_pb2.KeyRequest) and statement.public_key != key:
            raise invalid("public_key", "is another key than the one that signed")
        return key, statement

    def new_key(self, request: SignedEnvelope, number: str, field: str = "request") -> bytes:
        """The key that has itself signed that it is to be a wallet's, in another statement.

        Args:
            request: what it has signed.
            number: the wallet's.
            field: where it stands in that statement.

        Raises:
            Refusal: it has not; or it was for another wallet, or long ago.
        """
        key, asked = self.signed(keys_pb2.KeyRequest, request)
        if asked.wallet_number != number:
            raise Refusal(
                errors_pb2.REASON_WRONG_WALLET,
                "the key was asked for for another wallet",
                field=field,
            )
        now_ms = self._clock.now_ms()
        if asked.created_time_ms > now_ms + CLOCK_SKEW_MS:
            raise Refusal(errors_pb2.REASON_NOT_YET_VALID, "it was made in the future", field=field)
        if asked.created_time_ms < now_ms - KEY_REQUEST_KEPT_MS:
            raise Refusal(
                errors_pb2.REASON_EXPIRED, "the key was asked for too long ago", field=field
            )
        return key

    def spoken(self, kind: type[Spoken], envelope: SignedEnvelope) -> tuple[bytes, Spoken]:
        """The key that signed a statement to this bank, one of a wallet or of a phrase, and the
        statement; times, and what it is about, are not checked.

        Raises:
            Refusal: it is not signed by the key that its key_id names, or is for another bank.
        """
        key = _key(envelope.key_id)
        statement = read_payload(kind, verify(kind, envelope, public_key(key, "key_id")))
        check_bank(statement.bank, self._bank)
        return key, statement

    def has(self, number: str, key: bytes) -> bool:
        """Whether somebody has asked for this key, as far as that is kept."""
        since = self._clock.now_ms() - KEY_REQUEST_KEPT_MS
        query = select(_OF.id).where(
            _OF.number == number, _OF.public_key == key, _OF.time_ms >= since
        )
        return self._database.read(lambda c: c.execute(query).first()) is not None

    def of_number(self, number: str) -> Sequence[Row[Any]]:
        """The rows of a number, the newest first."""
        since = self._clock.now_ms() - KEY_REQUEST_KEPT_MS
        query = select(key_requests).where(_OF.number == number, _OF.time_ms >= since)
        newest = query.order_by(_OF.time_ms.desc(), _OF.id.desc()).limit(KEY_REQUESTS_EACH)
        return self._database.read(lambda c: c.execute(newest).all())


def _forget(connection: Connection, now_ms: int) -> None:
    """Deletes some of the requests that are too old."""
    old = select(_OF.id).where(_OF.time_ms < now_ms - KEY_REQUEST_KEPT_MS)
    ids = connection.execute(old.order_by(_OF.time_ms).limit(MAX_FORGOTTEN)).scalars().all()
    if ids:
        connection.execute(delete(key_requests).where(_OF.id.in_(ids)))


def _forget_all_but_newest(connection: Connection, number: str) -> None:
    """Those that a recovery key has signed for stay before all others: anybody can ask."""
    order = (_OF.recovery.is_(None), _OF.time_ms.desc(), _OF.id.desc())
    newest = select(_OF.id).where(_OF.number == number).order_by(*order)
    ids = connection.execute(newest.offset(KEY_REQUESTS_EACH).limit(MAX_FORGOTTEN)).scalars().all()
    if ids:
        connection.execute(delete(key_requests).where(_OF.id.in_(ids)))


def _key(key_id: bytes) -> bytes:
    """The key that a key_id spells in lower-case hex. Raises Refusal."""
    try:
        key = bytes.fromhex(key_id.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES or key.hex().encode() != key_id:
        raise invalid("key_id", f"is the key, {2 * PUBLIC_KEY_BYTES} hexadecimal digits")
    return key
