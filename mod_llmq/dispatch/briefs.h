/**
 * @file briefs.h
 * What the runs of a batch are begun with: their triggers, what was said in their sessions
 * before, and the word in the log that they begin.
 */
#ifndef LLMQ_BRIEFS_H
#define LLMQ_BRIEFS_H

#include "core/run.h"
#include "dispatch/dispatch.h"
#include "store/store.h"

/** Whether a run can be begun. */
typedef enum {
    LLMQ_BRIEF_NONE = 0, /* not a run */
    LLMQ_BRIEF_READY,    /* its log says that it runs */
    LLMQ_BRIEF_REFUSED   /* it ends at once, see why */
} llmq_brief_e;

/** What a run is begun with; strings in the pool of the batch. */
typedef struct llmq_brief_t {
    llmq_brief_e state;
    llmq_run_t run;
    const char *why;  /* REFUSED: a sentence */
    const char *chat; /* READY: JSON array of OpenAI's messages, the trigger last */
    const char *body; /* READY: what an agent of kind http is sent */
} llmq_brief_t;

/**
 * Look what the runs of a batch are about, and note in their logs that they begin.
 * @param pbriefs out: one for each job, in their order
 * @param d       the dispatcher
 * @param store   of the thread
 * @param jobs    the batch; NULL or final: not to be done
 * @param n       their number
 * @param p       pool of it all
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the drain thread of the tasks
 */
apr_status_t llmq_briefs_make(llmq_brief_t **pbriefs, llmq_dispatch_t *d,
                              llmq_store_t *store, llmq_job_t *const *jobs, int n,
                              apr_pool_t *p);

#endif /* LLMQ_BRIEFS_H */
