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
 * All calls are O(1) but for delays, deadlines, latecomers and the ages of tenants, which
 * are O(log n). One global mutex guards the
 * segment; nothing under it does I/O, logs, or calls back. A holder marks itself in the
 * header, so the next one notices a death inside the lock and declares the segment
 * damaged; from then until llmq_queue_reset() every call answers APR_EINCOMPLETE.
 */
#ifndef LLMQ_QUEUE_H
#define LLMQ_QUEUE_H

#include "llmq.h"

#include <apr_global_mutex.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_queue_t llmq_queue_t; /* one per process; points into the segment */

/** Settings of one level. */
typedef struct llmq_queue_level_conf_t {
    apr_uint32_t max_size;       /* waiting entries (ready, blocked, delayed) */
    apr_uint32_t max_concurrent; /* running entries */
} llmq_queue_level_conf_t;

/** A tenant that the settings name. */
typedef struct llmq_queue_tenant_conf_t {
    apr_uint64_t tenant;      /* llmq_id_hash() of its name */
    apr_uint32_t weight;      /* takes in a turn, 1 to 1000; 0 counts as 1 */
    apr_uint32_t max_waiting; /* waiting entries in each level, 0 = the level's bound */
    apr_uint32_t max_running; /* running entries in each level, 0 = the level's bound */
    apr_uint32_t max_running_total; /* in all levels together, 0 = no bound of its own */
} llmq_queue_tenant_conf_t;

/** Settings; filled by cfg/. */
typedef struct llmq_queue_conf_t {
    llmq_queue_level_conf_t level[LLMQ_LEVEL_COUNT]; /* by level, slot 0 unused */
    apr_interval_time_t ageing; /* wait that makes a level one more urgent, 0 = never */
    apr_uint32_t reserve;       /* percent that is divided among the named tenants */
    apr_uint32_t max_running;   /* running entries in all levels together, 0 = no bound */
    apr_uint32_t max_tenants;   /* tenants with a record of their own */
    int no_figures;             /* nobody drains cells (queue_figures.h): fill none */
    const llmq_queue_tenant_conf_t *tenants; /* those named, each once */
    int n_tenants;
} llmq_queue_conf_t;

typedef enum {
    LLMQ_ENTRY_FREE = 0,
    LLMQ_ENTRY_READY,
    LLMQ_ENTRY_BLOCKED,
    LLMQ_ENTRY_DELAYED,
    LLMQ_ENTRY_RUNNING
} llmq_entry_state_e;

/** What the queue knows of a job: what a caller puts in, and a copy of what comes out. */
typedef struct llmq_entry_t {
    char id[LLMQ_ID_MAX + 1];
    apr_uint64_t key;    /* llmq_id_hash() of tenant and fairness key, not 0 */
    apr_uint64_t chain;  /* llmq_id_hash() of tenant and conversation, 0 = none */
    apr_uint64_t tenant; /* llmq_id_hash() of the tenant's name */
    apr_time_t deadline; /* to be taken before this, 0 = none */
    apr_time_t put_at;   /* accepted; waits are counted from here */
    apr_time_t run_at;   /* not before this; 0 or past = now */
    apr_time_t taken_at; /* out: when it was taken, 0 before */
    apr_time_t
        lease_until; /* running: a worker has it until then, see queue_claim.h; 0: a dispatcher has */
    apr_uint32_t attempt; /* the fence, as in the store */
    apr_uint32_t owner;   /* out: process (pid) that took it, 0 = none or unknown */
    apr_uint32_t weight;  /* takes of its key in a turn, 1 to 1000; 0 counts as 1 */
    apr_uint32_t key_cap; /* most of its key that run at once in its level, 0 = no cap */
    unsigned char level;
    unsigned char kind;
    unsigned char state;    /* out: llmq_entry_state_e */
    unsigned char canceled; /* out: cancelled while running */
    unsigned char alone;    /* in: nobody else can know its chain yet */
} llmq_entry_t;

/** How an attempt ended, for the statistics. */
typedef enum {
    LLMQ_ACK_COMPLETED,
    LLMQ_ACK_FAILED, /* failed for good */
    LLMQ_ACK_GONE,   /* withdrawn, or no longer ours: counts nowhere, as does any ack of
                        an entry that was cancelled while it ran */
    LLMQ_ACK_TIMEOUT /* timed out for good: a failure, told apart in the statistics */
} llmq_ack_e;

