/**
 * @file courier.h
 * The courier: delivers the notices of the outbox (store/store_outbox.h), each a POST of
 *
 *   {"type":"task.completed","timestamp":"…","data":{…the job…}}
 *
 * signed as core/webhook_sign.h has it. At least once: a notice whose taking was not
 * stored is sent again, under the same webhook-id. A job that is removed meanwhile is told
 * of by its id and state alone.
 *
 * One thread looks for what is due, claims it, begins the calls and writes what became of
 * them; the calls run on an engine of their own, so that receivers, however slow, take
 * nothing from backends, and no connection is shared with calls that may go anywhere.
 *
 * Receivers do not hold one another up: of one host so many run at once, all others wait
 * in the database. A host that fails is asked by one call at a time, after a pause that
 * grows with each failure.
 */
#ifndef LLMQ_COURIER_H
#define LLMQ_COURIER_H

#include "dispatch/courier_hosts.h"
#include "dispatch/dispatch.h"

typedef struct llmq_courier_t llmq_courier_t;

/**
 * Start the thread and its engine.
 * @param pc out
 * @param d  the dispatcher; its conf is read
 * @param p  pool, as long as the courier
 * @return APR_SUCCESS; else the thread or the engine could not be started
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_courier_create(llmq_courier_t **pc, llmq_dispatch_t *d, apr_pool_t *p);

/**
 * Begin no more; abort the calls that are still in flight after a while, hand their
 * notices back and end the thread. While the database is away it is not waited for: the
 * claims end by themselves.
 * @param c        the courier
 * @param patience how long calls in flight may go on
 * @threads the dispatcher's first
 */
void llmq_courier_stop(llmq_courier_t *c, apr_interval_time_t patience);

#endif /* LLMQ_COURIER_H */
