"""Keys of devices for tests, and how they ask to be certified."""

from __future__ import annotations

from nacl.signing import SigningKey

from offline_token.possession import account_of, prove

NONCE = bytes(range(16))
_MADE: dict[bytes, SigningKey] = {}


def made_key(seed: bytes | None = None) -> bytes:
    """The public key of a device key, new or the one of a seed; its private key is remembered."""
    key = SigningKey(seed) if seed is not None else SigningKey.generate()
    _MADE[bytes(key.verify_key)] = key
    return bytes(key.verify_key)


def asking(public: bytes, bank: str, wallet: str) -> dict[str, bytes]:
    """The fields of a CertifyDeviceOrder by which a key that was made here asks for itself.

    For any other key the signature is of zeros.
    """
    account = account_of(wallet, NONCE)
    key = _MADE.get(public)
    signature = prove(key, bank, account).signature if key is not None else bytes(64)
    return {"device_key": public, "nonce": NONCE, "possession": signature}


def signing_key(public: bytes) -> SigningKey:
    """The private key of one that was made here."""
    return _MADE[public]
