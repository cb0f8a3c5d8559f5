"""A probe that runs a command: it asks with the service's own certificate."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from runtime import health
from runtime.errors import Refusal
from tests.runtime.served import SERVER, Root, Serve


def probe(monkeypatch: pytest.MonkeyPatch, root: Root, *words: str, role: str = SERVER) -> int:
    files = root.files(role)
    told = ["--certificate", files.certificate, "--key", files.key, "--ca", files.ca]
    monkeypatch.setattr(sys, "argv", ["health", *words, "--within", "2", *map(str, told)])
    return health.main()


def test_a_service_that_is_ready_is_well(
    serve: Serve, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, another = serve(), serve()
    assert probe(monkeypatch, root, served.address, another.address) == 0
    assert probe(monkeypatch, root, served.address, "--live") == 0


def test_a_service_that_is_not_ready_is_live(
    serve: Serve, root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def may_answer() -> None:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "not now")

    served, well = serve(may_answer=may_answer), serve()
    assert probe(monkeypatch, root, well.address, served.address) == 1
    assert capsys.readouterr().err == f"runtime.health: {served.address}: NOT_SERVING\n"
    assert probe(monkeypatch, root, served.address, "--live") == 0


def test_nobody_there_and_somebody_else_are_not_well(
    serve: Serve, root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(monkeypatch, root, "localhost:1", "--live") == 1
    assert probe(monkeypatch, root, serve().address, "--live", role="dcep://bank/other") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all(line.startswith("runtime.health: localhost:") for line in said)


def test_files_that_are_not_there_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["localhost:1", "--certificate", "a", "--key", "b", "--ca", "c"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["health", *words])
    assert health.main() == 2
    assert "a and b: " in capsys.readouterr().err
