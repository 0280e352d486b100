/**
 * @file context.h
 * What the messages of a batch are sent together with: the context of their conversations
 * and the turns before them.
 */
#ifndef LLMQ_CONTEXT_H
#define LLMQ_CONTEXT_H

#include "core/chat.h"
#include "store/store.h"

/**
 * @param ppasts out: the past of each job, in their order
 * @param store  the store
 * @param jobs   the batch; NULL for one that is not to be done
 * @param n      their number
 * @param conf   how much of it is sent
 * @param p      pool of it all
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the store's
 */
apr_status_t llmq_context_load(llmq_chat_past_t **ppasts, llmq_store_t *store,
                               llmq_job_t *const *jobs, int n,
                               const llmq_chat_conf_t *conf, apr_pool_t *p);

#endif /* LLMQ_CONTEXT_H */
