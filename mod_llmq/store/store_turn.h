/**
 * @file store_turn.h
 * What was said so far in the conversations of messages: read for a batch of messages in one statement.
 */
#ifndef LLMQ_STORE_TURN_H
#define LLMQ_STORE_TURN_H

#include "core/job.h"
#include "store/store.h"

/** A completed message of the conversation of one of the batch, or the context of its conversation. */
typedef struct llmq_turn_t {
    const char *job;     /* id of the message of the batch */
    const char *context; /* of its conversation; NULL but once for each message */
    const char *prompt;  /* NULL: there is a context and no turn */
    const char *result;  /* JSON object text */
} llmq_turn_t;

/**
 * Read them. A message whose conversation has neither context nor turns costs a look into
 * two indexes.
 * @param pturns    out: by message, the turn that was answered first goes first
 * @param pn        out: their number
 * @param store     the store
 * @param jobs      messages; those of no conversation are passed over, as is NULL
 * @param n         their number
 * @param max_turns turns a message at most
 * @param max_bytes about how many bytes of turns a message is worth; the newest comes in
 *                  any case
 * @param p         pool of the texts
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_turn_load(llmq_turn_t **pturns, int *pn, llmq_store_t *store,
                                  llmq_job_t *const *jobs, int n, int max_turns,
                                  apr_int64_t max_bytes, apr_pool_t *p);

#endif /* LLMQ_STORE_TURN_H */
