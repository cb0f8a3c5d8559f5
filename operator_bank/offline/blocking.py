"""What it does that two officers block the devices of a holder who has lost one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, update

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, SqlEffect
from offline_token.formats import Certificate
from operator_bank.context import Context
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.tables import devices
from operator_bank.wallets.directory import Directory
from runtime.errors import NoAnswer, Refusal

CAUSE = "lost by its holder"


class DeviceBlocking(SqlEffect):
    """The act `block_devices`."""

    right = office_pb2.RIGHT_WALLETS

    def __init__(self, context: Context, directory: Directory, keys: DeviceKeys) -> None:
        super().__init__(context.database)
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._directory = directory
        self._keys = keys
        self._told: dict[int, set[bytes]] = {}
        """By act, how the bundle names the keys that the central bank has revoked for it since the
        bank started.
        """

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        # Once the central bank has revoked them, its next bundle may say so before we are done.
        if not self._good(act) and not self._blocked(act):
            raise Refusal(
                errors_pb2.REASON_DEVICE_UNKNOWN,
                "the wallet has no device whose key is good",
                field="wallet_number",
            )

    def ready(self, act: Act) -> None:
        """See `Effect.ready`. The central bank revokes first: what it does not know of is not
        blocked. Which keys it is told of is written down before, so that the act can be approved
        after a restart; they are told again then.
        """
        found = self._keys.to_block(self._wallet(act), act.number)
        if not found:
            return
        try:
            self._central_bank.revoke([each.encode() for each in found], CAUSE)
        except (NoAnswer, Refusal):
            return  # `perform` refuses, and the act waits on
        self._told.setdefault(act.number, set()).update(each.revocation() for each in found)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        self.check(act)
        if act.number not in self._told:
            raise Refusal(
                errors_pb2.REASON_PEER_UNAVAILABLE, "the central bank has not revoked them yet"
            )
        super().perform(act, decision)
        self._told.pop(act.number, None)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        """See `SqlEffect.change`. A key that was certified just now is reported like any other key
        of a wallet with a revoked one.
        """
        these = devices.c.revocation.in_(sorted(self._told[act.number]))
        unmarked = update(devices).where(devices.c.revoked_time_ms.is_(None), these)
        statement = unmarked.values(revoked_time_ms=decision.time_ms)

        def body(connection: Connection) -> None:
            connection.execute(statement)

        return body

    def _good(self, act: Act) -> list[Certificate]:
        return self._keys.good(self._wallet(act))

    def _blocked(self, act: Act) -> list[Certificate]:
        return self._keys.blocked_by(self._wallet(act), act.number)

    def _wallet(self, act: Act) -> int:
        return self._directory.get(act.asked.wallet_number).row_id
