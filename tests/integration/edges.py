"""The process that holds a bank's public port."""

from __future__ import annotations

from pathlib import Path

from sandbox.demo.environment import System


def edge_of(system: System, bank: str) -> int:
    """The process id of a bank's edge, its child."""
    pid = system.stack.running[bank].pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1, children
    return int(children[0])
