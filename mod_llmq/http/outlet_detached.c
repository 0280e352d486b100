/* The way of an outlet that costs a socket and two small records. */
#include "http/outlet_way.h"

#include "http/detach.h"

#include <stdlib.h>

typedef struct {
    llmq_outlet_t base;
    llmq_stream_t *stream;
} detached_t;

static llmq_stream_t *stream_of(llmq_outlet_t *o)
{
    return ((detached_t *)(void *)o)->stream;
}

static int fits(request_rec *r, const llmq_service_t *service)
{
    (void)service;
    return llmq_detach_is_possible(r);
}

static apr_status_t detach(llmq_stream_t **ps, request_rec *r,
                           const llmq_service_t *service, const llmq_outlet_conf_t *conf)
{
    llmq_stream_conf_t how = {.kind = LLMQ_STREAM_EVENTS,
                              .max_pending = conf->max_pending,
                              .stall = conf->stall,
                              .over = conf->over,
                              .ctx = conf->ctx};
    apr_status_t rv = llmq_detach_begin(ps, r, service->streams, &how);

    return rv == APR_SUCCESS || rv == APR_ECONNABORTED ? rv : APR_ENOTIMPL;
}

static apr_status_t open_detached(llmq_outlet_t **po, request_rec *r,
                                  const llmq_service_t *service,
                                  const llmq_outlet_conf_t *conf)
{
    llmq_outlet_t *o = llmq_outlet_way_make(sizeof(detached_t), &llmq_outlet_detached);
    apr_status_t rv;

    if (!o) {
        return APR_ENOMEM;
    }
    rv = detach(&((detached_t *)(void *)o)->stream, r, service, conf);
    if (rv != APR_SUCCESS) {
        free(o);
        return rv;
    }
    *po = o;
    return APR_SUCCESS;
}

static apr_status_t send_detached(llmq_outlet_t *o, llmq_frame_t *frame)
{
    return llmq_stream_send(stream_of(o), frame);
}

static apr_size_t pending(llmq_outlet_t *o)
{
    return llmq_stream_pending(stream_of(o));
}

static void end(llmq_outlet_t *o)
{
    llmq_stream_end(stream_of(o), NULL);
}

/* The request ends for httpd, which lets go of the connection. */
static int stay(llmq_outlet_t *o)
{
    (void)o;
    return OK;
}

const llmq_outlet_way_t llmq_outlet_detached = {
    "detached", fits, open_detached, send_detached, pending, end, stay, NULL,
};
