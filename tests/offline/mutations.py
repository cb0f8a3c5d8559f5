"""Bytes that are changed, cut and put together anew."""

from __future__ import annotations

from hypothesis import strategies as st

# A mutation: what is done, where, with which byte, over which length.
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["set", "flip", "insert", "delete", "copy", "swap hops"]),
        st.integers(0, 2_000),
        st.integers(0, 255),
        st.sampled_from([1, 1, 1, 8, 32, 121, 129, 137, 250]),
    ),
    min_size=1,
    max_size=3,
)


def mutated(data: bytes, mutations: list[tuple[str, int, int, int]]) -> bytes:
    """The bytes, changed a few times."""
    made = bytearray(data)
    for what, where, byte, length in mutations:
        at = where % (len(made) + 1)
        if what == "set":
            made[at : at + 1] = bytes([byte])
        elif what == "flip" and at < len(made):
            made[at] ^= 1 << byte % 8
        elif what == "insert":
            made[at:at] = bytes([byte]) * length
        elif what == "delete":
            del made[at : at + length]
        elif what == "copy":
            other = byte * 8 % (len(made) + 1)
            part = made[other : other + length]
            made[at : at + len(part)] = part
        elif what == "swap hops":
            first, second = made[141:391], made[391:641]
            made[141:641] = second + first
    return bytes(made)
