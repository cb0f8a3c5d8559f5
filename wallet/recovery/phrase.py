"""Makes recovery phrases, and the keys that they give: twelve words of BIP-39's English list.

A phrase is shown once and is kept nowhere. https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic
from nacl.signing import SigningKey

from language import _, ngettext
from runtime.ed25519 import SEED_BYTES
from runtime.randomness import Randomness
from wallet.recovery.errors import PhraseError

WORDS = 12
_ENTROPY_BYTES = 16
_LONGEST = 400
"""Characters that are looked at; twelve words of the list have at most 107."""


def made(randomness: Randomness) -> str:
    """A new phrase, its words apart by a space."""
    return str(Mnemonic("english").to_mnemonic(randomness.bytes(_ENTROPY_BYTES)))


def typed(words: str) -> str:
    """A phrase as somebody has typed it: in any case, with any spaces, and numbers before words.

    Raises:
        PhraseError: a word is none of the list, or the words do not belong together.
    """
    if len(words) > _LONGEST:
        raise PhraseError(_("a recovery phrase has {count} words").format(count=WORDS))
    found = [word for word in words.lower().replace(".", " ").split() if not word.isdigit()]
    if len(found) != WORDS:
        raise PhraseError(
            ngettext(
                "a recovery phrase has {words} words, and this is {count}",
                "a recovery phrase has {words} words, and these are {count}",
                len(found),
            ).format(words=WORDS, count=len(found))
        )
    known = Mnemonic("english")
    for place, word in enumerate(found, 1):
        if word not in known.wordlist:
            raise PhraseError(
                _("word {place}, {word!r}, is none of a recovery phrase").format(
                    place=place, word=word[:20]
                )
            )
    phrase = " ".join(found)
    if not known.check(phrase):
        raise PhraseError(
            _("these words do not belong together: one is wrong, or two have changed places")
        )
    return phrase


def recovery_key(phrase: str, bank: str) -> SigningKey:
    """The key that a phrase gives at one bank; at another it is another one.

    Args:
        phrase: as `made` or `typed` gives it.
        bank: its name.
    """
    seed = Mnemonic.to_seed(phrase, passphrase="")
    info = b"dcep wallet recovery/v1\0" + bank.encode()
    derived = HKDF(SHA256(), SEED_BYTES, salt=None, info=info).derive(seed)
    return SigningKey(derived)
