"""Bounds of a bank's service."""

from __future__ import annotations

from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    aliases_pb2,
    edge_pb2,
    officers_pb2,
    offline_pb2,
    payments_pb2,
    sub_wallets_pb2,
)
from dcep.bounds.v1.bounds_pb2 import KIND_AMOUNT, KIND_BALANCE, KIND_SEQUENCE
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from runtime.bounds import greatest, most_items

MAX_ITEMS = most_items(payments_pb2.PayManyRequest, "orders")
MAX_LOOKED_UP = 16
"""Orders of one call for which the writer may look up whether they were decided before: a few
ms."""

MAX_AMOUNT_FEN = greatest(KIND_AMOUNT)
MAX_BALANCE_FEN = greatest(KIND_BALANCE)
MAX_SEQUENCE = greatest(KIND_SEQUENCE)
MAX_SEQUENCES_AHEAD = 1 << 20
"""How far a sequence may be beyond the wallet's last, so that a mistaken one does not use up
all."""

MAX_ORDER_VALIDITY_MS = 24 * 3_600 * 1_000
MAX_OPENING_VALIDITY_MS = 10 * 60_000
MAX_QUERY_VALIDITY_MS = 60_000
MAX_KEY_VALIDITY_MS = 10 * 60_000
"""Of a request for a new key, and of an objection to one."""

KEY_REQUEST_KEPT_MS = 7 * 86_400_000
"""How long a request for a new key is kept, and may be approved."""

KEY_REQUESTS_EACH = most_items(officers_pb2.ListKeyRequestsResponse, "keys")
"""Requests for a key that are kept for one number, the newest. Who is at the bank's counter can ask
once more just then."""

MAX_KEY_REQUESTS = 100_000
LEAST_KEY_WAIT_S = 3_600
"""How short the time to object may be set, but in a sandbox."""

LONGEST_KEY_WAIT_S = 30 * 86_400
KEY_REQUESTS_PER_MINUTE = 6
"""Keys that one source may ask for, and wallets that it may look for by recovery keys, together."""

RECOVERY_ORDERS_PER_DAY = 5
"""Orders of a wallet's recovery key that begin something, with those of recovery keys that were
named before it; each is kept for good."""

ROTATIONS_PER_DAY = 5
"""Keys that a wallet's key puts in its own place; each is kept for good."""

KEYS_KEPT_BACK = 1_024
"""Keys of a wallet that only officers and recovery keys use up, whatever a thief does."""

SIGNER_LISTS_PER_DAY = 20
"""Lists of signers of one wallet; each is kept for good."""

PENDING_EACH = 20
"""Orders that one signer has prepared and that wait for others' signatures; and as many of them are
withdrawn in a day."""

PENDING_BYTES_EACH = 2 * 1024 * 1024
"""Bytes of them: some 20,000 payments in releases."""

RELEASES_PER_DAY = 200
"""Releases of one wallet that enough have signed; those that were used are kept for good."""

CLOCK_SKEW_MS = 60_000
MAX_RECEIPT_AGE_MS = 30 * 86_400_000
"""How long a cash machine's receipt can be put into its wallet."""

MAX_REFUND_PARTS = 100
"""Parts in which a payment is refunded: each new one looks at all those before it."""

MAX_REFUSED_AT_ONCE = 64
"""Orders of one wallet that are decided together; after them refused orders are counted again."""

MAX_PAYEE_REFUSALS = 64
"""Payments of one wallet that may fail for their payees within PAYEE_REFUSALS_MS."""

PAYEE_REFUSALS_MS = 3_600_000
REFUSED_BYTES = 64 * 1024
"""Bytes of refused orders that are kept for one wallet before it has to wait: some 120 payments."""

REFUSED_BYTES_PER_HOUR = 16 * 1024
REFUSED_PAYMENT_BYTES = 320
"""What the central bank keeps of a payment that it refused; the bank charges it to the payer
here."""

SHORT_VALIDITY_MS = 30_000
"""A payment to another bank that is valid for less than this expires at its payer's own risk."""

REFUSED_DEPOSIT_BYTES = 256 * 1024
"""As REFUSED_BYTES, for deposits that the central bank refused: some hundred. They hold up only
deposits, because their pieces may be somebody else's cheat."""

