/**
 * @file finisher.h
 * The finisher: one thread that takes ended attempts in batches, has decided what becomes of
 * them (outcome.h), written (outcome_write.h) and told (outcome_tell.h), and destroys them;
 * it alone does. It knows no kind of job: what one of them does besides is in its way (way.h).
 * While the database is away it keeps the outcomes and tries again. Ends that nobody waits for
 * wait a moment for others. Between batches it looks after the calls that take long
 * (longcall.h).
 */
#ifndef LLMQ_FINISHER_H
#define LLMQ_FINISHER_H

#include "dispatch/attempt.h"

/** Outcomes that may wait for the database; then nothing more is taken. */
#define LLMQ_FINISHER_BACKLOG 512

typedef struct llmq_finisher_t llmq_finisher_t;

/**
 * Start the thread.
 * @param pf out
 * @param d  the dispatcher
 * @param p  pool, as long as the finisher
 * @return APR_SUCCESS; else the thread could not be started
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_finisher_create(llmq_finisher_t **pf, llmq_dispatch_t *d,
                                  apr_pool_t *p);

/**
 * Hand an ended attempt over. Takes ownership.
 * @threads any
 */
void llmq_finisher_put(llmq_finisher_t *f, llmq_attempt_t *a);

/**
 * @return attempts handed over whose outcomes are not stored yet
 * @threads any
 */
int llmq_finisher_backlog(llmq_finisher_t *f);

/**
 * Write what is left and end the thread. Outcomes that the database does not take within
 * a few seconds are dropped: their jobs will be done again.
 * @threads the first thread, after the engine has stopped
 */
void llmq_finisher_stop(llmq_finisher_t *f);

#endif /* LLMQ_FINISHER_H */
