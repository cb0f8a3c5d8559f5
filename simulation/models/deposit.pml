/* Deposits of a token that was spent twice, twice.

Alice's device, which alpha certified, paid a token of 2 fen to Bob; and, as it was broken, to Erin as
well. Bob's, certified by beta, paid 1 fen of what he got to Carol, and all of it to Dave. Carol,
Dave and Erin took it in good faith, and deposit it when they like; Carol also at another bank.

    token 2 ──▶ Bob's piece 2 ──▶ Carol's 1     deposit 0, at beta; deposit 3, at alpha
       │                     └──▶ Dave's  2     deposit 1, at alpha
       └──────▶ Erin's 2                        deposit 2, at beta

What is durable, what an `atomic` is, what is a fault and what a mistake: as in payment.pml. */

#ifndef DEPOSITS
#define DEPOSITS 4
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

#define ALPHA 0
#define BETA 1

#define BANK(d) ((d) % 2 -> ALPHA : BETA)
#define PIECE(d) ((d) % 3)
#define IS_BOBS(d) (PIECE(d) != 2)
#define VALUE(d) (PIECE(d) -> 2 : 1)
#define WORTH 2               /* of the token, and of Bob's piece */
#define REFUND DEPOSITS       /* an entry of the feed that is no deposit */

/* The states of a deposit at its bank; the last two are also the centre's final answers. */
#define NONE 0
#define PENDING 1
#define SETTLED 2
#define REFUSED 3

/* ---- durable: the banks ---- */

byte row[DEPOSITS];           /* `token_deposits.state` */
byte wallets[2];              /* all wallets of a bank */
byte place[2];                /* `feed_place` */

/* ---- durable: the centre ---- */

byte circulation[2], reserves[2], loss[2];
byte in_float = WORTH;
byte final[DEPOSITS];         /* the journal's record, or a row in `refused_deposits` */
bool waiting[DEPOSITS];       /* `waiting_deposits` */
bool deposited[3];            /* `pieces`, by the end of a chain; and what was claimed so far */
byte claimed, claimed_of_bobs;
byte borne[2];                /* `losses`, by bank */
byte by_banks[DEPOSITS];      /* what banks paid for it, in the records after the float's */
bool refunded;                /* `tokens.restored_fen` */
byte left;                    /* how much went back to who loaded it */
typedef Feed {
    byte entry[DEPOSITS + 1];
    byte length
};
Feed feed[2];

/* ---- lost in a crash ---- */

bool sent[DEPOSITS];          /* DepositTokens is under way */
bool in_turn[DEPOSITS];       /* it was judged in time, and waits for the lock `clearing` */
bool in_turn_again[DEPOSITS]; /* likewise, and was found among those that wait */
bool refusal[DEPOSITS];       /* the signed answer is under way */
byte clearing = DEPOSITS;     /* whose turn it is between two commits */

/* ---- the world ---- */

byte time;                    /* 1: the grace is over; 2: and so are 30 days more */
byte paid_in[2];
byte faults;
bool in_time[DEPOSITS];       /* for the claims: the centre said that it only lacks reserves */
bool interrupted;             /* and it crashed with a loss taken and not yet paid out */

/* ---- the claims ---- */

hidden byte equation_1, equation_2, equation_3, float_covers, loss_covers, same_answer, ended_once;
hidden byte piece_paid_once, borne_by_whom, nothing_taken, waited_for, none_waits_in_vain;
hidden byte settled_is_credited, taken_once;
#define CLAIM(name, condition) name = (condition); assert(name)

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define VALUE_IF(d) (deposited[d] -> VALUE(d) : 0)

/* Equation 2: what wallets have is the circulation, but for what the feed has still to bring. */
hidden byte i;
hidden short due;
inline balance(b) {
    d_step {
        due = circulation[b];
        i = place[b];
        do
        :: i < feed[b].length && feed[b].entry[i] == REFUND -> due = due - left; i++
        :: i < feed[b].length && feed[b].entry[i] != REFUND -> due = due - VALUE(feed[b].entry[i]); i++
        :: else -> break
        od;
        CLAIM(equation_2, wallets[b] == due)
    }
}

