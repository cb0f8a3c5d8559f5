"""Bounds of the plumbing."""

from __future__ import annotations

from dcep.bounds.v1.bounds_pb2 import KIND_POSITION
from runtime.bounds import greatest

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""One gRPC message, either way."""

MESSAGE_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
"""Of channels and servers alike."""

KEEPALIVE_MS = 30_000
"""How often a peer with open calls is asked for a sign of life, either way."""

KEEPALIVE_OPTIONS = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    # Whoever gives none for so long has vanished: its calls end. A sign of life waits behind all
    # that was sent before it: a few megabytes, over a slow link. It is this option that counts,
    # whatever grpc.keepalive_timeout_ms says.
    ("grpc.http2.ping_timeout_ms", 2 * KEEPALIVE_MS),
    # On a feed nothing else is ever sent, which is no reason to stop asking.
    ("grpc.http2.max_pings_without_data", 0),
)
"""Of channels and servers alike: a machine that vanishes closes no connection."""

MAX_DEADLINE_S = 120.0
"""A call may not ask to be waited for longer; streams are exempt."""

DEFAULT_DEADLINE_S = 20.0
"""What a caller gets that sets none."""

MAX_WORKERS = 32
"""Threads that serve calls; a quarter of them serve one caller at most."""

WORKERS_KEPT = 4
"""More threads, which serve officers alone."""

MAX_CONCURRENT_CALLS = 256
"""Calls that are read or served at once on one port, or wait for a thread."""

CALLS_EACH = 48
"""Of one caller."""

CALLS_KEPT = 64
"""More of them, for officers alone."""

MAX_READING = 64
"""Messages that may be half-sent for longer than HURRY_S, of all callers of a process."""

READING_EACH = 16
"""Of one caller."""

HURRY_S = 2.5
"""From the beginning of a call to the end of its message, for whoever has too many of them."""

MAX_STREAMS = 2_000
"""Open streams of one port, and as many of officers."""

STREAMS_EACH = 4
"""Of one caller."""

ASK_AGAIN_S = 0.5
"""How often the authorizer is asked whether an open stream may go on."""

MESSAGE_WITHIN_S = 10.0
"""From the beginning of a call to the end of its message."""

CONNECTIONS_EACH = 32
"""Open connections of one party to a port with mutual TLS, however many certificates it shows."""

NOBODYS_CONNECTIONS = 1_024
"""Open connections on which no call has been let in: of whoever has no certificate, is not
admitted, is suspended, or has not said a word."""

NOBODYS_CONNECTIONS_EACH = 64
"""Of them, from one address."""

NOBODYS_CONNECTIONS_S = 60.0
"""How long a connection may stay so."""

QUIET_CONNECTIONS_S = 330.0
"""How long a connection may be open after a call on it was last let in. gRPC ends those on which
nothing is said after 300 s; what is left keeps itself open with calls that are refused."""

INSPECTION_S = 30.0
"""How long a caller may look at what a server serves."""

MAX_INSPECTED = 64
"""Questions in one such look."""

MOST_CONNECTIONS = "grpc.max_allowed_incoming_connections"

MAX_PENDING = 8_192
"""Calls that have come and that the event loop has not looked at yet. Beyond this number gRPC
itself drops them, as CANCELLED and without a reason; its own bound, 1,000, is what a few busy
connections reach. Each was measured to cost 18 to 88 kB, so a port holds 0.7 GB of them at most."""

SERVER_OPTIONS = (
    *MESSAGE_OPTIONS,
    *KEEPALIVE_OPTIONS,
    # Whoever asks more often is sent away. Libraries for wallets ask every ten seconds or less.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),
    # What a few bytes would unpack to is no way in: messages come as they are.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.max_metadata_size", 8_192),
    ("grpc.absolute_max_metadata_size", 16_384),
    # Twice what one caller may have served: gRPC counts ended calls for a moment longer.
    ("grpc.max_concurrent_streams", 512),
    ("grpc.server.max_pending_requests", MAX_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 3_600_000),
    ("grpc.max_connection_age_grace_ms", 150_000),
    (MOST_CONNECTIONS, 10_000),
)
"""Of every server: what a connection may cost, how long it may idle and how old it gets."""

DRAIN_S = 10.0
"""How long running calls may take after SIGTERM."""

TRANSACTION_ATTEMPTS = 5
"""How often a transaction that met another is tried."""

MAX_POSITION = greatest(KIND_POSITION)
"""Beyond any journal."""

MAX_LOG_BYTES = 10 * 1024 * 1024
"""One log file; the full ones before it are kept up to LOG_FILES in all."""

LOG_FILES = 5

MAX_LOG_TEXT = 2_000
"""Characters of one text in a log line."""

MAX_LOG_EXCEPTION = 20_000
"""Of an exception; the last ones are kept."""

MAX_ERROR_CHARACTERS = 1_000
"""Of a peer's words about an error, those that are shown."""
