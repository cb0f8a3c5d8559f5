"""What the tests of attacks share."""

from __future__ import annotations

from offline_token.formats import (
    Chain,
)
from tests.offline.signers import Signers


# Chains taken apart and put together anew
def chain_of(signers: Signers, *, number: int = 1) -> Chain:
    """100 of Alice's: 80 to Carol, of that 60 to Alice, of that 50 to Bob."""
    chain = signers.mint(signers.alice, 100, number=number)
    chain = signers.endorse(chain, signers.alice, signers.carol, 80)
    chain = signers.endorse(chain, signers.carol, signers.alice, 60)
    return signers.endorse(chain, signers.alice, signers.bob, 50)