inline books() {
    CLAIM(equation_1, reserves[ALPHA] + reserves[BETA] + circulation[ALPHA] + circulation[BETA] +
        in_float + loss[ALPHA] + loss[BETA] == WORTH + paid_in[ALPHA] + paid_in[BETA]);
    CLAIM(equation_3, in_float == (refunded -> 0 : WORTH - claimed));
    balance(ALPHA);
    balance(BETA)
}

/* ---- the banks ---- */

/* Calls that come when their deposit has ended change nothing. */
inline forget_calls(d) {
    sent[d] = false;
    refusal[d] = false
}

/* What a bank does about one deposit. */
proctype Depositing(byte d) {
end:do
#ifdef ANSWER_ENDS_IT
    :: atomic { row[d] == PENDING && final[d] == SETTLED -> row[d] = SETTLED }
#endif
    :: atomic { row[d] == NONE -> row[d] = PENDING; sent[d] = true }   /* Deposits._deposit_row */
#ifndef NEVER_AGAIN
    :: atomic { row[d] == PENDING && !sent[d] -> sent[d] = true }      /* Resending.step_deposits */
#endif
    :: atomic { row[d] == PENDING && refusal[d] ->                     /* Deposits.end_refused */
        CLAIM(same_answer, final[d] == REFUSED);
        row[d] = REFUSED;
        forget_calls(d) }
    od
}

#define HAS_NEXT(b) (place[b] < feed[b].length)
#define NEXT(b) feed[b].entry[place[b]]

/* A bank and its feed, of which payment.pml shows that each entry comes once and in order. What the
   float and what losses pay for a deposit are several entries; they come in one message. */
proctype Following(byte b) {
    byte credited;
end:do
    :: atomic { HAS_NEXT(b) && NEXT(b) != REFUND ->                /* TokensDeposited: DELIVER */
        CLAIM(ended_once, row[NEXT(b)] == PENDING);
        row[NEXT(b)] = SETTLED;
        forget_calls(NEXT(b));
        credited = VALUE(NEXT(b)) - by_banks[NEXT(b)];
#ifndef PARTS_APART
        credited = credited + by_banks[NEXT(b)];
#endif
        CLAIM(settled_is_credited, credited == VALUE(NEXT(b)));
        wallets[b] = wallets[b] + credited;
        credited = 0;
        place[b]++;
        balance(b) }
    :: atomic { HAS_NEXT(b) && NEXT(b) == REFUND ->                /* TokensRestored */
        wallets[b] = wallets[b] + left;
        place[b]++;
        balance(b) }
    od
}

/* ---- the centre ---- */

inline refuse(d) {                                        /* DepositOutcomes.refuse, one commit */
    CLAIM(same_answer, final[d] == NONE);
    final[d] = REFUSED;
    waiting[d] = false;
    in_turn[d] = false; in_turn_again[d] = false; in_time[d] = false;
    refusal[d] = true
}

/* What a deposit is paid, from its end upwards: Spends._claims. What is claimed of Bob's piece beyond
   its worth is lost there, for beta; the rest is claimed of the token, and what that has not got is
   lost there, for alpha. */
#ifdef LAST_CHEAT_BEARS_ALL
#define OF_BOBS LEAST(WORTH - claimed_of_bobs, WORTH - claimed)
#else
#define OF_BOBS (WORTH - claimed_of_bobs)
#endif
#define FROM_BOBS(d) (IS_BOBS(d) -> LEAST(VALUE(d), OF_BOBS) : VALUE(d))
#ifdef FLOAT_PAYS_ALL
#define FROM_FLOAT(d) FROM_BOBS(d)
#else
#define FROM_FLOAT(d) LEAST(FROM_BOBS(d), WORTH - claimed)
#endif
#define LOST_TO_BETA(d) (VALUE(d) - FROM_BOBS(d))
#define LOST_TO_ALPHA(d) (FROM_BOBS(d) - FROM_FLOAT(d))

/* What a bank still has to pay into its loss account: Losses.fund. */
#ifdef TAKEN_AGAIN
#define LACKS(amount, b) (amount)
#else
#define LACKS(amount, b) ((amount) > loss[b] -> (amount) - loss[b] : 0)
#endif
#define CAN_BE_BORNE(d) \
    (LACKS(LOST_TO_ALPHA(d), ALPHA) <= reserves[ALPHA] && LACKS(LOST_TO_BETA(d), BETA) <= reserves[BETA])

