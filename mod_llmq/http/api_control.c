/* Administration of the queue: pause and resume levels, maintenance. A change is stored
 * first, then applied here at once; dispatch/steward.c applies it after a restart and on
 * other nodes. */
#include "http/api.h"

#include "base/log.h"
#include "cfg/cfg.h"
#include "core/control.h"
#include "core/priority.h"
#include "http/body.h"
#include "http/lanes.h"
#include "http/levels.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "store/store_setting.h"

#include <apr_strings.h>
#include <http_log.h>
#include <json-c/json.h>

APLOG_USE_MODULE(llmq);

static const char *tenant_of(request_rec *r)
{
    return llmq_cfg_tenant(llmq_cfg_dir(r));
}

/* The value of a setting of the request's tenant; NULL if there is none. */
static apr_status_t get(llmq_setting_t *setting, request_rec *r,
                        const llmq_service_t *service, const char *name)
{
    apr_status_t rv =
        llmq_store_setting_get(setting, service->store, tenant_of(r), name, r->pool);

    if (rv == APR_NOTFOUND) {
        setting->value = NULL;
        setting->changed_at = 0;
        return APR_SUCCESS;
    }
    return rv;
}

/* ---- pause and resume ---- */

typedef struct {
    llmq_level_e level;
    int on;
} pause_t;

static const char *change_paused(void *ctx, const char *value, apr_pool_t *p)
{
    const pause_t *pause = ctx;
    unsigned int bit = 1U << pause->level;
    unsigned int levels = llmq_control_paused_parse(value, p);

    if (!(levels & bit) == !pause->on) {
        return NULL;
    }
    return llmq_control_paused_format(pause->on ? levels | bit : levels & ~bit, p);
}

static apr_status_t store_pause(request_rec *r, const llmq_service_t *service,
                                llmq_level_e level, int on)
{
    pause_t pause = {level, on};

    return llmq_store_setting_change(service->store, tenant_of(r), LLMQ_SETTING_PAUSED,
                                     change_paused, &pause, r->pool);
}

static int set_paused(request_rec *r, const llmq_service_t *service, const char *name,
                      int on)
{
    llmq_level_e level = LLMQ_LEVEL_NONE;
    llmq_result_t why;
    llmq_text_t t;
    apr_status_t rv;

    if (llmq_priority_parse_queue(&level, name) != APR_SUCCESS) {
        llmq_result_set(&why, LLMQ_PROBLEM_PRIORITY, "level",
                        "the queue must be realtime, high, normal or low");
        return llmq_reply_problem(r, &why);
    }
    rv = store_pause(r, service, level, on);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_queue_pause(service->queue, llmq_queue_job_tenant(tenant_of(r)), level, on);
    llmq_queue_job_pause_tasks(service->tasks, llmq_cfg_task_types(r->server),
                               tenant_of(r), level, on);
    llmq_queue_settings_changed(service->queue);
    llmq_queue_wake(service->queue);
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                  LLMQ_NO(0262) "level %s of tenant %s is %s", llmq_priority_name(level),
                  tenant_of(r), on ? "paused" : "resumed");
    llmq_text_init(&t, 64, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "name", llmq_priority_name(level));
    llmq_json_kv_raw(&t, "paused", on ? "true" : "false");
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, on ? "Queue paused" : "Queue resumed", t.data);
}

int llmq_api_control_pause(request_rec *r, const llmq_service_t *service, const char *id)
{
    return set_paused(r, service, id, 1);
}

int llmq_api_control_resume(request_rec *r, const llmq_service_t *service, const char *id)
{
    return set_paused(r, service, id, 0);
}

static void put_level(llmq_text_t *t, llmq_level_e level, const llmq_queue_stats_t *s,
                      int paused)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "name", llmq_priority_name(level));
    llmq_json_kv_int(t, "priority", level);
    llmq_json_kv_raw(t, "paused", paused ? "true" : "false");
    llmq_json_kv_int(t, "ready", s->ready);
    llmq_json_kv_int(t, "blocked", s->blocked);
    llmq_json_kv_int(t, "delayed", s->delayed);
    llmq_json_kv_int(t, "processing_count", s->running);
    llmq_json_kv_int(t, "max_size", s->max_size);
    llmq_json_kv_int(t, "max_concurrent", s->max_concurrent);
    llmq_json_kv_int(t, "concurrency", s->concurrency);
    LLMQ_TEXT_LIT(t, "}");
}

/* Whether a level is paused is the same for all types of a tenant. */
static void put_task_level(llmq_text_t *t, llmq_level_e level,
                           const llmq_queue_stats_t *s, int paused)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "name", llmq_priority_name(level));
    llmq_json_kv_int(t, "priority", level);
    llmq_json_kv_raw(t, "paused", paused ? "true" : "false");
    llmq_json_kv_int(t, "ready", s->ready);
    llmq_json_kv_int(t, "delayed", s->delayed);
    llmq_json_kv_int(t, "processing_count", s->running);
    llmq_json_kv_int(t, "max_size", s->max_size);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_task_type(llmq_text_t *t, const llmq_task_type_t *type,
                          const llmq_queue_stats_t *s)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "name", type->name);
    llmq_json_kv_int(t, "ready", s->ready);
    llmq_json_kv_int(t, "delayed", s->delayed);
    llmq_json_kv_int(t, "processing_count", s->running);
    if (type->concurrency) {
        llmq_json_kv_int(t, "max_concurrent", type->concurrency);
    }
    LLMQ_TEXT_LIT(t, "}");
}

