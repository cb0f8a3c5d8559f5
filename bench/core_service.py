"""Serves the bare core over gRPC: packed records in, packed answers out, TLS on both sides.

One message holds up to 8,190 records of `settlement.records.RECORD`. Its reply holds one ANSWER for
each, sent after the commit that they are in. There is no protobuf: the bytes on the wire are the
core's own layouts.
"""

from __future__ import annotations

import json
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from sqlalchemy import MetaData

from bench.workload import IN_FLIGHT, fill
from runtime.certificates import Authority
from runtime.channel import served_by
from runtime.database import open_engine
from runtime.limits import MESSAGE_OPTIONS
from runtime.tls import TlsFiles, channel_credentials, server_credentials
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Answers, Batch
from settlement.limits import MAX_BATCH_RECORDS, MAX_LAG_RECORDS
from settlement.records import RECORD, Records
from settlement.tables import journal_tables

ANSWER = np.dtype([("result", "u1"), ("repeated", "u1"), ("detail", "<u8"), ("position", "<u8")])

_SERVICE = "dcep.bench.Core"
SUBMIT = f"/{_SERVICE}/Submit"
ECHO = f"/{_SERVICE}/Echo"
ASK = f"/{_SERVICE}/Ask"
_OPTIONS = [*MESSAGE_OPTIONS, ("grpc.so_reuseport", 0)]
_IDLE_S = 0.02
_POLL_S = 0.01
_PATIENCE_S = 900.0


def packed(answers: Answers) -> bytes:
    """Answers as bytes for the wire."""
    rows = np.empty(len(answers.results), ANSWER)
    rows["result"] = answers.results
    rows["repeated"] = answers.repeated
    rows["detail"] = answers.details
    rows["position"] = answers.positions
    return rows.tobytes()


class CoreService:
    """The gRPC handlers over one core."""

    def __init__(self, bundle: LedgerBundle) -> None:
        self._bundle = bundle
        self._ledger: Any = bundle.ledger

    def submit(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Submits each message at once; the replies come in order, each after its commit."""
        waiting: queue.Queue[Future[Answers] | None] = queue.Queue(IN_FLIGHT)
        wrong: list[str] = []

        def read() -> None:
            try:
                for message in messages:
                    if not 0 < len(message) <= MAX_BATCH_RECORDS * RECORD.itemsize or (
                        len(message) % RECORD.itemsize
                    ):
                        wrong.append(f"a message has 1 to {MAX_BATCH_RECORDS} whole records")
                        return
                    records = np.frombuffer(message, RECORD)
                    waiting.put(self._ledger.submit_later(Batch(records)))
            except (grpc.RpcError, ValueError) as error:
                wrong.append(str(error))
            finally:
                waiting.put(None)

        threading.Thread(target=read, name="reader", daemon=True).start()
        while (future := waiting.get()) is not None:
            yield packed(future.result())
        if wrong:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, wrong[0])

    def echo(self, messages: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        """Only the transport: as many bytes in and out as `submit`, without the core."""
        for message in messages:
            yield bytes(len(message) // RECORD.itemsize * ANSWER.itemsize)

    def ask(self, message: bytes, _: grpc.ServicerContext) -> bytes:
        """Answers a question about the past or about the process, both as JSON."""
        asked = json.loads(message)
        history = self._bundle.history
        answer: Any
        match asked["what"]:
            case "positions":
                answer = [self._bundle.ledger.position(), self._bundle.projection.position()]
            case "find":
                row = history.row(asked["origin"], asked["sequence"])
                answer = None if row is None else [row.position, row.debit, row.credit]
            case "statement":
                rows = history.statement(asked["account"], None, asked["limit"])
                answer = [row.position for row in rows]
            case "memory":
                answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            case other:
                raise ValueError(other)
        return json.dumps(answer).encode()

    def handlers(self) -> grpc.GenericRpcHandler:
        """The handlers for a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                "Submit": grpc.stream_stream_rpc_method_handler(self.submit),
                "Echo": grpc.stream_stream_rpc_method_handler(self.echo),
                "Ask": grpc.unary_unary_rpc_method_handler(self.ask),
            },
        )


