/**
 * @file roster.h
 * The workers that this server knows: a table of fixed size in memory that all its processes
 * share. Somebody who claims tasks, or tells of their progress, becomes known by it, as the
 * pair of a tenant and the name that he calls himself by.
 *
 *                 a sign of life
 *   (unknown) ───────────────────► IDLE ◄──────────► BUSY (holds leases)
 *                                   │ ▲                │
 *              silent for timeout   │ │ comes back     │
 *                                   ▼ │                │
 *                                STOPPED ◄─────────────┘
 *
 * A worker whose claim is parked lives as long as that waits. One that comes back after it
 * had stopped has started anew; its counts go on. What is in its hands is counted here for
 * the figures of the server only: a count that went astray, as a process died between the
 * store and this table, holds no longer than the last lease that was heard of.
 *
 * *Counts are of all times*, not of this server's run: what the store has of a worker is
 * added once (llmq_roster_restore()) before the sums are stored for the first time. So
 * storing writes whole sums, and doing it twice is as good as once.
 *
 * Locks. Each place has one (base/spin.h) for what stands in it; finding a place takes none.
 * Only who makes a worker known, or forgets one, takes that of the table; under it, those of
 * places. A full table gives the place of the worker that has been silent the longest, of
 * those that have stopped and whose sums are stored, if there is one. Without any that has
 * stopped nobody new becomes known, which `missed` counts: his calls work all the same.
 *
 * All functions do nothing where the table is NULL or the worker has no name.
 */
#ifndef LLMQ_ROSTER_H
#define LLMQ_ROSTER_H

#include "core/worker.h"

#include <apr_time.h>

typedef struct llmq_roster_t llmq_roster_t; /* lies in shared memory */

/** Settings; filled by cfg/. */
typedef struct llmq_roster_conf_t {
    int max;                       /* workers with a place, > 0 */
    apr_interval_time_t timeout;   /* silent for longer: stopped */
    apr_interval_time_t retention; /* silent for longer: forgotten */
} llmq_roster_conf_t;

/**
 * @param max workers, > 0
 * @return bytes that llmq_roster_init() needs
 * @threads any
 */
apr_size_t llmq_roster_size(int max);

/**
 * Lay out an empty table; one that has been laid out for as many stays as it is.
 * @param memory  64-byte aligned, at first zero, of llmq_roster_size() bytes
 * @param max     workers, > 0
 * @param timeout from when on a silent worker has stopped
 * @return the table, at the address of @a memory
 * @phase parent; @threads single
 */
llmq_roster_t *llmq_roster_init(void *memory, int max, apr_interval_time_t timeout);

/* ---- what workers do ---- */

/**
 * A sign of life.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param now    the present
 * @threads any, of any process; so it is with all that follow
 */
void llmq_roster_seen(llmq_roster_t *r, const char *tenant, const char *worker,
                      apr_time_t now);

/**
 * A claim waits, or waits no longer. Of several claims under one name the last to speak
 * holds.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param until  the claim's end at the latest; not in the future when it has ended
 * @param now    the present
 * @threads any
 */
void llmq_roster_waits(llmq_roster_t *r, const char *tenant, const char *worker,
                       apr_time_t until, apr_time_t now);

/**
 * Tasks were handed out; a claim that waited for them does so no longer.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param n      how many
 * @param until  end of their leases
 * @param now    the present
 * @threads any
 */
void llmq_roster_claimed(llmq_roster_t *r, const char *tenant, const char *worker, int n,
                         apr_time_t until, apr_time_t now);

/**
 * A lease was renewed.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param until  its new end
 * @param now    the present
 * @threads any
 */
void llmq_roster_renewed(llmq_roster_t *r, const char *tenant, const char *worker,
                         apr_time_t until, apr_time_t now);

/**
 * A task has left its worker's hands, and the store knows. A sign of life, unless the lease
 * expired or the task was withdrawn: then the worker has said nothing.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param end    how
 * @param now    the present
 * @threads any
 */
void llmq_roster_ended(llmq_roster_t *r, const char *tenant, const char *worker,
                       llmq_worker_end_t end, apr_time_t now);

/* ---- what is known ---- */

/** All together. */
typedef struct llmq_roster_sums_t {
    apr_uint32_t workers[LLMQ_WORKER_COUNT]; /* by where they stand */
    apr_uint64_t ends[LLMQ_WORKER_ENDS];     /* since the server was started */
    apr_uint64_t deliveries;                 /* tasks handed out; likewise */
    apr_uint64_t missed;                     /* signs of life that found no place */
} llmq_roster_sums_t;

/**
 * @param sums   out
 * @param r      the table
 * @param tenant whose workers; NULL: all. What has happened since the start is of all
 * @param now    the present
 * @threads any
 */
void llmq_roster_sum(llmq_roster_sums_t *sums, llmq_roster_t *r, const char *tenant,
                     apr_time_t now);

/** A copy of a place. */
typedef struct llmq_roster_row_t {
    llmq_worker_t worker;
    int restored;         /* non-zero: what is stored of it is in its counts */
    int changed;          /* non-zero: since it was stored */
    apr_uint32_t version; /* of the worker's record; for llmq_roster_stored() */
    apr_uint32_t place;
} llmq_roster_row_t;

/**
 * Walk the table.
 * @param row    out: the next worker
 * @param r      the table
 * @param cursor in, out: 0 at first
 * @return non-zero unless there is none any more
 * @threads any
 */
int llmq_roster_next(llmq_roster_row_t *row, llmq_roster_t *r, apr_uint32_t *cursor);

/**
 * Look at one worker.
 * @param row    out: untouched unless APR_SUCCESS
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @return APR_SUCCESS; APR_NOTFOUND
 * @threads any
 */
apr_status_t llmq_roster_find(llmq_roster_row_t *row, llmq_roster_t *r,
                              const char *tenant, const char *worker);

/* ---- the store's side ---- */

/**
 * Add what is stored of a worker, unless that was done; make it known if there is room.
 * @param r      the table
 * @param stored what is stored; without counts and times if there is nothing
 * @threads the dispatcher
 */
void llmq_roster_restore(llmq_roster_t *r, const llmq_worker_t *stored);

/**
 * A row was stored as it was copied.
 * @param r   the table
 * @param row the row
 * @threads the dispatcher
 */
void llmq_roster_stored(llmq_roster_t *r, const llmq_roster_row_t *row);

/**
 * Forget workers whose last sign of life is older than that and whose sums are stored.
 * @param r      the table
 * @param before when
 * @threads the dispatcher
 */
void llmq_roster_forget(llmq_roster_t *r, apr_time_t before);

#endif /* LLMQ_ROSTER_H */
