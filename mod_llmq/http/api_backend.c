/* Administration of backends: how they are, draining them, and whether one can be reached. */
#include "http/api.h"

#include "backend/backend_check.h"
#include "base/clock.h"
#include "cfg/cfg.h"
#include "http/reply.h"
#include "http/shield.h"
#include "store/store_setting.h"

#include <json-c/json.h>

static void kv_flag(llmq_text_t *t, const char *key, int on)
{
    llmq_json_kv_raw(t, key, on ? "true" : "false");
}

static void kv_when(llmq_text_t *t, const char *key, apr_time_t when)
{
    if (when > 0) {
        llmq_json_kv_time(t, key, when);
    }
    else {
        llmq_json_kv_raw(t, key, NULL);
    }
}

/* ---- one backend ---- */

/* What was configured. Keys are not, and a URL cannot hold a user or password. */
static void add_conf(llmq_text_t *t, const llmq_backend_conf_t *b)
{
    llmq_json_kv(t, "name", b->name);
    llmq_json_kv(t, "kind", llmq_backend_kind_name(b->kind));
    llmq_json_kv(t, "url", b->url);
    llmq_json_kv(t, "model", b->model);
    llmq_json_kv_int(t, "weight", b->weight > 0 ? b->weight : 1);
    llmq_json_kv_int(t, "group", b->group);
    llmq_json_kv_int(t, "max_concurrent", b->max_concurrent);
}

static void add_state(llmq_text_t *t, const llmq_endpoint_figures_t *f, int draining,
                      apr_time_t now)
{
    llmq_json_kv(t, "status", draining ? "draining" : llmq_health_name(f->state));
    kv_flag(t, "draining", draining);
    llmq_json_kv(t, "health", llmq_health_name(f->state));
    kv_when(t, "ejected_until", f->ejected_until);
    kv_when(t, "busy_until", f->busy_until > now ? f->busy_until : 0);
    kv_when(t, "last_check", f->checked_at);
    llmq_json_kv_raw(t, "last_check_ok",
                     f->checked_at == 0 ? NULL
                     : f->check_ok      ? "true"
                                        : "false");
}

static void add_counts(llmq_text_t *t, const llmq_endpoint_figures_t *f)
{
    llmq_json_kv_int(t, "in_flight", f->in_flight);
    llmq_json_kv_int(t, "total_calls", (apr_int64_t)f->calls);
    llmq_json_kv_int(t, "total_failures", (apr_int64_t)f->failures);
    llmq_json_kv_int(t, "consecutive_failures", f->failures_in_row);
    llmq_json_kv_double(t, "error_rate",
                        f->calls ? (double)f->failures / (double)f->calls : 0.0);
    llmq_json_kv_duration(t, "avg_response_time", f->latency);
    llmq_json_kv_duration(t, "avg_first_token_time", f->first_latency);
}

/* Not cumulative, only what is in use: [{"up_to":"4ms","count":17},…]; the last octave,
 * which has no border, says null. */
static void add_spread(llmq_text_t *t, const char *key, const llmq_octaves_t *o)
{
    int first = 1;
    int i;

    llmq_json_key(t, key);
    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < LLMQ_HISTOGRAM_OCTAVES; i++) {
        if (o->octave[i] == 0) {
            continue;
        }
        if (!first) {
            LLMQ_TEXT_LIT(t, ",");
        }
        first = 0;
        LLMQ_TEXT_LIT(t, "{");
        if (i + 1 < LLMQ_HISTOGRAM_OCTAVES) {
            llmq_json_kv_duration(t, "up_to", llmq_histogram_octave_upper(i));
        }
        else {
            llmq_json_kv_raw(t, "up_to", NULL);
        }
        llmq_json_kv_int(t, "count", (apr_int64_t)o->octave[i]);
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "]");
}

/* @a draining: 0, 1, or -1: as the dispatcher says. */
static void add_backend(llmq_text_t *t, const llmq_service_t *service,
                        const llmq_backend_conf_t *b, int draining)
{
    apr_time_t now = llmq_clock_now();
    llmq_endpoint_figures_t f;

    llmq_endpoint_board_read(&f, service->board,
                             llmq_endpoint_board_find(service->board, b->name), now);
    LLMQ_TEXT_LIT(t, "{");
    add_conf(t, b);
    add_state(t, &f, draining < 0 ? f.draining : draining, now);
    add_counts(t, &f);
    add_spread(t, "response_times", &f.latencies);
    add_spread(t, "first_token_times", &f.first_latencies);
    LLMQ_TEXT_LIT(t, "}");
}

