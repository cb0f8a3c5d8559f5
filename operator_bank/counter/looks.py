"""Shows an officer who the holder of a wallet is, and writes down first that they looked, and why.

Each look is signed by the officer, counts the officer's own without a gap, and names when the one
before was written down: one that is taken out later is missed.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, exists, insert, select

from currency.proofs import Proof
from dcep.bank.v1 import officers_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.people import Officer, Officers
from operator_bank.context import Context
from operator_bank.counter.effects import Holders
from operator_bank.counter.tables import customer_looks
from operator_bank.customers.person import Person
from operator_bank.limits import (
    LOOKS_FORGOTTEN_AT_ONCE,
    LOOKS_KEPT_MS,
    LOOKS_PER_DAY,
    MAX_LOOK_VALIDITY_MS,
)
from operator_bank.wallets.orders import check_bank, check_window
from operator_bank.wallets.per_day import check_per_day
from runtime.checks import invalid
from runtime.errors import Refusal
from runtime.messages import read_payload
from runtime.tls import Identity

_OF = customer_looks.c
_RIGHT = office_pb2.RIGHT_CUSTOMERS
_LATER = customer_looks.alias()
_NEWEST = ~exists().where(_LATER.c.officer == _OF.officer, _LATER.c.number > _OF.number)
"""Whether a look is its officer's last one, by which the next is counted."""


class Last(NamedTuple):
    """An officer's last look: its number, and when it was written down; both 0 for none."""

    number: int
    time_ms: int


class Looks:
    """The use-cases behind LookAtCustomer and ListLooks. Any thread may ask."""

    def __init__(self, context: Context, officers: Officers, holders: Holders) -> None:
        self._database = context.database
        self._clock = context.clock
        self._bank = context.bank
        self._officers = officers
        self._holders = holders
        self._one_at_a_time = threading.Lock()

    def look(
        self, caller: Identity | None, envelope: SignedEnvelope
    ) -> officers_pb2.LookAtCustomerResponse:
        """Who the holder of a wallet is; the same signed bytes again get the same answer.

        Raises:
            Refusal: nothing was shown.
        """
        officer = self._officers.known(caller)
        payload = self._officers.verified(officers_pb2.CustomerLook, officer, envelope)
        look = read_payload(officers_pb2.CustomerLook, payload)
        self._check(look, officer)
        with self._one_at_a_time:
            self._write_down(look, officer.name, envelope)
        return self._shown(look.wallet_number)

    def last(self, officer: str) -> Last:
        """The last look of an officer."""
        row = self._newest(officer)
        return Last(0, 0) if row is None else Last(row.number, row.time_ms)

    def page(self, limit: int, before: int | None) -> list[Row[Any]]:
        """A page of looks, the newest first, before the one with an id."""
        query = select(customer_looks).order_by(_OF.id.desc()).limit(limit)
        if before is not None:
            query = query.where(_OF.id < before)
        return list(self._database.read(lambda c: c.execute(query).all()))

    def _check(self, look: officers_pb2.CustomerLook, officer: Officer) -> None:
        if look.officer != officer.name:
            raise invalid("officer", "is the name of who looks")
        check_bank(look.bank, self._bank)
        if look.cause.isspace():
            raise invalid("cause", "has more than blanks")
        if _RIGHT not in officer.rights:
            raise Refusal(
                errors_pb2.REASON_RIGHT_MISSING,
                f"{officer.name} has not {office_pb2.Right.Name(_RIGHT)}",
            )
        now_ms = self._clock.now_ms()
        created_ms, expires_ms = look.created_time_ms, look.expires_time_ms
        check_window(created_ms, expires_ms, now_ms, longest_ms=MAX_LOOK_VALIDITY_MS)
        if expires_ms <= now_ms:
            raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired", field="expires_time_ms")

    def _write_down(
        self, look: officers_pb2.CustomerLook, officer: str, envelope: SignedEnvelope
    ) -> None:
        """Writes a look down, once. Raises Refusal."""
        before = self._newest(officer)
        if before is not None and bytes(before.payload) == envelope.payload:
            return
        last, now_ms = self.last(officer), self._clock.now_ms()
        if (look.number, look.previous_time_ms) != (last.number + 1, last.time_ms):
            raise invalid("number", f"is {last.number + 1} now, after the one at {last.time_ms}")
        self._check_room(officer, now_ms)
        row = {
            "officer": officer,
            "number": look.number,
            "payload": envelope.payload,
            "signature": envelope.signature,
            # Looks that follow each other have times that do, whatever the clock does.
            "time_ms": max(now_ms, last.time_ms),
        }
        old = select(_OF.id).where(_OF.time_ms < now_ms - LOOKS_KEPT_MS, ~_NEWEST)
        old = old.order_by(_OF.time_ms).limit(LOOKS_FORGOTTEN_AT_ONCE)

        def body(connection: Connection) -> None:
            connection.execute(insert(customer_looks), row)
            ids = connection.execute(old).scalars().all()
            connection.execute(delete(customer_looks).where(_OF.id.in_(ids)))

        self._database.transaction(body)

    def _check_room(self, officer: str, now_ms: int) -> None:
        """Raises Refusal: OVERLOADED, the officer has looked so often within a day."""
        check_per_day(
            self._database,
            _OF.time_ms,
            _OF.officer == officer,
            most=LOOKS_PER_DAY,
            what="looks at customers",
            now_ms=now_ms,
        )

    def _newest(self, officer: str) -> Row[Any] | None:
        query = select(customer_looks).where(_OF.officer == officer)
        query = query.order_by(_OF.number.desc()).limit(1)
        return self._database.read(lambda c: c.execute(query).first())

    def _shown(self, number: str) -> officers_pb2.LookAtCustomerResponse:
        wallet = self._holders.directory.get(number)
        _, person = self._holders.of(wallet)
        answer = officers_pb2.LookAtCustomerResponse(
            wallet_class=wallet.wallet_class,  # type: ignore[arg-type]
            name=person.name,
            phone=person.phone,
            bank_account=person.account,
            proofs=_proofs(person),
        )
        if person.document:
            answer.document.CopyFrom(
                orders_pb2.Document(
                    kind=person.document_kind,  # type: ignore[arg-type]
                    number=person.document,
                )
            )
        return answer


def _proofs(person: Person) -> list[officers_pb2.ShownProof]:
    return [
        officers_pb2.ShownProof(
            proof=officers_pb2.HolderProof.Value(f"HOLDER_PROOF_{Proof[name].name}"),
            time_ms=at_ms,
            confirmed_by=by,
        )
        for name, (at_ms, by) in sorted(person.proofs.items())
    ]
