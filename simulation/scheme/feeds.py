"""What the model knows of feeds: each payment settles once and arrives once, as it was ordered."""

from __future__ import annotations

from collections import Counter

from dcep.registration.v1 import registration_pb2
from simulation.scheme.float import Float
from simulation.scheme.judge import Judge
from simulation.scheme.known import Bank, Wrong


class Feeds:
    """What the central bank has told banks, and what it does to their wallets.

    Attributes:
        banks: by name.
        judge: says what a bank may answer.
        cheats_prefix: of the numbers of the bank that cheats.
        float: what lies in the offline float, and who bears what it does not pay.
        settled: payments that a feed has told, by the bank that sent them and its number.
    """

    def __init__(self, judge: Judge, cheats_prefix: str) -> None:
        self.cheats_prefix = cheats_prefix
        self.banks: dict[str, Bank] = {}
        self._feeds: dict[str, dict[int, bytes]] = {}
        self.settled: dict[tuple[str, int], registration_pb2.OutboundPayment] = {}
        self.float = Float()
        self._keys: dict[bytes, bytes] = {}
        """The device's key, by the SHA-256 of its certificate."""
        self._pieces: dict[bytes, tuple[str, bytes]] = {}
        """The wallet that deposits, and the pieces, by their SHA-256."""
        self._arrived: set[tuple[str, int]] = set()
        self._ordered: dict[str, tuple[str, str, int]] = {}
        self._given_back: set[str] = set()
        self._refunded: Counter[str] = Counter()
        self.judge = judge

    def told(self, bank: str, message: registration_pb2.FollowFeedResponse) -> None:
        """The central bank tells a bank entries of its feed. Raises Wrong if one has changed."""
        feed = self._feeds.setdefault(bank, {})
        for data in message.entries:
            entry = registration_pb2.FeedEntry.FromString(data)
            if entry.number not in feed:
                self._check_told(bank, entry)
            if feed.setdefault(entry.number, data) != data:
                raise Wrong(f"entry {entry.number} of {bank} was told in two ways")

    def _check_told(self, bank: str, entry: registration_pb2.FeedEntry) -> None:
        """Each payment settles once and arrives once, as it was ordered; and nothing else does."""
        event = entry.WhichOneof("event")
        if event == "tokens_registered":
            self.float.registered_fen += entry.tokens_registered.amount_fen
        elif event == "tokens_restored":
            self.float.given_back_fen += entry.tokens_restored.amount_fen
        elif event == "tokens_deposited":
            self.float.deposit(self._pieces[entry.tokens_deposited.payment_digest][1])
        if event == "outgoing_settled":
            sender, data = bank, entry.outgoing_settled.payment
        elif event == "incoming":
            sender, data = entry.incoming.from_bank, entry.incoming.payment
        else:
            return
        paid = registration_pb2.OutboundPayment.FromString(data)
        key = (sender, paid.number)
        known = self.settled.setdefault(key, paid)
        if known != paid:
            raise Wrong(f"{key} settled as {known} and as {paid}")
        if event == "incoming":
            if key in self._arrived:
                raise Wrong(f"{paid.payment_id} arrives twice")
            self._arrived.add(key)
            if paid.returns_payment_id:
                self._check_return(sender, paid)
            if paid.refunds_payment_id:
                self._check_refund(sender, paid)
        said = (paid.payer_number, paid.payee_number, paid.amount_fen)
        ordered = self._ordered.get(paid.payment_id)
        if sender in self.banks and not paid.returns_payment_id and said != ordered:
            raise Wrong(f"{paid.payment_id} of {sender} settled as {said}; ordered was {ordered}")
        if sender not in self.banks and not paid.payer_number.startswith(self.cheats_prefix):
            raise Wrong(f"{sender} pays for {paid.payer_number}, whose bank it is not")

    def _check_return(self, sender: str, paid: registration_pb2.OutboundPayment) -> None:
        """What comes back was paid, to whoever gives it back, and comes back once."""
        if paid.returns_payment_id in self._given_back:
            raise Wrong(f"{paid.returns_payment_id} comes back twice")
        self._given_back.add(paid.returns_payment_id)
        said = (paid.payee_number, paid.payer_number, paid.amount_fen)
        if self._ordered.get(paid.returns_payment_id) != said:
            raise Wrong(f"{sender} gives back {said}, which nobody paid")

    def _check_refund(self, sender: str, paid: registration_pb2.OutboundPayment) -> None:
        """What is refunded was paid, to whoever refunds it; and no honest bank refunds more."""
        payer, payee, fen = self._ordered.get(paid.refunds_payment_id, ("", "", 0))
        if sender in self.banks:
            self._refunded[paid.refunds_payment_id] += paid.amount_fen
        fits = max(paid.amount_fen, self._refunded[paid.refunds_payment_id]) <= fen
        # What the cheating bank had paid is not among what was ordered.
        known = (payer, payee) == (paid.payee_number, paid.payer_number)
        if not (known and fits) and not paid.refunds_payment_id.startswith(self.cheats_prefix):
            raise Wrong(f"{sender} refunds {paid.amount_fen} of {fen} fen from {payer} to {payee}")

    def heard(self, bank: str, place: int) -> None:
        """A bank has applied its feed up to an entry."""
        here = self.banks[bank]
        for number in range(here.place + 1, place + 1):
            data = self._feeds.get(bank, {}).get(number)
            if data is None:
                raise Wrong(f"{bank} has applied entry {number}, which nobody told it")
            self._apply(here, registration_pb2.FeedEntry.FromString(data))
        here.place = place

    def _apply(self, here: Bank, entry: registration_pb2.FeedEntry) -> None:
        """What an entry of the feed does to wallets."""
        event = entry.WhichOneof("event")
        if event == "incoming":
            paid = registration_pb2.OutboundPayment.FromString(entry.incoming.payment)
            if paid.returns_payment_id in here.lost:
                return  # the payer still has it, so what comes back lies in suspense
            here.answered.pop(paid.returns_payment_id, None)
            here.by_mandate.pop(paid.returns_payment_id, None)
            payee = here.wallets.get(paid.payee_number)
            swept_fen = 0
            if payee is not None and not (paid.returns_payment_id or paid.refunds_payment_id):
                swept_fen = self.judge.swept_fen(payee, paid.amount_fen)
            if payee is not None and self.judge.can_take(payee, paid.amount_fen - swept_fen):
                payee.available_fen += paid.amount_fen - swept_fen
                payee.deposit_fen += swept_fen
                key = paid.payee_number, paid.payment_id
                if paid.returns_payment_id or paid.refunds_payment_id:
                    here.not_refundable.add(key)
                else:
                    here.received[key] = paid.amount_fen
        elif event in ("outgoing_settled", "outgoing_ended"):
            ended = entry.outgoing_settled if event == "outgoing_settled" else entry.outgoing_ended
            if event == "outgoing_ended" and entry.outgoing_ended.WhichOneof("about") == "load":
                self._end_load(here, entry.outgoing_ended.load, settled=False)
                return
            paid = registration_pb2.OutboundPayment.FromString(ended.payment)
            self._end(here, paid, settled=event == "outgoing_settled")
        elif event == "tokens_registered":
            self._end_load(here, entry.tokens_registered, settled=True)
        elif event == "tokens_deposited":
            self._credit(here, entry.tokens_deposited)

    def _end_load(
        self, here: Bank, load: registration_pb2.TokensRegistered, *, settled: bool
    ) -> None:
        found = here.loading.pop(self._keys[load.certificate_digest], None)
        if found is None and here.came_back:
            return  # officers decide who bears what was registered
        if found is None or found[1] != load.amount_fen:
            raise Wrong(f"a load of {load.amount_fen} fen ended; ordered was {found}")
        wallet = here.wallets[found[0]]
        wallet.held_fen -= load.amount_fen
        if not settled:
            wallet.available_fen += load.amount_fen

    def _credit(self, here: Bank, paid: registration_pb2.TokensDeposited) -> None:
        """What pieces are worth comes into the wallet that they were signed over to."""
        known = here.deposits.get(paid.number) == paid.payment_digest
        if not known and not here.came_back:
            raise Wrong(f"deposit {paid.number} was paid, and never sent")
        wallet = here.wallets[self._pieces[paid.payment_digest][0]]
        if known and self.judge.can_take(wallet, paid.amount_fen):
            wallet.available_fen += paid.amount_fen
        else:
            here.in_suspense_fen += paid.amount_fen

    def _end(self, here: Bank, paid: registration_pb2.OutboundPayment, *, settled: bool) -> None:
        if paid.returns_payment_id:
            return  # it was held in suspense, and is nobody's
        parties = here.pending.pop(paid.payment_id, None)
        of = paid.payer_number, paid.refunds_payment_id
        if parties is None and here.came_back:
            if settled:
                if paid.refunds_payment_id:
                    here.refunded[of] += paid.amount_fen
                # Officers decide who bears it.
                if paid.request_to_pay_id:
                    here.answered[paid.payment_id] = (paid.request_to_pay_id, paid.amount_fen)
                said = (paid.payee_number, paid.amount_fen, paid.created_time_ms)
                here.lost[paid.payment_id] = said
            return
        ended = (paid.payer_number, paid.payee_number, paid.amount_fen)
        if parties != ended:
            raise Wrong(f"{paid.payment_id} ended as {ended}; ordered was {parties}")
        payer = here.wallets[paid.payer_number]
        payer.held_fen -= paid.amount_fen
        if not settled:
            payer.available_fen += paid.amount_fen
            here.answered.pop(paid.payment_id, None)
            here.by_mandate.pop(paid.payment_id, None)
            if paid.refunds_payment_id:
                here.refunded[of] -= paid.amount_fen
