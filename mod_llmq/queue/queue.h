/**
 * @file queue.h
 * The shared priority queue: one segment of shared memory that all processes of a server
 * map, an index of what waits in the store. It holds fixed-size entries and 1-based 32-bit
 * indexes, no pointers and no payloads, and may be lost at any moment: the store is the
 * truth and llmq_queue_put() of everything unfinished rebuilds it.
 *
 * Entry states:
 *
 *          put                   take               ack
 *   (new) ─────► READY ─────────────────► RUNNING ─────► (gone)
 *           │     ▲  ▲                      │ │
 *           │     │  └── predecessor gone   │ └─ requeue with run_at ─► DELAYED
 *           ├──► BLOCKED (behind its chain) │
 *           └──► DELAYED ── run_at reached ─┘ (to READY)
 *
 * Fairness rule, from the outside in.
 *
 * Levels are strict: nothing of a lower level is taken while a higher one has something
 * takeable, that is ready and below all its bounds on what runs. Ageing bounds this: when
 * the oldest ready entry of a level (of those tenants that may run something there) has
 * waited k times `ageing`, the level counts as k levels more urgent, and levels that count
 * alike take turns, one entry each. So a level l is not passed over any more once its
 * oldest has waited (l - 1) * ageing: from then on it gets at least every fourth take. Only
 * the level is raised; which of its entries is taken is decided by the turns inside it,
 * and its own bound on what runs still holds.
 *
 * Inside a level tenants take turns, inside a tenant keys do: whoever is served as often
 * as its weight says goes to the back of its ring, and so does who comes anew. A thousand
 * keys of one tenant delay another tenant's first entry by one turn, a thousand entries of
 * one key another key's. A tenant that is paused in a level or at its bound there, and a
 * key with as many running entries as its cap, is in no ring until that changes.
 *
 * Inside a key, entries leave in the order in which they were put, also those that come
 * back after a failure or had to wait for their chain; one that is delayed when it is put
 * counts as put when it is due. Entries of one chain run one at a time in the order in
 * which they were put, whatever their levels: the head of a chain is ready (or delayed, or
 * running), all others are blocked.
 *
 * Isolation. Of each level's places and running slots a share (`reserve`) is divided
 * equally among the tenants that the settings name: nobody else can use a tenant's own.
 * What remains is for whoever comes first. With one tenant nothing is reserved. A tenant
 * is known by the hash of its name; when the table of tenants is full, all further ones
 * share one record, and with it counts, turns and pauses.
 *
 * Here stands an entry's way through the queue. What goes in and comes out is in
 * queue_types.h; queue_look.h reads, queue_admin.h is for operators and settings,
 * queue_rebuild.h for loss and rebuilding; these come with this one. Beside it there are
 * queue_claim.h for workers outside and queue_bell.h for whoever sleeps until there is
 * work.
 *
 * All calls are O(1) but for delays, deadlines, leases, latecomers and the ages of
 * tenants, which are O(log n). One global mutex guards the segment; nothing under it does
 * I/O, logs, or calls back. A holder marks itself in the header, so the next one notices a
 * death inside the lock and declares the segment damaged; from then until
 * llmq_queue_reset() every call answers APR_EINCOMPLETE.
 */
#ifndef LLMQ_QUEUE_H
#define LLMQ_QUEUE_H

#include "queue/queue_admin.h"
#include "queue/queue_look.h"
#include "queue/queue_rebuild.h"
#include "queue/queue_types.h"

#include <apr_global_mutex.h>

/**
 * Lay out an empty queue in a zeroed segment, in the state "to be rebuilt":
 * llmq_queue_needs_rebuild() is true until llmq_queue_rebuild_end().
 * @param pq      out: the queue
 * @param segment shared memory of llmq_queue_segment_size(conf) bytes, 64-byte aligned
 * @param mutex   guards the segment; re-attached by the caller after each fork
 * @param wake_rd read end of a non-blocking pipe, wake_wr its write end; the taker sleeps
 *                on it
 * @param conf    settings
 * @param p       pool of *pq (not of the segment); as long as the segment
 * @return APR_SUCCESS; APR_EINVAL sizes
 * @phase parent; @threads single. Processes forked later use the same pointer.
 */
