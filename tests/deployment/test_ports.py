"""Which ports a stack's services get."""

from __future__ import annotations

import socket

import pytest

from deployment.ports import RANGE, PortsMisnamed, free_ports
from tests.integration.commands import dcep


def test_ports_are_within_the_range_and_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv(RANGE, f"{port}-{min(port + 8, 65_535)}")
        found = free_ports(3)
    assert len(set(found)) == 3
    assert all(port < one <= port + 8 for one in found)


def test_a_range_that_is_taken_has_no_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv(RANGE, f"{port}-{port}")
        with pytest.raises(OSError, match=f"no 1 free ports from {port} to {port}"):
            free_ports(1)


@pytest.mark.parametrize("named", ["x", "0-9", "30000", "30000-20000", "60000-70000", "1-2-3"])
def test_a_range_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv(RANGE, named)
    with pytest.raises(PortsMisnamed, match=RANGE):
        free_ports(1)


def test_a_stack_is_not_made_with_a_range_that_is_none(tmp_path: object) -> None:
    done = dcep("up", "--json", DCEP_STACK=f"{tmp_path}/town", DCEP_PORTS="many")
    assert (done.code, done.answer["reason"]) == (2, "PORTS")
    assert "DCEP_PORTS" in done.answer["next"]
