"""A running stack with people in it, and the functions by which a story makes them act.

The demo and the integration tests use the same ones.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.message import Message

from console.clients import CAUSE, BankOfficerClient, CentralOfficerClient, by_two
from currency.contract_words import state_name
from dcep.bank.v1 import states_pb2
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from deployment.databases import create_databases
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from runtime.errors import NoAnswer, Refusal, reason_name
from sandbox.demo.wallet_process import Person
from sandbox.stack.supervisor import Stack

SETTLE_TIMEOUT_S = 60.0
RETRY_PAUSE_S = 0.1


class StoryFailed(Exception):
    """Something did not go as the story says it must."""


class System:
    """A stack and the people in it; leaving its ``with`` block stops everything."""

    def __init__(self, stack: Stack, homes: Path) -> None:
        self.stack = stack
        self.homes = homes
        self.people: dict[str, Person] = {}
        self._wallet_databases: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def plan(self) -> StackPlan:
        """The stack's plan."""
        return self.stack.plan

    def close(self) -> None:
        """Stop the wallets, then the services."""
        for person in self.people.values():
            person.stop()
        self.stack.down()

    def person(self, name: str, bank: str, *, holder_name: str = "", phone: str = "") -> Person:
        """Add a person: start their wallet's process, and open a wallet at a bank."""
        found = Person(self.plan, name, self.homes, database_url=self._database_for(name))
        self.people[name] = found
        found.start()
        found.open(bank, holder_name=holder_name, phone=phone)
        return found

    @property
    def database_urls(self) -> list[str]:
        """Every database of the services and of the wallets."""
        return [*self.plan.database_urls, *self._wallet_databases]

    def central(self, officer: str) -> CentralOfficerClient:
        """An officer's client at the central bank."""
        return CentralOfficerClient(self.plan, officer)

    def by_two(
        self, kind: Message, cause: str = CAUSE, *, at: str = CENTRAL_BANK
    ) -> office_pb2.Act:
        """Have two officers of the central bank, or of a bank, propose and approve an act."""
        return by_two(self.plan, at, kind, cause)

    def pay_in(self, bank: str, amount_fen: int) -> issuance_pb2.BankBooks:
        """Pay reserves in for a bank; returns its books."""
        return self._move(office_pb2.PayInReserves(bank=bank, amount_fen=amount_fen))

    def issue(self, bank: str, amount_fen: int) -> issuance_pb2.BankBooks:
        """Issue against a bank's reserves; returns its books."""
        return self._move(office_pb2.Issue(bank=bank, amount_fen=amount_fen))

    def redeem(self, bank: str, amount_fen: int) -> issuance_pb2.BankBooks:
        """Redeem some of a bank's circulation; returns its books."""
        return self._move(office_pb2.Redeem(bank=bank, amount_fen=amount_fen))

    def wait_vault(self, bank: str, amount_fen: int) -> None:
        """Wait until a bank has exactly so much in its vault. Raises StoryFailed."""
        with BankOfficerClient(self.plan, bank) as office:
            wait_until(
                lambda: office.books().vault_fen == amount_fen,
                _("{bank}'s vault holds {yuan} fen").format(bank=bank, yuan=amount_fen),
            )

    def wait_available(self, person: Person, amount_fen: int) -> None:
        """Wait until somebody can spend exactly so much. Raises StoryFailed."""
        wait_until(
            lambda: person.show().available_fen == amount_fen,
            _("{person} has {yuan} fen").format(person=person.name, yuan=amount_fen),
        )

    def wait_quiet(self) -> None:
        """Wait until no payment is on its way. Raises StoryFailed."""
        for bank in self.plan.banks:
            with BankOfficerClient(self.plan, bank.name) as office:

                def quiet(office: BankOfficerClient = office) -> bool:
                    return office.books().pending_outbound == 0

                wait_until(quiet, _("nothing is on its way at {bank}").format(bank=bank.name))

    def _database_for(self, name: str) -> str:
        """The URL of a wallet's database on the services' PostgreSQL; "": a file in its home."""
        server = self.plan.database_url(CENTRAL_BANK)
        if not server.startswith("postgresql"):
            return ""
        url = create_databases(server, [f"wallet_{name}"])[f"wallet_{name}"]
        self._wallet_databases.append(url)
        return url

    def _move(
        self, kind: office_pb2.PayInReserves | office_pb2.Issue | office_pb2.Redeem
    ) -> issuance_pb2.BankBooks:
        """A bank's books after an act about its money."""
        self.by_two(kind)
        with self.central(self.plan.central_officers[0]) as office:
            return office.books_of(kind.bank)


