#include "http/park.h"

#include "base/log.h"
#include "http/detach.h"
#include "http/shield.h"

#include <http_protocol.h>

#include <stdio.h>
#include <sys/resource.h>

int llmq_park_limit(int wanted)
{
    struct rlimit files;
    int limit = wanted;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY
        && files.rlim_cur / 2 < (rlim_t)wanted) {
        limit = (int)(files.rlim_cur / 2);
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0273) "%d instead of %d requests may be parked: half of the"
                               " descriptors that a process may have",
                 limit, wanted);
    }
    return limit;
}

static apr_status_t detach(int *pfd, request_rec *r)
{
    int shield;
    apr_status_t rv;

    r->status = HTTP_OK;
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    shield = llmq_shield_pause();
    rv = llmq_detach_begin(pfd, r);
    llmq_shield_resume(shield);
    return rv;
}

apr_status_t llmq_park_begin(llmq_park_t *park, request_rec *r,
                             const llmq_service_t *service, llmq_stream_over_fn_t *over,
                             void *ctx)
{
    llmq_stream_conf_t conf = {r->server->timeout, over, ctx};
    apr_status_t rv;
    int fd;

    if (!llmq_detach_is_possible(r)) {
        return APR_ENOTIMPL;
    }
    rv = llmq_stream_admit(service->streams);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = detach(&fd, r);
    if (rv != APR_SUCCESS) {
        llmq_stream_dismiss(service->streams);
        return rv == APR_ECONNABORTED ? rv : APR_ENOTIMPL;
    }
    park->chunked = r->chunked;
    rv = llmq_stream_open(&park->stream, service->streams, fd, &conf);
    return rv == APR_SUCCESS ? rv : APR_ECONNABORTED;
}

void llmq_park_answer(llmq_park_t *park, const char *body, apr_size_t len)
{
    char head[32];
    int n = snprintf(head, sizeof(head), "%lx\r\n", (unsigned long)len);
    struct iovec parts[3] = {
        {head, (size_t)n}, {(void *)(apr_size_t)body, len}, {(void *)"\r\n0\r\n\r\n", 7}};

    llmq_stream_end(park->stream, park->chunked ? parts : parts + 1,
                    park->chunked ? 3 : 1);
}

void llmq_park_drop(llmq_park_t *park)
{
    llmq_stream_end(park->stream, NULL, 0);
}