def serve(
    url: Annotated[str, typer.Argument(help="The core's database.")],
    trust: Annotated[Path, typer.Argument(help="Folder with server.crt, server.key, ca.crt.")],
    accounts: Annotated[int, typer.Option(help="Open and fund so many in an empty core.")] = 0,
    project: Annotated[bool, typer.Option(help="Run the projection beside the writer.")] = False,
) -> None:
    """Serve a core at a free port of 127.0.0.1, print the port, and run until SIGTERM."""
    engine = open_engine(url)
    metadata = MetaData()
    tables = journal_tables(metadata)
    metadata.create_all(engine)
    max_lag = MAX_LAG_RECORDS if project else None
    bundle = open_ledger(engine, tables, threaded=True, max_lag=max_lag)
    if accounts and not bundle.core.position:
        fill(bundle, accounts)
        if project:
            bundle.history.follow()
    server = grpc.server(ThreadPoolExecutor(16), options=_OPTIONS)
    server.add_generic_rpc_handlers((CoreService(bundle).handlers(),))
    files = TlsFiles(trust / "server.crt", trust / "server.key", trust / "ca.crt")
    credentials = server_credentials(files, require_client=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    follower = threading.Thread(target=_project, args=(bundle, stop), name="projection")
    if project:
        follower.start()
    server.start()
    print(port, flush=True)
    stop.wait()
    server.stop(5).wait()
    if project:
        follower.join()
    bundle.stop()
    engine.dispose()


def _project(bundle: LedgerBundle, stop: threading.Event) -> None:
    while not stop.is_set():
        if not bundle.projection.catch_up():
            stop.wait(_IDLE_S)


class CoreClient:
    """A client of the service, in another process."""

    def __init__(self, port: int, trust: Path) -> None:
        credentials = channel_credentials(
            trust / "ca.crt", trust / "client.crt", trust / "client.key"
        )
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{port}", credentials, [*_OPTIONS, *served_by("dcep://bench/server")]
        )
        self._ask = self.channel.unary_unary(ASK)

    def ask(self, what: str, **fields: Any) -> Any:
        """Asks a question; see `CoreService.ask`."""
        message = json.dumps({"what": what, **fields}).encode()
        return json.loads(self._ask(message, timeout=120.0))

    def wait_until_projected(self) -> None:
        """Waits until everything that was written has been projected.

        Raises:
            AssertionError: that took longer than _PATIENCE_S.
        """
        ends_at = time.monotonic() + _PATIENCE_S
        while True:
            written, projected = self.ask("positions")
            if projected >= written:
                return
            if time.monotonic() > ends_at:
                raise AssertionError(f"{written - projected} records are not projected")
            time.sleep(_POLL_S)

    def stream(self, batches: Sequence[Records], method: str = SUBMIT) -> list[bytes]:
        """Sends batches with a bounded number in flight; returns the replies in order."""
        room = threading.Semaphore(IN_FLIGHT)

        def messages() -> Iterable[bytes]:
            for records in batches:
                room.acquire()
                yield records.tobytes()

        replies: list[bytes] = []
        for reply in self.channel.stream_stream(method)(messages(), timeout=600.0):
            replies.append(reply)
            room.release()
        return replies


def make_trust(folder: Path) -> Path:
    """Makes a root, and a certificate each for the server and the client; returns the folder."""
    folder.mkdir(exist_ok=True)
    authority = Authority.create("bench")
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    for name in ("server", "client"):
        issued = authority.issue(f"dcep://bench/{name}")
        (folder / f"{name}.crt").write_bytes(issued.certificate_pem)
        (folder / f"{name}.key").write_bytes(issued.key_pem)
    return folder


@contextmanager
def running(url: str, trust: Path, *options: str) -> Iterator[tuple[CoreClient, int]]:
    """Runs a server's process; yields a client of it and the process's id."""
    command = [sys.executable, "-m", "bench.core_service", url, str(trust), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.strip().isdigit():
                raise RuntimeError(f"the core's process did not start: {line!r}")
            client = CoreClient(int(line), trust)
            try:
                yield client, process.pid
            finally:
                client.channel.close()
        finally:
            process.terminate()


if __name__ == "__main__":
    # A question about the past waits, at each step, until the writer lets the interpreter go.
    sys.setswitchinterval(0.001)
    typer.run(serve)
