"""Officers' rights over time, made anew from the founding and the acts of two that changed them.

The service believes its table of officers; whoever writes a right into it, or a removal out of it,
is named, and so is each act of somebody who had not the right when it took effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, column, select, table

from dcep.office.v1 import office_pb2
from sandbox.audit_signatures.verifying import Problems

_COLUMNS = ("name", "rights", "registered_by", "removed_by")
_officers = table("officers", *map(column, _COLUMNS))
RIGHT_OF = {
    "register_officer": office_pb2.RIGHT_OFFICERS,
    "change_rights": office_pb2.RIGHT_OFFICERS,
    "renew_officer": office_pb2.RIGHT_OFFICERS,
    "remove_officer": office_pb2.RIGHT_OFFICERS,
    "pay_in_reserves": office_pb2.RIGHT_RESERVES,
    "pay_out_reserves": office_pb2.RIGHT_RESERVES,
    "issue": office_pb2.RIGHT_ISSUANCE,
    "redeem": office_pb2.RIGHT_ISSUANCE,
    "admit_bank": office_pb2.RIGHT_BANKS,
    "suspend_bank": office_pb2.RIGHT_BANKS,
    "reinstate_bank": office_pb2.RIGHT_BANKS,
    "renew_bank": office_pb2.RIGHT_BANKS,
    "renew_central_key": office_pb2.RIGHT_BANKS,
    "revoke_device": office_pb2.RIGHT_DEVICES,
    "freeze_wallet": office_pb2.RIGHT_WALLETS,
    "unfreeze_wallet": office_pb2.RIGHT_WALLETS,
    "pay_suspense": office_pb2.RIGHT_SUSPENSE,
}


class _State(NamedTuple):
    """What an officer might do from a time on."""

    time_ms: int
    rights: frozenset[int]
    registered_by: int
    removed_by: int | None


def read_officers(engine: Engine) -> list[Any]:
    """The rows of the officers, as the service has them now."""
    with engine.connect() as connection:
        return list(connection.execute(select(_officers).order_by(_officers.c.name)).all())


class Rights:
    """Who might do what, when."""

    def __init__(self, founders: Iterable[office_pb2.RegisterOfficer], acts: Sequence[Any]) -> None:
        """Replays them.

        Args:
            founders: of the founding record.
            acts: those that took effect; see `acts.Approved`.
        """
        self._acts = sorted(acts, key=lambda act: (act.time_ms, act.number))
        self._states: dict[str, list[_State]] = {
            first.name: [_State(0, frozenset(first.rights), 0, None)] for first in founders
        }
        for act in self._acts:
            self._heed(act)

    def _heed(self, act: Any) -> None:
        kind = act.content.WhichOneof("kind")
        if kind == "register_officer":
            new = act.content.register_officer
            state = _State(act.time_ms, frozenset(new.rights), act.number, None)
            self._states.setdefault(new.name, []).append(state)
        elif kind in ("change_rights", "remove_officer"):
            asked = getattr(act.content, kind)
            before = self._states.get(asked.name)
            if not before:
                return
            last = before[-1]._replace(time_ms=act.time_ms)
            if kind == "change_rights":
                last = last._replace(rights=frozenset(asked.rights))
            else:
                last = last._replace(removed_by=act.number)
            before.append(last)

    def check_acts(self, problems: Problems) -> None:
        """Names acts that took effect without a right of either officer."""
        for act in self._acts:
            right = RIGHT_OF.get(act.content.WhichOneof("kind") or "")
            for name in (act.content.officer, act.decider):
                if right is None or not self._had(name, right, act.time_ms):
                    wanted = "a known right" if right is None else office_pb2.Right.Name(right)
                    problems.say(
                        f"table officer_acts, row id={act.number}: {name} had not {wanted} then"
                    )

    def _had(self, name: str, right: int, time_ms: int) -> bool:
        """Whether an officer had a right; of two states in one millisecond either counts."""
        states = self._states.get(name, [])
        for at, state in enumerate(states):
            ended = at + 1 < len(states) and states[at + 1].time_ms < time_ms
            there = state.time_ms <= time_ms and not ended and state.removed_by is None
            if there and right in state.rights:
                return True
        return False

    def check_rows(self, rows: Sequence[Any], problems: Problems) -> None:
        """Names officers who stand in the table otherwise than acts have made them."""
        for row in rows:
            states = self._states.get(row.name)
            last = states[-1] if states else None
            rights = frozenset(bit for bit in range(63) if row.rights >> bit & 1)
            if last is None or last[1:] != (rights, row.registered_by, row.removed_by):
                problems.say(
                    f"table officers, row name={row.name}: neither the founding nor acts of two"
                    " say this"
                )
        for name in sorted(set(self._states) - {row.name for row in rows}):
            problems.say(f"table officers, row name={name} is missing")