REFUSED_DEPOSIT_BYTES_PER_HOUR = 64 * 1024
MAX_PROBING = 1 << 16
"""Wallets whose failed payments are counted."""

MAX_SHOWN_PROBING = most_items(officers_pb2.GetBooksResponse, "probing_wallets")
"""How many of the wallets that have to wait an officer is shown."""
MAX_WATCHES = 20_000
"""Wallets' streams of arrivals. Each costs the bank's edge some 60 KB, and no thread."""

WATCHES_EACH = 4
"""Streams of one wallet."""

ARRIVALS_AT_ONCE = 8
"""Wallets whose arrivals are asked for at once."""

ARRIVALS_PAUSE_S = 0.02
"""How long the bank waits between two looks at which accounts were credited."""

REJOIN_S = 0.5
"""How long an edge waits before it follows its bank's arrivals again."""

MAX_GATHERED = most_items(edge_pb2.PayTogetherRequest, "requests")
"""Single payments that are served together."""

MAX_WAITING = 1_024
"""Single payments to other banks whose end is waited for at once; no thread waits for any of them.
Callers beyond this number are told that their payment is on its way."""

ENDS_AT_ONCE = 500
"""Ends that are looked for in one query."""

ANSWER_MARGIN_S = 0.5
"""How much of a call's deadline is kept for sending its answer."""

WATCH_WAIT_S = 1.0
FEED_RECEIPT_S = 5.0
"""How often the central bank is told how far the feed has been applied, if it has gone on."""

FIRST_WORD_S = 3.0
"""How long a bank that starts waits for the central bank to say that its database is no older copy.
After that it serves payments within the bank, and gives out no number until it has been told."""

MAX_GAP = 1 << 28
"""Positions that a bank which comes back leaves out at once; some millions take a second."""

FEED_AGAIN_MS = 10_000
"""How long after it has stopped the feed is asked for again: the obstacle may be gone."""

MAX_READY_AGE_MS = 15 * 60 * 1_000
"""How long after a machine has notes ready an order may take them; then the machine gives up."""

MAX_MACHINES = 1_000
"""Cash machines and tellers' desks that a bank has, revoked ones included."""

MAX_DUE_MS = 366 * 86_400_000
"""How far ahead a request to pay may be due."""

MAX_OPEN_ASKED = 1_000
"""Requests to pay that one wallet has made and that are open. What was paid does not count."""

MAX_OPEN_OF_ONE = 10
"""Of one asker to one payer."""

MAX_SHOWN_ASKED = 1_000
"""Open requests that one wallet is shown; beyond that it is shown no more."""

ASKED_PER_DAY = 500
"""Requests to pay that one wallet may make a day, however they end."""

ASKED_OF_BANK_PER_DAY = 100_000
"""Requests to pay from one other bank that are taken a day."""

ASKED_KEPT_MS = 30 * 86_400_000
"""How long a request that has ended is kept, if nothing was paid on it."""

MAX_REMINDERS = 3
REMINDER_MS = 86_400_000
"""How long after a request, or a reminder of it, its payer may be reminded."""

MAX_BLOCKED = 1_000
"""Askers that one wallet has blocked, or has heard again."""

CARRY_ITEMS = 50
"""Requests to pay that are carried to another bank in one call."""

CARRY_AGAIN_MS = 1_000
CARRY_SLOWEST_MS = 60_000
"""How long it takes until a bank that did not answer is told again: twice as long each time."""

MAX_CARRIED_BANKS = 8
"""Banks that requests to pay are carried to in one step."""

ALIASES_EACH = 5
"""Aliases of one wallet."""

ALIASES_PER_DAY = 10
"""Aliases that one wallet may take a day, with those that somebody else had: few learn by trying
which names there are."""

ALIASES_KEPT_MS = 30 * 86_400_000
"""How long a wallet is shown an alias that it lost or gave up."""

ALIASES_SHOWN = most_items(aliases_pb2.ListAliasesResponse, "aliases")
ALIAS_LOOKUPS_EACH = 30
"""Aliases that one holder may look for a day, with those that are not found."""

ALIAS_ASKED_PER_DAY = 100_000
"""How often an alias is answered for a day: five times what a bank asks, or 3,000 holders; so
that few cannot hide a shop from all others."""

