"""Bounds of the central bank's service."""

from __future__ import annotations

from dcep.authentication.v1 import authentication_pb2
from dcep.registration.v1 import registration_pb2
from runtime.bounds import most_items

MAX_BANKS = most_items(authentication_pb2.ListBanksResponse, "banks")

MAX_BANK_CREDENTIALS = 200
"""Certificates that one bank is ever given, and as many keys."""

MAX_CENTRAL_KEYS = most_items(authentication_pb2.ListCentralKeysResponse, "keys")
MAX_ANNOUNCEMENTS = most_items(authentication_pb2.ListCentralKeysResponse, "announcements")
"""Changes of keys, revoked certificates and limits of wallets that can ever be announced."""

MAX_POLICIES = MAX_ANNOUNCEMENTS // 2
"""Of these, limits of wallets: they take no place that the revocation of a key may need."""

MAX_REPLACED_LISTED = most_items(authentication_pb2.Bank, "replaced") // 2
"""Replaced certificates, and as many replaced keys, that the list of banks shows for each bank."""

MAX_OVERLAP_MS = 90 * 86_400_000
"""How long a replaced key or certificate may be good beside its successor."""

MAX_OFFLINE_ROOTS = most_items(authentication_pb2.ListCentralKeysResponse, "offline_roots")
MIN_ROOT_OVERLAP_MS = 100 * 86_400_000
"""What a root has signed can be paid for 90 days (`TOKEN_LIFETIME_MS`), so a root is good for
longer than that after it was replaced. Deposits are taken even after its end."""

MAX_ROOT_OVERLAP_MS = 2 * 366 * 86_400_000

MAX_FEED_ENTRIES = most_items(registration_pb2.FollowFeedResponse, "entries")
MAX_LOOKED_AT = 1_000_000
"""Entries of a feed that are summed up for officers."""

MAX_FEED_BYTES = 2 * 1024 * 1024
"""Size of one message of a feed, without its last entry: far below what gRPC takes."""

MARK_ENTRIES = 4_096
"""After so many entries a feed's place is written down; at most so many are built anew."""

MARK_RECORDS = 1 << 20
"""After so many records a place is written down too, for a bank that has few entries."""

FEEDS_EACH = 2
"""Feeds that one bank follows at once: one, and one whose end was not noticed yet."""
REQUEST_LIFE_MS = 86_400_000
"""After this time a bank's request that no officer answered waits no longer."""

FEED_WAIT_S = 1.0
"""How long an open feed sleeps at most before it looks whether its bank may still call."""

BATCH_VALIDITY_MS = 10 * 60 * 1_000
CLOCK_SKEW_MS = 60_000
MAX_PAYMENT_VALIDITY_MS = 24 * 3_600_000
"""How long a payment of a bank may be valid: no longer than a bank lets its wallets' orders be."""

MAX_AHEAD_MS = 2 * CLOCK_SKEW_MS
"""How far ahead of this clock a payment may be made: the skew of its wallet and of its bank."""

MAX_CLEARED_AT_ONCE = 1_024
"""Deposits of one call that are cleared together, before the next bank's turn."""

MAX_CLEARED_SINGLY = 32
"""How many of them may be cleared alone, in a transaction each."""

MAX_WAITING_DEPOSITS = 10_000
"""Deposits of one bank that are written down as waiting for another bank's reserves."""

MAX_REVOKED_BY_BANK = 20_000
"""Devices of one bank that are revoked at the bank's own word or by proof."""

MAX_REVOKED = 100_000
"""Devices that the 64 KB of a trust bundle can tell from others."""

REVOKED_KEPT_MS = (127 + 30) * 86_400_000
"""How long a revocation by a bank or by proof is kept. By then the longest certificate that counts
(`MAX_CERTIFICATE_MS`) and the age of a bundle are over. What officers revoked stays."""

REVOKED_ANYHOW = 10_000
"""So many of the newest revocations stay, however old they are: there is room for them, and banks
need not wonder whether one was taken back."""

MAX_FULL_BANKS = 16
"""Banks whose certificates are in the trust bundle; devices of other banks show theirs."""

BUNDLE_MADE_EACH_MS = 1_000
"""How long the same trust bundle is given if nothing in it has changed, so that requests do not
cost a signature of the root each."""

MAX_CERTIFICATES_ASKED = most_items(authentication_pb2.GetTrustBundleRequest, "certificates")
"""Certificates of devices that statements may be asked about at once."""

MAX_OWN_REVOKED = most_items(authentication_pb2.GetTrustBundleResponse, "own_revoked")
"""Revoked devices of its own that a bank is told of at once."""

MAX_REFUSED_DEPOSITS = 100_000
"""Refused deposits of one bank that are kept, the newest. One that is older and comes again is
verified again, and refused again."""

KEPT_FOR_NOTHING_BYTES = 256 * 1024 * 1024
"""Bytes that one bank may have written down for good that move no money, such as refused payments,
before it has to wait."""

KEPT_FOR_NOTHING_BYTES_PER_HOUR = 64 * 1024 * 3_600
"""Bytes an hour after that: some 200 refused payments a second."""

KEPT_FOR_NOTHING_MOST_BYTES = 4 * KEPT_FOR_NOTHING_BYTES
"""The most such bytes that a bank may have by what it has moved before."""

