/* A payment across banks: Alice at alpha pays Bob at beta, over the registration centre.

What is declared as durable is in a database and outlives a crash. One `atomic` is one transaction,
or the arrival of one message, and the comment beside it names the function of the code that it
stands for. A message that is under way comes at any time, in any order, and as often as it likes:
that is no fault. These are, and a run has at most FAULTS of them: a message is lost, a feed breaks
or brings another entry than the next one, a party crashes, beta hangs for ever.

Each word behind #ifdef is one mistake (inventory.py): with it, Spin has to find a claim that
does not hold. */

#ifndef PAYMENTS
#define PAYMENTS 2
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

#define ALPHA 0
#define BETA 1

/* What is sent has a number: Alice's payments 0 … PAYMENTS - 1; PAYMENTS + p is the return of p. */
#define SENT (2 * PAYMENTS)
#define IS_RETURN(s) ((s) >= PAYMENTS)
#define SENDER(s) (IS_RETURN(s) -> BETA : ALPHA)
#define PAYEE(s) (IS_RETURN(s) -> ALPHA : BETA)
#define FEN(s) ((s) % PAYMENTS + 1)
#define ALL_FEN (PAYMENTS * (PAYMENTS + 1) / 2)

/* The states of what is sent, at its bank; the last three are also the centre's decisions. */
#define NONE 0
#define PENDING 1
#define SETTLED 2
#define REFUSED 3
#define EXPIRED 4

/* ---- durable: the banks ---- */

typedef Bank {
    byte wallet;              /* Alice's or Bob's: what is available */
    byte held;
    byte suspense;
    byte place                /* `feed_place`: how many entries of the feed have been applied */
};
Bank bank[2];
byte outbound[SENT];          /* `outbound.state` */
bool undeliverable[PAYMENTS]; /* beta's table: in suspense, and the return has not begun */

/* ---- durable: the centre ---- */

byte circulation[2];
byte decided[SENT];           /* the record in the journal with this sequence */
typedef Feed {                /* the journal, as one bank is told of it */
    byte entry[SENT];         /* 8 * number + decision */
    byte length;
    byte acknowledged
};
Feed feed[2];

/* ---- lost in a crash: calls under way, and what is kept in memory ---- */

bool submitted[SENT];         /* SubmitPayments */
bool asked[PAYMENTS];         /* CheckPayees */
bool yes[PAYMENTS];           /* its answers; one question may be answered yes, and another no */
bool no[PAYMENTS];
bool follows[2];              /* FollowFeed: a stream is open */

/* ---- the world ---- */

bool late[SENT];              /* its validity has ended, by the centre's clock */
bool gone;                    /* beta hangs for ever */
byte faults;
bool arrived[SENT];           /* for the claims: it is in the payee's wallet, or in suspense */
#if defined(NEVER_AGAIN) || defined(ANOTHER_NUMBER)
bool once[SENT];
#endif

#if defined(NOTHING_REMEMBERED)
#define IS_OPEN(s) true
#elif defined(REFUSAL_LEAVES_NUMBER)
#define IS_OPEN(s) (decided[s] != SETTLED)
#elif defined(ANOTHER_NUMBER)
#define IS_OPEN(s) (decided[s] == NONE || once[s])
#else
#define IS_OPEN(s) (decided[s] == NONE)
#endif

#define IS_UP(b) (!(gone && (b) == BETA))

/* ---- the claims; Spin prints the name of one that fails ---- */

hidden byte equation_1, equation_2, decided_once, settled_or_given_back;
hidden byte ended_once, each_in_order, arrived_once, return_fits, hold_covered, never_behind;
#define CLAIM(name, condition) name = (condition); assert(name)

