"""Reads a cash machine's receipt as it is shown and typed: base64url text."""

from __future__ import annotations

import base64
import binascii

from language import _
from wallet.cli.console import UsageError
from wallet.limits import MAX_RECEIPT_CHARACTERS


def receipt_bytes(text: str) -> bytes:
    """Decodes a receipt's text. Raises UsageError."""
    try:
        if len(text) > MAX_RECEIPT_CHARACTERS:
            raise ValueError("too long")
        return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise UsageError(_("this is no receipt of a cash machine; enter all of it")) from error
