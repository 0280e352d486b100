/**
 * @file hub.h
 * The hub of a child: event streams and what they follow. Each stream is a listener of
 * core/audience.h with an outlet (http/outlet.h).
 *
 *     bus ──► streams' thread (http/hub_bus.c) ──┐
 *                                                ├──► audience ──► outlets ──► clients
 *     store ──► reading thread (http/hub_read.c) ┘
 *
 * What happens goes from the bus to those who are up to date, in one frame for all of them.
 * Whoever is not, as it has just come, a number was left out or its client is slow, is
 * served from the store by the hub's *reading thread*, of which each child has one. That
 * thread also asks the store now and then which logs have grown, in case that the bus did
 * not tell: at once when it says that it has lost something.
 *
 * Lock: one (`lock`), for the audience and the listeners. Under it the locks of outlets are
 * taken, never the other way; nothing is read or logged under it, and what goes to many is
 * done in turns of a few. The bus's reader has a lock of its own (`bus_lock`), under which
 * `lock` may be taken.
 */
#ifndef LLMQ_HUB_H
#define LLMQ_HUB_H

#include "bus/bus.h"
#include "http/hub_conf.h"
#include "http/service.h"

#include <httpd.h>

/** A stream that is wanted. */
typedef struct llmq_hub_call_t {
    llmq_topic_e what;
    const char *tenant;
    const char *id;
    apr_int64_t cursor;        /* what the client has */
    int limit;                 /* most entries of one read, 1 to 1000 */
    apr_time_t until;          /* then it ends; 0: no such moment */
    apr_interval_time_t beat;  /* between two signs of life; 0: none */
    apr_interval_time_t retry; /* how long a client may wait before it comes back */
} llmq_hub_call_t;

/**
 * @param phub    out
 * @param service the service of this process: streams and bus are set
 * @param conf    settings; copied
 * @param p       pool of the child
 * @return APR_SUCCESS; other: no descriptors left
 * @phase child_init; before the first stream of base/stream.h; @threads single
 */
apr_status_t llmq_hub_create(llmq_hub_t **phub, const llmq_service_t *service,
                             const llmq_hub_conf_t *conf, apr_pool_t *p);

/**
 * End all streams, and those that still come at once: clients come back to another child.
 * @param hub the hub
 * @threads any
 */
void llmq_hub_close(llmq_hub_t *hub);

/**
 * llmq_hub_close(), and end the reading thread.
 * @param hub the hub
 * @threads single
 */
void llmq_hub_stop(llmq_hub_t *hub);

/**
 * Answer with a stream. The headers stand in @a r.
 * @param pstay out: what the handler returns, after APR_SUCCESS
 * @param hub   the hub
 * @param r     the request, its body read
 * @param call  what is wanted; copied
 * @return as llmq_outlet_open(); APR_ENOMEM
 * @threads request
 */
apr_status_t llmq_hub_open(int *pstay, llmq_hub_t *hub, request_rec *r,
                           const llmq_hub_call_t *call);

#endif /* LLMQ_HUB_H */
