/**
 * @file worker.h
 * A worker: one who claims tasks, or tells of their progress, under a name of its tenant's.
 * What is known of it, and what follows from that; where it is known is core/roster.h.
 */
#ifndef LLMQ_WORKER_H
#define LLMQ_WORKER_H

#include "llmq.h"

#include <apr_time.h>

typedef enum {
    LLMQ_WORKER_STOPPED,
    LLMQ_WORKER_IDLE,
    LLMQ_WORKER_BUSY,
    LLMQ_WORKER_COUNT
} llmq_worker_e;

/** How a task left a worker's hands. */
typedef enum {
    LLMQ_WORKER_SUCCEEDED,
    LLMQ_WORKER_FAILED,   /* told so, or out of time */
    LLMQ_WORKER_EXPIRED,  /* its lease has ended: a failure of its worker, too */
    LLMQ_WORKER_RELEASED, /* given back */
    LLMQ_WORKER_CANCELED, /* withdrawn */
    LLMQ_WORKER_ENDS
} llmq_worker_end_e;

/** A worker. */
typedef struct llmq_worker_t {
    char tenant[LLMQ_NAME_MAX + 1];
    char id[LLMQ_NAME_MAX + 1];
    apr_uint32_t tasks;       /* in its hands, as far as is known; see above */
    apr_time_t started;       /* first sign of life since it was last stopped */
    apr_time_t seen;          /* last one; never in the future */
    apr_time_t waits_until;   /* end of its parked claim, 0 = none */
    apr_time_t holds_until;   /* end of the last of its leases */
    apr_int64_t succeeded;    /* tasks, as are the next */
    apr_int64_t failed;       /* lease expired, too */
    apr_interval_time_t busy; /* time of both, all together */
} llmq_worker_t;

/** How a task left a worker's hands, and how long it was in them. */
typedef struct llmq_worker_end_t {
    llmq_worker_end_e how;
    apr_interval_time_t took;
} llmq_worker_end_t;

/**
 * @param w   a worker
 * @param now the present
 * @return when it last gave a sign of life; @a now while its claim waits
 * @threads any
 */
apr_time_t llmq_worker_sign(const llmq_worker_t *w, apr_time_t now);

/**
 * @param w       a worker
 * @param now     the present
 * @param timeout from when on a silent one has stopped
 * @return non-zero if it has
 * @threads any
 */
int llmq_worker_has_stopped(const llmq_worker_t *w, apr_time_t now,
                            apr_interval_time_t timeout);

/**
 * @param w       a worker
 * @param now     the present
 * @param timeout from when on a silent one has stopped
 * @return where it stands
 * @threads any
 */
llmq_worker_e llmq_worker_state(const llmq_worker_t *w, apr_time_t now,
                                apr_interval_time_t timeout);

/**
 * @param state where a worker stands
 * @return S3's word for it; static
 * @threads any
 */
const char *llmq_worker_state_name(llmq_worker_e state);

#endif /* LLMQ_WORKER_H */
