#include "dispatch/handlers.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/task.h"
#include "dispatch/notice.h"
#include "queue/queue_claim.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

struct llmq_handlers_t {
    llmq_handler_t *all;
    int n;
    apr_hash_t *by_lane;
    /* Of the taker: places left during a take, lanes of those with one, where to begin. */
    int *places;
    apr_uint64_t *open;
    unsigned next;
};

static apr_status_t open_handler(llmq_handlers_t *h, int i,
                                 const llmq_dispatch_conf_t *conf, apr_pool_t *p)
{
    llmq_handler_t *handler = &h->all[i];
    llmq_endpoint_conf_t alone = {.balance = conf->endpoint.balance};
    int l;

    handler->conf = conf->handlers[i];
    handler->to[0] = &handler->conf->to;
    for (l = 0; l < handler->conf->n_lanes; l++) {
        apr_hash_set(h->by_lane, &handler->conf->lanes[l], sizeof(apr_uint64_t), handler);
    }
    return llmq_endpoint_create(&handler->endpoints, handler->to, 1, &alone, p);
}

apr_status_t llmq_handlers_create(llmq_handlers_t **ph, const llmq_dispatch_conf_t *conf,
                                  apr_pool_t *p)
{
    llmq_handlers_t *h = apr_pcalloc(p, sizeof(*h));
    apr_status_t rv = APR_SUCCESS;
    int lanes = 0;
    int i;

    h->n = conf->n_handlers;
    h->all = apr_pcalloc(p, sizeof(*h->all) * ((apr_size_t)h->n + 1));
    h->places = apr_pcalloc(p, sizeof(*h->places) * ((apr_size_t)h->n + 1));
    h->by_lane = apr_hash_make(p);
    for (i = 0; rv == APR_SUCCESS && i < h->n; i++) {
        lanes += conf->handlers[i]->n_lanes;
        rv = open_handler(h, i, conf, p);
    }
    h->open = apr_palloc(p, sizeof(*h->open) * ((apr_size_t)lanes + 1));
    if (rv == APR_SUCCESS) {
        *ph = h;
    }
    return rv;
}

const llmq_handler_t *llmq_handlers_of(const llmq_handlers_t *h, apr_uint64_t lane)
{
    return apr_hash_get(h->by_lane, &lane, sizeof(lane));
}

/* ---- taking ---- */

static int list_open(llmq_handlers_t *h)
{
    int n = 0;
    int i, l;

    for (i = 0; i < h->n; i++) {
        const llmq_handler_conf_t *conf = h->all[i].conf;

        for (l = 0; h->places[i] > 0 && l < conf->n_lanes; l++) {
            h->open[n++] = conf->lanes[l];
        }
    }
    return n;
}

/* The queue takes a list of bounded length. More lanes than that are asked for in pieces,
 * beginning at another one each time. */
static apr_status_t take_one(llmq_entry_t *out, int *pn, llmq_handlers_t *h, int n_open,
                             llmq_queue_t *tasks, apr_uint32_t owner)
{
    int pieces = (n_open + LLMQ_QUEUE_FILTER_MAX - 1) / LLMQ_QUEUE_FILTER_MAX;
    apr_status_t rv = APR_SUCCESS;
    int i;

    *pn = 0;
    for (i = 0; rv == APR_SUCCESS && *pn == 0 && i < pieces; i++) {
        int from = (int)(h->next++ % (unsigned)pieces) * LLMQ_QUEUE_FILTER_MAX;
        int rest = n_open - from;
        llmq_queue_filter_t filter = {
            h->open + from, rest < LLMQ_QUEUE_FILTER_MAX ? rest : LLMQ_QUEUE_FILTER_MAX,
            0};

        rv = llmq_queue_take_from(out, pn, tasks, 1, owner, 0, &filter);
    }
    return rv;
}

/* Returns non-zero if nobody of that type has a place left. */
static int occupy(llmq_handlers_t *h, apr_uint64_t lane)
{
    const llmq_handler_t *handler = llmq_handlers_of(h, lane);

    return handler && --h->places[handler - h->all] == 0;
}

apr_status_t llmq_handlers_take(llmq_entry_t *out, int *pn, llmq_handlers_t *h,
                                llmq_queue_t *tasks, int max, apr_uint32_t owner)
{
    apr_status_t rv = APR_SUCCESS;
    int n_open, i;
    int got = 1;
    int n = 0;

    for (i = 0; i < h->n; i++) {
        h->places[i] = llmq_endpoint_free(h->all[i].endpoints);
    }
    n_open = list_open(h);
    while (n < max && n_open > 0 && got) {
        rv = take_one(&out[n], &got, h, n_open, tasks, owner);
        if (rv == APR_SUCCESS && got && occupy(h, out[n++].tenant)) {
            n_open = list_open(h);
        }
    }
    *pn = n;
    return n > 0 ? APR_SUCCESS : rv;
}

/* ---- what they are sent ---- */

static const char *body_of(const llmq_job_t *job, apr_pool_t *p)
{
    llmq_job_t begun = *job;
    llmq_task_view_t view = {.now = llmq_clock_now()};
    llmq_text_t t;

    begun.status = LLMQ_STATUS_PROCESSING;
    begun.started_at = view.now;
    llmq_text_init(&t, job->payload_len + 1024, p);
    llmq_task_to_json(&t, &begun, &view);
    t.data[--t.len] = '\0'; /* its closing brace */
    llmq_json_kv_int(&t, "attempt", (apr_int64_t)job->retry_count + 1);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

apr_status_t llmq_handlers_request(llmq_call_t *call, const llmq_handler_t *handler,
                                   const llmq_job_t *job)
{
    const char **headers =
        apr_palloc(call->pool, sizeof(*headers) * (LLMQ_NOTICE_HEADERS_MAX + 1));
    llmq_webhook_said_t said = {.id = job->id};
    int n;

    said.sent_sec = apr_time_sec(llmq_clock_now());
    call->body = said.body = body_of(job, call->pool);
    said.body_len = strlen(said.body);
    headers[0] = apr_pstrcat(call->pool, "Idempotency-Key: ", job->id, NULL);
    n = llmq_notice_headers(headers + 1, &said, handler->conf->keys, call->pool);
    call->headers = headers;
    call->n_headers = n + 1;
    return n > 0 ? APR_SUCCESS : APR_EGENERAL;
}
