/**
 * @file claimants.h
 * Claims of workers that wait for work. Where httpd lets go of the connection they are
 * parked (http/park.h), else their threads are held; a child has one more thread, the
 * *claimants' thread*, which tries them when there may be something for them and answers
 * those whose time is over with an empty list.
 *
 * How nothing is lost: the thread arms the bells of both queues (queue/queue_bell.h), looks
 * for work for every group, and only then sleeps on the bells. A claim that begins to wait
 * while it sleeps looks by itself, once it is listed, and wakes the thread if there is
 * something: what became ready before is seen by that look, what becomes ready later
 * rings the bell.
 *
 * A client may leave at any moment. Tasks that were claimed for it are given back at once,
 * be it that it left while they were being claimed or that it did not take the answer.
 *
 * Lock: one (`lock`), for the room and the states of the claims, not held while the store is
 * asked. Under it the streams' lock may be taken (base/stream.h), never the other way.
 */
#ifndef LLMQ_CLAIMANTS_H
#define LLMQ_CLAIMANTS_H

#include "http/claim_room.h"

typedef struct llmq_claimants_t llmq_claimants_t; /* of one child */

/** Settings; filled by cfg/. */
typedef struct llmq_claimants_conf_t {
    apr_size_t max_bytes; /* of answers that clients have not taken; no more is claimed */
} llmq_claimants_conf_t;

/**
 * The thread is started by the first claim that waits.
 * @param pall    out
 * @param service the service of this process, whose streams are set
 * @param conf    settings; copied
 * @param p       pool of the child
 * @return APR_SUCCESS; other: no descriptors left
 * @phase child_init
 */
apr_status_t llmq_claimants_create(llmq_claimants_t **pall, const llmq_service_t *service,
                                   const llmq_claimants_conf_t *conf, apr_pool_t *p);

/**
 * Answer all that wait with an empty list, end the streams and both threads. Requests
 * have ended, or never go on.
 * @param all      the claimants
 * @param patience for answers that are on their way, in microseconds
 * @threads single
 */
void llmq_claimants_stop(llmq_claimants_t *all, apr_interval_time_t patience);

/**
 * A claim waits from now on; its record is the claimants'.
 * @param all the claimants
 * @param c   a claim that begins, parked or with a semaphore
 * @return APR_SUCCESS; APR_ECONNABORTED the client has left already; APR_EOF the child ends;
 *         other: it cannot wait. The record of a held one is still the caller's then, a
 *         parked one is answered.
 * @threads request
 */
apr_status_t llmq_claimants_enter(llmq_claimants_t *all, llmq_claimant_t *c);

/**
 * A held claim does not want to wait any more.
 * @param all the claimants
 * @param c   a claim that entered, with a semaphore
 * @return non-zero: it is the caller's again; 0: it is being answered, wait for that
 * @threads request
 */
int llmq_claimants_withdraw(llmq_claimants_t *all, llmq_claimant_t *c);

/**
 * The client did not take the answer of a held claim.
 * @param all the claimants
 * @param c   a claim that was answered; not to be used any more
 * @threads request
 */
void llmq_claimants_give_back(llmq_claimants_t *all, llmq_claimant_t *c);

/**
 * For llmq_park_begin(): what its response has come to.
 * @param ctx   the llmq_claimant_t, whose home is set
 * @param whole as base/stream.h has it
 * @threads the streams'
 */
void llmq_claimants_over(void *ctx, int whole);

#endif /* LLMQ_CLAIMANTS_H */