apr_status_t llmq_queue_create(llmq_queue_t **pq, void *segment,
                               apr_global_mutex_t *mutex, int wake_rd, int wake_wr,
                               const llmq_queue_conf_t *conf, apr_pool_t *p);

/**
 * Apply changed limits to a queue that lives on over a graceful restart.
 * The concurrency of each level becomes its max_concurrent, what is reserved is divided
 * anew; pauses and flags stay.
 * @return APR_SUCCESS; LLMQ_EFULL the sum of the new sizes, or the tenants, do not fit
 *         the segment
 * @phase parent
 */
apr_status_t llmq_queue_configure(llmq_queue_t *q, const llmq_queue_conf_t *conf);

/**
 * Ask for a place before the row is stored, so that a full queue refuses before it stores.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @return APR_SUCCESS: exactly one llmq_queue_put() with LLMQ_PUT_ADMITTED or one
 *         llmq_queue_dismiss() must follow; LLMQ_EFULL the tenant is at its own limit, or
 *         its reserve is used up and the level is at max_size less what is reserved for
 *         others (waiting entries and places given out together, exactly); APR_EINVAL no
 *         such level
 * @threads any; lock-free, but for the first call with this tenant
 */
apr_status_t llmq_queue_admit(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level);

/**
 * Give back a place that llmq_queue_admit() gave.
 * @threads any; lock-free
 */
void llmq_queue_dismiss(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level);

/**
 * Places given out more than @a age ago cannot come back (their process died): forget them
 * when none has been given or returned for that long.
 * @threads the dispatcher's janitor
 */
void llmq_queue_forget_admissions(llmq_queue_t *q, apr_interval_time_t age);

/** A commit's time or two: how long an older message of a chain may be behind a younger. */
#define LLMQ_QUEUE_SETTLE apr_time_from_msec(15)

#define LLMQ_PUT_ADMITTED 1 /* each entry uses up a place of llmq_queue_admit() */
/* Each entry is running: owner, taken_at and lease_until are its own. */
#define LLMQ_PUT_RUNNING 2
/* From a walk over the store: not what left since it began; what has a lease is running. */
#define LLMQ_PUT_WALK 4

/**
 * Put entries in, in order, under one lock, and wake the taker if it sleeps. An id that is
 * there already is skipped (its place is given back). An entry that does not fit is
 * skipped too, and the queue remembers that the store holds more than it does
 * (llmq_queue_needs_rebuild()).
 *
 * In its chain an entry stands before those with a later put_at that nobody has taken yet:
 * two processes may tell the queue of what they accepted in another order than that of
 * acceptance, and a walk may come upon an older message after a younger one. So that the
 * first of a chain is not begun while an older one is still being stored, an admitted entry
 * that finds its chain empty is held for LLMQ_QUEUE_SETTLE as long as its tenant has other
 * admissions out, unless it is `alone`. Entries without a place must fit max_size. What a
 * dispatcher has in flight when the segment was reset it puts first, with
 * LLMQ_PUT_RUNNING: the walk will then skip it, and its chain waits for its ack.
 * @param q       the queue
 * @param entries what to put: id, key, chain, put_at, run_at, attempt, level, kind
 * @param n       their number
 * @param flags   0, LLMQ_PUT_ADMITTED, or one or both of LLMQ_PUT_RUNNING and
 *                LLMQ_PUT_WALK
 * @return APR_SUCCESS; APR_EINCOMPLETE the segment is damaged, nothing was put (the
 *         rebuild will) and all places are given back; APR_EINVAL those without an id or
 *         with an unknown level were skipped
 * @threads any; never blocks on I/O
 */
apr_status_t llmq_queue_put(llmq_queue_t *q, const llmq_entry_t *entries, int n,
                            int flags);

