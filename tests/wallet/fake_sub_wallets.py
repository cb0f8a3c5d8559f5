"""The sub-wallets of a bank that exists only for tests of the wallet."""

from __future__ import annotations

from dataclasses import dataclass, field

from currency.number import make
from currency.sub_limits import LADDER_FEN
from dcep.bank.v1 import sub_wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.envelope import verify
from runtime.errors import Refusal
from tests.wallet.fake_keys import Keyed

SubWallet = sub_wallets_pb2.SubWallet


@dataclass(kw_only=True)
class FakeSubWallets:
    """Opens, changes and closes sub-wallets as it is told.

    Attributes:
        subs: by number.
        parents: the number of each one's parent.
        sub_orders: what was ordered.
    """

    subs: dict[str, SubWallet] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    sub_orders: list[sub_wallets_pb2.SubWalletOrder] = field(default_factory=list)

    def order_sub_wallet(self, order: SignedEnvelope) -> SubWallet:
        self._lose("mute_before")
        number = order.key_id.decode()
        payload = verify(sub_wallets_pb2.SubWalletOrder, order, self._account(number).key)
        wanted = sub_wallets_pb2.SubWalletOrder.FromString(payload)
        repeated = [one for one in self.sub_orders if one.request_id == wanted.request_id]
        self.sub_orders.append(wanted)
        if wanted.action == sub_wallets_pb2.SUB_WALLET_ACTION_OPEN and not repeated:
            self._opened_sub(number, wanted)
        about = wanted.sub_wallet_number or [*self.subs][-1]
        if self.parents.get(about) != number:
            raise Refusal(errors_pb2.REASON_WALLET_UNKNOWN, "no such sub-wallet")
        sub = self.subs[about]
        if wanted.HasField("terms"):
            sub.terms.CopyFrom(wanted.terms)
        if wanted.action == sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE:
            sub.state = sub_wallets_pb2.SUB_WALLET_STATE_CLOSED
        self._lose("mute_after")
        return sub

    def list_sub_wallets(self, query: SignedEnvelope) -> sub_wallets_pb2.ListSubWalletsResponse:
        number = query.key_id.decode()
        mine = [sub for name, sub in self.subs.items() if self.parents[name] == number]
        return sub_wallets_pb2.ListSubWalletsResponse(sub_wallets=mine, ladder_fen=LADDER_FEN)

    def belongs_to(self, number: str) -> sub_wallets_pb2.SubWalletOf | None:
        sub = self.subs.get(number)
        if sub is None:
            return None
        return sub_wallets_pb2.SubWalletOf(parent_number=self.parents[number], terms=sub.terms)

    def _opened_sub(self, parent: str, wanted: sub_wallets_pb2.SubWalletOrder) -> None:
        number = make("6201", 900 + len(self.subs))
        self.subs[number] = SubWallet(
            wallet_number=number,
            terms=wanted.terms,
            state=sub_wallets_pb2.SUB_WALLET_STATE_OPEN,
            opened_time_ms=1,
        )
        self.parents[number] = parent
        self._take_key(number, wanted.public_key)

    def _account(self, number: str) -> Keyed:
        raise NotImplementedError

    def _take_key(self, number: str, key: bytes) -> None:
        raise NotImplementedError

    def _lose(self, when: str) -> None:
        raise NotImplementedError
