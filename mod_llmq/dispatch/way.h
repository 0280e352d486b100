/**
 * @file way.h
 * The way of a kind of job through the dispatcher: what is done for one kind and not for the
 * others, in the order in which it happens. The story (dispatch_run.c), the finisher and what
 * it decides (outcome.c) call these by the attempt and know no kind; ways.c lists them.
 *
 *   taken ─► admit ─► prepare ─► request ─► begin ─► call ─► check ─► judge
 *
 *   finisher: decide (or retry, error) ─► keep ─► WRITTEN ─► follow ─► say
 *                                           └──► refuse
 *
 * What is NULL is not needed, or done as for all others.
 */
#ifndef LLMQ_WAY_H
#define LLMQ_WAY_H

#include "dispatch/attempt.h"
#include "dispatch/briefs.h"
#include "store/store_app_memory.h"
#include "store/store_job.h"

/** A job that was taken, and what goes with it. */
typedef struct llmq_loaded_t {
    const llmq_job_t *job;
    const llmq_chat_past_t *past;
    const llmq_brief_t *brief;       /* of a run; NULL where there are none */
    const llmq_app_recall_t *recall; /* of a memory; NULL where there are none */
    const llmq_model_t *model;       /* of a completion that was admitted, else NULL */
    const struct llmq_handler_t *handler; /* who does it; NULL: a backend */
} llmq_loaded_t;

/** Attempts that end together, and what becomes of them. Those after the n-th were withdrawn
 * or overtaken: nothing is written of them. */
typedef struct llmq_batch_t {
    llmq_dispatch_t *d;
    llmq_store_t *store; /* the finisher's */
    llmq_attempt_t **as;
    llmq_outcome_t *o; /* of the first n; accepted counts once they are written */
    int n;
    int n_all;     /* n and the rest */
    apr_pool_t *p; /* scratch */
} llmq_batch_t;

struct llmq_way_t {
    /**
     * @param what may be completed
     * @return non-zero if it is to be begun; 0: it has been ended or given back
     * @threads the drain thread
     */
    int (*admit)(llmq_dispatch_t *d, const llmq_entry_t *entry, llmq_loaded_t *what);
    /**
     * An attempt is made; also of a job that is not to be begun.
     * @param job  as loaded; without metadata, if only its id is known
     * @param past NULL: nothing
     * @threads whoever makes it
     */
    void (*prepare)(llmq_attempt_t *a, const llmq_job_t *job,
                    const llmq_chat_past_t *past);
    /**
     * Fill the call of an attempt that has a place.
     * @return APR_SUCCESS; other: it cannot be said, the job goes back
     * @threads the drain thread, as of the next
     */
    apr_status_t (*request)(llmq_attempt_t *a, const llmq_loaded_t *what);
    /** It was launched. @return non-zero if its call is to be started; 0: it is over */
    int (*begin)(llmq_attempt_t *a);

    /** A call has ended; before anybody looks at it. @threads the engine's, as of the next */
    void (*check)(llmq_call_t *call);
    /** What becomes of it, if somebody is to hear that before the finisher does. */
    void (*judge)(llmq_call_t *call);

    /** @return non-zero if somebody waits for its end to be stored; NULL: always
     * @threads any */
    int (*is_urgent)(const llmq_attempt_t *a);

    /** Fill an outcome in place of llmq_outcome_decide(). @threads finisher, as all below */
    void (*decide)(llmq_outcome_t *o, llmq_attempt_t *a);
    /** @return how it is tried again; NULL: as the dispatcher's settings tell */
    const llmq_retry_conf_t *(*retry)(const llmq_attempt_t *a);
    /** @return a failure as the job keeps it; NULL: llmq_backend_error() */
    const char *(*error)(const llmq_call_t *call, apr_pool_t *p);
    /** Its outcome cannot be stored, and the job ends with that. @a o is as it was decided */
    void (*refuse)(const llmq_attempt_t *a, const llmq_outcome_t *o);
    /**
     * Store what belongs to the outcomes of a batch, before them. It may be done again.
     * @return APR_SUCCESS; other: the database is away, try again
     */
    apr_status_t (*keep)(const llmq_batch_t *batch);
    /** What follows from outcomes that were written, before the queue hears of them. */
    void (*follow)(const llmq_batch_t *batch);
    /** The outcome is stored, or never will be. */
    void (*say)(llmq_attempt_t *a);
    int is_letter; /* what is given up is kept as a dead letter: nobody hears otherwise */
};

#endif /* LLMQ_WAY_H */
