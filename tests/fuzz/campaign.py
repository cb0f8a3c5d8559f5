"""Calls from a seed, one after the other, and what is judged of the answers."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from runtime.bounds import carried, of
from runtime.envelope import sign_payload
from runtime.errors import Refusal, from_rpc_error
from tests.fuzz.roles import Role
from tests.fuzz.spoiling import bent, spoil
from tests.fuzz.values import Pools, Values

_TIMEOUT_S = 5.0
_LISTEN_S = 0.05
"""How long a stream is listened to."""

_BAD = frozenset((grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS))
_KEPT_BYTES = 2_000


@dataclass
class Report:
    """What came back."""

    calls: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def of_service(self, service: str) -> set[str]:
        """The reasons that methods of a service were answered with."""
        return {reason for method, reason in self.reasons if method.startswith(f"{service}.")}


class Campaign:
    """Calls every method in every role, with requests that are good, spoiled, or bent."""

    def __init__(self, seed: int, roles: list[Role], pools: Pools) -> None:
        self.report = Report()
        self._draw = Random(seed)
        self._pools = pools
        self._values = Values(self._draw, pools)
        self._roles = roles
        self._method = ""
        self._weights = [role.weight for role in roles]

    def step(self) -> None:
        """One call."""
        role = self._draw.choices(self._roles, self._weights)[0]
        method = self._draw.choice(self._draw.choice(role.services).methods)
        self._method = f"{method.containing_service.full_name}/{method.name}"
        data = self._request(method.input_type, role)
        name = method.full_name
        try:
            self._send(role, method, data)
            said = "OK"
        except grpc.RpcError as error:
            said = _said(error)
            if error.code() in _BAD:
                self.report.faults.append(
                    f"{role.name} → {name}: {error.code().name} {error.details()}"
                    f" to {data[:_KEPT_BYTES].hex()}"
                )
        self.report.calls += 1
        self.report.reasons[name, said] += 1

    def _send(self, role: Role, method: Any, data: bytes) -> None:
        path = f"/{method.containing_service.full_name}/{method.name}"
        if not method.server_streaming:
            role.channel.unary_unary(path)(data, timeout=_TIMEOUT_S)
            return
        stream = role.channel.unary_stream(path)(data, timeout=_LISTEN_S)
        try:
            next(stream, None)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
        finally:
            stream.cancel()

    def _request(self, kind: Descriptor, role: Role) -> bytes:
        message = self._made(kind, role)
        if self._draw.random() < 0.4:
            spoil(message, self._values, self._draw)
        data: bytes = message.SerializeToString()
        return bent(data, self._draw) if self._draw.random() < 0.15 else data

    def _made(self, kind: Descriptor, role: Role) -> Any:
        """A good message; what is signed in it may be spoiled."""
        message = message_factory.GetMessageClass(kind)()
        chosen = [self._draw.choice(oneof.fields) for oneof in kind.oneofs]
        for found in kind.fields:
            if found.containing_oneof is not None and found not in chosen:
                continue
            if self._left_out(found):
                continue
            if found.is_repeated:
                for _ in range(self._draw.choice((1, 1, 2, 3))):
                    self._add(message, found, role)
            elif found.type == FieldDescriptor.TYPE_MESSAGE:
                getattr(message, found.name).CopyFrom(self._inner(found, role))
            else:
                setattr(message, found.name, self._value(found, role))
        return message

    def _left_out(self, found: FieldDescriptor) -> bool:
        if found.type == FieldDescriptor.TYPE_BOOL or found.containing_oneof is not None:
            return False
        return bool(of(found).may_be_unset) and self._draw.random() < 0.4

    def _add(self, message: Any, found: FieldDescriptor, role: Role) -> None:
        items = getattr(message, found.name)
        if found.type == FieldDescriptor.TYPE_MESSAGE:
            items.add().CopyFrom(self._inner(found, role))
        else:
            items.append(self._value(found, role))

    def _value(self, found: FieldDescriptor, role: Role) -> Any:
        now_ms = time.time_ns() // 1_000_000
        fixed = {
            "created_time_ms": now_ms,
            "expires_time_ms": now_ms + 60_000,
            "method": self._method,
        }
        if found.name in fixed:
            return fixed[found.name]
        if found.name in role.identity and self._draw.random() < 0.9:
            return role.identity[found.name]
        if found.name == "sequence" and self._draw.random() < 0.9:
            return role.take_sequence()
        value = self._values.good(found)
        if found.name == "request_id":
            self._pools.request_ids.append(value)
        return value

    def _inner(self, found: FieldDescriptor, role: Role) -> Any:
        kind = carried(found)
        if kind is None:
            return self._made(found.message_type, role)
        content = self._made(kind, role)
        key_id = role.key_id
        if kind.name == "OpenWalletOrder":
            content.public_key = bytes(role.key.verify_key)
            content.bank, key_id = "alpha", content.public_key.hex().encode()
        if kind.name in ("KeyRequest", "KeyQuery", "RecoveryQuery", "RecoveryOrder"):
            key_id = bytes(role.key.verify_key).hex().encode()
            if kind.name == "KeyRequest":
                content.public_key = bytes(role.key.verify_key)
        if self._draw.random() < 0.5:
            spoil(content, self._values, self._draw)
        payload: bytes = content.SerializeToString()
        if self._draw.random() < 0.15:
            payload = bent(payload, self._draw)
        envelope = sign_payload(type(content), payload, role.key, key_id)
        if self._draw.random() < 0.1:
            spoil(envelope, self._values, self._draw)
        return envelope


def _said(error: grpc.RpcError) -> str:
    """The reason of a refusal, else the status code."""
    found = from_rpc_error(error)
    return found.name if isinstance(found, Refusal) else str(error.code().name)
