/**
 * @file gateway.h
 * Calls of the OpenAI-compatible gateway that wait for their answers. A *call* is a request
 * whose job (core/completion.h) is on its way: stored, in the queue, or at a backend. What
 * becomes of it comes through the relay (bus/relay_link.h), on the thread of the streams.
 *
 *     listen ── commit ──► (the thread lingers) ──► parked ──► answered
 *                               │ held: cannot be parked         ▲
 *                               └────────────────────────────────┘
 *
 * Nothing is sent before it is known what: the first piece of a stream decides for 200, an
 * error for its own status, and time that is over for 503. A stream that waits long is begun
 * nevertheless, with a comment that tells its place, so that nobody on the way takes it for
 * dead; what goes wrong from then on is told as an event.
 *
 * A request that httpd lets go of (http/detach.h) costs no thread. Before that it lingers for
 * a moment: an answer that comes at once is sent as any other, and the connection stays
 * open for the next request.
 *
 * Who leaves is noticed, and the job ends: the relay is told.
 *
 * Whoever reads slowly makes the backend wait: with half of max_pending before it the
 * dispatcher is told to read no more for it, and to go on when all is written.
 *
 * Lock: one (`lock`) for all calls of a child, held for a few instructions; under it the
 * locks of the streams and of the relay's link may be taken, and nothing else.
 */
#ifndef LLMQ_GATEWAY_H
#define LLMQ_GATEWAY_H

#include "http/gateway_conf.h"
#include "http/service.h"

#include <httpd.h>

/**
 * @param pall    out
 * @param service the service of this process, whose streams are set and idle
 * @param conf    copied; what it points to lives as long as the child
 * @param p       pool of the child
 * @return APR_SUCCESS; other: as from llmq_relay_link_create()
 * @phase child_init
 */
apr_status_t llmq_gateway_create(llmq_gateway_t **pall, const llmq_service_t *service,
                                 const llmq_gateway_conf_t *conf, apr_pool_t *p);

/**
 * The child ends: parked calls are waited for until all is written, or until it is time
 * (http/ending.h); the rest is told that it cannot be answered. Before the streams end.
 * Requests have ended, or never go on.
 * @param all the calls
 * @threads single
 */
void llmq_gateway_stop(llmq_gateway_t *all);

/**
 * After the streams' thread has ended.
 * @param all the calls
 * @threads single
 */
void llmq_gateway_destroy(llmq_gateway_t *all);

/**
 * @param all the calls
 * @return the models that may be asked for
 * @threads any
 */
const llmq_models_t *llmq_gateway_models(const llmq_gateway_t *all);

/**
 * @param all the calls
 * @return non-zero if answers are kept for their idempotency keys
 * @threads any
 */
int llmq_gateway_keeps_answers(const llmq_gateway_t *all);

/**
 * Store a job and answer with what becomes of it.
 * @param r       the request, its body read
 * @param service the service of this process
 * @param job     complete but not stored
 * @param how     how; borrowed
 * @return what the handler returns
 * @threads request
 */
int llmq_gateway_answer(request_rec *r, const llmq_service_t *service, llmq_job_t *job,
                        const llmq_gateway_how_t *how);

#endif /* LLMQ_GATEWAY_H */
