"""What the tests of attacks share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from offline_token.formats import (
    Chain,
)
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.signers import Signers


@contextmanager
def refused(reason: Reason) -> Iterator[None]:
    """The secure element refuses with this verdict."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.metadata["verdict"] == reason.name


# Chains taken apart and put together anew
def chain_of(signers: Signers, *, number: int = 1) -> Chain:
    """100 of Alice's: 80 to Carol, of that 60 to Alice, of that 50 to Bob."""
    chain = signers.mint(signers.alice, 100, number=number)
    chain = signers.endorse(chain, signers.alice, signers.carol, 80)
    chain = signers.endorse(chain, signers.carol, signers.alice, 60)
    return signers.endorse(chain, signers.alice, signers.bob, 50)
