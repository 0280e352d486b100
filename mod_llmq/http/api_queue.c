/* S0 4.1: the state of the queues. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/priority.h"
#include "http/levels.h"
#include "http/reply.h"
#include "queue/queue_job.h"

static apr_uint64_t waiting(const llmq_queue_stats_t *s)
{
    return (apr_uint64_t)s->ready + s->blocked + s->delayed;
}

static void put_level(llmq_text_t *t, llmq_level_e level, const llmq_queue_stats_t *s,
                      int paused)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "name", llmq_priority_name(level));
    llmq_json_kv_int(t, "priority", level);
    llmq_json_kv_int(t, "size", (apr_int64_t)waiting(s));
    llmq_json_kv_int(t, "max_size", s->max_size);
    llmq_json_kv_int(t, "processing_count", s->running);
    llmq_json_kv_int(t, "max_concurrent", s->max_concurrent);
    llmq_json_kv_int(t, "concurrency", s->concurrency);
    llmq_json_kv_raw(t, "paused", paused ? "true" : "false");
    llmq_json_kv_duration(
        t, "avg_wait_time",
        s->total_taken ? s->wait_sum / (apr_interval_time_t)s->total_taken : 0);
    llmq_json_kv_duration(t, "max_wait_time", s->wait_max);
    llmq_json_kv_int(t, "total_processed", (apr_int64_t)s->total_completed);
    llmq_json_kv_int(t, "total_failed", (apr_int64_t)s->total_failed);
    llmq_json_kv_time(t, "last_updated", llmq_clock_now());
    LLMQ_TEXT_LIT(t, "}");
}

int llmq_api_queue_status(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    const llmq_queue_stats_t *sum = &stats[0];
    apr_uint64_t tenant = llmq_queue_job_tenant(llmq_cfg_tenant(llmq_cfg_dir(r)));
    llmq_text_t t;
    apr_status_t rv = llmq_levels_begin(&t, stats, service, tenant, put_level, r->pool);

    (void)id;
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_json_kv_int(&t, "total_size", (apr_int64_t)waiting(sum));
    llmq_json_kv_int(&t, "total_processing", sum->running);
    llmq_json_kv_int(&t, "total_processed", (apr_int64_t)sum->total_completed);
    llmq_json_kv_int(&t, "total_failed", (apr_int64_t)sum->total_failed);
    llmq_json_kv_double(&t, "system_load",
                        sum->max_concurrent ? (double)sum->running / sum->max_concurrent
                                            : 0.0);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
