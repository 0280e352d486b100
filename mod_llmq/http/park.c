#include "http/park.h"

#include "http/detach.h"

#include <http_protocol.h>

apr_status_t llmq_park_begin(llmq_park_t *park, request_rec *r,
                             const llmq_service_t *service, llmq_stream_over_fn_t *over,
                             void *ctx)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_ANSWER,
                               .stall = r->server->timeout,
                               .over = over,
                               .ctx = ctx};
    apr_status_t rv;

    if (!llmq_detach_is_possible(r)) {
        return APR_ENOTIMPL;
    }
    rv = llmq_stream_admit(service->streams, LLMQ_STREAM_ANSWER);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    r->status = HTTP_OK;
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    rv = llmq_detach_begin(&park->stream, r, service->streams, &conf);
    if (rv != APR_SUCCESS) {
        llmq_stream_dismiss(service->streams, LLMQ_STREAM_ANSWER);
    }
    return rv == APR_SUCCESS || rv == APR_ECONNABORTED ? rv : APR_ENOTIMPL;
}

void llmq_park_answer(llmq_park_t *park, const char *body, apr_size_t len)
{
    struct iovec part = {(void *)(apr_size_t)body, len};
    llmq_frame_t *frame = llmq_frame_make(&part, 1);

    if (frame) {
        llmq_stream_end(park->stream, frame);
        llmq_frame_drop(frame);
    }
    else {
        llmq_stream_drop(park->stream);
    }
}

void llmq_park_drop(llmq_park_t *park)
{
    llmq_stream_drop(park->stream);
}
