/**
 * @file handlers.h
 * Those who do tasks that are pushed to them (LLMQTaskHandler): which tasks may be taken
 * for them, and what they are sent. A handler has the tasks of one type, of all tenants,
 * and a set of endpoints of one (backend/endpoint.h) that knows how busy and how well it
 * is: one that cannot be reached is left alone for a while, and its tasks wait.
 */
#ifndef LLMQ_HANDLERS_H
#define LLMQ_HANDLERS_H

#include "backend/endpoint.h"
#include "dispatch/dispatch.h"

typedef struct llmq_handlers_t llmq_handlers_t;

/** A handler at work. */
typedef struct llmq_handler_t {
    const llmq_handler_conf_t *conf;
    llmq_endpoints_t *endpoints;
    const llmq_backend_conf_t *to[1];
} llmq_handler_t;

/**
 * @param ph   out
 * @param conf the dispatcher's: handlers and how to balance
 * @param p    pool, as long as they
 * @return APR_SUCCESS; else there is no mutex
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_handlers_create(llmq_handlers_t **ph, const llmq_dispatch_conf_t *conf,
                                  apr_pool_t *p);

/**
 * Take the most urgent tasks for which a handler has a place, one after another, so that
 * none has more than it can do.
 * @param out   at least @a max entries
 * @param pn    out: how many were taken
 * @param h     the handlers
 * @param tasks the queue
 * @param max   most to take
 * @param owner the taker's pid
 * @return APR_SUCCESS; else as llmq_queue_take_from()
 * @threads one
 */
apr_status_t llmq_handlers_take(llmq_entry_t *out, int *pn, llmq_handlers_t *h,
                                llmq_queue_t *tasks, int max, apr_uint32_t owner);

/**
 * @param h    the handlers
 * @param lane of a task in its queue
 * @return who has its type; NULL: nobody
 * @threads any
 */
const llmq_handler_t *llmq_handlers_of(const llmq_handlers_t *h, apr_uint64_t lane);

/**
 * Fill a call with what a handler is sent: the task as S3 shows it, with `attempt`, under
 * its id as Idempotency-Key, signed if the handler has keys.
 * @param call    its pool is used; body and headers are set
 * @param handler the handler
 * @param job     the task
 * @return APR_SUCCESS; APR_EGENERAL libcrypto refuses
 * @threads any
 */
apr_status_t llmq_handlers_request(llmq_call_t *call, const llmq_handler_t *handler,
                                   const llmq_job_t *job);

#endif /* LLMQ_HANDLERS_H */