/* Equation 2: a bank has its circulation, but for what its feed still has to bring. */
hidden byte i, whose;
hidden short due;
inline balance(b) {
    d_step {
        due = circulation[b];
        i = bank[b].place;
        do
        :: i < feed[b].length ->
            whose = feed[b].entry[i] / 8;
            if
            :: feed[b].entry[i] % 8 != SETTLED
            :: feed[b].entry[i] % 8 == SETTLED && SENDER(whose) == b -> due = due + FEN(whose)
            :: feed[b].entry[i] % 8 == SETTLED && SENDER(whose) != b -> due = due - FEN(whose)
            fi;
            i++
        :: else -> break
        od;
        CLAIM(equation_2, bank[b].wallet + bank[b].held + bank[b].suspense == due)
    }
}

/* ---- the banks ---- */

/* Holds what is sent: HOLD, and `put_outbound` in the same transaction. */
inline hold(s, from) {
    CLAIM(hold_covered, from >= FEN(s));
    from = from - FEN(s);
    bank[SENDER(s)].held = bank[SENDER(s)].held + FEN(s);
    outbound[s] = PENDING;
    balance(SENDER(s))
}

/* What a bank does about one number. An order that comes again changes nothing: alpha answers it
   from `outbound` (Payments._again). */
proctype Sending(byte s) {
end:do
    :: atomic { !IS_RETURN(s) && outbound[s] == NONE ->            /* Payments._run */
        hold(s, bank[ALPHA].wallet) }
    :: atomic { IS_RETURN(s) && undeliverable[s % PAYMENTS] && IS_UP(BETA) -> /* Returns.step */
        undeliverable[s % PAYMENTS] = false;
        hold(s, bank[BETA].suspense) }
#if defined(NEVER_AGAIN)
    :: atomic { outbound[s] == PENDING && !once[s] && IS_UP(SENDER(s)) -> once[s] = true;
        submitted[s] = true }
#else
    :: atomic { outbound[s] == PENDING && !submitted[s] && IS_UP(SENDER(s)) -> /* Outbound.step */
        submitted[s] = true }
#endif
#ifdef ANOTHER_NUMBER
    :: atomic { outbound[s] == PENDING && submitted[s] && !once[s] -> once[s] = true }
#endif
#ifdef HOLD_ENDS_BY_CLOCK
    :: atomic { outbound[s] == PENDING && !IS_RETURN(s) ->
        CLAIM(settled_or_given_back, decided[s] != SETTLED);
        bank[ALPHA].held = bank[ALPHA].held - FEN(s);
        bank[ALPHA].wallet = bank[ALPHA].wallet + FEN(s);
        outbound[s] = EXPIRED }
#endif
    od
}

/* Beta is asked whether Bob may be paid: Inbound.can_be_paid. Each time it may be otherwise. */
proctype Asked(byte s) {
end:do
    :: atomic { asked[s] && IS_UP(BETA) && !yes[s] -> yes[s] = true }
    :: atomic { asked[s] && IS_UP(BETA) && !no[s] -> no[s] = true }
    od
}

/* Applies entry k: FeedFollower._submit, with `move` and `write` of its handler, and `write_place`;
   one transaction. */
inline apply(b, k) {
    CLAIM(each_in_order, k == bank[b].place);
    about = feed[b].entry[k] / 8;
    told = feed[b].entry[k] % 8;
    if
    :: SENDER(about) == b && told == SETTLED ->           /* OutgoingSettled: CAPTURE */
        CLAIM(ended_once, outbound[about] == PENDING);
        bank[b].held = bank[b].held - FEN(about);
        outbound[about] = SETTLED
    :: SENDER(about) == b && told != SETTLED ->           /* OutgoingEnded: RELEASE */
        CLAIM(ended_once, outbound[about] == PENDING);
        CLAIM(settled_or_given_back, decided[about] != SETTLED);
        bank[b].held = bank[b].held - FEN(about);
        if
        :: !IS_RETURN(about) -> bank[b].wallet = bank[b].wallet + FEN(about)
        :: else -> bank[b].suspense = bank[b].suspense + FEN(about)  /* until officers pay it out */
        fi;
        outbound[about] = told
    :: SENDER(about) != b ->                              /* Incoming: DELIVER */
        CLAIM(arrived_once, !arrived[about]);
        CLAIM(return_fits, !IS_RETURN(about) || outbound[about - PAYMENTS] == SETTLED);
        arrived[about] = true;
        if
        :: bank[b].wallet = bank[b].wallet + FEN(about)
        :: bank[b].suspense = bank[b].suspense + FEN(about);         /* the wallet cannot take it */
            if
            :: !IS_RETURN(about) -> undeliverable[about] = true
            :: else                                                  /* nor is it sent back again */
            fi
        fi
    fi;
    about = 0;
    told = 0;
    bank[b].place = k + 1
}

