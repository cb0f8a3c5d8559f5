"""Aliases at the bank in memory; a telephone wants the code 123456."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dcep.bank.v1 import aliases_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from wallet.peers.interface import FIND_ALIAS, LIST_ALIASES


@dataclass
class FakeAliases:
    """The part of `wallet.peers.interface.BankPort` that is about aliases.

    Attributes:
        aliases: of its wallet, by their digests.
        payees: whom others' aliases stand for.
        tells: how often aliases have to be listed until the directory has heard of one.
    """

    aliases: dict[bytes, aliases_pb2.Alias] = field(default_factory=dict, kw_only=True)
    payees: dict[str, aliases_pb2.AliasPayee] = field(default_factory=dict, kw_only=True)
    tells: int = field(default=1, kw_only=True)

    if TYPE_CHECKING:  # of the bank itself
        _asker: ClassVar[Any]

    def add_alias(self, request: aliases_pb2.AddAliasRequest) -> aliases_pb2.AddAliasResponse:
        order = orders_pb2.AliasOrder.FromString(request.order.payload)
        text = aliases_pb2.AliasText.FromString(request.alias_text)
        if not text.alias.startswith("@") and request.code != "123456":
            raise Refusal(errors_pb2.REASON_PHONE_NOT_CONFIRMED, "no code", field="code")
        made = aliases_pb2.Alias(
            alias=text.alias,
            state=aliases_pb2.ALIAS_STATE_REGISTERING,
            private=order.wish == orders_pb2.ALIAS_WISH_ADD_PRIVATE,
            alias_digest=order.alias_digest,
            since_time_ms=order.created_time_ms,
        )
        self.aliases[order.alias_digest] = made
        return aliases_pb2.AddAliasResponse(alias=made)

    def remove_alias(self, order: SignedEnvelope) -> aliases_pb2.RemoveAliasResponse:
        given_up = self.aliases[orders_pb2.AliasOrder.FromString(order.payload).alias_digest]
        given_up.state = aliases_pb2.ALIAS_STATE_REMOVED
        return aliases_pb2.RemoveAliasResponse(alias=given_up)

    def list_aliases(self, query: SignedEnvelope) -> aliases_pb2.ListAliasesResponse:
        self._asker(query, LIST_ALIASES)
        self.tells -= 1
        for one in self.aliases.values():
            if one.state == aliases_pb2.ALIAS_STATE_REGISTERING and self.tells <= 0:
                one.state = aliases_pb2.ALIAS_STATE_ACTIVE
        return aliases_pb2.ListAliasesResponse(aliases=self.aliases.values(), lookups_left=30)

    def find_alias(self, query: SignedEnvelope, alias: str) -> aliases_pb2.FindAliasResponse:
        self._asker(query, FIND_ALIAS)
        if alias not in self.payees:
            raise Refusal(errors_pb2.REASON_ALIAS_NOT_FOUND, "nobody", field="alias")
        return aliases_pb2.FindAliasResponse(payee=self.payees[alias])
