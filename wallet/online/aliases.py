"""Takes aliases for this wallet, and finds other wallets by theirs."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from currency.aliases import Alias, AliasKind, read_alias
from currency.number import check
from dcep.bank.v1 import aliases_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.errors import BadAnswer, Refusal
from runtime.randomness import Randomness
from wallet.limits import ALIAS_LOOK_S, ALIAS_PATIENCE_S, OPENING_VALID_MS, SALT_BYTES
from wallet.online.opening import ask_for_code
from wallet.orders.submitter import OrderSubmitter
from wallet.peers.interface import FIND_ALIAS, LIST_ALIASES

_GOES_ON = (
    aliases_pb2.ALIAS_STATE_REGISTERING,
    aliases_pb2.ALIAS_STATE_REMOVING,
    # It was shown once more, and the claim ends when the directory hears of that.
    aliases_pb2.ALIAS_STATE_CONTESTED,
)
_OVER = (
    aliases_pb2.ALIAS_STATE_REMOVED,
    aliases_pb2.ALIAS_STATE_TAKEN,
    aliases_pb2.ALIAS_STATE_MOVED,
)


@dataclass(frozen=True)
class AliasLine:
    """An alias of this wallet.

    Attributes:
        alias: a telephone in its one spelling, or "@" and a name.
        state: such as ``ACTIVE``.
        private: nobody is found by it.
        until_time_ms: when a claim ends; 0 for none.
    """

    alias: str
    state: str
    private: bool
    until_time_ms: int
    since_time_ms: int


@dataclass(frozen=True)
class Payee:
    """Whom an alias stands for.

    Attributes:
        alias: in its one spelling.
        masked_name: as the payee's bank confirms it; "" for a holder without a name.
    """

    alias: str
    number: str
    masked_name: str


class Aliases:
    """The use-cases of aliases."""

    def __init__(
        self,
        submitter: OrderSubmitter,
        randomness: Randomness,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._submitter = submitter
        self._randomness = randomness
        self._pause = pause

    def add(self, typed: str, *, private: bool = False, code: str = "") -> AliasLine:
        """Takes an alias, and waits a little until the directory of all banks has heard of it.

        Raises:
            AliasError: it is none.
            Refusal: by the bank; PHONE_NOT_CONFIRMED, and a code is on its way.
        """
        alias = read_alias(typed)
        wish = orders_pb2.ALIAS_WISH_ADD_PRIVATE if private else orders_pb2.ALIAS_WISH_ADD
        text = aliases_pb2.AliasText(
            alias=alias.shown, salt=self._randomness.bytes(SALT_BYTES)
        ).SerializeToString()
        digest = hashlib.sha256(text).digest()
        order = self._submitter.signed_alone(
            orders_pb2.AliasOrder,
            OPENING_VALID_MS,
            wish=wish,
            alias_digest=digest,
            bank=self._submitter.bank_name,
        )
        asked = aliases_pb2.AddAliasRequest(order=order, alias_text=text, code=code)
        try:
            taken = self._submitter.bank.add_alias(asked).alias
        except Refusal as refusal:
            not_shown = refusal.reason == errors_pb2.REASON_PHONE_NOT_CONFIRMED
            if not_shown and not code and alias.kind == AliasKind.PHONE:
                ask_for_code(self._submitter.bank, alias.shown, self._submitter.key)
            raise
        return _line(self._settled(taken, digest))

    def remove(self, typed: str) -> AliasLine:
        """Gives an alias up; nobody is found by it from then on.

        Raises:
            AliasError, Refusal: ALIAS_UNKNOWN.
        """
        alias = read_alias(typed)
        found = next((one for one in self._list().aliases if _is(one, alias)), None)
        if found is None:
            raise Refusal(
                errors_pb2.REASON_ALIAS_UNKNOWN, N_("this wallet has no such alias"), field="alias"
            )
        order = self._submitter.signed_alone(
            orders_pb2.AliasOrder,
            OPENING_VALID_MS,
            wish=orders_pb2.ALIAS_WISH_REMOVE,
            alias_digest=found.alias_digest,
            bank=self._submitter.bank_name,
        )
        given_up = self._submitter.bank.remove_alias(order).alias
        return _line(self._settled(given_up, bytes(found.alias_digest)))

    def lines(self) -> tuple[list[AliasLine], int]:
        """The aliases of this wallet, and those that it had lately, newest first; and how many it
        may still look for today.
        """
        answer = self._list()
        return [_line(one) for one in answer.aliases], answer.lookups_left

    def find(self, typed: str) -> Payee:
        """Whom an alias stands for now.

        Raises:
            AliasError: it is none.
            Refusal: ALIAS_NOT_FOUND, TOO_MANY_LOOKUPS.
        """
        alias = read_alias(typed)
        query = self._submitter.query(FIND_ALIAS)
        found = self._submitter.bank.find_alias(query, alias.shown).payee
        return Payee(alias.shown, check(found.wallet_number), found.masked_name)

    def _settled(self, one: aliases_pb2.Alias, digest: bytes) -> aliases_pb2.Alias:
        """An alias once the directory has heard of it, or after some time as it is."""
        left_s = ALIAS_PATIENCE_S
        while one.state in _GOES_ON and left_s > 0:
            self._pause(ALIAS_LOOK_S)
            left_s -= ALIAS_LOOK_S
            for each in self._list().aliases:
                if hmac.compare_digest(each.alias_digest, digest):
                    one = each
        return one

    def _list(self) -> aliases_pb2.ListAliasesResponse:
        return self._submitter.bank.list_aliases(self._submitter.query(LIST_ALIASES))


def _is(one: aliases_pb2.Alias, alias: Alias) -> bool:
    """Whether the bank shows this alias, and it is not over."""
    try:
        return one.state not in _OVER and read_alias(one.alias).key == alias.key
    except ValueError:
        raise BadAnswer(_("the bank shows what is no alias")) from None


def _line(one: aliases_pb2.Alias) -> AliasLine:
    return AliasLine(
        alias=one.alias,
        state=aliases_pb2.AliasState.Name(one.state).removeprefix("ALIAS_STATE_"),
        private=one.private,
        until_time_ms=one.until_time_ms,
        since_time_ms=one.since_time_ms,
    )