inline take(amount, b) {
    d_step {
        due = LACKS(amount, b);
        reserves[b] = reserves[b] - due;
        loss[b] = loss[b] + due;
        CLAIM(taken_once, due == 0 || loss[b] == amount)
    }
}

/* Money, pieces and losses in one commit: Deposits._retire_all. */
inline retire(d) {
    from_float = FROM_FLOAT(d); from_alpha = LOST_TO_ALPHA(d); from_beta = LOST_TO_BETA(d);
    CLAIM(float_covers, in_float >= from_float);
    CLAIM(loss_covers, loss[ALPHA] >= from_alpha && loss[BETA] >= from_beta);
    CLAIM(piece_paid_once, !deposited[PIECE(d)]);
    CLAIM(same_answer, final[d] == NONE);
    in_float = in_float - from_float;
    loss[ALPHA] = loss[ALPHA] - from_alpha;
    loss[BETA] = loss[BETA] - from_beta;
    borne[ALPHA] = borne[ALPHA] + from_alpha;
    borne[BETA] = borne[BETA] + from_beta;
    claimed = claimed + from_float;
    if
    :: IS_BOBS(d) -> claimed_of_bobs = claimed_of_bobs + from_float + from_alpha
    :: else
    fi;
    by_banks[d] = from_alpha + from_beta;
    deposited[PIECE(d)] = true;
#ifdef WAIT_ENDS_IF_JUDGED_SO
    waiting[d] = waiting[d] && in_turn[d];
#else
    waiting[d] = false;
#endif
    in_turn[d] = false; in_turn_again[d] = false; in_time[d] = false;
    final[d] = SETTLED;
    circulation[BANK(d)] = circulation[BANK(d)] + VALUE(d);
    feed[BANK(d)].entry[feed[BANK(d)].length] = d;
    feed[BANK(d)].length++;
    /* Decision 5, whatever came in first: beyond its worth, what is claimed of a piece is lost there. */
    d_step {
        due = VALUE_IF(0) + VALUE_IF(1);
        CLAIM(borne_by_whom, borne[BETA] == (due > WORTH -> due - WORTH : 0) &&
            borne[ALPHA] == (LEAST(due, WORTH) + VALUE_IF(2) > WORTH ->
                LEAST(due, WORTH) + VALUE_IF(2) - WORTH : 0))
    };
    CLAIM(none_waits_in_vain, !waiting[d]);
    books();
    from_float = 0; from_alpha = 0; from_beta = 0
}

#ifdef NOTHING_REMEMBERED
#define HAS_NO_ANSWER(d) true
#else
#define HAS_NO_ANSWER(d) (final[d] == NONE)                        /* DepositOutcomes.find */
#endif
#ifdef SPENT_AGAIN
#define IS_SPENT(d) false
#else
#define IS_SPENT(d) deposited[PIECE(d)]
#endif

/* A deposit that came in time has its turn. */
#define IS_NEXT(d) \
    ((in_turn[d] || in_turn_again[d]) && clearing == DEPOSITS && !refunded && HAS_NO_ANSWER(d))

