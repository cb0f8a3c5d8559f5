"""Sends one-time codes to telephones, and compares what comes back.

A code is for one telephone and the wallet of one key: nobody else can use it, or use it up. It ends
after five minutes. After three wrong ones the wallet has to wait, and needs a new one. A telephone
gets five an hour, whoever asks. So that no stranger's asking keeps anybody from it, the code that
uses up the last of these places has twelve digits, which nobody guesses, and is good for any wallet
for an hour: whoever has the telephone in hand has it. Codes are kept in memory alone: after a
restart another one is asked for.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from currency.phones import one_phone
from dcep.errors.v1 import errors_pb2
from operator_bank.customers.checks import IdentityChecks
from operator_bank.limits import (
    CODE_PAUSE_MS,
    CODE_TRIES,
    CODE_VALID_MS,
    CODES_PER_HOUR,
    MAX_CODES,
)
from runtime.clock import Clock
from runtime.errors import RETRY_AFTER_MS, Refusal

_DIGITS, _LONG_DIGITS = 6, 12
_HOUR_MS = 3_600_000


@dataclass(slots=True)
class _Sent:
    """The code that a wallet waits for.

    Attributes:
        wrong: how often it was tried with another one.
        wait_until_ms: no code is compared before.
    """

    code: str = ""
    until_ms: int = 0
    wrong: int = 0
    wait_until_ms: int = 0


@dataclass(slots=True)
class _Telephone:
    """What went to a telephone within the last hour.

    Attributes:
        sent_ms: when.
        long: the codes that are good for any wallet, and when each ends.
    """

    sent_ms: list[int] = field(default_factory=list)
    long: list[tuple[str, int]] = field(default_factory=list)

    def has(self, code: str, now_ms: int) -> bool:
        """Whether a code is good for any wallet."""
        given = code.encode()
        same = [
            hmac.compare_digest(given, each.encode()) for each, ends in self.long if now_ms < ends
        ]
        return any(same)


class PhoneCodes:
    """The codes that are out. Any thread may ask."""

    def __init__(self, checks: IdentityChecks, clock: Clock) -> None:
        self._checks = checks
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: OrderedDict[tuple[str, bytes], _Sent] = OrderedDict()
        self._telephones: OrderedDict[str, _Telephone] = OrderedDict()

    def send(self, phone: str, key: bytes) -> int:
        """Sends a code to a telephone for the wallet of a key.

        The answer is the same whether the telephone is known at the bank or not.

        Args:
            phone: as people spell it.
            key: of the wallet, 32 bytes.

        Returns:
            When the code ends, Unix milliseconds.

        Raises:
            Refusal: OVERLOADED, so many codes went to this telephone.
        """
        now_ms, called = self._clock.now_ms(), one_phone(phone)
        with self._lock:
            telephone = self._count(called, now_ms)
            is_long = len(telephone.sent_ms) == CODES_PER_HOUR
            code = _drawn(_LONG_DIGITS if is_long else _DIGITS)
            until_ms = now_ms + (_HOUR_MS if is_long else CODE_VALID_MS)
            if is_long:
                telephone.long.append((code, until_ms))
            else:
                before = self._sent.pop((called, key), _Sent())
                # A new code ends no pause: otherwise there would be three tries more at once.
                self._sent[called, key] = _Sent(code, until_ms, 0, before.wait_until_ms)
                _bound(self._sent)
        self._checks.deliver(called, code, now_ms)
        return until_ms

    def check(self, phone: str, key: bytes, code: str) -> None:
        """Compares a code. One that is good stays so for its wallet until it ends, because the same
        order may be sent again.

        Raises:
            Refusal: PHONE_NOT_CONFIRMED.
        """
        now_ms, called = self._clock.now_ms(), one_phone(phone)
        with self._lock:
            telephone, sent = self._telephones.get(called), self._sent.get((called, key))
            if telephone is not None and telephone.has(code, now_ms):
                return
            if sent is None or not sent.code or now_ms >= sent.until_ms or not code:
                raise _not_confirmed("a code has to be sent to the telephone and given here")
            if now_ms < sent.wait_until_ms:
                raise _not_confirmed("too many wrong codes: wait a quarter of an hour")
            if hmac.compare_digest(sent.code.encode(), code.encode()):
                return
            sent.wrong += 1
            if sent.wrong >= CODE_TRIES:
                sent.code, sent.wait_until_ms = "", now_ms + CODE_PAUSE_MS
        raise _not_confirmed("this is not the code that was sent")

    def _count(self, called: str, now_ms: int) -> _Telephone:
        """Counts a code to a telephone. Raises Refusal, OVERLOADED."""
        known = self._telephones.pop(called, None) or _Telephone()
        known.sent_ms = [at for at in known.sent_ms if at > now_ms - _HOUR_MS]
        known.long = [each for each in known.long if each[1] > now_ms]
        self._telephones[called] = known
        _bound(self._telephones)
        if len(known.sent_ms) >= CODES_PER_HOUR:
            again_ms = known.sent_ms[0] + _HOUR_MS - now_ms
            raise Refusal(
                errors_pb2.REASON_OVERLOADED,
                f"{CODES_PER_HOUR} codes an hour to a telephone is all; the newest that came to it "
                f"has {_LONG_DIGITS} digits and is good for any wallet: repeat with that",
                field="phone",
                **{RETRY_AFTER_MS: str(again_ms)},
            )
        known.sent_ms.append(now_ms)
        return known


def _drawn(digits: int) -> str:
    return f"{secrets.randbelow(10**digits):0{digits}}"


def _bound(
    kept: OrderedDict[str, _Telephone] | OrderedDict[tuple[str, bytes], _Sent],
) -> None:
    """Forgets what was asked for the longest time ago, when there is too much of it."""
    while len(kept) > MAX_CODES:
        kept.popitem(last=False)


def _not_confirmed(why: str) -> Refusal:
    return Refusal(errors_pb2.REASON_PHONE_NOT_CONFIRMED, why, field="code")
