"""The one expression over a message, and the checks that name a field, say the same of each."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from dcep.analysis.v1 import analysis_pb2
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    aliases_pb2,
    edge_pb2,
    exchange_pb2,
    inbound_pb2,
    officers_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    wallets_pb2,
)
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from dcep.registration.v1 import registration_pb2
from dcep.wallet.v1 import wallet_pb2
from runtime.bounds import of
from runtime.bounds_expression import fits_of
from runtime.errors import Refusal
from runtime.messages import _check_of
from tests.fuzz.spoiling import spoil
from tests.fuzz.values import Pools, Values

FILES = (
    analysis_pb2, authentication_pb2, edge_pb2, exchange_pb2, inbound_pb2, officers_pb2,
    offline_pb2, orders_pb2, payments_pb2, wallets_pb2, issuance_pb2, office_pb2, registration_pb2,
    wallet_pb2, aliases_pb2, directory_pb2,
)  # fmt: skip
KINDS = sorted(
    (kind for file in FILES for kind in file.DESCRIPTOR.message_types_by_name.values()),
    key=lambda kind: kind.full_name,
)
OF_EACH = 150


def made(kind: Descriptor, values: Values, draw: Random) -> Any:
    """A message whose fields are within their bounds, or left out."""
    message = message_factory.GetMessageClass(kind)()
    chosen = [draw.choice(oneof.fields) for oneof in kind.oneofs if draw.random() < 0.9]
    for field in kind.fields:
        optional = field.type != FieldDescriptor.TYPE_BOOL and of(field).may_be_unset
        if field.containing_oneof is not None and field not in chosen:
            continue
        if optional and field.containing_oneof is None and draw.random() < 0.4:
            continue
        if field.is_repeated:
            for _ in range(max(draw.choice((0, 1, 2)), of(field).min_items)):
                items = getattr(message, field.name)
                if field.type == FieldDescriptor.TYPE_MESSAGE:
                    items.add().CopyFrom(made(field.message_type, values, draw))
                else:
                    items.append(values.good(field))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(message, field.name).CopyFrom(made(field.message_type, values, draw))
        else:
            setattr(message, field.name, values.good(field))
    return message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.full_name)
def test_what_fits_is_what_no_check_refuses(kind: Descriptor) -> None:
    draw = Random(kind.full_name)
    values = Values(draw, Pools(banks=["alpha"]))
    seen: Counter[bool] = Counter()
    for _ in range(OF_EACH):
        message = made(kind, values, draw)
        for _ in range(draw.choice((0, 0, 1, 2))):
            spoil(message, values, draw)
        try:
            _check_of(kind)(message)
            kept = True
        except Refusal:
            kept = False
        assert fits_of(kind)(message) == kept, message
        seen[kept] += 1
    assert seen[True] or not kind.fields
