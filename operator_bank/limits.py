"""Bounds of a bank's service."""

from __future__ import annotations

MAX_ITEMS = 8_190
MAX_LOOKED_UP = 16
"""Orders of one call that the writer may look up whether they were decided before: a few ms."""

MAX_AMOUNT_FEN = 10**13
MAX_BALANCE_FEN = 10**18
MAX_SEQUENCE = (1 << 53) - 1
MAX_SEQUENCES_AHEAD = 1 << 20
"""How far a sequence may be beyond the wallet's last: one that is mistaken does not use up all."""

MAX_ORDER_VALIDITY_MS = 24 * 3_600 * 1_000
MAX_OPENING_VALIDITY_MS = 10 * 60_000
MAX_QUERY_VALIDITY_MS = 60_000
CLOCK_SKEW_MS = 60_000
MAX_RECEIPT_AGE_MS = 30 * 86_400_000
"""For so long a cash machine's receipt can be put into its wallet."""

MAX_REFUSED_AT_ONCE = 64
"""Orders of one wallet that are decided together: what was refused is counted in between."""

MAX_PAYEE_REFUSALS = 64
"""Payments of one wallet that may fail for their payees within PAYEE_REFUSALS_MS."""

PAYEE_REFUSALS_MS = 3_600_000
REFUSED_BYTES = 64 * 1024
"""What one wallet may have kept of orders that were refused before it has to wait: some 120
payments."""

REFUSED_BYTES_PER_HOUR = 16 * 1024
REFUSED_PAYMENT_BYTES = 320
"""What the central bank keeps of a payment that it refused: it counts for its payer here."""

SHORT_VALIDITY_MS = 30_000
"""A payment to another bank that is valid for less is its payer's own risk."""

REFUSED_DEPOSIT_BYTES = 256 * 1024
"""The same of deposits that the central bank refused, some hundred; they hold up deposits alone,
for their pieces may be somebody else's cheat."""

REFUSED_DEPOSIT_BYTES_PER_HOUR = 64 * 1024
MAX_PROBING = 1 << 16
"""Wallets whose failed payments are counted."""

MAX_SHOWN_PROBING = 100
"""Wallets that have to wait, as an officer is shown them."""
MAX_WATCHES = 20_000
"""Wallets' streams of arrivals; each costs a bank's edge some 60 KB and nobody a thread."""

WATCHES_EACH = 4
"""Of one wallet."""

ARRIVALS_AT_ONCE = 8
"""Wallets whose arrivals are asked for at once."""

ARRIVALS_PAUSE_S = 0.02
"""Between two looks at whose money has come."""

REJOIN_S = 0.5
"""After which an edge follows its bank's arrivals again."""

MAX_GATHERED = 256
"""Single payments that are served together."""

MAX_WAITING = 1_024
"""Single payments to other banks whose end is waited for at once, without a thread for any of
them. Those beyond are told to be on their way."""

ENDS_AT_ONCE = 500
"""Ends that are looked for in one query."""

ANSWER_MARGIN_S = 0.5
"""Of a call's deadline, kept for the way of its answer."""

WATCH_WAIT_S = 1.0
FEED_RECEIPT_S = 5.0
"""How often the central bank is told how far the feed has been applied, if it has gone on."""

FIRST_WORD_S = 3.0
"""So long a bank that starts waits for the central bank's word that its database is no older copy.
After that it serves payments within the bank, and gives out no number until the word has come."""

MAX_GAP = 1 << 28
"""Positions that a bank which comes back leaves out at once: a second for some millions."""

FEED_AGAIN_MS = 10_000
"""So long after it stopped the feed is asked for again: whatever was in its way may be gone."""

MAX_READY_AGE_MS = 15 * 60 * 1_000
"""How long after a machine has notes ready an order may take them; it gives up by itself then."""

MAX_MACHINES = 1_000
"""Cash machines and tellers' desks that a bank ever had."""

CALLERS_GONE_S = 30.0
"""How long beyond a caller's deadline the bank is waited for: it works on for one who is gone, and
so long his places are taken."""

MAX_TURNS = 8
"""Calls for one wallet that the bank is asked for at once, in turns that go round the sources. It
has threads for more of them than are ever on their way: see EDGE_WORKERS."""

TURNS_EACH = 4
"""Of one source: those beyond wait."""

EDGE_WORKERS = 48
"""A bank's threads for its edge: as many as MAX_BULK, MAX_SLOW, MAX_TURNS and ARRIVALS_AT_ONCE
together, and more than the one that serves single payments."""

