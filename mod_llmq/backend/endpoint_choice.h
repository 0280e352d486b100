/**
 * @file endpoint_choice.h
 * Which backend of a group a job goes to: back to its conversation's, its *home*, else
 * where the algorithm says, and not where the job has just failed. Holds what must be
 * remembered for that. Only endpoint.c, whose lock guards it, includes this.
 */
#ifndef LLMQ_ENDPOINT_CHOICE_H
#define LLMQ_ENDPOINT_CHOICE_H

#include "backend/endpoint_spot.h"

typedef struct llmq_endpoint_choice_t llmq_endpoint_choice_t;

/**
 * @param conf settings
 * @param p    pool, as long as the choice
 * @return a choice that remembers nothing yet
 * @phase dispatcher; @threads single
 */
llmq_endpoint_choice_t *llmq_endpoint_choice_create(const llmq_balance_conf_t *conf,
                                                    apr_pool_t *p);

/**
 * Choose, and remember it as the conversation's home.
 * @param c     the choice
 * @param g     the group; what the job has tried is made unusable
 * @param n     number of its candidates, at most LLMQ_BALANCE_MAX
 * @param job   hash of the job's id
 * @param chain hash of its conversation, 0: none
 * @return index of the candidate; -1 if none can take it
 * @threads under the owner's lock
 */
int llmq_endpoint_choice_make(llmq_endpoint_choice_t *c, llmq_endpoint_group_t *g, int n,
                              apr_uint64_t job, apr_uint64_t chain);

/**
 * Remember where a job has failed; forget it once the job is done.
 * @param c     the choice
 * @param job   hash of its id, 0: none
 * @param index of the candidate it was tried at
 * @param ok    non-zero: it is done
 * @threads under the owner's lock
 */
void llmq_endpoint_choice_learn(llmq_endpoint_choice_t *c, apr_uint64_t job, int index,
                                int ok);

#endif /* LLMQ_ENDPOINT_CHOICE_H */
