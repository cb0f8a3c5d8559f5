"""Bounds of the format. A trust bundle may set narrower ones."""

from __future__ import annotations

MAX_CHAINS = 16
"""Tokens in one payment."""

MAX_HOPS = 32
"""Endorsements in one chain. How many of them may change its owner is the bundle's to say."""

MIN_LEFT_MS = 86_400_000
"""What a payee takes is good for so long at least: who is paid has a day to come online."""

MAX_PAYMENT_BYTES = 16_384

MAX_CERTIFICATE_MS = 127 * 86_400_000
"""A device's certificate counts in the time before its end only: nobody gives one for years, and
what is revoked is listed for so long. A token's life, and its grace."""

MAX_BUNDLE_BYTES = 60 * 1_024
"""A trust bundle behind its root's key. The rest of the 64 KB that a device has for trust are for
statements, see `MAX_STATEMENT_BYTES`."""

MAX_BUNDLE_BANKS = 52
"""Certificates of banks' keys in a bundle, and of roots. Other banks' come with what is paid."""

MAX_BARRED = 1_500
"""Banks and keys of banks that a bundle bars."""

MAX_LISTED = 256
"""Devices that a bundle lists one by one, those that were revoked last."""

MAX_STATEMENTS = 32
"""That a payment or a request brings along."""

MAX_STATEMENT_BYTES = 4 * 1_024
"""Of those that a device keeps."""

MAX_FILTER_BITS = 32
"""Of an entry in a bundle's filter: one device in 2³² that is not revoked is taken for one."""
