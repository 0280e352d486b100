/* Health in two dialects: S0 5.1 under /api/v1/health, S3 under /health. Each component is
 * looked at when asked. */
#include "http/api.h"

#include "base/clock.h"
#include "http/reply.h"

/* What was found. */
typedef struct {
    int database; /* non-zero: well */
    int queue;
    int scheduler;
    apr_interval_time_t database_took;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
} checkup_t;

static void examine(checkup_t *c, request_rec *r, const llmq_service_t *service)
{
    c->database_took = 0;
    c->database =
        llmq_store_ping(service->store, &c->database_took, r->pool) == APR_SUCCESS;
    c->queue = llmq_queue_stats(c->stats, service->queue) == APR_SUCCESS;
    c->scheduler = !service->has_dispatcher || service->dispatcher_alive();
}

/* Without the dispatcher messages are accepted and kept, only not answered for now. */
static int is_serving(const checkup_t *c)
{
    return c->database && c->queue;
}

static const char *word(int well)
{
    return well ? "healthy" : "unhealthy";
}

static void begin(llmq_text_t *t, const char *name, const char *status)
{
    llmq_json_key(t, name);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "status", status);
}

static void end(llmq_text_t *t)
{
    llmq_json_kv_time(t, "last_check", llmq_clock_now());
    LLMQ_TEXT_LIT(t, "}");
}

static void add_components(llmq_text_t *t, const checkup_t *c,
                           const llmq_service_t *service)
{
    begin(t, "database", word(c->database));
    llmq_json_kv_duration(t, "response_time", c->database_took);
    end(t);
    begin(t, "redis", "disabled");
    llmq_json_kv_duration(t, "response_time", 0);
    end(t);
    begin(t, "queue_manager", word(c->queue));
    llmq_json_kv_int(t, "active_workers", c->stats[0].running);
    end(t);
    begin(t, "scheduler", service->has_dispatcher ? word(c->scheduler) : "disabled");
    llmq_json_kv_int(t, "scheduled_tasks", c->stats[0].delayed);
    end(t);
}

int llmq_api_health_queue(request_rec *r, const llmq_service_t *service, const char *id)
{
    apr_time_t now = llmq_clock_now();
    checkup_t c;
    llmq_text_t t;

    (void)id;
    examine(&c, r, service);
    llmq_text_init(&t, 1024, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "status",
                 !is_serving(&c) ? "unhealthy"
                 : c.scheduler   ? "healthy"
                                 : "degraded");
    llmq_json_kv_time(&t, "timestamp", now);
    llmq_json_kv_duration(&t, "uptime",
                          apr_time_from_sec(apr_time_sec(now - service->started_at)));
    llmq_json_kv(&t, "version", LLMQ_VERSION);
    llmq_json_key(&t, "components");
    LLMQ_TEXT_LIT(&t, "{");
    add_components(&t, &c, service);
    LLMQ_TEXT_LIT(&t, "}}");
    if (!is_serving(&c)) {
        return llmq_reply_data(r, HTTP_SERVICE_UNAVAILABLE, "System is unhealthy",
                               t.data);
    }
    return llmq_reply_data(
        r, HTTP_OK, c.scheduler ? "System is healthy" : "System is degraded", t.data);
}

int llmq_api_health_tasks(request_rec *r, const llmq_service_t *service, const char *id)
{
    apr_int64_t size;
    checkup_t c;
    llmq_text_t t;

    (void)id;
    examine(&c, r, service);
    size = (apr_int64_t)c.stats[0].ready + c.stats[0].blocked + c.stats[0].delayed;
    llmq_text_init(&t, 512, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "status", word(is_serving(&c)));
    llmq_json_kv(&t, "service", "task-manager");
    llmq_json_kv(&t, "version", LLMQ_VERSION);
    llmq_json_kv_time(&t, "time", llmq_clock_now());
    llmq_json_key(&t, "details");
    LLMQ_TEXT_LIT(&t, "{");
    begin(&t, "database", word(c.database));
    LLMQ_TEXT_LIT(&t, "}");
    begin(&t, "redis", "disabled");
    llmq_json_kv_int(&t, "size", size);
    LLMQ_TEXT_LIT(&t, "}");
    begin(&t, "queue", word(c.queue));
    llmq_json_kv_int(&t, "size", size);
    LLMQ_TEXT_LIT(&t, "}}}\n");
    return llmq_reply_json(r, is_serving(&c) ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE, t.data,
                           t.len);
}