static const llmq_backend_conf_t *find(const llmq_service_t *service, const char *name)
{
    int i;

    for (i = 0; i < service->n_backends; i++) {
        if (strcmp(service->backends[i]->name, name) == 0) {
            return service->backends[i];
        }
    }
    return NULL;
}

static int refuse_unknown(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_NO_BACKEND, NULL,
                    "no backend of this name is configured");
    return llmq_reply_problem(r, &why);
}

/* ---- GET ---- */

int llmq_api_backend_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    const llmq_balance_conf_t *balance = &llmq_cfg_server(r->server)->balance;
    llmq_text_t t;
    int i;

    (void)id;
    llmq_text_init(&t, 1024 + 1024 * (apr_size_t)service->n_backends, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "algorithm", llmq_balance_name(balance->algorithm));
    kv_flag(&t, "session_affinity", balance->affinity);
    llmq_json_key(&t, "backends");
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < service->n_backends; i++) {
        if (i > 0) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        add_backend(&t, service, service->backends[i], -1);
    }
    LLMQ_TEXT_LIT(&t, "]}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

static int reply_backend(request_rec *r, const llmq_service_t *service,
                         const llmq_backend_conf_t *b, int draining, const char *message)
{
    llmq_text_t t;

    llmq_text_init(&t, 1024, r->pool);
    add_backend(&t, service, b, draining);
    return llmq_reply_data(r, HTTP_OK, message, t.data);
}

int llmq_api_backend_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    const llmq_backend_conf_t *b = find(service, id);

    return b ? reply_backend(r, service, b, -1, "success") : refuse_unknown(r);
}

/* ---- drain and enable ---- */

typedef struct {
    const char *name;
    int on;
} drain_t;

/* The stored names with this one added or taken out; what is not an object counts as
 * nobody. */
static const char *change_names(void *ctx, const char *json, apr_pool_t *p)
{
    const drain_t *drain = ctx;
    struct json_object *names = NULL;
    const char *text;

    if (!json || llmq_json_parse(&names, json, strlen(json), 4, NULL, p) != APR_SUCCESS
        || !json_object_is_type(names, json_type_object)) {
        if (!drain->on || llmq_json_parse(&names, "{}", 2, 4, NULL, p) != APR_SUCCESS) {
            return "{}";
        }
    }
    json_object_object_del(names, drain->name);
    if (drain->on) {
        json_object_object_add(names, drain->name, json_object_new_boolean(1));
    }
    text = llmq_json_format(names);
    return text ? text : "{}";
}

static int set_drained(request_rec *r, const llmq_service_t *service, const char *name,
                       int on)
{
    const llmq_backend_conf_t *b = find(service, name);
    drain_t drain = {name, on};
    apr_status_t rv;

    if (!b) {
        return refuse_unknown(r);
    }
    rv = llmq_store_setting_change(service->store, "", LLMQ_SETTING_DRAINED, change_names,
                                   &drain, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_queue_settings_changed(service->queue);
    return reply_backend(r, service, b, on,
                         on ? "Backend is draining" : "Backend is enabled");
}

int llmq_api_backend_drain(request_rec *r, const llmq_service_t *service, const char *id)
{
    return set_drained(r, service, id, 1);
}

int llmq_api_backend_enable(request_rec *r, const llmq_service_t *service, const char *id)
{
    return set_drained(r, service, id, 0);
}

/* ---- check ---- */

int llmq_api_backend_check(request_rec *r, const llmq_service_t *service, const char *id)
{
    const llmq_backend_conf_t *b = find(service, id);
    const char *reason = "the backend cannot be reached";
    apr_interval_time_t took = 0;
    llmq_result_t why;
    llmq_text_t t;
    apr_status_t rv;
    int shield;

    if (!b) {
        return refuse_unknown(r);
    }
    shield = llmq_shield_pause(); /* it may take seconds and holds nothing */
    rv = llmq_backend_check(&took, &reason, b);
    llmq_shield_resume(shield);
    if (rv == LLMQ_EBACKEND) {
        llmq_result_set(&why, LLMQ_PROBLEM_NETWORK, NULL, reason);
        return llmq_reply_problem(r, &why);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "name", b->name);
    kv_flag(&t, "reachable", 1);
    llmq_json_kv_duration(&t, "response_time", took);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "Backend can be reached", t.data);
}
