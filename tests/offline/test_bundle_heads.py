"""A head goes alone where its filter is known; how much a bundle may list."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from offline_token.bundle import TrustBundle, head_bytes, with_own_filter
from offline_token.formats import FormatError
from offline_token.limits import MAX_BARRED, MAX_BUNDLE_BANKS, MAX_LISTED
from offline_token.revoked_filter import build_filter
from tests.offline.signers import Signers

NAMES = [bytes([number]) * 16 for number in range(7)]
FILTER = build_filter(NAMES, 4, random.Random(1).randbytes).encode()


def bundle(signers: Signers, **changes: Any) -> TrustBundle:
    """Two banks, three barred, five revoked and a filter."""
    usual = {"barred": tuple(NAMES[:3]), "revoked": tuple(NAMES[:5]), "filter": FILTER}
    return signers.bundle(**(usual | changes))


@pytest.mark.parametrize("changes", [{}, {"banks": ()}, {"barred": ()}, {"revoked": ()}])
def test_a_head_says_how_long_it_is(signers: Signers, changes: dict[str, Any]) -> None:
    made = bundle(signers, **changes)
    assert head_bytes(made.encode()) == head_bytes(made.head()) == len(made.head())
    assert TrustBundle.decode(made.encode()) == made


def test_the_shortest_head_says_how_long_it_is(signers: Signers) -> None:
    fixed = len(signers.bundle(banks=()).head()) - 64
    data = bundle(signers).head()
    assert head_bytes(data[:fixed]) == len(data)
    for length in (0, fixed - 1):
        with pytest.raises(FormatError, match=f"cut short at byte {length}"):
            head_bytes(data[:length])


def test_a_head_alone_takes_the_filter_that_is_kept_if_it_names_that_one(signers: Signers) -> None:
    made = bundle(signers)
    kept = signers.bundle(filter=FILTER)
    assert with_own_filter(made.head(), kept) == made
    assert with_own_filter(made.encode(), None) == with_own_filter(made.encode(), kept) == made
    for other in (None, signers.bundle()):
        with pytest.raises(FormatError, match="names another filter"):
            with_own_filter(made.head(), other)


def test_a_bundle_without_a_filter_is_its_head(signers: Signers) -> None:
    made = bundle(signers, filter=b"")
    for kept in (None, bundle(signers)):
        assert with_own_filter(made.encode(), kept) == made


MOST = {"banks": MAX_BUNDLE_BANKS, "barred": MAX_BARRED, "revoked": MAX_LISTED}


@pytest.mark.parametrize("which", MOST)
def test_a_bundle_lists_so_many_and_no_more(signers: Signers, which: str) -> None:
    one = signers.bundle().banks[0] if which == "banks" else NAMES[0]
    most = signers.bundle(**{which: (one,) * MOST[which]})
    assert TrustBundle.decode(most.encode()) == most
    with pytest.raises(FormatError, match="too large"):
        signers.bundle(**{which: (one,) * (MOST[which] + 1)})
    with pytest.raises(FormatError, match="wrong length"):
        replace(most, barred=(NAMES[0][:-1],)).head()
