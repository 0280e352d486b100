/**
 * @file waiters_way.h
 * The words of http/waiters.h: how it can be waited, and how a wait can end.
 */
#ifndef LLMQ_WAITERS_WAY_H
#define LLMQ_WAITERS_WAY_H

#include "base/text.h"
#include "core/job.h"
#include "http/service.h"

typedef struct llmq_waiters_t llmq_waiters_t; /* of one child */
typedef struct llmq_waiter_t llmq_waiter_t;   /* one of them */

/** How a wait can end without the end of the job. */
typedef enum {
    LLMQ_WAITED_TIME = 0, /* the time is over, or the child ends */
    LLMQ_WAITED_GONE,     /* it was deleted meanwhile */
    LLMQ_WAITED_DEAD,     /* the dispatcher stays dead; the work is kept */
    LLMQ_WAITED_FAILED,   /* it has failed; only where that is no answer like others */
    LLMQ_WAITED_COUNT     /* none of these: the usual answer */
} llmq_waited_e;

/**
 * Look at what is waited for, as llmq_store_lease_look() does. Where that is no job, a job
 * stands for it whose status and payload tell what llmq_waiter_text_fn_t needs.
 * @threads any
 */
typedef apr_status_t llmq_waiter_look_fn_t(llmq_job_t ***pjobs, int **premoved,
                                           llmq_store_t *store, const char *const *ids,
                                           int n, apr_pool_t *p);

/**
 * The body of the answer about a job that has ended.
 * @param t   where to
 * @param job as it has ended
 * @threads any
 */
typedef void llmq_waiter_text_fn_t(llmq_text_t *t, const llmq_job_t *job);

/**
 * @param job as it has ended
 * @return the answer that tells it; LLMQ_WAITED_COUNT: the usual one with its text
 * @threads any
 */
typedef llmq_waited_e llmq_waiter_other_fn_t(const llmq_job_t *job);

/**
 * Nobody waits for these jobs any longer: what shall not go on is ended. They are looked at
 * once more afterwards.
 * @param service the service of this process
 * @param ids     of the jobs
 * @param n       their number, > 0
 * @param p       scratch
 * @threads any
 */
typedef void llmq_waiter_late_fn_t(const llmq_service_t *service, const char *const *ids,
                                   int n, apr_pool_t *p);

/** How it goes on with a kind of waiting; static. */
typedef struct llmq_waiter_way_t {
    llmq_waiter_text_fn_t *text;
    llmq_waiter_look_fn_t *look;   /* NULL: llmq_store_lease_look() */
    llmq_waiter_other_fn_t *other; /* NULL: all ends are told in the usual way */
    llmq_waiter_late_fn_t *late;   /* NULL: what is waited for goes on */
} llmq_waiter_way_t;

/** What is parked. Texts are copied. */
typedef struct llmq_waiter_conf_t {
    const llmq_job_t *job; /* which is waited for */
    apr_time_t until;
    const llmq_waiter_way_t *way;          /* borrowed */
    llmq_text_t head;                      /* llmq_capture_cut() of the usual answer */
    llmq_text_t others[LLMQ_WAITED_COUNT]; /* whole answers */
} llmq_waiter_conf_t;

/**
 * Look at what is waited for in one way.
 * @param pjobs    out: as llmq_store_lease_look(), as the others
 * @param premoved out
 * @param way      how it is waited
 * @param store    the store
 * @param ids      of what is looked at
 * @param n        their number, > 0
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_waiters_way_look(llmq_job_t ***pjobs, int **premoved,
                                   const llmq_waiter_way_t *way, llmq_store_t *store,
                                   const char *const *ids, int n, apr_pool_t *p);

#endif /* LLMQ_WAITERS_WAY_H */
