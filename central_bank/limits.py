"""Bounds of the central bank's service."""

from __future__ import annotations

MAX_BANKS = 1_000

MAX_BANK_CREDENTIALS = 200
"""Certificates, and as many keys, that one bank is ever given."""

MAX_CENTRAL_KEYS = 100
"""Changes of the central bank's business key, all that there ever are."""

MAX_REPLACED_LISTED = 8
"""Of each kind, where banks are listed."""

MAX_OVERLAP_MS = 90 * 86_400_000
"""For so long what was replaced may be good beside what replaced it."""

MAX_OFFLINE_ROOTS = 20
MIN_ROOT_OVERLAP_MS = 100 * 86_400_000
"""What a root has signed can be paid for 90 days (`TOKEN_LIFETIME_MS`); no deposit ends with it."""

MAX_ROOT_OVERLAP_MS = 2 * 366 * 86_400_000

MAX_ITEMS = 8_190
MAX_FEED_ENTRIES = 2_000
MAX_LOOKED_AT = 1_000_000
"""Entries of a feed that officers are told the sums of."""

MAX_FEED_BYTES = 2 * 1024 * 1024
"""Of one message of a feed, its last entry aside: far below what gRPC takes."""

MARK_ENTRIES = 4_096
"""Entries of a feed after which its place is written down: so many are made anew at most."""

MARK_RECORDS = 1 << 20
"""Records after which it is written down also for a bank that hears little."""

FEEDS_EACH = 2
"""Feeds that one bank follows at once: one, and one whose end has not been noticed yet."""
REQUEST_LIFE_MS = 86_400_000
"""A bank's request that no officer answered by then waits no longer."""

FEED_WAIT_S = 1.0
"""How long an open feed sleeps at most before it looks whether its bank is still welcome."""

BATCH_VALIDITY_MS = 10 * 60 * 1_000
CLOCK_SKEW_MS = 60_000
MAX_PAYMENT_VALIDITY_MS = 24 * 3_600_000
"""Between the times that a bank gives a payment; no longer than it gives its wallets' orders."""

MAX_AHEAD_MS = 2 * CLOCK_SKEW_MS
"""How far ahead of this clock a payment may be: its wallet's and its bank's skew."""

MAX_CLEARED_AT_ONCE = 1_024
"""Deposits of one call that are cleared together, before the next bank's turn."""

MAX_CLEARED_SINGLY = 32
"""Of them, those that cannot be staged with others: each is a transaction of its own."""

MAX_WAITING_DEPOSITS = 10_000
"""Of one bank: deposits that are written down as waiting for another bank's reserves."""

MAX_REVOKED_BY_BANK = 20_000
"""Devices of one bank that are out of use at its own word or by proof."""

MAX_REVOKED = 100_000
"""Devices that a trust bundle can tell from others, in 64 KB."""

REVOKED_KEPT_MS = (127 + 30) * 86_400_000
"""What a bank or a proof revoked so long ago is forgotten: the longest certificate that counts has
ended (`MAX_CERTIFICATE_MS`), and so has the age of a bundle. What officers revoked stays."""

REVOKED_ANYHOW = 10_000
"""Of the last that were revoked so many stay, however long ago: there is room for them, and banks
need not ask themselves whether one was taken back."""

MAX_FULL_BANKS = 16
"""Banks whose certificates stand in the trust bundle. Devices of others bring them along."""

BUNDLE_MADE_EACH_MS = 1_000
"""For so long the same trust bundle is given as long as nothing in it has changed: whoever asks
through whatever bank costs no signature of the root each time."""

MAX_CERTIFICATES_ASKED = 32
"""Of devices, for which statements are asked for at once."""

MAX_OWN_REVOKED = 8_000
"""Of its own devices that a bank is told of at once."""

MAX_REFUSED_DEPOSITS = 100_000
"""Refused deposits of one bank that are kept, the newest: one that is asked again after so many is
judged anew, and refused again."""