MOVED_BYTES = 256
"""For each record that moves money, a bank may have so many bytes written down that move none,
because some of its payments are always refused."""

MAX_UNANSWERED = 1 << 18
"""Payments of one bank that are remembered as waiting for another bank's answer: as many as 256 of
its wallets may have on their way."""

MAX_EVIDENCE_PER_TOKEN = 32
"""Proofs of double spends that are kept for one token. Beyond that the first proof against each
device is kept, so that nobody can hide what a device did behind many double spends of a fen."""

BANK_TIMEOUT_S = 2.0
"""How long a bank has to answer a question of the central bank."""

PATIENCE_S = 0.5
"""How long a call waits for banks' answers; later ones are dealt with when they come."""

FIRST_LOOK_S = 0.1
"""After this time what has been answered is settled, even if others are still waited for."""

MAX_CHECKS_AT_ONCE = 16
"""Questions about payees that wait for one bank's answer at once."""

MAX_CHECKS_FOR_ONE = 2
"""How many of them may be about payments of one bank: one, and one whose answer was not noticed
yet."""

MAX_CARRIED_AT_ONCE = 8
"""Calls with requests to pay that one bank is taking at once."""

MAX_CARRIED_FOR_ONE = 4
"""Such calls of one sending bank that are on their way at once."""

MAX_ALIASES_OF_BANK = 1_000_000
"""Labels that one bank has in the directory of aliases."""

ALIAS_CHANGES_PER_DAY = 20_000
"""What one bank may register, claim, keep and give up a day."""

ALIAS_LOOKUPS_PER_DAY = 20_000
"""Questions of one bank a day, unless the setting says otherwise: at that pace 10^11 telephones
take 13,000 years."""

ALIAS_CLAIM_MS = 7 * 86_400_000
"""How long the holder of a claimed telephone has to show it once more."""

ALIAS_QUIET_MS = 30 * 86_400_000
"""How long after that it cannot be claimed."""

FIND_ALIAS_S = 1.0
"""When a question for an alias is answered, whatever the answer."""

ALIASES_FOUND_EACH = 32
"""Such questions of one bank on their way at once."""

ALIASES_FOUND = 1_024
"""Of all banks together."""

MAX_ANSWERS_AT_ONCE = 32
"""Such questions that wait for one bank's answer at once."""

MAX_ANSWERS_FOR_ONE = 16
"""How many of them may be one asking bank's."""

MAX_RESERVATIONS_AT_ONCE = 2
"""Redemptions for which one bank is reserving money at once."""

MAX_OPEN_REQUESTS = 20
"""Requests of one bank, for issuance or redemption, that wait for an answer."""

TOKEN_LIFETIME_MS = 90 * 86_400_000
RESTORE_GRACE_MS = 37 * 86_400_000
"""How long a piece of an expired token can be deposited; then its loader gets what is left. That is
the age that a bundle may have, and a week: a device that took money on the last day of its bundle
stops then, and so comes online before its payee has lost the money."""

MAX_DEPOSIT_WAIT_MS = 30 * 86_400_000
"""How long after the grace a deposit that came in time may wait for a bank's reserves."""

PRUNE_AFTER_MS = RESTORE_GRACE_MS + MAX_DEPOSIT_WAIT_MS + 30 * 86_400_000
"""How long after its expiry a token is deleted, with all that its pieces did: the grace, the
longest that a deposit may wait after it, and a month for whoever looks into it. Its money has gone
back by then."""

EVIDENCE_KEPT_MS = 10 * 366 * 86_400_000
"""How long after a double spend came out its evidence is kept, as records of payments are kept
against money laundering; after that only its digest."""

MAX_PRUNED_ROWS = 500
MAX_PRUNED_TOKENS = 100
"""Rows and tokens that are deleted at once, about once a second, so that other writes need not
wait."""

MAX_RESTORED = 100
"""Registrations that are refunded at once."""

MAX_TOKEN_FEN = 10_000_000
"""The largest token: 100,000 yuan; a larger load becomes several tokens."""
MAX_OFFLINE_PAYMENT_FEN = 50_000
"""The most in one offline payment: 500 yuan. docs/explanation/offline.md has the reasons."""

MAX_OFFLINE_HOLDING_FEN = 500_000
"""The most that a device holds: 5,000 yuan."""

MAX_LOSS_PER_LOAD = 5
"""Payees of double-spent tokens are paid beyond the tokens' value up to so many times the value of
the load that they come from, however many tokens it was divided into."""

MAX_LOSS_PER_DEVICE_FEN = 50_000_000
"""The most that is paid for the double spends of one device: 500,000 yuan."""

MAX_REVOKED_AT_ONCE = most_items(authentication_pb2.RevokeOwnDevicesRequest, "device_certificates")
"""Devices that a bank revokes in one call."""

MAX_BEARERS = 7
"""Banks that may bear the loss of one deposit; their records and the float's are one linked
chain."""

ACTS_TOLD_MS = 60_000
"""Of the receipts in which a bank tells where its officers' acts end, one is kept for each such
time."""

FIRST_WORD_S = 3.0
"""How long the central bank, once started, settles nothing while banks have yet to say where their
feeds stand: one that has more than this database shows that it is an older copy."""
