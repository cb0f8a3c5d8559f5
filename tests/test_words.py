"""Words that were ours alone are gone from the code; the field's stand in their place."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from central_bank import tables as central_tables
from operator_bank import tables as bank_tables
from wallet import tables as wallet_tables

ROOT = Path(__file__).resolve().parent.parent

RETIRED = {
    "pocket": "offline_payments",
    "Pocket": "OfflinePayments",
    "Loading": "TokenLoading",
    "Desk": "OrderSubmitter",
    "CameBack": "PaymentReturn",
    "ActDesk": "ActClient",
    "BankOffice": "BankOfficerClient",
    "CentralOffice": "CentralOfficerClient",
    "Gate": "Authorizer",
    "LostDesk": "LostPayments",
    "SuspenseDesk": "SuspensePayouts",
    "Way": "Spend",
    "accident": "fatal_error",
    "on_accident": "on_fatal_error",
    "Ways": "Spends",
    "read_way": "read_spend",
    "Speaker": "Output",
    "speaker": "output",
    "World": "System",
    "world": "system",
    "Country": "System, or Signers for who signs offline money",
    "Town": "System",
    "Purse": "TestDevice",
    "purse": "make_device",
    "Said": "CommandResult",
    "SetAside": "ReserveForRedemption",
    "SET_ASIDE": "REDEMPTION_RESERVE",
    "set_aside": "reserve_for_redemption",
    "diverted": "undeliverable",
    "DIVERTED": "UNDELIVERABLE",
    "lying": "suspended",
    "Judging": "Verification",
    "judging": "verification",
    "DepositAnswers": "DepositOutcomes",
    "Restoring": "Refunds",
    "give_back": "return_payment",
    "GiveBack": "SignedReturn",
    "given_back": "refunded, or returned",
    "GivenBack": "PaymentReturned",
    "strays": "unused",
    "_desk": "_submitter",
    "welcome": "require_active",
}
"""By its retired name what a thing is called now; see the glossary for what each is."""

OF_OTHERS = {
    "SetAside": "ReserveForRedemption",
    "give_back": "return_text",
    "GIVEN_BACK": "RETURNED, or REFUNDED",
    "diverted": "undeliverable",
    "NotSetAside": "NotKnown",
    "redemption_set_aside": "redemption reserve",
    "dcep up --dir": "dcep up --stack",
}
"""By what the contract, tables, commands and pages called a thing, what it is called now."""

FOLDERS = {
    "central_bank/gate": "central_bank/authentication/authorization",
    "runtime/page": "runtime/pagination",
    "sandbox/offices": "console/clients",
    "sandbox/people": "sandbox/demo/wallet_process",
    "sandbox/plan": "deployment/topology",
    "sandbox/story": "sandbox/demo/scenario",
    "sandbox/trust": "deployment/provisioning",
    "sandbox/world": "sandbox/demo/environment",
}


def retired_in(source: str) -> list[tuple[str, int]]:
    """(word, line) of each name in Python code that is retired."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        (token.string, token.start[0])
        for token in tokens
        if token.type == tokenize.NAME and token.string in RETIRED
    ]


def files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    return [name for name in listed if not name.startswith("protos/gen/")]


def test_no_name_in_the_code_is_a_retired_one() -> None:
    found = [
        f"{name}:{line}: {word} is {RETIRED[word]} now"
        for name in files()
        if (ROOT / name).is_file()
        for word, line in retired_in((ROOT / name).read_text())
    ]
    assert not found, "\n".join(found)


def others() -> list[Path]:
    """The contract, the documentation, and what is said in Chinese."""
    listed = subprocess.run(
        ["git", "ls-files", "protos/dcep", "docs/*.md", "README*.md", "ARCHITECTURE.md", "*.po"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def retired_among_others(text: str) -> list[tuple[str, int]]:
    """(word, line) of what is retired in a text that is no code."""
    return [
        (word, number)
        for number, line in enumerate(text.splitlines(), 1)
        for word in OF_OTHERS
        if re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", line)
    ]


def test_no_retired_word_is_in_the_contract_the_documentation_or_what_is_said() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {word} is {OF_OTHERS[word]} now"
        for file in others()
        for word, line in retired_among_others(file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("word", OF_OTHERS)
def test_a_retired_word_of_a_page_would_be_noticed(word: str) -> None:
    assert retired_among_others(f"\nthe `{word}` of a bank") == [(word, 2)]


def table_names() -> set[str]:
    """Of every table and column of the services' databases."""
    tables = [
        table
        for metadata in (central_tables.metadata, bank_tables.metadata, wallet_tables.metadata)
        for table in metadata.tables.values()
    ]
    return {t.name for t in tables} | {column.name for t in tables for column in t.columns}


def test_no_table_or_column_has_a_retired_name() -> None:
    assert not table_names() & {*RETIRED, *OF_OTHERS}


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_name_would_be_noticed(word: str) -> None:
    assert retired_in(f"def f({word}: int) -> None: ...\n") == [(word, 1)]


def test_no_module_has_a_retired_name() -> None:
    assert not [
        f"{name} is {now} now"
        for name, now in FOLDERS.items()
        if (ROOT / f"{name}.py").exists() or not (ROOT / f"{now}.py").exists()
    ]
