"""Runs a bank's edge: ``python -m operator_bank.edge --settings FILE --bank ADDRESS``.

The bank starts it. It opens the public port when a line comes on its standard input, and ends when
that input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc

from operator_bank.edge.connections import SourceConnections
from operator_bank.edge.forwarding import PUBLIC, Forwarding
from operator_bank.edge.shares import PublicShares
from operator_bank.settings import Settings
from runtime.begin import leave
from runtime.inspection import Inspection
from runtime.limits import DRAIN_S, MESSAGE_OPTIONS, MOST_CONNECTIONS, SERVER_OPTIONS
from runtime.logs import configure_logs, logger, say
from runtime.memory import collect_rarely
from runtime.open_sockets import within_files
from runtime.server import add_port
from runtime.settings import SettingsError, load_settings
from runtime.sources import source_of
from runtime.tls import TlsFiles, server_credentials

_YOUNG = 2_000
"""New objects between two garbage collections. Calls leave cycles behind, and collecting those of a
thousand calls at once takes 40 to 90 ms."""

_LOOK_S = 1.0
"""How often the edge looks whether the bank is still there."""

T = TypeVar("T")

_ASK_S = 1.0
"""How long the bank may take to say whether it is ready."""

_SERVICES = [service.full_name for service in PUBLIC]


def main() -> int:
    """Runs until SIGTERM or the end of the standard input."""
    parser = argparse.ArgumentParser(prog="python -m operator_bank.edge", description=__doc__)
    parser.add_argument("--settings", type=Path, help="the bank's own")
    parser.add_argument("--bank", required=True, help="where the bank listens for its edge")
    arguments = parser.parse_args()
    try:
        settings = load_settings(Settings, arguments.settings)
    except SettingsError as error:
        say(f"operator_bank.edge: {error}")
        return 2
    log = Path(settings.log_file)
    beside = log.with_name(f"{log.stem}-edge{log.suffix}") if settings.log_file else ""
    configure_logs(f"{settings.bank}-edge", beside)
    # A call takes an eighth less of the processor than on asyncio's own loop.
    try:
        uvloop.run(_run(settings, arguments.bank))
    except SettingsError as error:
        say(f"operator_bank.edge: {error}")
        return 2
    # A bank that was killed cannot remove its folder; if it ended by itself, this finds it removed.
    shutil.rmtree(Path(arguments.bank.removeprefix("unix:")).parent, ignore_errors=True)
    return 0


async def _run(settings: Settings, bank: str) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    parent = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(parent), sys.stdin)
    if not await _before(end, parent.readline()):
        return
    ended = asyncio.create_task(parent.read())
    ended.add_done_callback(lambda _: end.set())
    credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    async with grpc.aio.secure_channel(bank, credentials, MESSAGE_OPTIONS) as channel:
        opened = await _before(end, _serve(settings, channel))
        if opened is None:
            return
        server, inspection, forwarding = opened
        logger("edge").info("serving", public=settings.public_address)
        await end.wait()
        inspection.say(False)
        forwarding.end_watches()
        await server.stop(DRAIN_S)


async def _before(end: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Does some work, of which nothing is left if it is told to end before; None then."""
    doing, told = asyncio.create_task(work), asyncio.create_task(end.wait())
    await asyncio.wait([doing, told], return_when=asyncio.FIRST_COMPLETED)
    for one in (doing, told):
        one.cancel()
    await asyncio.wait([doing, told])
    return None if doing.cancelled() else doing.result()


def _end_with(bank: int) -> None:
    """Ends the process some time after its bank has ended, even if the event loop is stuck."""
    while os.getppid() == bank:
        time.sleep(_LOOK_S)
    time.sleep(DRAIN_S + _LOOK_S)
    os._exit(1)


async def _is_ready(channel: grpc.aio.Channel) -> bool:
    """Whether the bank says that it is ready. One that has no place for the question has work."""
    ask = health_pb2_grpc.HealthStub(channel).Check
    try:
        answer = await ask(health_pb2.HealthCheckRequest(), timeout=_ASK_S)
    except grpc.aio.AioRpcError as error:
        return bool(error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _serve(
    settings: Settings, channel: grpc.aio.Channel
) -> tuple[grpc.aio.Server, Inspection, Forwarding]:
    """Opens the public port once the bank can be reached; it says SERVING then."""
    shares = PublicShares(
        calls_per_source=settings.calls_per_source,
        watches_per_source=settings.watches_per_source,
        openings_per_minute=settings.openings_per_minute,
    )
    forwarding = Forwarding(channel, shares)
    inspection = Inspection(
        _SERVICES,
        lambda context: (source_of(context.peer()), shares.probes, shares.looks),
        partial(_is_ready, channel),
    )
    inspection.register(forwarding)
    options = within_files(SERVER_OPTIONS)
    server = grpc.aio.server(handlers=[forwarding], options=options)
    files = TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_ca)
    add_port(server, settings.public_address, server_credentials(files, require_client=False))
    await channel.channel_ready()
    await server.start()
    port = int(settings.public_address.rpartition(":")[2])
    most = dict(options)[MOST_CONNECTIONS]
    SourceConnections(port, each=settings.connections_per_source, crowded=most // 2).start()
    inspection.say(True)
    collect_rarely(_YOUNG)
    return server, inspection, forwarding


if __name__ == "__main__":
    leave(main())
