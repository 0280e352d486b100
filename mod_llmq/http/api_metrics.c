/* S0 5.2 and /metrics: the figures of this server, as JSON or for Prometheus. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "http/lanes.h"
#include "http/metrics.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_job.h"

#include <apr_lib.h>
#include <apr_strings.h>

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define OPEN_NAME "application/openmetrics-text"
#define MEGABYTE  1e6

/* ---- JSON ---- */

/* One decimal, or three while that would be nothing. */
static void add_rate(llmq_text_t *t, const char *key, double bytes_per_second)
{
    double rate = bytes_per_second / MEGABYTE;

    llmq_json_kv(t, key,
                 apr_psprintf(t->pool,
                              rate >= 0.1 || rate <= 0 ? "%.1f MB/s" : "%.3f MB/s",
                              rate));
}

static void begin(llmq_text_t *t, const char *key)
{
    llmq_json_key(t, key);
    LLMQ_TEXT_LIT(t, "{");
}

/* The names of S0's original, which was written in Go, stay for its clients. */
static void add_system(llmq_text_t *t, const llmq_metrics_t *m)
{
    begin(t, "system");
    llmq_json_kv_double(t, "cpu_usage", m->traffic.cpu_percent);
    llmq_json_kv_double(t, "memory_usage", m->memory_percent);
    llmq_json_kv_double(t, "disk_usage", m->disk_percent);
    add_rate(t, "network_in", m->traffic.net_in);
    add_rate(t, "network_out", m->traffic.net_out);
    llmq_json_kv_int(t, "goroutines", m->board.busy);
    llmq_json_kv(t, "gc_pause", "0ms");
    llmq_json_kv_int(t, "threads", m->board.threads);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_application(llmq_text_t *t, const llmq_metrics_t *m)
{
    const llmq_queue_stats_t *sum = &m->queue[0];

    begin(t, "application");
    llmq_json_kv_double(t, "requests_per_second", m->traffic.requests_per_second);
    llmq_json_kv_duration(t, "avg_response_time", m->traffic.mean_duration);
    llmq_json_kv_double(t, "error_rate", m->traffic.error_rate);
    llmq_json_kv_int(t, "active_connections", m->board.connections);
    llmq_json_kv_int(t, "queue_depth",
                     (apr_int64_t)sum->ready + sum->blocked + sum->delayed);
    llmq_json_kv_int(t, "processing_messages", sum->running);
    sum = &m->tasks.queue[0];
    llmq_json_kv_int(t, "queued_tasks",
                     (apr_int64_t)sum->ready + sum->blocked + sum->delayed);
    llmq_json_kv_int(t, "processing_tasks", sum->running);
    llmq_json_kv_int(t, "active_workers",
                     (apr_int64_t)m->tasks.workers.workers[LLMQ_WORKER_IDLE]
                         + m->tasks.workers.workers[LLMQ_WORKER_BUSY]);
    llmq_json_kv_int(t, "open_streams", (apr_int64_t)m->streams.open);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_database(llmq_text_t *t, const llmq_store_use_t *use)
{
    apr_int64_t idle = use->open - use->active;

    begin(t, "database");
    llmq_json_kv_int(t, "connections_active", use->active);
    llmq_json_kv_int(t, "connections_idle", idle > 0 ? idle : 0);
    llmq_json_kv_duration(
        t, "query_duration_avg",
        use->statements ? use->time / (apr_interval_time_t)use->statements : 0);
    llmq_json_kv_int(t, "slow_queries", (apr_int64_t)use->slow);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_redis(llmq_text_t *t, llmq_redis_t *redis)
{
    llmq_redis_info_t info;

    if (redis) {
        llmq_redis_info(&info, redis);
    }
    else {
        llmq_redis_parse_info(&info, "");
    }
    begin(t, "redis");
    llmq_json_kv_int(t, "connected_clients", info.clients);
    llmq_json_kv(t, "used_memory", info.memory);
    llmq_json_kv_double(t, "hit_rate", info.hit_rate);
    llmq_json_kv_int(t, "ops_per_second", info.ops);
    LLMQ_TEXT_LIT(t, "}");
}

static int reply_json(request_rec *r, const llmq_metrics_t *m,
                      const llmq_service_t *service)
{
    llmq_text_t t;

    llmq_text_init(&t, 1024, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    add_system(&t, m);
    add_application(&t, m);
    add_database(&t, &m->database);
    add_redis(&t, service->redis);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

/* ---- Prometheus ---- */

/* The scrapers that understand OpenMetrics name it first; a weight of zero is a no. */
static int wants_openmetrics(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    const char *at = accept ? ap_strcasestr(accept, OPEN_NAME) : NULL;
    const char *end = at ? strchr(at, ',') : NULL;
    const char *q = at ? ap_strcasestr(at, "q=0") : NULL;

    if (!at) {
        return 0;
    }
    if (q && (!end || q < end)) {
        q += strlen("q=0");
        q += *q == '.';
        while (*q == '0') {
            q++;
        }
        return apr_isdigit(*q) != 0;
    }
    return 1;
}

static int reply_text(request_rec *r, llmq_metrics_t *m, const llmq_service_t *service)
{
    int openmetrics = wants_openmetrics(r);
    llmq_text_t t;

    llmq_metrics_task_look(&m->tasks, service, r->pool);
    llmq_text_init(&t, 48 * 1024, r->pool);
    llmq_metrics_expose(&t, m, service, openmetrics);
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    return llmq_reply_text(r, openmetrics ? OPEN_TYPE : TEXT_TYPE, t.data, t.len);
}

/* To the location's tenant. */
static apr_status_t narrow(llmq_metrics_t *m, request_rec *r,
                           const llmq_service_t *service)
{
    const char *tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    apr_status_t rv =
        llmq_queue_tenant_stats(m->queue, service->queue, llmq_queue_job_tenant(tenant));

    if (rv == APR_SUCCESS) {
        rv = llmq_lanes_sum(m->tasks.queue, service, tenant,
                            llmq_cfg_task_types(r->server));
    }
    llmq_roster_sum(&m->tasks.workers, service->roster, tenant, llmq_clock_now());
    return rv;
}

int llmq_api_metrics_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    static const char *const formats[] = {"json", "prometheus", NULL};
    llmq_metrics_t *m = apr_pcalloc(r->pool, sizeof(*m));
    llmq_result_t why = {0};
    apr_table_t *query;
    apr_status_t rv;
    int format = 0;

    (void)id;
    if (llmq_query_parse(&query, r, &why) != APR_SUCCESS
        || llmq_query_word(&format, query, "format", formats, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_metrics_gather(m, service, r->pool);
    if (rv == APR_SUCCESS && format == 0) {
        rv = narrow(m, r, service);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return format == 0 ? reply_json(r, m, service) : reply_text(r, m, service);
}

int llmq_api_metrics_scrape(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_metrics_t *m = apr_pcalloc(r->pool, sizeof(*m));
    apr_status_t rv = llmq_metrics_gather(m, service, r->pool);

    (void)id;
    return rv == APR_SUCCESS ? reply_text(r, m, service) : llmq_reply_status(r, rv);
}