#define HAS_NEXT(b) (follows[b] && bank[b].place < feed[b].length && IS_UP(b))

/* A bank and its feed. */
proctype Following(byte b) {
    byte about, told;
end:do
    :: atomic { !follows[b] && IS_UP(b) ->                /* FeedFollower.step; Feed.start */
        CLAIM(never_behind, feed[b].acknowledged <= bank[b].place);
        follows[b] = true }
    :: atomic { HAS_NEXT(b) ->                            /* FeedFollower.apply */
        apply(b, bank[b].place);
        balance(b);
        feed[b].acknowledged = bank[b].place }            /* as early as `acknowledge` may come */
    :: atomic { HAS_NEXT(b) && bank[b].place + 1 < feed[b].length && faults < FAULTS -> faults++;
#ifdef ANY_ENTRY
        apply(b, bank[b].place + 1);
#endif
        follows[b] = false }                              /* an entry too early: `chain.follow` */
    :: atomic { HAS_NEXT(b) && bank[b].place > 0 && faults < FAULTS -> faults++;
        follows[b] = false }                              /* an entry again: likewise */
#ifdef PLACE_BEFORE_ENTRY
    :: atomic { HAS_NEXT(b) && faults < FAULTS -> faults++;
        bank[b].place++;                                  /* and it crashes between the two */
        follows[b] = false }
#endif
#ifdef ACKNOWLEDGED_BEFORE_APPLIED
    :: atomic { HAS_NEXT(b) && feed[b].acknowledged <= bank[b].place ->
        feed[b].acknowledged = bank[b].place + 1 }
#endif
    od
}

/* ---- the centre ---- */

inline tell(b, s, decision) {
    feed[b].entry[feed[b].length] = 8 * (s) + decision;
    feed[b].length++
}

/* One record, with the number as its sequence: Settlement._settle_known. */
inline decide(s, decision) {
    CLAIM(decided_once, decided[s] == NONE);
    decided[s] = decision;
    tell(SENDER(s), s, decision);
    if
    :: decision == SETTLED ->
        tell(PAYEE(s), s, decision);
        circulation[SENDER(s)] = circulation[SENDER(s)] - FEN(s);
        circulation[PAYEE(s)] = circulation[PAYEE(s)] + FEN(s)
    :: else
    fi;
    if
    :: !IS_RETURN(s) -> asked[s] = false; yes[s] = false; no[s] = false  /* what comes now is late */
    :: else
    fi;
    CLAIM(equation_1, circulation[ALPHA] + circulation[BETA] == ALL_FEN);
    balance(ALPHA);
    balance(BETA)
}


