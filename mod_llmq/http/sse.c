#include "http/sse.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "http/hub.h"
#include "http/identity.h"
#include "http/query.h"
#include "http/reply.h"

#include <http_protocol.h>

static const char *const own_headers[] = {"Cache-Control", "X-Accel-Buffering",
                                          "Referrer-Policy"};

const char *llmq_sse_last_id(request_rec *r)
{
    const char *id = apr_table_get(r->headers_in, "Last-Event-ID");
    llmq_result_t why = {0};
    apr_table_t *query;

    if (!id && llmq_query_parse(&query, r, &why) == APR_SUCCESS) {
        id = apr_table_get(query, "lastEventId");
    }
    return id;
}

/* Neither caches nor proxies may hold it back or change it, and if it is opened as a page its
 * address, with a token maybe, goes nowhere. */
static void set_headers(request_rec *r)
{
    r->status = HTTP_OK;
    ap_set_content_type(r, "text/event-stream");
    apr_table_setn(r->headers_out, own_headers[0], "no-cache, no-transform");
    apr_table_setn(r->headers_out, own_headers[1], "no");
    apr_table_setn(r->headers_out, own_headers[2], "no-referrer");
}

static void unset_headers(request_rec *r)
{
    apr_table_unset(r->headers_out, own_headers[0]);
    apr_table_unset(r->headers_out, own_headers[1]);
    apr_table_unset(r->headers_out, own_headers[2]);
}

static apr_time_t end_of(request_rec *r)
{
    apr_time_t until = llmq_clock_now() + llmq_cfg_stream_max_age(llmq_cfg_dir(r));
    apr_time_t expires = llmq_identity_get(r)->expires;

    return expires && expires < until ? expires : until;
}

static int refuse(request_rec *r)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, LLMQ_PROBLEM_QUEUE, NULL,
                    "as many streams are open as may be, try again later");
    return llmq_reply_problem(r, &why);
}

int llmq_sse_answer(request_rec *r, const llmq_service_t *service, const llmq_sse_t *sse)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    const llmq_hub_call_t call = {.what = sse->what,
                                  .tenant = llmq_cfg_tenant(dir),
                                  .id = sse->id,
                                  .cursor = sse->cursor,
                                  .limit = sse->limit,
                                  .until = end_of(r),
                                  .beat = llmq_cfg_stream_heartbeat(dir),
                                  .retry = llmq_cfg_stream_retry(dir)};
    int stay = OK;
    apr_status_t rv;

    set_headers(r);
    if (r->header_only) {
        return OK;
    }
    rv = llmq_hub_open(&stay, service->hub, r, &call);
    if (rv == APR_SUCCESS || rv == APR_ECONNABORTED) {
        return stay;
    }
    unset_headers(r);
    return rv == LLMQ_EFULL ? refuse(r) : llmq_reply_status(r, rv);
}

int llmq_sse_nothing(request_rec *r)
{
    r->status = HTTP_NO_CONTENT;
    apr_table_setn(r->headers_out, own_headers[0], "no-store");
    return OK;
}
