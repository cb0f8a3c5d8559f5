"""Logs: one JSON object a line, and never a secret."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import Int32Value
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from runtime.envelope import sign_payload, verify
from runtime.errors import Refusal
from runtime.limits import MAX_LOG_TEXT
from runtime.logs import Lines, configure_logs, logger, say
from tests.runtime.served import Serve, ask


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
        signed = sign_payload(orders_pb2.Query, b"payload of a person", key, b"somebody")
        if request.value == 2:
            verify(orders_pb2.PaymentOrder, signed, bytes(key.verify_key))
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
    [incident] = [line for line in lines if line["event"] == "internal_error"]
    assert incident["incident"] == caught.value.metadata["incident"]
    assert "an accident with 3" in incident["exception"]
    assert "payload of a person" not in text
    assert "PRIVATE KEY" not in text
    for form in (secret.hex(), base64.b64encode(secret).decode()[:20], repr(secret), str(key)):
        assert form not in text


def test_a_text_of_a_peer_begins_no_line_and_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch, written: io.StringIO
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logs("test")
    told = "x\n2026-01-01 [info] all is well\r\x1b[2J\u2028" + "y" * 10_000
    logger("part").info("call", told=told)
    text = terminal.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    assert "\x1b[2J" not in text and "\\x1b[2J" in text and "\u2028" not in text
    assert len(text) < MAX_LOG_TEXT + 1_000


def test_a_full_disk_and_a_closed_pipe_fail_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    out, into = os.pipe()
    os.close(out)
    with open("/dev/full", "w") as full, os.fdopen(into, "w") as closed:
        for stream in (full, closed):
            monkeypatch.setattr(sys, "stderr", stream)
            lines = Lines(None)
            for _ in range(3):
                lines.write("word")
            assert lines.lost == 3
            say("a sentence")
        with suppress(OSError):
            full.close()
        with suppress(OSError):
            closed.close()


LOGGING = """
import sys
from runtime import logs
lines = logs.Lines(logs.Path(sys.argv[1]), max_bytes=1_000, files=3)
for number in range(500):
    lines.write(f"line {number}")
print("printed", flush=True)
print("on the other", file=sys.stderr, flush=True)
assert lines.lost == 0
"""


def test_a_log_file_is_exchanged_when_full_and_few_are_kept_for_their_owner_alone(
    tmp_path: Path,
) -> None:
    log = tmp_path / "logs" / "service.log"
    log.parent.mkdir()
    log.write_text("from before\n")
    log.chmod(0o666)
    ran = subprocess.run(
        [sys.executable, "-c", LOGGING, str(log)], capture_output=True, umask=0, check=True
    )
    assert ran.stdout == b""
    files = sorted(path.name for path in log.parent.iterdir())
    assert files == ["service.log", "service.log.1", "service.log.2"]
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in log.parent.iterdir()} == {0o600}
    assert all(path.stat().st_size < 1_100 for path in log.parent.iterdir())
    text = log.read_text()
    assert "line 499\nprinted\non the other\n" in text


CLOSED = """
import os, socket, sys
from pathlib import Path
from runtime import logs
folder, file = Path(sys.argv[1]), sys.argv[2]
logs.Lines.__init__.__kwdefaults__["max_bytes"] = 1_000
logs.configure_logs("test", file)
database = open(folder / "money", "w")
server = socket.create_server(("127.0.0.1", 0))
for _ in range(50):
    logs.logger("part").info("line")
    logs.say("a sentence")
    print("printed", flush=True)
os.write(2, b"what a library says")
database.write("acknowledged")
database.close()
socket.create_connection(server.getsockname()).close()
server.accept()[0].close()
(folder / "numbers").write_text(f"{min(server.fileno(), 3)}")
"""


@pytest.mark.parametrize("file", ["", "logs/service.log", "/proc/nowhere/service.log"])
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_standard_stream_that_is_closed_ends_nothing_and_lends_its_number_to_nobody(
    closed: str, file: str, tmp_path: Path
) -> None:
    log = str(tmp_path / file) if file else ""
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    ran = subprocess.run(
        [*shell, sys.executable, "-c", CLOSED, str(tmp_path), log], capture_output=True, timeout=60
    )
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)
    assert (tmp_path / "money").read_text() == "acknowledged"
    assert (tmp_path / "numbers").read_text() == "3"
    if file.startswith("logs"):
        text = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
        assert "a sentence" in text and "printed" in text and "what a library says" in text


def test_a_full_log_that_no_new_one_can_follow_loses_nothing_of_the_ones_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = [os.dup(number) for number in (1, 2)]
    try:
        lines = Lines(tmp_path / "service.log", max_bytes=100, files=3)
        for number in range(30):
            lines.write(f"line {number:04}")
        before = {path.name: path.read_text() for path in tmp_path.iterdir()}

        def full(*_: object, **__: object) -> None:
            raise OSError("no space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("builtins.open", full)
            for _ in range(20):
                lines.write("lost or kept")
        kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
        assert kept["service.log.1"].startswith(before["service.log"])
        assert kept["service.log.2"] == before["service.log.1"]
        lines.write("again")
        assert "again" in (tmp_path / "service.log").read_text()
    finally:
        for number, saved in zip((1, 2), printed, strict=True):
            os.dup2(saved, number)
            os.close(saved)
