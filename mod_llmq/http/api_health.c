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
    apr_time_t database_asked_at;
    llmq_redis_health_t redis; /* asked_at 0: not configured */
    int redis_needed;
    llmq_bus_stats_t bus;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_queue_stats_t tasks[LLMQ_LEVEL_COUNT];
} checkup_t;

static void examine(checkup_t *c, request_rec *r, const llmq_service_t *service)
{
    c->database_took = 0;
    c->database =
        llmq_store_ping(service->store, &c->database_took, r->pool) == APR_SUCCESS;
    c->database_asked_at = llmq_clock_now();
    memset(&c->redis, 0, sizeof(c->redis));
    memset(c->tasks, 0, sizeof(c->tasks));
    c->redis_needed = 0;
    if (service->redis) {
        llmq_redis_check(&c->redis, service->redis);
        c->redis_needed = llmq_redis_conf(service->redis)->required;
    }
    llmq_bus_stats(&c->bus, service->bus);
    c->queue = llmq_queue_stats(c->stats, service->queue) == APR_SUCCESS
               && llmq_queue_stats(c->tasks, service->tasks) == APR_SUCCESS;
    c->scheduler = !service->has_dispatcher || service->dispatcher_alive();
}

/* Without the dispatcher messages are accepted and kept, only not answered for now. */
static int is_serving(const checkup_t *c)
{
    return c->database && c->queue && (c->redis.well || !c->redis_needed);
}

static int is_whole(const checkup_t *c)
{
    return c->scheduler && (c->redis.well || !c->redis.asked_at);
}

static const char *word(int well)
{
    return well ? "healthy" : "unhealthy";
}

static const char *redis_word(const checkup_t *c)
{
    return c->redis.asked_at ? word(c->redis.well) : "disabled";
}

static void begin(llmq_text_t *t, const char *name, const char *status)
{
    llmq_json_key(t, name);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "status", status);
}

static void end(llmq_text_t *t, apr_time_t asked_at)
{
    llmq_json_kv_time(t, "last_check", asked_at);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_components(llmq_text_t *t, const checkup_t *c,
                           const llmq_service_t *service)
{
    begin(t, "database", word(c->database));
    llmq_json_kv_duration(t, "response_time", c->database_took);
    end(t, c->database_asked_at);
    begin(t, "redis", redis_word(c));
    llmq_json_kv_duration(t, "response_time", c->redis.took);
    llmq_json_kv_raw(t, "linked", c->bus.linked ? "true" : "false");
    end(t, c->redis.asked_at ? c->redis.asked_at : llmq_clock_now());
    begin(t, "queue_manager", word(c->queue));
    llmq_json_kv_int(t, "active_workers", c->stats[0].running);
    end(t, llmq_clock_now());
    begin(t, "scheduler", service->has_dispatcher ? word(c->scheduler) : "disabled");
    llmq_json_kv_int(t, "scheduled_tasks", c->stats[0].delayed);
    end(t, llmq_clock_now());
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
                 : is_whole(&c)  ? "healthy"
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
        r, HTTP_OK, is_whole(&c) ? "System is healthy" : "System is degraded", t.data);
}

static apr_int64_t waiting(const llmq_queue_stats_t *sum)
{
    return (apr_int64_t)sum->ready + sum->blocked + sum->delayed;
}

int llmq_api_health_tasks(request_rec *r, const llmq_service_t *service, const char *id)
{
    apr_int64_t size;
    checkup_t c;
    llmq_text_t t;

    (void)id;
    examine(&c, r, service);
    size = waiting(&c.stats[0]) + waiting(&c.tasks[0]);
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
    begin(&t, "redis", redis_word(&c));
    llmq_json_kv_int(&t, "size", size);
    LLMQ_TEXT_LIT(&t, "}");
    begin(&t, "queue", word(c.queue));
    llmq_json_kv_int(&t, "size", size);
    LLMQ_TEXT_LIT(&t, "}}}\n");
    return llmq_reply_json(r, is_serving(&c) ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE, t.data,
                           t.len);
}
