"""The generated code is what the generator makes of the contract today."""

from __future__ import annotations

import filecmp
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

from dcep.bounds.v1 import bounds_pb2
from dcep.envelope.v1 import envelope_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.verify import Reason
from runtime import bounds
from runtime.errors import status_of
from runtime.limits import MAX_MESSAGE_BYTES

ROOT = Path(__file__).resolve().parent.parent


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    protos = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "protos/dcep").rglob("*.proto"))
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Iprotos", *outputs, *protos]
    subprocess.run(command, cwd=ROOT, check=True)
    made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.py*")}
    kept = {
        str(p.relative_to(ROOT / "protos/gen"))
        for p in (ROOT / "protos/gen").rglob("*.py*")
        if "__pycache__" not in p.parts
    }
    assert made == kept
    _, changed, missing = filecmp.cmpfiles(tmp_path, ROOT / "protos/gen", sorted(made), False)
    assert (changed, missing) == ([], [])


def _messages() -> Iterator[Descriptor]:
    """Every message of the contract."""
    for path in sorted((ROOT / "protos/dcep").rglob("*.proto")):
        name = str(path.relative_to(ROOT / "protos")).removesuffix(".proto").replace("/", ".")
        module = importlib.import_module(f"{name}_pb2")
        yield from module.DESCRIPTOR.message_types_by_name.values()


def test_every_field_has_bounds() -> None:
    """See protos/dcep/bounds/v1/bounds.proto; what has none could be anything."""
    fields = [
        field
        for message in _messages()
        for field in message.fields
        if (field.is_repeated or field.type != FieldDescriptor.TYPE_BOOL)
        and message.file is not bounds_pb2.DESCRIPTOR
    ]
    assert len(fields) > 250
    for field in fields:
        bounds.of(field)


def test_every_request_and_every_answer_can_be_sent() -> None:
    """Even the longest that keeps the bounds of its fields: none can block what follows it."""
    for path in sorted((ROOT / "protos/gen/dcep").rglob("*_pb2_grpc.py")):
        name = str(path.relative_to(ROOT / "protos/gen")).removesuffix("_grpc.py")
        module = importlib.import_module(name.replace("/", "."))
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for message in (method.input_type, method.output_type):
                    longest = bounds.greatest_bytes(message)
                    assert longest <= MAX_MESSAGE_BYTES, (message.full_name, longest)


def _tags() -> dict[str, str]:
    """The tag of each message that has one, by the message's name."""
    tags = {
        message.full_name: message.GetOptions().Extensions[envelope_pb2.tag]
        for message in _messages()
    }
    return {name: tag for name, tag in tags.items() if tag}


def test_what_an_envelope_carries_has_a_tag_of_its_own() -> None:
    tags = _tags()
    carried = {
        bounds.of(field).carries
        for message in _messages()
        for field in message.fields
        if field.message_type is SignedEnvelope.DESCRIPTOR
    }
    assert len(carried) > 15
    assert carried <= set(tags)
    assert len(set(tags.values())) == len(tags)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*/v[1-9]", tag) for tag in tags.values())


def test_what_an_envelope_carries_is_imported_by_its_file() -> None:
    """Else a service that imports that file alone does not know the message, and does not start."""

    def reached(file: FileDescriptor) -> set[str]:
        return {file.name}.union(*map(reached, file.dependencies))

    fields = [
        field
        for message in _messages()
        for field in message.fields
        if field.message_type is SignedEnvelope.DESCRIPTOR
    ]
    found = [(field, what) for field in fields if (what := bounds.carried(field)) is not None]
    assert len(found) > 10
    for field, what in found:
        assert what.file.name in reached(field.file), f"{field.full_name}: {what.full_name}"


def test_the_page_about_the_protocol_names_every_tag() -> None:
    """For who has no protobuf compiler; `key-possession/v1` is over no message."""
    page = (ROOT / "docs/explanation/protocol.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+/v\d)` \| `(\w+)`", page, re.M))
    assert rows == {tag: name.rsplit(".", 1)[1] for name, tag in _tags().items()}


def test_no_comment_of_the_contract_spells_a_tag() -> None:
    """The option says it."""
    for path in (ROOT / "protos/dcep").rglob("*.proto"):
        for tag in _tags().values():
            spelled = path.read_text().count(f'"{tag}"')
            assert spelled == path.read_text().count(f'option (envelope.v1.tag) = "{tag}"'), path


def test_every_reason_has_a_status() -> None:
    for reason in errors_pb2.Reason.values():
        assert 1 <= status_of(reason) <= 16


def test_a_feed_event_has_the_name_and_number_of_its_field() -> None:
    fields = registration_pb2.FeedEntry.DESCRIPTOR.oneofs_by_name["event"].fields
    named = {f"FEED_EVENT_{field.name.upper()}": field.number for field in fields}
    assert dict(registration_pb2.FeedEvent.items()) == {"FEED_EVENT_UNSPECIFIED": 0, **named}


def test_a_verdict_on_an_offline_payment_has_the_name_and_number_of_its_reason() -> None:
    """The last two are the central bank's alone."""
    named = {f"TOKEN_VERDICT_{one.name}": one.value for one in Reason if one != Reason.GOOD}
    books = {"TOKEN_VERDICT_SPENT_TWICE": 23, "TOKEN_VERDICT_NOT_REGISTERED": 24}
    told = dict(registration_pb2.TokenVerdict.items())
    assert told == {"TOKEN_VERDICT_UNSPECIFIED": 0, **named, **books}
