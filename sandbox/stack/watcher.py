"""Looks after a stack with nobody at a terminal: ``python -m sandbox.stack.watcher FOLDER``.

``dcep up --detach`` starts this process and ``dcep down`` ends it. It starts services again as a
``dcep up`` at a terminal does, and stops none: when it ends or is killed, they go on. It ends by
itself once the stack is stopped or gone. What it does is in ``logs/watcher.log``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deployment.processes import ProcessFailed, Running, ServiceCommand
from deployment.topology import StackMissing, StackPlan, load
from runtime.files import write_whole
from runtime.logs import configure_logs, logger
from runtime.own_modules import own
from runtime.server import wait_for_signal
from sandbox.limits import HEALTH_POLL_S, START_TIMEOUT_S, WATCH_POLL_S
from sandbox.stack.care import Care
from sandbox.stack.supervisor import Stack
from sandbox.stack.watch import one_starter, watched

NAME = "watcher"


def start(plan: StackPlan) -> None:
    """Starts a stack's watcher if it has none, and waits until somebody watches every service.

    Raises:
        ProcessFailed: it ends, or takes too long; the services go on.
    """
    with one_starter(plan.logs, NAME):
        watcher = _find(plan)
        if watcher is None:
            watcher = Running.start(_command(plan))
            write_whole(_pid_file(plan), str(watcher.pid).encode())
    ends_at = time.monotonic() + START_TIMEOUT_S
    while not all(watched(plan.logs, name) for name in load(plan.folder).pids):
        if not watcher.alive():
            raise ProcessFailed(watcher.ended())
        if time.monotonic() > ends_at:
            raise ProcessFailed(watcher.late(START_TIMEOUT_S))
        time.sleep(HEALTH_POLL_S)


def stop(plan: StackPlan) -> None:
    """Ends a stack's watcher, if it has one; what it was just starting is known by then."""
    with one_starter(plan.logs, NAME):
        watcher = _find(plan)
        if watcher is not None:
            watcher.stop()


def main() -> None:
    """Looks after the stack until SIGTERM, or until nothing of it is to run."""
    plan = load(Path(sys.argv[1]))
    configure_logs(NAME, _command(plan).log)
    ended = wait_for_signal()
    stack = Stack(plan)
    stack.expect_all()
    care = Care(stack, logger(NAME).info)
    while not ended.wait(WATCH_POLL_S) and _is_to_run(plan.folder):
        care.look()


def _is_to_run(folder: Path) -> bool:
    try:
        return bool(load(folder).pids)
    except StackMissing:
        return False


def _find(plan: StackPlan) -> Running | None:
    file = _pid_file(plan)
    return Running.find(_command(plan), int(file.read_text())) if file.exists() else None


def _command(plan: StackPlan) -> ServiceCommand:
    log = plan.logs / f"{NAME}.log"
    return ServiceCommand(NAME, own("sandbox.stack.watcher"), (str(plan.folder),), log)


def _pid_file(plan: StackPlan) -> Path:
    return plan.logs / f"{NAME}.pid"


if __name__ == "__main__":
    main()
