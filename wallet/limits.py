"""Bounds of the wallet."""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.bounds.v1.bounds_pb2 import (
    KIND_HOLDER_NAME,
    KIND_MEMO,
    KIND_NONCE,
    KIND_OFFLINE_TEXT,
    KIND_PHONE,
)
from dcep.wallet.v1 import wallet_pb2
from runtime.bounds import greatest, greatest_in

MAX_MEMO = greatest(KIND_MEMO)
"""Characters of a memo."""

MAX_NAME = greatest(KIND_HOLDER_NAME)
"""Characters of a holder's name."""

MAX_LABEL = greatest_in(signers_pb2.Signer, "label")
"""Characters of what a wallet's signer is called."""

MAX_PHONE = greatest(KIND_PHONE)
"""Characters of a telephone number."""

ORDER_VALID_MS = 10 * 60 * 1_000
"""An order never settles later than this after it was made."""

PREPARED_VALID_MS = 24 * 3_600 * 1_000
"""As ORDER_VALID_MS, for what waits for others' signatures."""

SALT_BYTES = greatest(KIND_NONCE)
"""Random bytes that keep anybody who has an order from guessing its holder."""

BANK_BEHIND_MS = 2 * 60 * 1_000
"""A bank that answers a question is behind the clock by which that was dated by less than this: it
takes none that is dated more than a minute ahead, and has a minute for what it is about to decide.
"""

OPENING_VALID_MS = 5 * 60 * 1_000
"""A bank may open the wallet for this long; who asks again signs again."""

MAX_RECEIPT_CHARACTERS = 4 * -(-greatest_in(wallet_pb2.TopUpRequest, "cash_receipt") // 3)
"""A cash machine's receipt as text: base64."""

QUERY_VALID_MS = 60 * 1_000
"""A signed question may be answered for this long."""

SHOW_TIMEOUT_S = 5.0
"""How long a question to the bank waits."""

ORDER_TIMEOUT_S = 25.0
"""How long an order waits for its answer."""

MAX_TEXT_CHARACTERS = greatest(KIND_OFFLINE_TEXT)
"""An offline request or payment as text, and one line of a direct link."""

MAX_INPUT_BYTES = 262_144
"""The most bytes of a file or of standard input in which such a text is looked for, in any
encoding."""

MAX_QR_CHARACTERS = 667
"""What one QR code carries that fits 80 columns: version 14-L in its alphanumeric mode (ISO/IEC
18004), 73 modules wide. A payment with one fresh token has 632; a longer text takes several."""

MAX_CODES = 99
"""QR codes of one text."""

MAX_CODE_CHARACTERS = 512
"""A merchant's code as text (EMV QR Code Specification, Merchant-Presented Mode, section 4.1)."""

MAX_PICTURE_BYTES = 20 * 1_024 * 1_024
"""A file in which a merchant's code is looked for."""

MAX_PICTURE_PIXELS = 64_000_000
"""Its width times its height: a photograph of a telephone has up to fifty million."""

MAX_LISTED = 100
"""How many of the newest texts that were made are listed."""

ASK_ABOVE_FEN = 10_000
"""Above 100 yuan the holder is asked to confirm a payment, unless `--yes` is given."""

MAX_REFERENCE = greatest_in(orders_pb2.RequestToPay, "reference")
"""Characters of an asker's own reference."""

MAX_DUE_MS = 366 * 86_400_000
"""How far ahead a request to pay may be due."""

DUE_MS = 30 * 86_400_000
"""How long one may be paid whose asker does not say."""

MAX_SPLIT = 100
"""Wallets that one bill is split among."""

MAX_REQUESTS_LISTED = 500
"""Requests to pay that are listed; there may be more, older ones."""

ALIAS_LOOK_S = 0.3
ALIAS_PATIENCE_S = 9.0
"""How often, and how long, a command looks whether the directory has heard of an alias."""

FEW_HOPS = 3
"""The holder is warned of a piece that can be paid on so often or less."""

FEW_DAYS = 7
"""The holder is warned of a piece that can no longer be paid after so many days."""

LINK_TIMEOUT_S = 120.0
"""How long a direct link waits for the other device."""

MAX_SHOWN = 100
"""Lines that one payer may say over one link: earlier payments, and the one that was asked for."""

MAX_TAGS = 100
"""Requests that a payer asks about, and that a payee tells a card of."""

WATCH_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long a watch that lost its bank waits before it asks again; the last one from then on."""

MAX_LOOKED_UP = 50
"""Orders without an answer that one look into the history asks about."""

MAX_PAYROLL_ROWS = 100_000
"""Payments of one file; a run's are held in memory, some hundred bytes each."""

MAX_PAYEES_FOUND = MAX_PAYROLL_ROWS
"""Aliases of which a wallet remembers whom they stand for."""

MAX_PAYROLL_BYTES = 32 * 1024 * 1024
"""Bytes of such a file: rows of 300 bytes."""

MAX_PAYROLL_PROBLEMS = 1_000
"""Problems of a file that are listed; the others are counted."""

MAX_RUN_NAME = 64
"""Characters of the name of a payroll run."""

ALIKE_MS = 6 * 86_400_000
"""For so long the same amounts to the same payees in another run are taken for a mistake that is
asked about: wages are paid by the week or more seldom."""

PAYROLL_ITEMS = 400
"""New payments of a payroll in one call."""

MAX_PAYROLL_PENDING = 500
"""Payments to other banks on their way beyond which no new ones are ordered: with those of one
call they are fewer than a bank lets one wallet have."""

MAX_PAYROLL_ASIDE = 2_000
"""Payments about which the bank does not decide now beyond which no new ones are ordered."""

PAYROLL_PATIENCE_S = 90.0
"""How long a payroll waits while no payment of it ends."""

PAYROLL_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between two questions of a payroll while nothing ends; the last one from then on."""

MAX_PAYROLL_PAUSE_S = 30.0
"""The longest pause that a bank may tell it to make."""