/** A level's figures. */
typedef struct llmq_queue_stats_t {
    apr_uint32_t ready;
    apr_uint32_t blocked;
    apr_uint32_t delayed;
    apr_uint32_t running; /* without those that are answered */
    apr_uint32_t max_size;
    apr_uint32_t max_concurrent;
    apr_uint32_t concurrency; /* what holds now, 1 to max_concurrent */
    apr_uint32_t paused;      /* non-zero: nothing is taken; of one tenant only */
    apr_uint64_t total_put;   /* each entry once, also if a reset made it be put again */
    apr_uint64_t total_completed;
    apr_uint64_t total_failed;     /* timeouts too */
    apr_uint64_t total_taken;      /* taken for the first time; retries are not counted */
    apr_interval_time_t wait_sum;  /* of those, put (or first run_at) to take */
    apr_interval_time_t wait_max;  /* largest of those */
    apr_interval_time_t wait_ewma; /* moving mean, weight 1/16 */
    apr_interval_time_t run_ewma;  /* moving mean of take to answer, weight 1/16 */
} llmq_queue_stats_t;

/**
 * @param conf   settings
 * @return bytes of shared memory that llmq_queue_create() needs; 0 if the sizes overflow
 * @threads any
 */
apr_size_t llmq_queue_segment_size(const llmq_queue_conf_t *conf);

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
#define LLMQ_PUT_RUNNING                                                                 \
    2 /* each entry is running: owner, taken_at and lease_until are
                               its own */
#define LLMQ_PUT_WALK                                                                    \
    4 /* from a walk over the store: not what left since it began;
                               one that has a lease is running */

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
 * admissions out, unless it is `alone`. Entries without a place must fit max_size. What a dispatcher has in flight when the
 * segment was reset it puts first, with LLMQ_PUT_RUNNING: the walk will then skip it, and
 * its chain waits for its ack.
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

/**
 * @param out out: a copy of the entry; may be NULL
 * @return APR_SUCCESS; APR_NOTFOUND; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_find(llmq_entry_t *out, llmq_queue_t *q, const char *id);

/**
 * Copy the running entries, of all owners or of one.
 * @param out   array, in @a p
 * @param pn    out: their number
 * @param owner a pid, or 0 for all
 * @return APR_SUCCESS; APR_EINCOMPLETE
 * @threads any; O(running), for take-over and status only
 */
apr_status_t llmq_queue_running(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                                apr_uint32_t owner, apr_pool_t *p);

/**
 * How long until the next delayed entry is due.
 * @return microseconds, 0 when one is due, -1 when none waits
 * @threads any
 */
apr_interval_time_t llmq_queue_next_due(llmq_queue_t *q);

/**
 * @param stats out: array of LLMQ_LEVEL_COUNT, by level; slot 0 is the sum, with the
 *              largest wait_max and the means weighted by their numbers of samples
 * @return APR_SUCCESS; APR_EINCOMPLETE (figures are zero)
 * @threads any
 */
apr_status_t llmq_queue_stats(llmq_queue_stats_t *stats, llmq_queue_t *q);

/**
 * One tenant's part of llmq_queue_stats(): limits are the levels', all else its own.
 * @param stats  out: array of LLMQ_LEVEL_COUNT, as llmq_queue_stats() fills it
 * @param q      the queue
 * @param tenant hash of its name; one that was never seen has zeros
 * @return APR_SUCCESS; APR_EINCOMPLETE (figures are zero)
 * @threads any
 */
apr_status_t llmq_queue_tenant_stats(llmq_queue_stats_t *stats, llmq_queue_t *q,
                                     apr_uint64_t tenant);

/**
 * Stop or resume takes of a tenant's entries in a level. Everything else goes on: puts,
 * delays, deadlines, cancels, and what runs.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @param on     non-zero: stop
 * @return APR_SUCCESS; APR_EINVAL no such level; other: the mutex failed
 * @threads any
 */
apr_status_t llmq_queue_pause(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              int on);