MAX_BULK = 16
"""Calls with many items at once, whatever their sources: each takes one of the bank's threads."""

MAX_SLOW = 12
"""Loads and deposits of offline money at once: they may wait for the central bank."""

MAX_ANSWERS = 16_384
"""Calls whose answers have not gone out yet: whoever does not read them keeps them in memory, some
80 KB for a statement, until its deadline."""

ANSWERS_EACH = 1_024
"""Of one source when it may have all the calls at once: a quarter of it by default."""

SMALL_ANSWER_BYTES = 4_096
"""An answer that is no longer is counted as one and not by its bytes."""

LONGEST_ANSWER_BYTES = 4 * 1024 * 1024
"""No answer of a bank is longer, and who reads has room for one."""

MAX_ANSWER_BYTES = 512 * 1024 * 1024
"""Of longer answers that have not gone out yet: a trust bundle may have a megabyte."""

ANSWER_BYTES_EACH = 128 * 1024 * 1024
"""Of one source when it may have all the calls at once: a quarter of it by default."""

MAX_PROBES = 1_024
"""Health checks at once."""

MAX_LOOKS = 64
"""Looks at the services at once, each of which may hold a half-sent message."""

LOOKS_EACH = 8
"""Of them, of one source."""

WAITING_EACH = 3
"""Payments to other banks whose end is waited for, for one payer. Those beyond are told to be on
their way."""

SUBMIT_ITEMS = 2_000
"""Outbound payments in one submission to the central bank."""

MAX_LANES_AT_ONCE = 32
"""Banks that have a share of one submission."""

ISOLATED_MS = 600_000
"""For so long an item is left out for which the central bank refuses the whole call."""

MAX_ISOLATED = 1_000
RESENT_LOADS = 20
"""Loads that are registered again in one step."""

RESENT_DEPOSITS = 100
"""Deposits that are sent again in one call."""

MAX_PENDING_DEPOSITS = 100
"""Deposits of one wallet that have not ended."""

MAX_REFUSED_DEPOSITS = 1_000
"""Refused deposits of one wallet that are kept, the newest: who signs bad pieces over again and
again fills no table."""

MAX_ASKING = 12
"""Calls of wallets that wait for the central bank's answer; after a silence of it, one."""

CENTRE_QUICK_MS = 5_000
SUBMIT_VALIDITY_MS = 60_000
DEVICE_LIFETIME_MS = 120 * 86_400_000
"""Of a certificate: a token's life and a month, so that few are made twice. Beyond 127 days nobody
takes one; a week is left for clocks."""

DEVICE_RENEWAL_MS = 91 * 86_400_000
"""A certificate that ends earlier than this, a token's life, is renewed when the device asks."""
KEY_LIVE_MS = 127 * 86_400_000
"""A key counts as live for so long after its certificate or its load: until its tokens have expired
and the centre has given back what was left of them."""

KEY_KEPT_MS = DEVICE_LIFETIME_MS + KEY_LIVE_MS + 30 * 86_400_000
"""For so long after it was live a key is known. By then its certificate has ended, so have the
tokens that were made while it was good, and the time in which these can be deposited, be waiting
for a bank's reserves, or prove a double spend."""

REVOKED_KEY_KEPT_MS = 10 * 366 * 86_400_000
"""So long after it was revoked a key is known, as long as the centre keeps evidence: the order by
which it was certified says whose it was."""

MAX_FORGOTTEN = 500
"""Keys that are forgotten at once."""

MAX_LIVE_KEYS = 100
"""Live keys of one wallet: loads within 127 days."""

MAX_REPORTED = 500
"""Keys of wallets with a revoked device that are reported at once."""

MAX_OWN_REVOKED = 8_000
"""Of its own devices that the central bank tells a bank of at once."""

MAX_CERTIFICATES_ASKED = 32
"""Of devices, for which a wallet asks for statements at once."""

BUNDLE_FRESH_MS = 2_000
"""For so long a trust bundle is handed on without another look at the central bank's."""

BUNDLE_USABLE_MS = 60_000
"""The same while one thread looks: the others do not wait for it."""

MAX_BUNDLE_AHEAD_MS = 86_400_000
"""How far a trust bundle may be dated ahead: one from further on would stay the newest too long."""

REVOCATIONS_IDLE_S = 30.0
"""How often the trust bundle is looked at for revoked devices."""

CENTRAL_KEYS_IDLE_S = 10.0
"""So often a bank asks what the central bank has announced of its keys, besides when it must."""

POLICY_LIMIT_FEN = 10**15