KEPT_FOR_NOTHING_BYTES = 256 * 1024 * 1024
"""What one bank may have written down for good though it moves nothing, such as refused payments,
before it has to wait."""

KEPT_FOR_NOTHING_BYTES_PER_HOUR = 64 * 1024 * 3_600
"""And so much an hour then: some 200 refused payments a second."""

KEPT_FOR_NOTHING_MOST_BYTES = 4 * KEPT_FOR_NOTHING_BYTES
"""So much of it, at most, by what has moved before."""

MOVED_BYTES = 256
"""For each record that moves money a bank may have as much written down that moves none: some of
its payments are always refused."""

MAX_UNANSWERED = 1 << 18
"""Payments of one bank of which it is known that another bank was silent about them: so many as 256
of its wallets may have on their way."""

MAX_EVIDENCE_PER_TOKEN = 32
"""Proofs that are kept of one token, and the first one of each device beyond: what a device has
to answer for nobody hides behind double spends of a fen."""

BANK_TIMEOUT_S = 2.0
"""How long a bank has to answer a question of the central bank."""

PATIENCE_S = 0.5
"""How long a call waits for banks' answers. Later ones are dealt with when they come."""

FIRST_LOOK_S = 0.1
"""What has been answered by then is settled, whoever else is still waited for."""

MAX_CHECKS_AT_ONCE = 16
"""Questions about payees that wait for one bank's answer."""

MAX_CHECKS_FOR_ONE = 2
"""Of them, those about payments of one bank: one, and one whose answer has not been noticed yet."""

MAX_RESERVATIONS_AT_ONCE = 2
"""Redemptions for which money is being reserved by one bank."""

MAX_OPEN_REQUESTS = 20
"""Of one bank, for issuance or redemption, that wait for an answer."""

TOKEN_LIFETIME_MS = 90 * 86_400_000
RESTORE_GRACE_MS = 37 * 86_400_000
"""A piece of an expired token can be deposited for so long; then its loader gets what is left. The
age that a bundle may have, and a week: a device that took money with a fresh bundle on the last day
stops, and so comes online, before its payee has lost it."""

MAX_DEPOSIT_WAIT_MS = 30 * 86_400_000
"""For so long after the grace a deposit that came in time may wait for a bank's reserves."""

PRUNE_AFTER_MS = RESTORE_GRACE_MS + MAX_DEPOSIT_WAIT_MS + 30 * 86_400_000
"""So long after its expiry a token is deleted, its money having gone back, with all that its pieces
did: the grace, the longest that a deposit may wait behind it, and a month for who looks into it."""

EVIDENCE_KEPT_MS = 10 * 366 * 86_400_000
"""So long after a double spend came out its evidence is kept, as records of payments are against
money laundering; then its digest is."""

MAX_PRUNED_ROWS = 500
MAX_PRUNED_TOKENS = 100
"""At once, and about once a second: what is written meanwhile does not wait for it."""

MAX_RESTORED = 100
"""Registrations that are given back at once."""

MAX_TOKEN_FEN = 10_000_000
"""The largest token: 100,000 yuan; a load of more becomes several."""
MAX_OFFLINE_PAYMENT_FEN = 50_000
"""The most in one offline payment: 500 yuan. docs/explanation/offline.md has the reasons."""

MAX_OFFLINE_HOLDING_FEN = 500_000
"""The most that a device holds: 5,000 yuan."""

MAX_LOSS_PER_LOAD = 5
"""Payees of double-spent tokens are paid beyond their value, up to so many times the value of the
load that they come from: into how many tokens it was divided makes no difference."""

MAX_LOSS_PER_DEVICE_FEN = 50_000_000
"""What is paid at most for the double spends of one device: 500,000 yuan."""

MAX_REVOKED_AT_ONCE = 500
"""Devices that a bank takes out of use in one call."""

MAX_BEARERS = 7
"""Banks that bear the loss of one deposit; with the float's record they make one linked chain."""

ACTS_TOLD_MS = 60_000
"""Of what a bank tells of the end of its officers' acts one is kept in that time."""