static apr_status_t put_task_types(llmq_text_t *t, request_rec *r,
                                   const llmq_service_t *service)
{
    const llmq_task_types_t *types = llmq_cfg_task_types(r->server);
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    apr_status_t rv = APR_SUCCESS;
    int i;

    llmq_json_key(t, "task_types");
    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; rv == APR_SUCCESS && i < types->n; i++) {
        rv = llmq_lanes_of(stats, service, tenant_of(r), types->type[i].name);
        if (rv == APR_SUCCESS) {
            llmq_text_puts(t, i ? "," : "");
            put_task_type(t, &types->type[i], &stats[0]);
        }
    }
    LLMQ_TEXT_LIT(t, "]");
    return rv;
}

static apr_status_t put_tasks(llmq_text_t *t, request_rec *r,
                              const llmq_service_t *service)
{
    const llmq_task_types_t *types = llmq_cfg_task_types(r->server);
    apr_uint64_t lane = llmq_queue_job_lane(tenant_of(r), types->type[0].name);
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    apr_status_t rv = llmq_lanes_sum(stats, service, tenant_of(r), types);
    int l;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_json_key(t, "task_queues");
    LLMQ_TEXT_LIT(t, "[");
    LLMQ_EACH_LEVEL (l) {
        llmq_level_e level = (llmq_level_e)l;

        llmq_text_puts(t, l > LLMQ_LEVEL_REALTIME ? "," : "");
        put_task_level(t, level, &stats[l],
                       llmq_queue_is_paused(service->tasks, lane, level));
    }
    LLMQ_TEXT_LIT(t, "]");
    return put_task_types(t, r, service);
}

int llmq_api_control_queues(request_rec *r, const llmq_service_t *service, const char *id)
{
    apr_uint64_t tenant = llmq_queue_job_tenant(tenant_of(r));
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_text_t t;
    apr_status_t rv = llmq_levels_begin(&t, stats, service, tenant, put_level, r->pool);

    (void)id;
    if (rv != APR_SUCCESS || (rv = put_tasks(&t, r, service)) != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_json_kv_raw(&t, "maintenance",
                     llmq_queue_flags(service->queue, tenant) & LLMQ_TENANT_MAINTENANCE
                         ? "true"
                         : "false");
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

/* ---- maintenance ---- */

static apr_status_t read_maintenance(llmq_control_maintenance_t *m,
                                     struct json_object *body, llmq_result_t *why)
{
    struct json_object *value = NULL;

    m->message = "";
    if (!json_object_is_type(body, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be an object");
    }
    json_object_object_get_ex(body, "enabled", &value);
    if (!json_object_is_type(value, json_type_boolean)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "enabled",
                               "must be true or false");
    }
    m->on = json_object_get_boolean(value);
    if (!json_object_object_get_ex(body, "message", &value) || !value) {
        return APR_SUCCESS;
    }
    if (!json_object_is_type(value, json_type_string)
        || json_object_get_string_len(value) > LLMQ_CONTROL_MESSAGE_MAX) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "message",
                               "must be a string of at most " APR_STRINGIFY(
                                   LLMQ_CONTROL_MESSAGE_MAX) " bytes");
    }
    m->message = json_object_get_string(value);
    return APR_SUCCESS;
}

static int reply_maintenance(request_rec *r, const char *message,
                             const llmq_control_maintenance_t *m, apr_time_t changed_at)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_raw(&t, "enabled", m->on ? "true" : "false");
    llmq_json_kv(&t, "message", m->message);
    if (changed_at) {
        llmq_json_kv_time(&t, "changed_at", changed_at);
    }
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, message, t.data);
}

int llmq_api_control_set_maintenance(request_rec *r, const llmq_service_t *service,
                                     const char *id)
{
    llmq_control_maintenance_t m = {0, ""};
    llmq_result_t why = {0};
    struct json_object *body;
    llmq_setting_t setting;
    apr_status_t rv;

    (void)id;
    if (llmq_body_json(&body, r, &why) != APR_SUCCESS
        || read_maintenance(&m, body, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_setting_put(service->store, tenant_of(r), LLMQ_SETTING_MAINTENANCE,
                                llmq_control_maintenance_format(&m, r->pool), r->pool);
    if (rv == APR_SUCCESS) {
        llmq_queue_set_flags(service->queue, llmq_queue_job_tenant(tenant_of(r)),
                             m.on ? LLMQ_TENANT_MAINTENANCE : 0);
        llmq_queue_settings_changed(service->queue);
        rv = get(&setting, r, service, LLMQ_SETTING_MAINTENANCE);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                  LLMQ_NO(0263) "maintenance of tenant %s: %s", tenant_of(r),
                  m.on ? "on" : "off");
    return reply_maintenance(r, m.on ? "Maintenance begins" : "Maintenance has ended", &m,
                             setting.changed_at);
}

int llmq_api_control_get_maintenance(request_rec *r, const llmq_service_t *service,
                                     const char *id)
{
    llmq_control_maintenance_t m;
    llmq_setting_t setting;
    apr_status_t rv = get(&setting, r, service, LLMQ_SETTING_MAINTENANCE);

    (void)id;
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_control_maintenance_parse(&m, setting.value, r->pool);
    return reply_maintenance(r, "success", &m, setting.changed_at);
}
