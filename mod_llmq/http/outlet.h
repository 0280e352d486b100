/**
 * @file outlet.h
 * Outlets: answers that are written piece by piece while things happen, for as long as the
 * client listens. An outlet costs no thread where that is possible; how it is done is
 * chosen for each connection, the first way that fits:
 *
 *   detached   HTTP/1, by TLS or not, without filters that would touch the body: httpd lets
 *              go of the connection (http/detach.h), the child's stream thread writes
 *   held       everything else (HTTP/2, filters): the request's thread waits and writes;
 *              there may be so many of these (http/held.h)
 *
 * Writing never blocks the caller: what a client has not taken yet waits as frames, which it
 * shares with others. One that lets more wait than it may, or takes nothing for a while, is
 * cut; a client that listens to a log finds what it missed by its cursor when it comes back.
 *
 *     open ──send──> … ──end──> over, whole
 *       └── the client left, was cut, or the child ends ──> over, not whole
 *
 * Who owns what: whoever opens an outlet ends it, exactly once, whatever happened, and does
 * not touch it afterwards (but for the handler's llmq_outlet_stay()). `over` is called exactly
 * once, before or after that, by a thread of the outlet's, with no lock held.
 */
#ifndef LLMQ_OUTLET_H
#define LLMQ_OUTLET_H

#include "base/frame.h"
#include "http/service.h"

#include <httpd.h>

typedef struct llmq_outlet_t llmq_outlet_t;

/** How it behaves. */
typedef struct llmq_outlet_conf_t {
    apr_size_t max_pending; /* bytes that may wait for the client; more: it is cut */
    apr_interval_time_t
        stall; /* it takes nothing for so long while something waits: cut */
    llmq_stream_over_fn_t *over;
    void *ctx; /* for over; must live until then */
} llmq_outlet_conf_t;

/**
 * Send the headers (status, content type and others as they stand in @a r) and begin. The
 * handler must call llmq_outlet_stay() as its last act after APR_SUCCESS.
 * @param po      out
 * @param r       the request, its body read
 * @param service the service of this process
 * @param conf    copied. `over` may be called before this returns.
 * @return APR_SUCCESS; LLMQ_EFULL: as many are open, or held, as may be, nothing was sent;
 *         APR_ECONNABORTED the client is gone, or asks for the headers only, as HEAD does
 *         (return OK from the handler); other: not now
 * @threads request
 */
apr_status_t llmq_outlet_open(llmq_outlet_t **po, request_rec *r,
                              const llmq_service_t *service,
                              const llmq_outlet_conf_t *conf);

/**
 * Append a frame.
 * @param o     the outlet
 * @param frame held once more while it waits
 * @return APR_SUCCESS: it will be written; APR_ECONNABORTED the client has left or is cut
 *         now
 * @threads the owner: one at a time
 */
apr_status_t llmq_outlet_send(llmq_outlet_t *o, llmq_frame_t *frame);

/**
 * For whoever has much to send: no more than the client takes.
 * @param o the outlet
 * @return bytes that wait for the client
 * @threads the owner
 */
apr_size_t llmq_outlet_pending(llmq_outlet_t *o);

/**
 * What was sent is still written, then the response ends.
 * @param o the outlet; not to be used afterwards
 * @threads the owner
 */
void llmq_outlet_end(llmq_outlet_t *o);

/**
 * The last act of the handler that opened it, whoever owns it by now.
 * @param o the outlet, even if it was ended meanwhile
 * @return what the handler returns; of a held one after it is over
 * @threads request
 */
int llmq_outlet_stay(llmq_outlet_t *o);

#endif /* LLMQ_OUTLET_H */