class Stream:
    """A payer who makes payment after payment; each is repeated, with its id, until answered."""

    def __init__(self, payer: Person, payee: str, amount_fen: int, count: int) -> None:
        self.settled: list[str] = []
        self.unanswered = 0
        self.failure: Exception | None = None
        self._payer = payer
        self._payee = payee
        self._amount_fen = amount_fen
        self._count = count
        self._thread = threading.Thread(target=self._run, name=f"stream-{payer.name}", daemon=True)
        self._thread.start()

    def wait_settled(self, count: int) -> None:
        """Wait until so many are settled. Raises StoryFailed."""
        wait_until(lambda: len(self.settled) >= count or not self._thread.is_alive(), "payments")

    def finish(self, timeout_s: float = 120.0) -> list[str]:
        """Wait until all are settled; returns their ids. Raises StoryFailed."""
        self._thread.join(timeout_s)
        if self.failure is not None:
            raise StoryFailed(f"{self._payer.name}: {self.failure}") from self.failure
        if self._thread.is_alive():
            raise StoryFailed(
                _("{payer} still pays after {timeout_s:.0f} s").format(
                    payer=self._payer.name, timeout_s=timeout_s
                )
            )
        return self.settled

    def _run(self) -> None:
        try:
            for _turn in range(self._count):
                self.settled.append(self._pay_once(str(uuid.uuid4())))
        except (StoryFailed, Refusal, NoAnswer) as failure:
            self.failure = failure

    def _pay_once(self, request_id: str) -> str:
        ends_at = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            try:
                answer = self._payer.pay(self._payee, self._amount_fen, request_id=request_id)
                if answer.state == states_pb2.PAYMENT_STATE_SETTLED:
                    return str(answer.payment_id)
                if answer.state != states_pb2.PAYMENT_STATE_PENDING:
                    raise StoryFailed(
                        _("{payment_id} is {state} {reason}").format(
                            payment_id=answer.payment_id,
                            state=state_name(answer.state),
                            reason=reason_name(answer.reason) if answer.reason else "",
                        )
                    )
            except NoAnswer:
                self.unanswered += 1
            if time.monotonic() > ends_at:
                raise StoryFailed(
                    _("a payment found no end in {settle_timeout_s:.0f} s").format(
                        settle_timeout_s=SETTLE_TIMEOUT_S
                    )
                )
            time.sleep(RETRY_PAUSE_S)


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
    """Wait until ``true()``; NoAnswer counts as not yet.

    Raises:
        StoryFailed: it took longer than ``timeout_s``.
    """
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            if true():
                return
            seen = "no"
        except NoAnswer as silence:
            seen = str(silence)
        if time.monotonic() > ends_at:
            raise StoryFailed(
                _("not within {timeout_s:.0f} s: {what} ({seen})").format(
                    timeout_s=timeout_s, what=what, seen=seen
                )
            )
        time.sleep(0.05)


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal that ``call`` gets. Raises StoryFailed when it is not refused."""
    try:
        answer = call()
    except Refusal as refusal:
        return refusal
    raise StoryFailed(
        _("this must be refused, but came back with {answer!r}").format(answer=answer)
    )
