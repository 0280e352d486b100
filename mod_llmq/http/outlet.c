#include "http/outlet.h"

#include "http/outlet_way.h"

/* The first that fits is taken; the last always does. */
static const llmq_outlet_way_t *const ways[] = {
    &llmq_outlet_detached,
    &llmq_outlet_held,
};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

apr_status_t llmq_outlet_open(llmq_outlet_t **po, request_rec *r,
                              const llmq_service_t *service,
                              const llmq_outlet_conf_t *conf)
{
    apr_status_t rv;
    int i;

    if (r->header_only) {
        return APR_ECONNABORTED;
    }
    rv = llmq_stream_admit(service->streams, LLMQ_STREAM_EVENTS);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = APR_ENOTIMPL;
    for (i = 0; i < WAYS && rv == APR_ENOTIMPL; i++) {
        if (ways[i]->fits(r, service)) {
            rv = ways[i]->open(po, r, service, conf);
        }
    }
    if (rv != APR_SUCCESS) {
        llmq_stream_dismiss(service->streams, LLMQ_STREAM_EVENTS);
    }
    return rv;
}

apr_status_t llmq_outlet_send(llmq_outlet_t *o, llmq_frame_t *frame)
{
    return o->way->send(o, frame);
}

apr_size_t llmq_outlet_pending(llmq_outlet_t *o)
{
    return o->way->pending(o);
}

void llmq_outlet_end(llmq_outlet_t *o)
{
    o->way->end(o);
    llmq_outlet_way_let(o);
}

int llmq_outlet_stay(llmq_outlet_t *o)
{
    int rv = o->way->stay(o);

    llmq_outlet_way_let(o);
    return rv;
}
