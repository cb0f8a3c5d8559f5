"""A bound is the contract's: columns and constants that stand apart from it say the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, LargeBinary, String

import central_bank.tables
import operator_bank.tables
from central_bank import limits as central_limits
from currency import amount
from dcep.bank.v1 import exchange_pb2, inbound_pb2, offline_pb2, payments_pb2, wallets_pb2
from dcep.bounds.v1 import bounds_pb2 as b
from dcep.office.v1.office_pb2 import OfficerAct
from dcep.registration.v1 import registration_pb2
from offline_token import deposit, formats, possession, ruling
from offline_token import limits as token_limits
from operator_bank import limits as bank_limits
from runtime import ed25519, hash_chain
from runtime.bounds import NoBounds, greatest, greatest_in, most_items
from settlement import limits as settlement_limits

ROOT = Path(__file__).resolve().parent.parent

CONSTANTS = [
    # The core and the token's format import nothing of ours, so their numbers stand there too.
    ("amount.MAX_AMOUNT_FEN", amount.MAX_AMOUNT_FEN, greatest(b.KIND_AMOUNT)),
    ("settlement.MAX_AMOUNT_FEN", settlement_limits.MAX_AMOUNT_FEN, greatest(b.KIND_LIMIT)),
    ("settlement.MAX_TIME_MS", settlement_limits.MAX_TIME_MS, greatest(b.KIND_TIME)),
    (
        "settlement.MAX_BATCH_RECORDS",
        settlement_limits.MAX_BATCH_RECORDS,
        most_items(payments_pb2.PayManyRequest, "orders"),
    ),
    ("settlement.SIGNATURE_BYTES", settlement_limits.SIGNATURE_BYTES, greatest(b.KIND_SIGNATURE)),
    ("ed25519.SIGNATURE_BYTES", ed25519.SIGNATURE_BYTES, greatest(b.KIND_SIGNATURE)),
    ("ed25519.PUBLIC_KEY_BYTES", ed25519.PUBLIC_KEY_BYTES, greatest(b.KIND_PUBLIC_KEY)),
    ("hash_chain.HASH_BYTES", hash_chain.HASH_BYTES, greatest(b.KIND_DIGEST)),
    ("formats.SIGNATURE_BYTES", formats.SIGNATURE_BYTES, greatest(b.KIND_SIGNATURE)),
    ("formats.KEY_BYTES", formats.KEY_BYTES, greatest(b.KIND_PUBLIC_KEY)),
    ("formats.DIGEST_BYTES", formats.DIGEST_BYTES, greatest(b.KIND_DIGEST)),
    ("formats.REVOCATION_BYTES", formats.REVOCATION_BYTES, greatest(b.KIND_REVOCATION)),
    ("formats.NAME_BYTES", formats.NAME_BYTES, greatest(b.KIND_BANK_NAME)),
    ("formats.ID_BYTES", formats.ID_BYTES, greatest(b.KIND_NONCE)),
    ("deposit.MAX_DEPOSIT_BYTES", deposit.MAX_DEPOSIT_BYTES, greatest(b.KIND_OFFLINE_DEPOSIT)),
    (
        "possession.POSSESSION_BYTES",
        possession.POSSESSION_BYTES,
        greatest_in(registration_pb2.TokenRegistration, "possession"),
    ),
    (
        "ruling.RULING_BYTES",
        ruling.RULING_BYTES,
        greatest_in(registration_pb2.DepositRefusal, "ruling"),
    ),
    (
        "limits.MAX_CHAINS",
        token_limits.MAX_CHAINS,
        most_items(offline_pb2.LoadTokensResponse, "tokens"),
    ),
    ("limits.MAX_BUNDLE_BYTES", token_limits.MAX_BUNDLE_BYTES, greatest(b.KIND_TRUST_BUNDLE)),
]


@pytest.mark.parametrize(("name", "constant", "contract"), CONSTANTS, ids=lambda x: str(x))
def test_a_constant_is_the_contracts(name: str, constant: int, contract: int) -> None:
    assert constant == contract, name


def test_what_is_encoded_by_the_tokens_format_can_be_sent() -> None:
    assert greatest(b.KIND_CERTIFICATE) >= formats.CERTIFICATE_BYTES
    assert greatest(b.KIND_STATEMENT) >= formats.CERTIFICATE_BYTES
    assert greatest(b.KIND_TOKEN) >= formats.TOKEN_BYTES
    assert greatest(b.KIND_ENDORSEMENT) >= formats.ENDORSEMENT_BYTES
    assert greatest(b.KIND_TRUST_BUNDLE) >= token_limits.MAX_BUNDLE_BYTES


def test_what_a_contract_lets_through_fits_a_record() -> None:
    assert greatest(b.KIND_OFFLINE_DEPOSIT) <= settlement_limits.MAX_NOTE_BYTES
    assert greatest(b.KIND_AMOUNT) <= settlement_limits.MAX_AMOUNT_FEN


def test_both_sides_of_a_call_with_many_items_have_the_same_bound() -> None:
    most = bank_limits.MAX_ITEMS
    assert {
        most_items(payments_pb2.PayManyResponse, "items"),
        most_items(exchange_pb2.ExchangeManyRequest, "orders"),
        most_items(exchange_pb2.ExchangeManyResponse, "items"),
        most_items(wallets_pb2.OpenWalletsRequest, "items"),
        most_items(wallets_pb2.OpenWalletsResponse, "items"),
        most_items(inbound_pb2.CheckPayeesRequest, "wallet_numbers"),
        most_items(inbound_pb2.CheckPayeesResponse, "can_be_paid"),
        most_items(registration_pb2.OutboundBatch, "payments"),
        most_items(registration_pb2.TokenDeposit, "items"),
    } == {most}
    assert central_limits.MAX_CERTIFICATES_ASKED == bank_limits.MAX_CERTIFICATES_ASKED


# What a column holds, by its name; where one name stands for several things, by its table's too.
TEXTS = {
    "asked.id": b.KIND_REQUEST_TO_PAY,
    "asker": b.KIND_WALLET_NUMBER,
    "other": b.KIND_BANK_PREFIX,
    "payer": b.KIND_WALLET_NUMBER,
    "request": b.KIND_REQUEST_TO_PAY,
    "act_id": b.KIND_REQUEST_ID,
    "banks.name": b.KIND_BANK_NAME,
    "cash_machines.name": b.KIND_OFFICER_NAME,
    "contradictions.cause": b.KIND_SENTENCE,
    "unsealed_customers.name": b.KIND_HOLDER_NAME,
    "decider": b.KIND_OFFICER_NAME,
    "destination": b.KIND_BANK_PREFIX,
    "fingerprint": b.KIND_FINGERPRINT,
    "inner_address": b.KIND_ADDRESS,
    "institution": b.KIND_BANK_NAME,
    "machine": b.KIND_OFFICER_NAME,
    "number": b.KIND_WALLET_NUMBER,
    "officer": b.KIND_OFFICER_NAME,
    "officer_acts.kind": b.KIND_WORD,
    "officers.name": b.KIND_OFFICER_NAME,
    "paid_to": b.KIND_WALLET_NUMBER,
    "payment_id": b.KIND_PAYMENT_ID,
    "phone": b.KIND_PHONE,
    "prefix": b.KIND_BANK_PREFIX,
    "proposer": b.KIND_OFFICER_NAME,
    "request_id": b.KIND_REQUEST_ID,
    "revoked_devices.cause": b.KIND_CAUSE,
    "wallet": b.KIND_WALLET_NUMBER,
}
BYTES = {
    "acts_hash": b.KIND_DIGEST,
    "business_key": b.KIND_PUBLIC_KEY,
    "decision_signature": b.KIND_SIGNATURE,
    "aliases.key": b.KIND_PUBLIC_KEY,
    "asked.key": b.KIND_PUBLIC_KEY,
    "allow_key": b.KIND_PUBLIC_KEY,
    "allow_signature": b.KIND_SIGNATURE,
    "change_key": b.KIND_PUBLIC_KEY,
    "claim_signature": b.KIND_SIGNATURE,
    "change_signature": b.KIND_SIGNATURE,
    "recovery_key": b.KIND_PUBLIC_KEY,
    "recovery_signature": b.KIND_SIGNATURE,
    "device_key": b.KIND_PUBLIC_KEY,
    "digest": b.KIND_DIGEST,
    "order_digest": b.KIND_DIGEST,
    "release_digest": b.KIND_DIGEST,
    "customers.holder_digest": b.KIND_DIGEST,
    "end_signature": b.KIND_SIGNATURE,
    "gone": b.KIND_DIGEST,
    "hash": b.KIND_DIGEST,
    "label": b.KIND_DIGEST,
    "lost_at": b.KIND_DIGEST,
    "objection_signature": b.KIND_SIGNATURE,
    "order_signature": b.KIND_SIGNATURE,
    "owner": b.KIND_PUBLIC_KEY,
    "piece_id": b.KIND_DIGEST,
    "predecessor": b.KIND_PUBLIC_KEY,
    "proposal_signature": b.KIND_SIGNATURE,
    "public_key": b.KIND_PUBLIC_KEY,
    "revocation": b.KIND_REVOCATION,
    "root_key": b.KIND_PUBLIC_KEY,
    "signature": b.KIND_SIGNATURE,
    "signing_key": b.KIND_PUBLIC_KEY,
    "spent_by": b.KIND_DIGEST,
    "successor": b.KIND_PUBLIC_KEY,
    "token_id": b.KIND_NONCE,
    "journal.previous_hash": b.KIND_DIGEST,
    "snapshot.body_hash": b.KIND_DIGEST,
}
OTHERS = {
    # No message has these: a service's own words, a secret, and the first bytes of digests.
    "alias_lookups.holder": 16,
    "bank_batches.kind": 16,
    "customers.document_key": 16,
    "customers.phone_key": 16,
    "issuance_requests.kind": 8,
    "issuance_requests.state": 8,
    "outbound.kind": 8,
    "payments.digest": 8,
    "pruned.what": 8,
    "redemptions.state": 8,
    "waiting_deposits.digest": 8,
    "writer_epoch.holder": 200,
}


def _columns() -> Iterator[Column[object]]:
    """Every column of the services' tables whose length is bounded."""
    for metadata in (central_bank.tables.metadata, operator_bank.tables.metadata):
        for table in metadata.tables.values():
            for column in table.columns:
                if isinstance(column.type, String | LargeBinary) and column.type.length:
                    yield column


