"""The calls of the contract, with the comments of its proto files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from dcep_build.reference.pages import ROOT, code, page, table

_SERVICE, _METHOD = 6, 2
"""Field numbers of FileDescriptorProto.service and ServiceDescriptorProto.method, of which the
path of a comment is made (descriptor.proto, SourceCodeInfo.Location.path)."""
_ABOUT = (
    "Each message and each field is described in the proto files themselves, which are linked "
    "here. `stream` marks a call that goes on sending."
)


def calls_page() -> str:
    """Every service of the contract with its calls, their messages and comments; in English."""
    parts = [_ABOUT]
    for file in _files():
        comments = {
            tuple(each.path): " ".join(each.leading_comments.split())
            for each in file.source_code_info.location
        }
        for number, service in enumerate(file.service):
            title = f"{file.package}.{service.name}"
            parts.append(f"## {title}")
            parts.append(f"[{file.name}](../../protos/{file.name})")
            parts.append(comments.get((_SERVICE, number), ""))
            rows = [
                [
                    code(method.name),
                    _message(method.input_type, method.client_streaming),
                    _message(method.output_type, method.server_streaming),
                    comments.get((_SERVICE, number, _METHOD, place), ""),
                ]
                for place, method in enumerate(service.method)
            ]
            parts.append(table(["Call", "Request", "Response", ""], rows))
    return page("", "", "Calls", filter(None, parts))


def _message(name: str, streams: bool) -> str:
    return ("stream " if streams else "") + code(name.rpartition(".")[2])


def _files() -> Iterator[FileDescriptorProto]:
    sources = sorted((ROOT / "protos/dcep").rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        ours, googles = ROOT / "protos", Path(grpc_tools.__file__).parent / "_proto"
        options = [f"-I{ours}", f"-I{googles}", "--include_source_info"]
        failed = protoc.main(["", *options, f"--descriptor_set_out={out}", *map(str, sources)])
        if failed:
            raise RuntimeError(f"protoc ends with {failed}")
        yield from FileDescriptorSet.FromString(out.read_bytes()).file