ALIASES_TOLD = most_items(directory_pb2.ChangeAliasesRequest, "changes")
ALIASES_ASKED = most_items(directory_pb2.AskAliasesRequest, "labels")
CLAIMS_LISTED = most_items(directory_pb2.ListClaimsResponse, "claims")
ALIAS_LOOK_MS = 60_000
"""How often a bank looks whether others claim its aliases."""

ALIAS_AGAIN_MS = 5_000
"""How long after it has failed the directory is told again."""

CALLERS_GONE_S = 30.0
"""How long beyond a caller's deadline the edge waits for the bank. The bank works on even if the
caller is gone, and the caller's places stay taken until then."""

MAX_TURNS = 8
"""Calls for one wallet each that the bank works on at once; the sources take turns. The bank has
threads for more of them than this: see EDGE_WORKERS."""

TURNS_EACH = 4
"""Turns of one source; its further calls wait."""

EDGE_WORKERS = 48
"""A bank's threads for its edge: as many as MAX_BULK, MAX_SLOW, MAX_TURNS and ARRIVALS_AT_ONCE
together, and some for single payments and the rest."""

MAX_BULK = 16
"""Calls with many items at once, from all sources; each takes one of the bank's threads."""

MAX_SLOW = 12
"""Loads and deposits of offline money at once: they may wait for the central bank."""

MAX_ANSWERS = 16_384
"""Calls whose answers have not gone out yet. A caller that does not read its answer keeps it in
memory until its deadline: some 80 KB for a statement."""

ANSWERS_EACH = 1_024
"""Of one source when it may have all the calls at once: a quarter of it by default."""

SMALL_ANSWER_BYTES = 4_096
"""An answer up to this length counts against ANSWERS only, and not against ANSWER_BYTES."""

LONGEST_ANSWER_BYTES = 4 * 1024 * 1024
"""No answer of a bank is longer, and every reader has room for one of this length."""

MAX_ANSWER_BYTES = 512 * 1024 * 1024
"""Bytes of longer answers that have not gone out yet; a trust bundle may have a megabyte."""

ANSWER_BYTES_EACH = 128 * 1024 * 1024
"""Of one source when it may have all the calls at once: a quarter of it by default."""

MAX_PROBES = 1_024
"""Health checks at once."""

MAX_LOOKS = 64
"""Calls of server reflection at once, each of which may hold a half-sent message."""

LOOKS_EACH = 8
"""Calls of server reflection of one source at once."""

WAITING_EACH = 3
"""Payments of one payer to other banks whose end is waited for. Calls beyond this number are told
that their payment is on its way."""

SUBMIT_ITEMS = 2_000
"""Outbound payments in one submission to the central bank."""

MAX_LANES_AT_ONCE = 32
"""Banks whose payments one submission may carry."""

ISOLATED_MS = 600_000
"""How long an item is left out for which the central bank refuses the whole call."""

MAX_ISOLATED = 1_000
RESENT_LOADS = 20
"""Loads that are registered again in one step."""

RESENT_DEPOSITS = 100
"""Deposits that are sent again in one call."""

MAX_PENDING_DEPOSITS = 100
"""Deposits of one wallet that have not ended."""

MAX_REFUSED_DEPOSITS = 1_000
"""Refused deposits of one wallet that are kept, the newest, so that somebody who signs bad pieces
over again and again does not fill a table."""

MAX_ASKING = 12
"""Calls of wallets that wait for the central bank's answer at once; while it is silent, one."""

CENTRE_QUICK_MS = 5_000
SUBMIT_VALIDITY_MS = 60_000
DEVICE_LIFETIME_MS = 120 * 86_400_000
"""Lifetime of a device's certificate: a token's life and a month, so that few are made twice.
Nobody takes one of more than 127 days; a week is left for clocks that differ."""

DEVICE_RENEWAL_MS = 91 * 86_400_000
"""A certificate with less time left than this, a token's life, is renewed when the device asks."""
KEY_LIVE_MS = 127 * 86_400_000
"""How long after its certificate or its load a key counts as live: until its tokens have expired
and the central bank has refunded what was left of them."""

KEY_KEPT_MS = DEVICE_LIFETIME_MS + KEY_LIVE_MS + 30 * 86_400_000
"""How long a key is kept after it was live. By then its certificate has ended, and so have the
tokens that were made while it was good and the time in which these can be deposited, wait for a
bank's reserves, or prove a double spend."""

