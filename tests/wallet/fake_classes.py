"""The classes of a bank that exists only for tests of the wallet, and the codes that it sends."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from runtime.envelope import verify
from runtime.errors import Refusal
from tests.wallet.fake_keys import Keyed


@dataclass(kw_only=True)
class FakeClasses:
    """Gives each wallet the class that it asks for, if a code is right and its holder knows.

    Attributes:
        code: that the bank wants from whoever opens a wallet or shows a telephone; "" for none.
        codes_sent: telephones that it has sent one to.
        over_cap: a lower class has to be confirmed.
        holders: what was shown with changes of class.
    """

    code: str = ""
    codes_sent: list[str] = field(default_factory=list)
    over_cap: bool = False
    wallet_class: int = wallets_pb2.WALLET_CLASS_II
    holders: list[orders_pb2.Holder] = field(default_factory=list)

    def send_code(self, request: wallets_pb2.SendCodeRequest) -> wallets_pb2.SendCodeResponse:
        self.codes_sent.append(request.phone)
        return wallets_pb2.SendCodeResponse(expires_time_ms=1)

    def change_class(
        self, request: wallets_pb2.ChangeClassRequest
    ) -> wallets_pb2.ChangeClassResponse:
        key = self._account(request.order.key_id.decode()).key
        payload = verify(orders_pb2.ChangeClassOrder, request.order, key)
        order = orders_pb2.ChangeClassOrder.FromString(payload)
        if request.holder:
            assert order.holder_digest == hashlib.sha256(request.holder).digest()
            self.holders.append(orders_pb2.Holder.FromString(request.holder))
            self.check_code(request.code)
        if self.over_cap and not order.over_the_cap:
            raise Refusal(errors_pb2.REASON_OVER_BALANCE_CAP, "too much", field="over_the_cap")
        self.wallet_class = order.wallet_class
        return wallets_pb2.ChangeClassResponse(
            wallet_class=order.wallet_class,  # type: ignore[arg-type]
            limits=wallets_pb2.Limits(balance_cap_fen=200_000, day_fen=50_000),
        )

    def check_code(self, code: str) -> None:
        if self.code != code:
            raise Refusal(errors_pb2.REASON_PHONE_NOT_CONFIRMED, "code: another one", field="code")

    def _account(self, number: str) -> Keyed:
        raise NotImplementedError
