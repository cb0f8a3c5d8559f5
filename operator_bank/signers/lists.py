"""Puts lists of signers in force: one record of the journal ends all that was signed before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, union

from dcep.bank.v1 import keys_pb2, signers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.keys import WalletKeys
from operator_bank.keys.replacing import key_of_wallet
from operator_bank.keys.tables import key_replacements
from operator_bank.ledger.reasons import own_refusal_of
from operator_bank.limits import (
    KEYS_KEPT_BACK,
    MAX_ORDER_VALIDITY_MS,
    SIGNER_LISTS_PER_DAY,
)
from operator_bank.signers.keys import forget_pending, write_keys, write_signatures
from operator_bank.signers.tables import signer_keys, signer_lists
from operator_bank.wallets.directory import AskedBy, Directory, Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.per_day import check_per_day
from operator_bank.wallets.signers import RELEASE, distinct
from operator_bank.wallets.wallet import check_not_closed
from runtime.checks import invalid
from runtime.envelope import key_id
from runtime.errors import Refusal
from settlement.builders import records_of, replacing_key
from settlement.core import Answers, Batch
from settlement.limits import MAX_KEYS
from settlement.records import record_digest

Order = VerifiedOrder[signers_pb2.SignersOrder]


@dataclass(frozen=True)
class Listed:
    """What a wallet's signers are shown.

    Attributes:
        asked: requests of keys that ask to be one of them, the newest first.
    """

    number: int
    threshold: int
    signers: list[signers_pb2.Signer]
    asked: list[SignedEnvelope]


class SignerLists:
    """The use-cases behind SetSigners and ListSigners."""

    def __init__(
        self, context: Context, directory: Directory, orders: Orders, keys: WalletKeys
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._standing = context.standing
        self._bank = context.bank
        self._directory = directory
        self._orders = orders
        self._keys = keys

    def change(self, envelope: SignedEnvelope) -> bool:
        """Puts a list in force; returns whether this very one was so before.

        Raises:
            Refusal: nothing has changed.
        """
        order = self._orders.open(signers_pb2.SignersOrder, envelope)
        with self.one_at_a_time(order):
            if self.check(order):
                return True
            self.put(order, {_place(order.wallet): order.signature})
        return False

    def one_at_a_time(self, order: Order) -> AbstractContextManager[None]:
        """Makes it wait for other changes of the wallet's key, and of its sub-wallets if those are
        looked at.
        """
        number = order.wallet.number
        alone: list[AskedBy | bytes | str] = [key_of_wallet(number)]
        return self._directory.one_at_a_time(
            [*alone, number] if order.content.threshold > 1 else alone
        )

    def check(self, order: Order) -> bool:
        """Checks a list that may be put in force; True if this very one was so before.

        Raises:
            Refusal: it may not.
        """
        content, now_ms = order.content, self._clock.now_ms()
        check_bank(content.bank, self._bank)
        self._orders.families.check_is_none(order.wallet)
        wallet = self._directory.get(order.wallet.number)
        if content.list_number <= wallet.key_number:
            if self._payload(wallet.number, content.list_number) == order.payload:
                return True
            raise changed(wallet.key_number)
        if (
            wallet.key_number != order.wallet.key_number
            or content.list_number != wallet.key_number + 1
        ):
            raise changed(wallet.key_number)
        check_times(content, now_ms, longest_ms=MAX_ORDER_VALIDITY_MS)
        # An older copy of the database may not know the list that holds.
        self._standing.check()
        check_not_closed(int(self._ledger.read([wallet.account])[0]["flags"]))
        self._check_often(wallet, now_ms)
        check_list(content)
        self._check_keys(wallet, content)
        if content.threshold > 1:
            self._check_no_recovery(wallet.number)
            self._check_no_mandate(wallet)
        return False

    def put(self, order: Order, signatures: Mapping[int, bytes]) -> None:
        """One record, and all that says so, in one transaction; memory follows.

        Args:
            order: that `check` has found good; nobody else changes the wallet meanwhile.
            signatures: by the places of the signers that have signed it; 0 for a wallet's one key.

        Raises:
            Refusal: the rule refuses it.
        """
        wallet = self._directory.get(order.wallet.number)
        now_ms, list_number = self._clock.now_ms(), order.content.list_number
        record = replacing_key(
            wallet.account, list_number, time_ms=now_ms, digest=record_digest(order.payload)
        )

        def in_transaction(connection: Connection, answers: Answers) -> None:
            if not answers.result(0).accepted:
                return
            position = int(answers.positions[0])
            row = {
                "position": position,
                "number": wallet.number,
                "key_number": list_number,
                "time_ms": now_ms,
                "gives_up_recovery": order.content.gives_up_recovery,
                "payload": order.payload,
            }
            connection.execute(insert(signer_lists), row)
            write_signatures(connection, position, signatures)
            write_keys(connection, wallet, order.content, now_ms)
            forget_pending(connection, wallet.number)

        answers = self._ledger.submit(
            Batch(records_of([record]), None, in_transaction, urgent=True)
        )
        if not answers.result(0).accepted:
            raise own_refusal_of(answers.result(0))
        self._directory.set_signers(wallet.number, order.content, list_number)

    def shown(self, wallet: Wallet) -> Listed:
        """A wallet's signers, as each of them may see them."""
        if wallet.signers is None:
            only = signers_pb2.Signer(place=0, public_key=wallet.public_key, role=RELEASE)
            signers, threshold = [only], 1
        else:
            payload = self._payload(wallet.number, wallet.key_number)
            content = signers_pb2.SignersOrder.FromString(payload)
            for one in content.signers:
                one.ClearField("request")
            signers, threshold = list(content.signers), content.threshold
        keys = wallet.all_keys
        asked = [
            one.request
            for one in self._keys.asked(wallet.number).keys
            if keys_pb2.KeyRequest.FromString(one.request.payload).public_key not in keys
        ]
        return Listed(wallet.key_number, threshold, signers, asked)

    def _payload(self, number: str, list_number: int) -> bytes:
        """The order of a wallet's list; b"" if there is none of this number."""
        query = select(signer_lists.c.payload).where(
            signer_lists.c.number == number, signer_lists.c.key_number == list_number
        )
        return bytes(self._database.read(lambda c: c.execute(query).scalar()) or b"")

    def _check_no_recovery(self, number: str) -> None:
        """Raises Refusal: RECOVERY_KEY_COUNTS. What takes several signatures is not to become one
        key again on the word of whoever has a phrase.
        """
        waiting = self._keys.replacements.waiting_for(number)
        on_its_way = waiting is not None and bool(waiting.recovery_key)
        if on_its_way or self._keys.named.counting(number):
            raise Refusal(
                errors_pb2.REASON_RECOVERY_KEY_COUNTS,
                "a recovery key counts for the wallet",
                field="threshold",
            )

    def _check_no_mandate(self, wallet: Wallet) -> None:
        """Raises Refusal: SUB_WALLETS_OPEN. Who is paid by a mandate is paid out of the wallet, and
        one signer alone could have given it.
        """
        now_ms = self._clock.now_ms()
        given = self._orders.families.mandates_of(wallet.account)
        if not all(one.is_over(now_ms) for one in given):
            raise Refusal(
                errors_pb2.REASON_SUB_WALLETS_OPEN,
                "somebody has a mandate to be paid from this wallet; close it first",
                field="threshold",
            )

    def _check_often(self, wallet: Wallet, now_ms: int) -> None:
        check_per_day(
            self._database,
            signer_lists.c.time_ms,
            signer_lists.c.number == wallet.number,
            most=SIGNER_LISTS_PER_DAY,
            what="lists of signers",
            now_ms=now_ms,
        )
        if wallet.key_number + 1 >= MAX_KEYS - KEYS_KEPT_BACK:
            raise invalid("list_number", "is as high as a wallet's signers may have it")

    def _check_keys(self, wallet: Wallet, content: signers_pb2.SignersOrder) -> None:
        """Raises Refusal unless each signer has its place still, or its new key has asked for it
        and is none that the wallet had before.
        """
        before = self._former(wallet.number)
        for index, one in enumerate(content.signers):
            field = f"signers[{index}]"
            key = bytes(one.public_key)
            if key in wallet.all_keys:
                old = wallet.signers.of(key) if wallet.signers is not None else None
                if one.place != (old.place if old is not None else 0):
                    raise invalid(f"{field}.place", "is not that of this key")
                continue
            if key in before:
                raise Refusal(
                    errors_pb2.REASON_ALREADY_DECIDED,
                    "this key was the wallet's before; it takes a new one",
                    field=f"{field}.public_key",
                )
            self._check_asked(wallet.number, one, field)

    def _check_asked(self, number: str, one: signers_pb2.Signer, field: str) -> None:
        if not one.HasField("request"):
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                "a new key has to ask for itself",
                field=f"{field}.request",
            )
        if self._keys.requests.new_key(one.request, number, f"{field}.request") != one.public_key:
            raise invalid(f"{field}.request", "is of another key")

    def _former(self, number: str) -> set[bytes]:
        """Keys that a wallet had or did not want, those in force included."""
        keys = union(
            *(
                select(of.c.public_key).where(of.c.number == number)
                for of in (signer_keys, key_replacements)
            )
        )
        found = self._database.read(lambda c: {bytes(key) for key in c.execute(keys).scalars()})
        return found | {self._keys.replacements.first_key(number) or b""}


def check_list(content: signers_pb2.SignersOrder) -> None:
    """Raises Refusal unless a list is one by which somebody can order."""
    signers = content.signers
    if not distinct(one.place for one in signers):
        raise invalid("signers", "has a place twice")
    if not distinct(key_id(one.public_key) for one in signers):
        raise invalid("signers", "has a key twice")
    may_release = sum(one.role == RELEASE for one in signers)
    if not may_release:
        raise invalid("signers", "has nobody who may release")
    if content.threshold > may_release:
        raise invalid("threshold", f"is {may_release} at most: so many may release")


def changed(number: int) -> Refusal:
    """The refusal of a list that does not follow on the one in force."""
    return Refusal(
        errors_pb2.REASON_SIGNERS_CHANGED,
        f"the list or key in force has number {number}",
        field="list_number",
        list_number=str(number),
    )


def _place(wallet: Wallet) -> int:
    return wallet.signer.place if wallet.signer is not None else 0
