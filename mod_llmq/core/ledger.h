/**
 * @file ledger.h
 * What keys have used of what they are allowed: *accounts* in a table in memory that all
 * processes of a server share. An account has a *level*, what was booked in the present
 * *window*: a minute, an hour and so on of UTC's clock, or a calendar month. Units are
 * requests, tokens or millionths of money; the table does not care.
 *
 * Nodes exchange what they have used: each keeps for each account the running total of its
 * own bookings (*used*), which only it changes and which may be below 0, as what one node has
 * booked another one may give back; and the sum of the others' as it has last
 * seen it (*others*). What that has grown by is added to the level. So a node is exact about
 * its own and late about the others by as long as an exchange takes.
 *
 * A window that ends takes its allowance with it: the level falls by the limit for each
 * window gone by, where the rule *carries*, to 0 otherwise. So with carrying, what was
 * booked ahead (a queue) or beyond (tokens that turned out more) weighs on what follows.
 *
 * The table is set-associative (base/sets.h), each set with a lock (base/spin.h). A new
 * account takes the place that was longest unused, of those the exchange has seen to, if
 * there is one; who comes back is read from the store again.
 */
#ifndef LLMQ_LEDGER_H
#define LLMQ_LEDGER_H

#include <apr.h>
#include <apr_time.h>

#define LLMQ_LEDGER_WAYS  8
#define LLMQ_LEDGER_RULES 16 /* most that one job is booked under */

typedef struct llmq_ledger_t llmq_ledger_t; /* lies in shared memory */

/** What an account is allowed. */
typedef struct llmq_ledger_conf_t {
    apr_int64_t limit;          /* units of a window, > 0 */
    apr_interval_time_t period; /* of a window, whole seconds; 0: a calendar month */
    int carry;                  /* non-zero: what is too much weighs on the next window */
} llmq_ledger_conf_t;

/** What became of a booking. */
typedef struct llmq_ledger_verdict_t {
    int known;    /* 0: the account is new here: llmq_ledger_seed() it and ask again */
    int admitted; /* non-zero: it was booked */
    apr_int64_t remaining;     /* units that are left of this window, >= 0 */
    apr_interval_time_t reset; /* until the window ends */
    apr_interval_time_t wait;  /* until there may be room, 0: there is */
    apr_time_t window;         /* beginning of the one that was booked */
} llmq_ledger_verdict_t;

/** An account as the exchange sees it. */
typedef struct llmq_ledger_state_t {
    apr_uint64_t account;
    apr_int64_t used;
    apr_int64_t others;
    apr_int64_t level;
    apr_time_t window;
} llmq_ledger_state_t;

/**
 * @param rule a rule
 * @param now  a moment
 * @return when the window began that it is in
 * @threads any
 */
apr_time_t llmq_ledger_window(const llmq_ledger_conf_t *rule, apr_time_t now);

/**
 * @param rule   a rule
 * @param window beginning of a window
 * @param n      how many further, >= 0
 * @return when that one begins
 * @threads any
 */
apr_time_t llmq_ledger_later(const llmq_ledger_conf_t *rule, apr_time_t window,
                             apr_int64_t n);

/**
 * @param keys how many accounts to hold, > 0
 * @return bytes that llmq_ledger_init() needs
 * @threads any
 */
apr_size_t llmq_ledger_size(int keys);

/**
 * Lay out an empty table. One that has been laid out for as many stays as it is.
 * @param memory 64-byte aligned, at first zero, of llmq_ledger_size(keys) bytes
 * @param keys   how many accounts to hold, > 0
 * @return the table, at the address of @a memory
 * @phase parent, tests; @threads single
 */
llmq_ledger_t *llmq_ledger_init(void *memory, int keys);

/**
 * Book units if the window has room for them.
 * @param verdict out
 * @param l       the table
 * @param rule    what the account is allowed
 * @param account which
 * @param n       units, >= 0; with 0 there must be room for one, and nothing is booked
 * @param now     the present
 * @threads any, of any process
 */
void llmq_ledger_book(llmq_ledger_verdict_t *verdict, llmq_ledger_t *l,
                      const llmq_ledger_conf_t *rule, apr_uint64_t account, apr_int64_t n,
                      apr_time_t now);

/**
 * Book units whatever the level; wait says when their turn is: the windows that are booked
 * already come first.
 * As llmq_ledger_book() else; always admitted once known.
 * @threads any, of any process
 */
void llmq_ledger_queue(llmq_ledger_verdict_t *verdict, llmq_ledger_t *l,
                       const llmq_ledger_conf_t *rule, apr_uint64_t account,
                       apr_int64_t n, apr_time_t now);

/**
 * Put a new account in, as the store knows it. Who is there already stays as it is.
 * @param l     the table
 * @param rule  what it is allowed
 * @param state as the store has it; window 0: not at all
 * @param now   the present
 * @threads any, of any process
 */
void llmq_ledger_seed(llmq_ledger_t *l, const llmq_ledger_conf_t *rule,
                      const llmq_ledger_state_t *state, apr_time_t now);

/**
 * Correct a booking: more or less was used than was thought. What is given back counts only
 * in the window that was booked; what is missing counts in the present one.
 * @param l       the table
 * @param account which
 * @param n       units, of either sign
 * @param window  that was booked
 * @param now     the present
 * @return non-zero if it was; 0: the account is not here: llmq_ledger_seed() it and settle
 * again
 * @threads any, of any process
 */
int llmq_ledger_settle(llmq_ledger_t *l, apr_uint64_t account, apr_int64_t n,
                       apr_time_t window, apr_time_t now);

/**
 * Walk over the accounts, for the exchange.
 * @param states  out: the next ones that are in use: in whose window something is booked,
 *                or of which something was not sent
 * @param max     room in @a states
 * @param l       the table
 * @param pcursor in and out: 0 at first; 0 again when all were seen
 * @param dirty   non-zero: only those of which something was not sent
 * @param now     the present
 * @return how many
 * @threads any, of any process
 */
int llmq_ledger_walk(llmq_ledger_state_t *states, int max, llmq_ledger_t *l,
                     apr_size_t *pcursor, int dirty, apr_time_t now);

/**
 * Others have been told what an account has used here.
 * @param l     the table
 * @param state as it was told
 * @threads any, of any process
 */
void llmq_ledger_sent(llmq_ledger_t *l, const llmq_ledger_state_t *state);

/**
 * What the others have used, in all.
 * @param l       the table
 * @param account which
 * @param others  the sum of their totals
 * @param now     the present
 * @threads any, of any process
 */
void llmq_ledger_hear(llmq_ledger_t *l, apr_uint64_t account, apr_int64_t others,
                      apr_time_t now);

#endif /* LLMQ_LEDGER_H */
