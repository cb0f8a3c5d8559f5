"""The reasons of refusals, from the contract; what they mean, from the command lines' words."""

from __future__ import annotations

import grpc

from currency.reasons import SENTENCES
from dcep.errors.v1 import errors_pb2
from dcep_build.reference.pages import code, page, saying, table
from language import _

_ABOUT = (
    "Every refusal names one reason, as `google.rpc.ErrorInfo.reason` in the domain `dcep`. "
    "A final reason is the last word: whoever asks again is refused again. Any other reason "
    "decides nothing about the order, which may still be carried out; send the very same order "
    "again."
)
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def reasons_page(language: str) -> str:
    """Every reason with its number, its gRPC status code, and whether it is the last word."""
    say = saying(language)
    rows = []
    for value in errors_pb2.Reason.DESCRIPTOR.values:
        name = value.name.removeprefix("REASON_")
        options = value.GetOptions()
        rows.append(
            [
                code(name),
                str(value.number),
                code(_CODES[options.Extensions[errors_pb2.status]]),
                say("no") if options.Extensions[errors_pb2.undecided] else say("yes"),
                _(SENTENCES[name]),
            ]
        )
    head = [say("Reason"), say("Number"), say("gRPC status"), say("Final"), say("Meaning")]
    return page(
        "reasons.md", language, say("Reasons of refusals"), [say(_ABOUT), table(head, rows)]
    )
