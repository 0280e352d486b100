/**
 * @file limiter.h
 * How often somebody may call: the generic cell rate algorithm (ITU-T I.371, annex A) over
 * a table in memory that all processes of a server share.
 *
 * For each key one time is kept, its *theoretical arrival time*: when the key, were it to
 * keep exactly to its rate, would call next. A call is let through as long as that time
 * lies less than the burst's worth of calls ahead, and moves it one call's worth further.
 *
 * The table is set-associative (base/sets.h), a set has LLMQ_LIMITER_WAYS places. A new key
 * takes the place whose time is the smallest and goes on from that time (as in
 * Space-Saving, Metwally et al., ICDT 2005). A time in the past means the same as none, so
 * nothing is lost by that while a place is idle; and as times only grow and the smallest
 * was inherited, a key that was pushed out never finds less on its account than it left.
 * So a table that is too small may refuse what should pass, but in any span of time never
 * lets through more than the burst and what the rate yields in it.
 *
 * Each set has a lock (base/spin.h).
 */
#ifndef LLMQ_LIMITER_H
#define LLMQ_LIMITER_H

#include <apr.h>
#include <apr_time.h>

#define LLMQ_LIMITER_WAYS 7 /* with the lock two cache lines */

typedef struct llmq_limiter_t llmq_limiter_t; /* lies in shared memory */

/** How often: @c limit calls in @c period, @c burst of them at once. */
typedef struct llmq_limiter_conf_t {
    apr_interval_time_t period; /* > 0 */
    int limit;                  /* > 0 */
    int burst;                  /* > 0 */
} llmq_limiter_conf_t;

/** What became of a call. */
typedef struct llmq_limiter_verdict_t {
    int admitted;              /* non-zero: it may go on, and was counted */
    int remaining;             /* calls that would pass right after it */
    apr_interval_time_t reset; /* until the whole burst is there again */
    apr_interval_time_t wait;  /* until the next call would pass, 0 if at once */
} llmq_limiter_verdict_t;

/**
 * @param keys how many keys to hold, > 0
 * @return bytes that llmq_limiter_init() needs
 * @threads any
 */
apr_size_t llmq_limiter_size(int keys);

/**
 * Lay out an empty table. One that has been laid out for as many keys stays as it is.
 * @param memory 64-byte aligned, at first zero, of llmq_limiter_size(keys) bytes
 * @param keys   how many keys to hold, > 0
 * @return the table, at the address of @a memory
 * @phase parent, tests; @threads single
 */
llmq_limiter_t *llmq_limiter_init(void *memory, int keys);

/**
 * A call arrives.
 * @param verdict out
 * @param l       the table
 * @param rule    how often this key may call
 * @param key     llmq_id_hash() of whatever is limited, the rule included
 * @param now     microseconds since 1970
 * @threads any, of any process
 */
void llmq_limiter_ask(llmq_limiter_verdict_t *verdict, llmq_limiter_t *l,
                      const llmq_limiter_conf_t *rule, apr_uint64_t key, apr_time_t now);

#endif /* LLMQ_LIMITER_H */