/* What the centre does about one number. */
proctype Settling(byte s) {
end:do
    :: atomic { submitted[s] && IS_OPEN(s) && late[s] ->           /* Settlement._sort, the rule */
        decide(s, EXPIRED) }
    :: atomic { !IS_RETURN(s) && submitted[s] && IS_OPEN(s) && !late[s] && !asked[s % PAYMENTS] ->
        asked[s] = true }                                          /* Asking.check */
    :: atomic { !IS_RETURN(s) && yes[s % PAYMENTS] && IS_OPEN(s) ->
        if                                                         /* submit, settle_late */
        :: !late[s] -> decide(s, SETTLED)
        :: else -> decide(s, EXPIRED)                              /* the rule looks again */
        fi }
#ifdef TOLD_BEFORE_WRITTEN
    :: atomic { !IS_RETURN(s) && yes[s % PAYMENTS] && IS_OPEN(s) && outbound[s] == PENDING ->
        bank[ALPHA].held = bank[ALPHA].held - FEN(s);     /* alpha is told, and believes it */
        outbound[s] = SETTLED;
        balance(ALPHA) }
#endif
    :: atomic { !IS_RETURN(s) && no[s % PAYMENTS] && IS_OPEN(s) ->
        decide(s, REFUSED) }
    :: atomic { IS_RETURN(s) && submitted[s] && IS_OPEN(s) && !late[s] ->
        if                                                         /* Returns.judge */
        :: decided[s - PAYMENTS] == SETTLED -> decide(s, SETTLED)
        :: else -> decide(s, REFUSED)
        fi }
    od
}

/* ---- what nobody asked for ---- */

/* A number's validity ends; and its messages may be lost. */
proctype Losing(byte s) {
end:do
    :: atomic { outbound[s] == PENDING && IS_OPEN(s) && !late[s] -> late[s] = true }
    :: atomic { faults < FAULTS && submitted[s] && IS_OPEN(s) -> faults++; submitted[s] = false }
    :: atomic { faults < FAULTS && !IS_RETURN(s) && asked[s % PAYMENTS] -> faults++; asked[s] = false }
    :: atomic { faults < FAULTS && !IS_RETURN(s) && yes[s % PAYMENTS] -> faults++; yes[s] = false }
    :: atomic { faults < FAULTS && !IS_RETURN(s) && no[s % PAYMENTS] -> faults++; no[s] = false }
    od
}

/* A party stops, and begins anew with what is durable. What is under way to it may end with it. */
proctype Crashing() {
    byte n;
end:do
    :: atomic { faults < FAULTS -> faults++;              /* alpha; or only its feed breaks */
        follows[ALPHA] = false }
    :: atomic { faults < FAULTS -> faults++;              /* beta, likewise */
        follows[BETA] = false;
        if
        :: for (n : 0 .. PAYMENTS - 1) { asked[n] = false }
        :: true
        fi;
        n = 0 }
    :: atomic { faults < FAULTS -> faults++;              /* the centre */
        follows[ALPHA] = false;
        follows[BETA] = false;
        for (n : 0 .. PAYMENTS - 1) { asked[n] = false; yes[n] = false; no[n] = false };
        if
        :: for (n : 0 .. SENT - 1) { submitted[n] = false }
        :: true
        fi;
        n = 0 }
    :: atomic { faults < FAULTS && !gone -> faults++;     /* beta, for ever */
        gone = true;
        follows[BETA] = false }
    od
}

init {
    byte n;
    atomic {
        circulation[ALPHA] = ALL_FEN;
        bank[ALPHA].wallet = ALL_FEN;
        for (n : 0 .. SENT - 1) {
            run Sending(n);
            run Settling(n);
            run Losing(n)
        };
        for (n : 0 .. PAYMENTS - 1) { run Asked(n) };
        n = 0;
        run Following(ALPHA);
        run Following(BETA);
        run Crashing()
    }
}

/* Every hold ends, whatever happened. Of beta's own only if it does not hang. */
#define ENDED(s) (outbound[s] > PENDING)
ltl every_hold_ends {
    <> [] (ENDED(0) && ENDED(PAYMENTS - 1) && bank[ALPHA].held == 0 &&
        (gone || (bank[BETA].held == 0 && !undeliverable[0] && !undeliverable[PAYMENTS - 1])))
}

/* What the payer is told as settled comes to the payee, or to suspense. */
ltl settled_arrives { [] (outbound[0] == SETTLED -> <> (arrived[0] || gone)) }
