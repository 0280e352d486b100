/**
 * @file queue_claim.h
 * Work that goes to workers outside: takes of what a worker asks for, and leases.
 *
 * A *filter* lists tenants and levels. What it lets through is taken by the same rule as
 * everything else (queue.h): the most urgent of the listed levels, where only what the
 * listed tenants have ready counts for its age; inside it the turns between the listed
 * tenants, then those between keys. All bounds on what runs hold. Turns are those of the
 * whole queue: a tenant that was served by one taker goes to the back for all of them.
 *
 * A *lease* is a moment until which an entry that runs is in a worker's hands. It is what
 * tells it from an entry that a dispatcher runs: nobody takes it over when the process
 * dies that handed it out, and whoever looks after leases finds it when the moment has
 * passed. The store decides about leases; here they are an index, like all else, and a
 * take sets one before the store knows.
 *
 * Takes cost O(listed tenants) beside what llmq_queue_take() costs, leases O(log n).
 */
#ifndef LLMQ_QUEUE_CLAIM_H
#define LLMQ_QUEUE_CLAIM_H

#include "queue/queue.h"

/** Most tenants of a filter. */
#define LLMQ_QUEUE_FILTER_MAX 64

/** What may be taken. */
typedef struct llmq_queue_filter_t {
    const apr_uint64_t *tenants; /* hashes of their names */
    int n_tenants;               /* up to LLMQ_QUEUE_FILTER_MAX; 0 = nothing at all */
    unsigned levels;             /* bit (1 << level) of each that may be taken, 0 = all */
} llmq_queue_filter_t;

/**
 * Take the most urgent ready entries that a filter lets through. Due delayed entries
 * become ready first. Deadlines are not looked at, as in llmq_queue_take(): one that has
 * passed a moment ago may be taken until the dispatcher has fetched it as expired.
 * @param out         at least @a max entries
 * @param pn          out: how many were taken, 0 if none
 * @param q           the queue
 * @param max         most to take (> 0)
 * @param owner       the taker's pid, not 0
 * @param lease_until end of the lease of what is taken, 0 = none
 * @param filter      what may be taken; NULL = everything
 * @return APR_SUCCESS (also with 0 taken); APR_EINVAL too many tenants; APR_EINCOMPLETE
 *         damaged
 * @threads any
 */
apr_status_t llmq_queue_take_from(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                  apr_uint32_t owner, apr_time_t lease_until,
                                  const llmq_queue_filter_t *filter);

/**
 * Begin to run one waiting entry, whatever its turn, its moment, pauses and bounds; it
 * counts among what runs from now on.
 * @param out         out: a copy of the entry; untouched unless APR_SUCCESS
 * @param q           the queue
 * @param id          which
 * @param owner       the taker's pid, not 0
 * @param lease_until end of its lease, 0 = none
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_EBUSY it is running; LLMQ_ESTATE an older one of
 *         its chain has not ended, or may still be on its way; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_take_id(llmq_entry_t *out, llmq_queue_t *q, const char *id,
                                apr_uint32_t owner, apr_time_t lease_until);

/** A change of a lease. */
typedef struct llmq_queue_lease_t {
    const char *id;
    apr_uint32_t attempt; /* the fence of the taken entry */
    apr_uint32_t next;    /* its fence from now on (>= attempt) */
    apr_time_t until;     /* end of the lease, 0 = none any more */
} llmq_queue_lease_t;

/**
 * Tell running entries' fences and leases as the store has them now.
 * @param q      the queue
 * @param leases what changed; one that does not run with that attempt is passed over
 * @param n      their number
 * @return APR_SUCCESS; APR_NOTFOUND one at least was passed over; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_lease_all(llmq_queue_t *q, const llmq_queue_lease_t *leases,
                                  int n);

/**
 * llmq_queue_lease_all() of one.
 * @param q           the queue
 * @param id          which
 * @param attempt     the fence of the taken entry
 * @param next        its fence from now on (>= attempt)
 * @param lease_until end of its lease, 0 = none any more
 * @return APR_SUCCESS; APR_NOTFOUND not running with that attempt; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_lease(llmq_queue_t *q, const char *id, apr_uint32_t attempt,
                              apr_uint32_t next, apr_time_t lease_until);

/**
 * Copy the running entries whose lease has ended. They stay as they are until their lease
 * is changed, or they are given back or acked.
 * @param out out: array, in @a p; those that ended first come first
 * @param pn  out: their number
 * @param q   the queue
 * @param now leases that end at or before this
 * @param p   pool of *out
 * @return APR_SUCCESS; APR_EINCOMPLETE
 * @threads any; lock-free when none has ended
 */
apr_status_t llmq_queue_lease_due(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                                  apr_time_t now, apr_pool_t *p);

/**
 * How long until the first lease ends. Nobody is woken when one is set that ends sooner:
 * whoever sleeps until then looks again every now and then.
 * @param q the queue
 * @return microseconds, 0 when one has ended, -1 when there is none
 * @threads any; lock-free
 */
apr_interval_time_t llmq_queue_next_lease(llmq_queue_t *q);

/**
 * May a take with this filter find something? A hint, for whoever is about to take: it can
 * be wrong by what is changed at the same moment. Delays that are due count as ready; in a
 * damaged queue nothing is.
 * @param q      the queue
 * @param filter as for llmq_queue_take_from()
 * @return non-zero if so
 * @threads any; lock-free
 */
int llmq_queue_has_ready(llmq_queue_t *q, const llmq_queue_filter_t *filter);

/**
 * How far in front is an entry that is ready, in the order of becoming ready? That is not
 * the order of takes, which turns decide, but no other can be told without knowing who
 * will come.
 * @param q     the queue
 * @param id    which
 * @param scope with which tenants it is compared, as for llmq_queue_take_from(); of its own
 *              level alone. NULL = all. Tenants without a record of their own are compared
 *              with all of their kind.
 * @return 1 for the first; 0 if it is not ready
 * @threads any; O(listed tenants) for what became ready last, and a 32nd of what is ready
 *          for what became ready first
 */
apr_uint32_t llmq_queue_position(llmq_queue_t *q, const char *id,
                                 const llmq_queue_filter_t *scope);

#endif /* LLMQ_QUEUE_CLAIM_H */
