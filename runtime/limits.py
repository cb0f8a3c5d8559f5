"""Bounds of the plumbing."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""One gRPC message, either way."""

MESSAGE_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
"""Of channels and servers alike."""

MAX_DEADLINE_S = 120.0
"""A call may not ask to be waited for longer; streams are exempt."""

DEFAULT_DEADLINE_S = 20.0
"""What a caller gets that sets none."""

MAX_WORKERS = 32
"""Threads that serve calls."""

MAX_CONCURRENT_CALLS = 256
"""Calls served or waiting for a thread; beyond it gRPC answers RESOURCE_EXHAUSTED."""

DRAIN_S = 10.0
"""How long running calls may take after SIGTERM."""

TRANSACTION_ATTEMPTS = 5
"""How often a transaction that met another is tried."""

MAX_POSITION = (1 << 62) - 1
"""Beyond any journal, and a database's integer with room to count on from it."""

MAX_PAYLOAD_BYTES = 24_576
"""A signed payload of one order."""

MAX_BATCH_PAYLOAD_BYTES = 6 * 1024 * 1024
"""A signed payload that carries a batch."""