REVOKED_KEY_KEPT_MS = 10 * 366 * 86_400_000
"""How long a key is kept after it was revoked: as long as the central bank keeps evidence. The
order by which the key was certified says whose it was."""

MAX_FORGOTTEN = 500
"""Keys, or requests to pay, that are deleted at once."""

MAX_LIVE_KEYS = 100
"""Live keys of one wallet: loads within 127 days."""

MAX_REPORTED = 500
"""Keys of wallets with a revoked device that are reported at once."""

MAX_OWN_REVOKED = most_items(authentication_pb2.GetTrustBundleResponse, "own_revoked")
"""Revoked devices of its own that the central bank tells a bank of at once."""

MAX_CERTIFICATES_ASKED = most_items(offline_pb2.GetTrustBundleRequest, "certificates")
"""Certificates of devices that a wallet may ask about at once."""

BUNDLE_FRESH_MS = 2_000
"""How long a trust bundle is handed on without asking the central bank for a newer one."""

BUNDLE_USABLE_MS = 60_000
"""The same while one thread asks, because the others do not wait for it."""

MAX_BUNDLE_AHEAD_MS = 86_400_000
"""How far a trust bundle may be dated ahead: one from further on would stay the newest too long."""

REVOCATIONS_IDLE_S = 30.0
"""How often the trust bundle is looked at for revoked devices."""

CENTRAL_KEYS_IDLE_S = 10.0
"""How often a bank asks what the central bank has announced, apart from when it must."""

CODE_VALID_MS = 5 * 60_000
"""How long a code that was sent to a telephone is good."""

CODE_TRIES = 3
CODE_PAUSE_MS = 15 * 60_000
"""How long a wallet waits after CODE_TRIES wrong codes."""

CODES_PER_HOUR = 5
"""Codes to one telephone, whoever asks."""

MAX_CODES = 1 << 16
"""Codes, and telephones that got some, that are remembered."""

CLASS_CHANGES_PER_DAY = 20
"""Of one wallet; each is kept for good."""

LOOKS_PER_DAY = 20
"""At who customers are, by one officer."""

LOOKS_KEPT_MS = 400 * 86_400_000
"""How long each is on record."""

MAX_LOOK_VALIDITY_MS = 5 * 60_000
LOOKS_FORGOTTEN_AT_ONCE = 100
"""Old ones that one transaction deletes."""

MAX_OPEN_SUB_WALLETS = 8
"""Sub-wallets of one wallet that are not closed: a family's, or a shop's tills."""

MAX_SUB_WALLETS = most_items(sub_wallets_pb2.ListSubWalletsResponse, "sub_wallets")
"""Sub-wallets that one wallet may ever have; closed ones are kept for good."""

SUB_WALLET_ORDERS_PER_DAY = 20
"""Orders of one wallet about its sub-wallets; each is kept for good."""

MAX_SWEPT_ROUNDS = 16
"""Commits that single payments which are served together may take for those that sweep."""

MAX_SWEPT_OF_ONE_PAYER = 4
"""Single payments of one payer to one wallet that sweeps, of each MAX_PAYEE_REFUSALS of the payer's
that are served together."""

SWEEP_ORDERS_PER_DAY = 20
"""Orders of one wallet about sweeping; each is kept for good."""

MAX_HOMECOMING = 500
"""Sub-wallets whose money is brought home in one step."""

MAX_MANDATES_LOOKED_AT = 10_000
"""Mandates that one step looks at for money that is to go home."""

ASIDE_MS = 60_000
"""How long a mandate's try that ended in a fault is set aside."""

MAX_TRIES_ASIDE = 1_000
"""So many at once: those behind them come to their turn."""

MANDATE_TRIES_AT_ONCE = 100
"""Requests that one step tries to pay by mandates."""

MAX_MANDATE_TRIES = 20
"""Times that one request is tried: when it comes, for each reminder, and as its payer allows it."""

MANDATE_PAYMENT_MS = 3_600_000
"""So long after a request was tried a payment by a mandate to another bank may settle."""

MAX_SUB_WALLET_TERM_MS = 3_660 * 86_400_000
"""How far ahead the end of a sub-wallet may lie: ten years."""

RESEALED_AT_ONCE = 1_000
"""Customers that are sealed anew in one transaction."""