/**
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @return non-zero if the tenant's entries of that level are not taken
 * @threads any; lock-free
 */
int llmq_queue_is_paused(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level);

#define LLMQ_TENANT_MAINTENANCE 1 /* nothing new is accepted; http/ refuses it */

/**
 * Set what llmq_queue_flags() tells; the queue itself does not act on it.
 * @param q      the queue
 * @param tenant hash of its name
 * @param flags  LLMQ_TENANT_… or 0
 * @threads any
 */
void llmq_queue_set_flags(llmq_queue_t *q, apr_uint64_t tenant, apr_uint32_t flags);

/**
 * @param q      the queue
 * @param tenant hash of its name
 * @return LLMQ_TENANT_…, 0 for a tenant that was never seen
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_flags(llmq_queue_t *q, apr_uint64_t tenant);

/**
 * Set how many entries of a level may run, within its max_concurrent; what runs already
 * goes on. llmq_queue_configure() sets it back.
 * @param q     the queue
 * @param level the level
 * @param n     brought between 1 and max_concurrent
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_set_concurrency(llmq_queue_t *q, llmq_level_e level,
                                        apr_uint32_t n);

/**
 * Count an end in the totals alone; llmq_queue_figures_tell() counts one that the queue
 * did not see.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  its level
 * @param how    COMPLETED, FAILED or TIMEOUT
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_count(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              llmq_ack_e how);

/** What a level of a tenant has brought about, as the store tells. */
typedef struct llmq_queue_totals_t {
    apr_uint64_t completed;
    apr_uint64_t failed;
} llmq_queue_totals_t;

/**
 * Set the totals that outlive the segment (from the store).
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @param totals what they are from now on
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_set_totals(llmq_queue_t *q, apr_uint64_t tenant,
                                   llmq_level_e level, const llmq_queue_totals_t *totals);

/**
 * Must the dispatcher walk the store and put what is missing? After create, reset, an
 * entry that did not fit (once there is room again), or llmq_queue_suspect().
 * @return non-zero if so
 * @threads any
 */
int llmq_queue_needs_rebuild(llmq_queue_t *q);

/**
 * The walk over the store begins now; suspicions from here on ask for another one.
 * @threads one of the dispatcher
 */
void llmq_queue_rebuild_begin(llmq_queue_t *q);

/**
 * The walk has ended. A walk should go on past entries that do not fit, as those of other
 * levels may: then it is complete, and another is asked for when there is room.
 * @param complete 0 if it stopped early: for lack of room (another is asked for when there
 *                 is some) or because the store failed (at once)
 * @threads the one that began it
 */
void llmq_queue_rebuild_end(llmq_queue_t *q, int complete);

/**
 * A process died and may have stored rows without putting them: ask for a walk.
 * @threads any, the parent included
 */
void llmq_queue_suspect(llmq_queue_t *q);

/**
 * A word that changes whenever an entry left whose id shares its slot: whoever waits for a
 * job's end looks at the store again only when it has changed.
 * @param q  the queue
 * @param id the job
 * @return a counter; compare for equality only
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_ended(llmq_queue_t *q, const char *id);

/**
 * A job has ended that the queue did not hold: wake those who wait for it.
 * @param q  the queue
 * @param id the job
 * @threads any; lock-free
 */
void llmq_queue_note_end(llmq_queue_t *q, const char *id);

/**
 * Settings live in the store; this counter says that one was changed.
 * @param q the queue
 * @return a number that changes with each llmq_queue_settings_changed()
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_settings_version(llmq_queue_t *q);

/**
 * A setting was stored: all processes of this server load theirs again.
 * @param q the queue
 * @threads any; lock-free
 */
void llmq_queue_settings_changed(llmq_queue_t *q);

/**
 * @return non-zero when a death inside the lock was noticed and no reset came since
 * @threads any
 */
int llmq_queue_is_damaged(llmq_queue_t *q);

/**
 * Empty a damaged segment: all entries go, the totals stay, a rebuild is asked for. Does
 * nothing when the segment is not damaged.
 * @return APR_SUCCESS; other: the mutex failed
 * @threads the dispatcher only
 */
apr_status_t llmq_queue_reset(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_H */
