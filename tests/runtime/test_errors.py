"""Refusals travel whole: reason, status, sentence, field and metadata."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from dcep.errors.v1 import errors_pb2
from runtime.channel import connect
from runtime.errors import (
    NoAnswer,
    Refusal,
    from_rpc_error,
    is_undecided,
    reason_name,
    reason_number,
    status_of,
    to_status,
)
from tests.refusals import refused_because
from tests.runtime.served import SERVER, Root, Serve, Served, ask, stream, unary

REASONS = [value.number for value in errors_pb2.Reason.DESCRIPTOR.values]
CODES = {code.value[0]: code for code in grpc.StatusCode}


RUDE = "\x1b[2J\rpaid \u202e" + "x" * 2_000


def refuse(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
    raise Refusal(request.value, "没有: a sentence", field="amount_fen", missing_fen="7")


def refuse_late(request: Int32Value, context: grpc.ServicerContext):  # type: ignore[no-untyped-def]
    yield Int32Value(value=1)
    raise Refusal(request.value, "a sentence")


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_a_status_and_a_name(reason: int) -> None:
    code = CODES[status_of(reason)]
    assert code not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)
    assert reason_number(reason_name(reason)) == reason


def test_what_is_about_the_caller_the_moment_or_the_service_decides_nothing() -> None:
    undecided = {reason_name(reason) for reason in REASONS if is_undecided(reason)}
    assert undecided == {
        "UNSPECIFIED", "MESSAGE_UNREADABLE", "DEADLINE_MISSING", "CERTIFICATE_REQUIRED",
        "ROLE_NOT_ALLOWED", "BANK_NOT_ADMITTED", "BANK_SUSPENDED", "BANK_BEHIND", "NOT_YET_VALID",
        "PEER_UNAVAILABLE", "TOO_MANY_REFUSALS", "OVERLOADED", "STOPPING", "INTERNAL",
        "NOT_SERVING", "PHONE_NOT_CONFIRMED", "NOT_RELEASED",
    }  # fmt: skip
    assert is_undecided(9_999), "nor does what a later version may say"


def test_a_reason_of_a_later_version_has_no_number_here() -> None:
    assert reason_number("OF_TOMORROW") == errors_pb2.REASON_UNSPECIFIED
    assert reason_name(9_999) == "UNKNOWN_9999"


def test_every_refusal_comes_out_as_it_went_in(serve: Serve) -> None:
    served = serve(refuse)
    ours, plain = served.ours(), served.plain()
    for reason in REASONS:
        with pytest.raises(Refusal) as caught:
            ask(ours, reason)
        refusal = caught.value
        assert refusal.reason == reason
        assert refusal.message == "没有: a sentence"
        assert refusal.field == "amount_fen"
        assert refusal.metadata == {"missing_fen": "7"}
        with pytest.raises(grpc.RpcError) as raw:
            unary(plain)(Int32Value(value=reason), timeout=5)
        assert raw.value.code() == CODES[status_of(reason)]


def refuse_rudely(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
    if request.value:
        raise Refusal(errors_pb2.REASON_WALLET_FROZEN, RUDE, more=RUDE)
    context.set_code(grpc.StatusCode.ABORTED)
    context.set_details(RUDE)
    return request


@pytest.mark.parametrize(("value", "kind"), [(0, NoAnswer), (1, Refusal)])
def test_a_peers_words_steer_no_terminal(serve: Serve, value: int, kind: type[Exception]) -> None:
    served = serve(refuse_rudely).ours()
    with pytest.raises(kind) as error:
        ask(served, value)
    said = [str(error.value), *getattr(error.value, "metadata", {}).values()]
    assert all(text.isprintable() and "2J" in text and len(text) < 7_000 for text in said)


def test_a_stream_gives_what_it_has_before_its_refusal(serve: Serve) -> None:
    served = serve(on_follow=refuse_late)
    answers = stream(served.ours())(Int32Value(value=errors_pb2.REASON_BANK_SUSPENDED))
    assert next(answers).value == 1
    refused_because(errors_pb2.REASON_BANK_SUSPENDED, next, answers)


def test_a_stream_without_an_accident_ends(serve: Serve) -> None:
    answers = stream(serve().ours())(Int32Value(value=3))
    assert [answer.value for answer in answers] == [1, 2, 3]


def test_nobody_there_is_no_answer(root: Root, serve: Serve) -> None:
    served: Served = serve()
    served.server.stop()
    with (
        connect(served.address, root.credentials("dcep://bank/alpha"), SERVER) as channel,
        pytest.raises(NoAnswer),
    ):
        ask(channel)


def test_a_call_that_takes_too_long_is_no_answer(serve: Serve) -> None:
    release = threading.Event()

    def wait(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        release.wait(10)
        return request

    call = unary(serve(wait).ours())
    try:
        with pytest.raises(NoAnswer, match="DEADLINE_EXCEEDED"):
            call(Int32Value(value=1), timeout=0.2)
    finally:
        release.set()


def test_a_method_that_is_not_there_is_refused(serve: Serve) -> None:
    call = serve().ours().unary_unary("/dcep.test.v1.Numbers/Absent")
    refused_because(errors_pb2.REASON_MESSAGE_UNREADABLE, call, b"")


Told = Callable[[grpc.ServicerContext], None]


@pytest.fixture
def said_by() -> Iterator[Callable[[Told], Refusal | NoAnswer]]:
    """What a call means that a server of another maker ends in its own way."""
    with contextlib.ExitStack() as ends:

        def ask_it(told: Told) -> Refusal | NoAnswer:
            def end(request: bytes, context: grpc.ServicerContext) -> bytes:
                told(context)
                return b""

            handlers = {"Ask": grpc.unary_unary_rpc_method_handler(end)}
            server = grpc.server(ThreadPoolExecutor(1))
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler("rude", handlers),)
            )
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            ends.callback(server.stop, None)
            channel = ends.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary("/rude/Ask")(b"", timeout=10.0)
            return from_rpc_error(caught.value)

        yield ask_it


def test_a_peers_words_about_its_refusal_take_no_place_of_ours(
    said_by: Callable[[Told], Refusal | NoAnswer],
) -> None:
    told = {"self": "a", "reason": "b", "message": "c", "retry_after_ms": "soon", "": "d"}
    metadata = {**told, "field": "x"}
    info = error_details_pb2.ErrorInfo(reason="OF_TOMORROW", domain="dcep", metadata=metadata)
    status = status_pb2.Status(code=grpc.StatusCode.ABORTED.value[0], message="no")
    status.details.add().Pack(info)
    refusal = said_by(lambda context: context.abort_with_status(rpc_status.to_status(status)))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.message, refusal.field) == (0, "no", "x")
    assert refusal.metadata == told
    # Handed on, as an edge or a bank does.
    again = Refusal(refusal.reason, refusal.message, field=refusal.field, **refusal.metadata)
    assert len(to_status(again).details) == 1


@pytest.mark.parametrize(
    "trailer",
    [b"\xff\xff", status_pb2.Status(code=7, message="another code").SerializeToString()],
)
def test_a_status_that_is_none_or_of_another_code_is_not_believed(
    said_by: Callable[[Told], Refusal | NoAnswer], trailer: bytes
) -> None:
    def late(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", trailer),))
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "late")

    silence = said_by(late)
    assert isinstance(silence, NoAnswer)
    assert str(silence) == "DEADLINE_EXCEEDED: late"
