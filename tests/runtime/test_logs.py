"""Logs: one JSON object a line, and never a secret."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import Int32Value
from nacl.signing import SigningKey

from runtime.envelope import sign, verify
from runtime.errors import Refusal
from runtime.logs import configure_logs, logger
from tests.runtime.conftest import Serve, ask


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a service writes while it is set up as its main does."""
    output = io.StringIO()
    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", output)
    configure_logs("test")
    yield output
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def test_a_line_is_an_object(written: io.StringIO) -> None:
    logger("part of it").info("something", amount_fen=5, text="两行\n")
    line = json.loads(written.getvalue())
    assert line["service"] == "test"
    assert line["part"] == "part of it"
    assert (line["event"], line["level"], line["amount_fen"]) == ("something", "info", 5)
    assert line["timestamp"].endswith("Z")


def test_calls_and_accidents_are_logged_without_the_keys_at_hand(
    written: io.StringIO, serve: Serve
) -> None:
    secret = bytes(range(100, 132))
    key = SigningKey(secret)

    def handle(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        signed = sign("test/v1", b"payload of a person", key, b"somebody")
        if request.value == 2:
            verify("other/v1", signed, bytes(key.verify_key))
        if request.value == 3:
            raise ValueError(f"an accident with {request.value}")
        return request

    served = serve(handle)
    channel = served.ours()
    assert ask(channel, 1) == 1
    reasons = []
    for value in (2, 3):
        with pytest.raises(Refusal) as caught:
            ask(channel, value)
        reasons.append(caught.value.name)
    assert reasons == ["SIGNATURE_INVALID", "INTERNAL"]
    served.server.stop()

    text = written.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    calls = [line["reason"] for line in lines if line["event"] == "call"]
    assert sorted(calls) == ["INTERNAL", "OK", "SIGNATURE_INVALID"]
    [accident] = [line for line in lines if line["event"] == "accident"]
    assert accident["incident"] == caught.value.metadata["incident"]
    assert "an accident with 3" in accident["exception"]
    assert "payload of a person" not in text
    assert "PRIVATE KEY" not in text
    for form in (secret.hex(), base64.b64encode(secret).decode()[:20], repr(secret), str(key)):
        assert form not in text