/**
 * Take the most urgent ready entries by the fairness rule. Due delayed entries become
 * ready first.
 * @param out   at least @a max entries
 * @param pn    out: how many were taken, 0 if none
 * @param q     the queue
 * @param max   most to take (> 0)
 * @param owner the taker's pid, not 0
 * @return APR_SUCCESS (also with 0 taken); APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_take(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                             apr_uint32_t owner);

/**
 * Take entries whose deadline has passed while they waited, in whatever state. They run
 * from now on, so that their end is written under the fence like any other and acked, but
 * count against no concurrency, and their chains go on at once. Whoever takes calls this
 * first: llmq_queue_take() does not look at deadlines.
 * @param out   at least @a max entries
 * @param pn    out: how many were taken, 0 if none
 * @param q     the queue
 * @param max   most to take (> 0)
 * @param owner the taker's pid, not 0
 * @return APR_SUCCESS (also with 0 taken); APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_take_expired(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                     apr_uint32_t owner);

/**
 * Wait until something may be ready: a put, an ack, a due delay, a deadline that passes,
 * llmq_queue_wake().
 * @param limit longest wait in microseconds
 * @return APR_SUCCESS look again; APR_TIMEUP nothing happened
 * @threads one taker thread of a process
 */
apr_status_t llmq_queue_wait(llmq_queue_t *q, apr_interval_time_t limit);

/** Wake whoever is in llmq_queue_wait(). @threads any, signal handlers too */
void llmq_queue_wake(llmq_queue_t *q);

/** One finished attempt. */
typedef struct llmq_queue_ack_t {
    const char *id;
    apr_uint32_t attempt; /* that of the taken entry or later; an older one, or one of an
                             entry that does not run, changes nothing */
    llmq_ack_e how;
} llmq_queue_ack_t;

/**
 * Attempts have ended for good and the store knows: the entries leave, the next of each
 * chain becomes ready, the taker is woken when that made something possible.
 * @param n number of @a acks
 * @return APR_SUCCESS; APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_ack(llmq_queue_t *q, const llmq_queue_ack_t *acks, int n);

/**
 * The call of a running entry has ended and its outcome is being stored. It still runs for
 * whoever asks, and its chain waits for its ack, but it no longer counts against its
 * level's concurrency: what bounds calls must not wait for the database.
 * @param q       the queue
 * @param id      which
 * @param attempt the fence of the taken entry
 * @return APR_SUCCESS; APR_NOTFOUND not running with that attempt; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_answered(llmq_queue_t *q, const char *id, apr_uint32_t attempt);

/**
 * Give a running entry back, to be taken again.
 * @param id      which
 * @param attempt the fence of the taken entry
 * @param next    the new fence (>= attempt)
 * @param run_at  not before this, 0 = now; it keeps its place at the head of its chain
 *                and in the order of its key
 * @return APR_SUCCESS; APR_NOTFOUND not running with that attempt, or it was cancelled
 *         and has left now; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_requeue(llmq_queue_t *q, const char *id, apr_uint32_t attempt,
                                apr_uint32_t next, apr_time_t run_at);

/**
 * Withdraw an entry. One that waits leaves at once; a running one is marked canceled,
 * stays until its ack, and the taker is woken.
 * @return APR_SUCCESS it left; LLMQ_EBUSY it was running and is marked now; APR_NOTFOUND;
 *         APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_cancel(llmq_queue_t *q, const char *id);

/**
 * Move a waiting entry to the end of its key in another level; its place in its chain
 * stays. In the level where it is, nothing changes.
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_EBUSY it is running; LLMQ_EFULL that level is
 *         full; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_reprioritise(llmq_queue_t *q, const char *id, llmq_level_e level);

/**
 * Let a waiting entry run now instead of at its moment; its place in its chain stays.
 * @param q       the queue
 * @param id      which
 * @param attempt its new fence, as the store has it
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_EBUSY it is running; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_hasten(llmq_queue_t *q, const char *id, apr_uint32_t attempt);

#endif /* LLMQ_QUEUE_H */
