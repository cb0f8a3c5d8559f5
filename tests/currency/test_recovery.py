"""Which recovery keys count for a wallet, and for how long."""

from __future__ import annotations

from currency.recovery import RECOVERY_KEPT_MS, KeyTaken, Named, counting


def test_which_recovery_keys_count() -> None:
    a, b, c = b"a", b"b", b"c"
    first, second, third = Named(a, 0, 0), Named(b, 1, 10), Named(c, 3, 20)
    week = RECOVERY_KEPT_MS
    cases: list[tuple[list[Named], list[KeyTaken], int, list[bytes]]] = [
        ([], [], 0, []),
        ([first], [], 10 * week, [a]),
        ([first, second], [], 9 + week, [a, b]),
        ([first, second], [], 10 + week, [b]),
        ([first, second, third], [], 15 + week, [b, c]),
        ([first], [KeyTaken(1, b"")], 1, []),
        ([first, second], [KeyTaken(1, b"")], 1, [b]),
        ([first, second], [KeyTaken(2, a)], 2 * week, [a]),
        ([first, second], [KeyTaken(2, b)], 11, [a, b]),
        ([first, second, third], [KeyTaken(2, a)], 21, [a, c]),
        ([first, second, third], [KeyTaken(2, a), KeyTaken(4, b"")], 21, []),
    ]
    for named, taken, now_ms, keys in cases:
        assert [each.key for each in counting(named, taken, now_ms)] == keys, (named, taken)
