"""Reads and writes the founding record as a file: the signed envelope in protobuf's JSON."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import json_format

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from officers.limits import MAX_FOUNDING_FILE_BYTES
from runtime.settings import SettingsError


def read_founding_file(name: str) -> SignedEnvelope | None:
    """Reads the record in a file; None if no file is named, or it does not exist.

    Raises:
        SettingsError: the file cannot be read, or has other content.
    """
    file = Path(name)
    if not name or not file.exists():
        return None
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FOUNDING_FILE_BYTES).decode("ascii")
        record = SignedEnvelope()
        json_format.Parse(content, record)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no founding record: {error}") from error
    return record


def founding_text(record: SignedEnvelope) -> str:
    """The content of such a file."""
    return str(json_format.MessageToJson(record)) + "\n"