def test_a_column_is_as_long_as_the_contracts_field() -> None:
    seen = set()
    for column in _columns():
        full = f"{column.table.name}.{column.name}"
        ledger = greatest_in(registration_pb2.FeedPlace, "ledger")
        own = {**OTHERS, "feed_ledger.ledger": ledger, "feed_place.ledger": ledger}
        kinds = TEXTS if isinstance(column.type, String) else BYTES
        name = full if full in own or full in kinds else column.name
        seen.add(name)
        length = own[name] if name in own else greatest(kinds[name])
        assert column.type.length == length, full  # type: ignore[attr-defined]
    assert {*TEXTS, *BYTES, *OTHERS} <= seen


def test_every_kind_of_act_has_room() -> None:
    kinds = OfficerAct.DESCRIPTOR.oneofs_by_name["kind"].fields
    assert max(len(field.name) for field in kinds) <= greatest(b.KIND_WORD)


def test_no_table_gives_a_length_of_its_own_to_what_the_contract_bounds() -> None:
    """Apart from the core's tables, whose digests are no message's."""
    own = {name.rpartition(".")[2] for name in OTHERS}
    for room in ("central_bank", "operator_bank", "officers"):
        for path in (ROOT / room).rglob("tables.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                match call:
                    case ast.Call(
                        ast.Name("Column"),
                        [ast.Constant(name), ast.Call(_, [ast.Constant(int())]), *_],
                    ):
                        assert name in own, path


def test_a_bound_that_is_not_given_is_no_bound() -> None:
    with pytest.raises(NoBounds, match="KIND_REQUIRED"):
        greatest(b.KIND_REQUIRED)
    with pytest.raises(NoBounds, match="PayRequest.order"):
        greatest_in(payments_pb2.PayRequest, "order")
    with pytest.raises(NoBounds, match="is no list"):
        most_items(payments_pb2.PayRequest, "order")
