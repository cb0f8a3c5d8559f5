"""A root with certificates, and real servers on free local ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import Int32Value
from prometheus_client import CollectorRegistry

from runtime.connections import Bounds
from runtime.metrics import CallMetrics
from runtime.server import Authorizer, Server, Service
from runtime.tls import TlsFiles, server_credentials
from tests.runtime.served import NAME, SERVER, Handler, Root, Serve, Served, count, echo


@pytest.fixture(scope="package", autouse=True)
def quiet() -> Iterator[None]:
    """No logs but where a test asks for them: a cut-off call may log when its test is over."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.testing.ReturnLoggerFactory())
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """The root that the servers trust."""
    return Root.create(tmp_path_factory.mktemp("trust") / "root")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Another root, with the same name."""
    return Root.create(tmp_path_factory.mktemp("trust") / "stranger")


@pytest.fixture
def serve(root: Root) -> Iterator[Serve]:
    """Starts servers of the test service; they are stopped after the test."""
    running: list[Served] = []

    def start(
        on_ask: Handler = echo,
        on_follow: Handler = count,
        *,
        authorize: Authorizer | None = None,
        require_client: bool = True,
        files: TlsFiles | None = None,
        connections: Bounds | None = None,
        address: str = "localhost:0",
        may_answer: Callable[[], None] = lambda: None,
    ) -> Served:
        handlers = {
            "Ask": grpc.unary_unary_rpc_method_handler(
                on_ask, Int32Value.FromString, Int32Value.SerializeToString
            ),
            "Follow": grpc.unary_stream_rpc_method_handler(
                on_follow, Int32Value.FromString, Int32Value.SerializeToString
            ),
        }
        registry = CollectorRegistry()
        server = Server(
            [Service(NAME, lambda s: s.add_registered_method_handlers(NAME, handlers))],
            credentials=server_credentials(
                files or root.files(SERVER), require_client=require_client
            ),
            address=address,
            registry=registry,
            metrics=CallMetrics(registry),
            authorize=authorize,
            max_workers=4,
            connections=connections,
            may_answer=may_answer,
        )
        server.start()
        running.append(Served(server, root, registry))
        return running[-1]

    yield start
    for served in running:
        for channel in served.channels:
            channel.close()
        served.server.stop()