/* What the centre does about one deposit: Deposits.deposit, _deposit_one. */
proctype Clearing(byte d) {
    byte from_float, from_alpha, from_beta;
end:do
    :: atomic { sent[d] && !waiting[d] && time == 0 && !in_turn[d] && HAS_NO_ANSWER(d) ->
        in_turn[d] = true }                                        /* Verification.judge */
    :: atomic { sent[d] && waiting[d] && time < 2 && !in_turn_again[d] ->
        in_turn_again[d] = true }                                  /* PendingDeposits.numbers */
    :: atomic { sent[d] && final[d] == REFUSED && row[d] == PENDING && !refusal[d] ->
        refusal[d] = true }                                        /* DepositOutcomes.find */
    :: atomic { (sent[d] || in_turn[d] || in_turn_again[d]) && final[d] == NONE &&
                clearing == DEPOSITS && refunded ->                /* Registered.is_refunded */
        CLAIM(waited_for, !in_time[d] || time == 2);
        refuse(d) }
    :: atomic { IS_NEXT(d) && IS_SPENT(d) -> refuse(d) }   /* ALREADY_DEPOSITED */
    :: atomic { IS_NEXT(d) && !IS_SPENT(d) && CAN_BE_BORNE(d) ->
        if
        :: LOST_TO_ALPHA(d) || LOST_TO_BETA(d) ->                  /* Losses.fund, one commit */
            from_alpha = LOST_TO_ALPHA(d); from_beta = LOST_TO_BETA(d);
            take(from_alpha, ALPHA);
            take(from_beta, BETA);
            from_alpha = 0; from_beta = 0;
            clearing = d
        :: else -> retire(d)
        fi }
    :: atomic { clearing == d ->
        retire(d);
        clearing = DEPOSITS }
    :: atomic { IS_NEXT(d) && !IS_SPENT(d) && !CAN_BE_BORNE(d) && in_turn[d] && !waiting[d] ->
#ifdef FUNDED_ONE_BY_ONE
        if
        :: LACKS(LOST_TO_ALPHA(d), ALPHA) <= reserves[ALPHA] ->
            from_alpha = LOST_TO_ALPHA(d);
            take(from_alpha, ALPHA);
            from_alpha = 0
        :: else
        fi;
#endif
        CLAIM(nothing_taken, interrupted || (loss[ALPHA] == 0 && loss[BETA] == 0));
        waiting[d] = true;                                         /* RESERVES_SHORT; begin */
        in_time[d] = true }
    od
}

#ifdef REFUNDED_REGARDLESS
#define NOBODY_WAITS true
#else
#define NOBODY_WAITS \
    (!waiting[0] && !waiting[1] && !waiting[DEPOSITS - 2] && !waiting[DEPOSITS - 1])
#endif

/* What is left of an expired token goes back to alpha, which loaded it: Refunds.step. */
proctype Refunding() {
end:do
    :: atomic { time > 0 && !refunded && clearing == DEPOSITS && (time == 2 || NOBODY_WAITS) ->
        left = in_float;
        in_float = 0;
        circulation[ALPHA] = circulation[ALPHA] + left;
        refunded = true;
        d_step { for (i : 0 .. DEPOSITS - 1) { waiting[i] = false } };
        if
        :: left ->
            feed[ALPHA].entry[feed[ALPHA].length] = REFUND;
            feed[ALPHA].length++
        :: else
        fi;
        books() }
    od
}

/* ---- what nobody asked for ---- */

proctype Passing() {
end:do
    :: atomic { time < 2 -> time++ }
    od
}

/* Two officers pay reserves in: at once, when a deposit waits for them already, or too late. */
proctype Officers(byte b) {
end:do
    :: atomic { paid_in[b] == 0 && time < 2 -> paid_in[b] = 2; reserves[b] = 2 }
    od
}

proctype Losing(byte d) {
end:do
    :: atomic { faults < FAULTS && sent[d] && row[d] == PENDING -> faults++; sent[d] = false }
    :: atomic { faults < FAULTS && refusal[d] && row[d] == PENDING -> faults++; refusal[d] = false }
    od
}

/* The centre crashes. What a bank loses in a crash is no more than calls that are lost. */
proctype Crashing() {
    byte n;
end:do
    :: atomic { faults < FAULTS -> faults++;
        if
        :: for (n : 0 .. DEPOSITS - 1) { sent[n] = false }
        :: true
        fi;
        for (n : 0 .. DEPOSITS - 1) {
            in_turn[n] = false;
            in_turn_again[n] = false;
            refusal[n] = false
        };
        n = 0;
        interrupted = interrupted || clearing != DEPOSITS;
        clearing = DEPOSITS }
    od
}

init {
    byte n;
    atomic {
        for (n : 0 .. DEPOSITS - 1) {
            run Depositing(n);
            run Clearing(n);
            run Losing(n)
        };
        n = 0;
        run Following(ALPHA);
        run Following(BETA);
        run Refunding();
        run Passing();
        run Officers(ALPHA);
        run Officers(BETA);
        run Crashing()
    }
}

/* Every deposit is answered for good, and nothing stays in the float. */
#define OVER(d) (row[d] > PENDING)
ltl every_deposit_ends {
    <> [] (OVER(0) && OVER(1) && OVER(DEPOSITS - 2) && OVER(DEPOSITS - 1) && in_float == 0)
}
