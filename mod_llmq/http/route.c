#include "http/route.h"

#include "cfg/cfg.h"
#include "http/api.h"
#include "http/gate.h"
#include "http/guard.h"
#include "http/once.h"
#include "http/reply.h"
#include "http/request_id.h"
#include "http/shield.h"
#include "http/tongue.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* Only for who may administrate (http/guard.h). */
#define ROUTE_ADMIN 1
/* Makes something new: not during maintenance, and not more often than the location allows
 * (http/gate.h). */
#define ROUTE_GATED 2
/* Knows Idempotency-Key itself: http/idempotency.h keeps away. */
#define ROUTE_KEYED 4

#define MAX_IDS       2
#define SECOND_ID_KEY "mod_llmq id"

/* One row: a method on a path. A `*` stands for one segment, which is an id. */
typedef struct {
    int method;
    const char *pattern;
    llmq_api_fn_t *fn;
    int flags;
} route_t;

static const route_t queue_routes[] = {
    {M_POST, "/messages", llmq_api_message_create, ROUTE_GATED},
    {M_GET, "/messages", llmq_api_message_list, 0},
    {M_GET, "/messages/*", llmq_api_message_get, 0},
    {M_DELETE, "/messages/*", llmq_api_message_remove, 0},
    {M_GET, "/messages/*/events", llmq_api_events_message, 0},
    {M_GET, "/conversations/*/events", llmq_api_events_conversation, 0},
    {M_GET, "/tasks/*/events", llmq_api_events_task, 0},
    {M_PUT, "/messages/*/status", llmq_api_status_set, 0},
    {M_POST, "/messages/*/heartbeat", llmq_api_lease_message_heartbeat, 0},
    {M_POST, "/messages/*/complete", llmq_api_lease_message_complete, 0},
    {M_POST, "/messages/*/fail", llmq_api_lease_message_fail, 0},
    {M_POST, "/messages/*/release", llmq_api_lease_message_release, 0},
    {M_POST, "/workers/*/claim", llmq_api_worker_claim, 0},
    {M_PUT, "/tasks/*/progress", llmq_api_progress_set, 0},
    {M_POST, "/tasks/*/heartbeat", llmq_api_lease_task_heartbeat, 0},
    {M_POST, "/tasks/*/complete", llmq_api_lease_task_complete, 0},
    {M_POST, "/tasks/*/fail", llmq_api_lease_task_fail, 0},
    {M_POST, "/tasks/*/release", llmq_api_lease_task_release, 0},
    {M_POST, "/conversations", llmq_api_conversation_create, ROUTE_GATED},
    {M_GET, "/conversations", llmq_api_conversation_list, 0},
    {M_GET, "/conversations/*", llmq_api_conversation_get, 0},
    {M_PUT, "/conversations/*", llmq_api_conversation_set, 0},
    {M_DELETE, "/conversations/*", llmq_api_conversation_remove, 0},
    {M_PUT, "/conversations/*/state", llmq_api_conversation_set_state, 0},
    {M_POST, "/conversations/*/messages", llmq_api_message_create, ROUTE_GATED},
    {M_GET, "/conversations/*/messages", llmq_api_message_list, 0},
    {M_POST, "/tasks", llmq_api_task_create, ROUTE_GATED},
    {M_GET, "/tasks", llmq_api_task_list, 0},
    {M_POST, "/tasks/batch", llmq_api_task_batch, ROUTE_GATED},
    {M_GET, "/tasks/*", llmq_api_task_get, 0},
    {M_DELETE, "/tasks/*", llmq_api_task_cancel, 0},
    {M_POST, "/tasks/*/retry", llmq_api_task_retry, 0},
    {M_GET, "/queues/status", llmq_api_queue_status, 0},
    {M_GET, "/queues/stats", llmq_api_stats_get, 0},
    {M_GET, "/queues/info", llmq_api_task_stats_queue, 0},
    {M_GET, "/stats/tasks", llmq_api_task_stats_get, 0},
    {M_GET, "/stats/system", llmq_api_task_stats_system, 0},
    {M_GET, "/health", llmq_api_health_queue, 0},
    {M_GET, "/metrics", llmq_api_metrics_get, 0},
    {M_GET, "/admin/queues", llmq_api_control_queues, ROUTE_ADMIN},
    {M_POST, "/admin/queues/*/pause", llmq_api_control_pause, ROUTE_ADMIN},
    {M_POST, "/admin/queues/*/resume", llmq_api_control_resume, ROUTE_ADMIN},
    {M_GET, "/admin/maintenance", llmq_api_control_get_maintenance, ROUTE_ADMIN},
    {M_POST, "/admin/maintenance", llmq_api_control_set_maintenance, ROUTE_ADMIN},
    {M_GET, "/admin/dead-letter", llmq_api_dead_list, ROUTE_ADMIN},
    {M_GET, "/admin/dead-letter/*", llmq_api_dead_get, ROUTE_ADMIN},
    {M_POST, "/admin/dead-letter/requeue/*", llmq_api_dead_requeue, ROUTE_ADMIN},
    {M_POST, "/admin/dead-letter/requeue-all", llmq_api_dead_requeue_all, ROUTE_ADMIN},
    {M_DELETE, "/admin/dead-letter/*", llmq_api_dead_remove, ROUTE_ADMIN},
    {M_DELETE, "/admin/dead-letter", llmq_api_dead_remove_all, ROUTE_ADMIN},
    {M_GET, "/admin/usage", llmq_api_usage_list, ROUTE_ADMIN},
    {M_GET, "/admin/delayed", llmq_api_delay_list, ROUTE_ADMIN},
    {M_DELETE, "/admin/delayed/*", llmq_api_delay_remove, ROUTE_ADMIN},
    {M_POST, "/admin/delayed/*/run-now", llmq_api_delay_run, ROUTE_ADMIN},
    {M_GET, "/admin/preprocessor/rules", llmq_api_rules_list, ROUTE_ADMIN},
    {M_POST, "/admin/preprocessor/rules", llmq_api_rules_create, ROUTE_ADMIN},
    {M_DELETE, "/admin/preprocessor/rules/*", llmq_api_rules_remove, ROUTE_ADMIN},
    {M_GET, "/admin/preprocessor/user-priorities", llmq_api_user_levels_list,
     ROUTE_ADMIN},
    {M_POST, "/admin/preprocessor/user-priorities", llmq_api_user_levels_set,
     ROUTE_ADMIN},
    {M_GET, "/config", llmq_api_config_get, 0},
    {M_GET, "/admin/backends", llmq_api_backend_list, ROUTE_ADMIN},
    {M_GET, "/admin/backends/*", llmq_api_backend_get, ROUTE_ADMIN},
    {M_POST, "/admin/backends/*/drain", llmq_api_backend_drain, ROUTE_ADMIN},
    {M_POST, "/admin/backends/*/enable", llmq_api_backend_enable, ROUTE_ADMIN},
    {M_POST, "/admin/backends/*/check", llmq_api_backend_check, ROUTE_ADMIN},
    {0, NULL, NULL, 0},
};

static const route_t sessions_routes[] = {
    {M_GET, "/test", llmq_api_session_test, 0},
    {M_POST, "/sessions", llmq_api_session_create, ROUTE_GATED},
    {M_GET, "/sessions", llmq_api_session_list, 0},
    {M_GET, "/sessions/*", llmq_api_session_get, 0},
    {M_PATCH, "/sessions/*", llmq_api_session_change, 0},
    {M_POST, "/sessions/*/archive", llmq_api_session_archive, 0},
    {M_POST, "/sessions/*/messages", llmq_api_session_message_append,
     ROUTE_GATED | ROUTE_KEYED},
    {M_GET, "/sessions/*/messages", llmq_api_session_message_list, 0},
    {M_GET, "/sessions/*/messages/*", llmq_api_session_message_get, 0},
    {M_GET, "/sessions/*/sse", llmq_api_sse_session, 0},
    {M_POST, "/sessions/*/runs", llmq_api_run_create, ROUTE_GATED},
    {M_GET, "/sessions/*/runs/*", llmq_api_run_get, 0},
    {M_POST, "/sessions/*/runs/*/cancel", llmq_api_run_cancel, 0},
    {0, NULL, NULL, 0},
};

static const route_t apps_routes[] = {
    {M_POST, "", llmq_api_app_create, ROUTE_GATED},
    {M_GET, "", llmq_api_app_list, 0},
    {M_GET, "/*", llmq_api_app_get, 0},
    {M_POST, "/*", llmq_api_app_change, 0},
    {M_POST, "/*/config", llmq_api_app_configure, 0},
    {M_PUT, "/*/config", llmq_api_app_configure, 0},
    {M_POST, "/*/publish", llmq_api_app_publish, 0},
    {M_POST, "/*/cancel-publish", llmq_api_app_withdraw, 0},
    {M_POST, "/*/copy", llmq_api_app_copy, ROUTE_GATED},
    {M_POST, "/*/delete", llmq_api_app_remove, 0},
    {M_GET, "/*/published-config", llmq_api_app_published, 0},
    {M_POST, "/*/debug", llmq_api_app_debug, ROUTE_GATED},
    {M_GET, "/*/messages", llmq_api_app_debug_list, 0},
    {M_POST, "/*/messages/*/delete", llmq_api_app_debug_remove, 0},
    {M_GET, "/*/long-term-memory", llmq_api_app_debug_memory, 0},
    {M_POST, "/*/long-term-memory", llmq_api_app_debug_remember, 0},
    {0, NULL, NULL, 0},
};

static const route_t openai_routes[] = {
    {M_POST, "/chat/completions", llmq_api_completion_chat, ROUTE_GATED | ROUTE_KEYED},
    {M_POST, "/completions", llmq_api_completion_text, ROUTE_GATED | ROUTE_KEYED},
    {M_POST, "/embeddings", llmq_api_completion_embed, ROUTE_GATED | ROUTE_KEYED},
    {M_GET, "/models", llmq_api_completion_models, 0},
    {M_GET, "/models/**", llmq_api_completion_model, 0},
    {0, NULL, NULL, 0},
};

static const route_t health_routes[] = {
    {M_GET, "", llmq_api_health_tasks, 0},
    {0, NULL, NULL, 0},
};

static const route_t metrics_routes[] = {
    {M_GET, "", llmq_api_metrics_scrape, 0},
    {0, NULL, NULL, 0},
};

static const route_t *const tables[LLMQ_HANDLER_COUNT] = {
    [LLMQ_HANDLER_QUEUE] = queue_routes,     [LLMQ_HANDLER_HEALTH] = health_routes,
    [LLMQ_HANDLER_METRICS] = metrics_routes, [LLMQ_HANDLER_SESSIONS] = sessions_routes,
    [LLMQ_HANDLER_APPS] = apps_routes,       [LLMQ_HANDLER_OPENAI] = openai_routes,
};

/* What the stars of a pattern have matched. */
typedef struct {
    const char *begin[MAX_IDS];
    apr_size_t len[MAX_IDS];
    int n;
} ids_t;

static void keep_id(ids_t *ids, const char *path, apr_size_t len)
{
    ids->begin[ids->n] = path;
    ids->len[ids->n++] = len;
}

/* Does the path fit? A final slash does not matter. A star stands for a segment, two at the
 * end for all that follows. */
static int matches(const char *pattern, const char *path, ids_t *ids)
{
    ids->n = 0;
    while (*pattern) {
        if (*pattern == '*') {
            apr_size_t len = pattern[1] == '*' ? strlen(path) : strcspn(path, "/");

            if (len == 0 || ids->n == MAX_IDS) {
                return 0;
            }
            keep_id(ids, path, len);
            path += len;
            pattern += pattern[1] == '*' ? 2 : 1;
        }
        else if (*pattern++ != *path++) {
            return 0;
        }
    }
    return *path == '\0' || strcmp(path, "/") == 0;
}

static const char *text_of(const ids_t *ids, int n, apr_pool_t *p)
{
    return ids->n > n ? apr_pstrmemdup(p, ids->begin[n], ids->len[n]) : NULL;
}

/* The first id goes to the handler, which asks for the second with llmq_route_id(). */
static const char *keep_ids(request_rec *r, const ids_t *ids)
{
    if (ids->n > 1) {
        apr_pool_userdata_setn(text_of(ids, 1, r->pool), SECOND_ID_KEY, NULL, r->pool);
    }
    return text_of(ids, 0, r->pool);
}

const char *llmq_route_id(request_rec *r)
{
    void *id = NULL;

    apr_pool_userdata_get(&id, SECOND_ID_KEY, r->pool);
    return id;
}

static const char *method_name(int method)
{
    return method == M_GET     ? "GET, HEAD"
           : method == M_POST  ? "POST"
           : method == M_PUT   ? "PUT"
           : method == M_PATCH ? "PATCH"
                               : "DELETE";
}

static const char *allowed(const route_t *routes, const char *path, apr_pool_t *p)
{
    const char *allow = "OPTIONS";
    const route_t *row;
    ids_t ids;

    for (row = routes; row->fn; row++) {
        if (matches(row->pattern, path, &ids)) {
            allow = apr_pstrcat(p, method_name(row->method), ", ", allow, NULL);
        }
    }
    return allow;
}

static int refuse(request_rec *r, const route_t *routes, const char *path, int known)
{
    llmq_result_t why;

    if (!known) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_ROUTE, NULL,
                        "nothing is served at this path");
        return llmq_reply_problem(r, &why);
    }
    apr_table_setn(r->headers_out, "Allow", allowed(routes, path, r->pool));
    if (r->method_number == M_OPTIONS) {
        r->status = HTTP_NO_CONTENT;
        return OK;
    }
    llmq_result_set(&why, LLMQ_PROBLEM_METHOD, NULL,
                    "this path exists, but not with this method; see Allow");
    return llmq_reply_problem(r, &why);
}

static int call(const route_t *row, request_rec *r, const llmq_service_t *service,
                const char *id)
{
    llmq_result_t why = {0};
    int rv;

    if ((row->flags & ROUTE_ADMIN) && !llmq_guard_admin(r)) {
        return llmq_guard_refuse(r);
    }
    if (!service) {
        return llmq_reply_status(r, APR_EOF);
    }
    if ((row->flags & ROUTE_GATED) && llmq_gate_check(r, service, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    llmq_shield_begin();
    rv = row->flags & ROUTE_KEYED ? row->fn(r, service, id)
                                  : llmq_once_call(row->fn, r, service, id);
    llmq_shield_end();
    return rv;
}

static int dispatch(request_rec *r, const route_t *routes, const char *path)
{
    const llmq_service_t *service = llmq_service_get();
    const route_t *row;
    ids_t ids;
    int known = 0;

    for (row = routes; row->fn; row++) {
        if (!matches(row->pattern, path, &ids)) {
            continue;
        }
        if (row->method == r->method_number) {
            return call(row, r, service, keep_ids(r, &ids));
        }
        known = 1;
    }
    return refuse(r, routes, path, known);
}

static int is_ours(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;

    return mount && mount->handler != LLMQ_HANDLER_NONE;
}

const char *llmq_route_base(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;

    return mount ? mount->path : "";
}

const char *llmq_route_allow(request_rec *r)
{
    const llmq_mount_t *mount = llmq_tongue_mount(r);
    const route_t *routes = mount ? tables[mount->handler] : NULL;

    return routes ? allowed(routes, llmq_tongue_path(r), r->pool) : NULL;
}

int llmq_route_translate_name(request_rec *r)
{
    if (!is_ours(r)) {
        return DECLINED;
    }
    r->filename = r->uri; /* other modules expect one */
    return OK;
}

int llmq_route_handler(request_rec *r)
{
    llmq_handler_e handler =
        r->handler ? llmq_cfg_handler_parse(r->handler) : LLMQ_HANDLER_NONE;
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;
    const char *path = r->uri;

    if (handler == LLMQ_HANDLER_NONE) {
        return DECLINED;
    }
    if (is_ours(r)) {
        handler = mount->handler; /* core knows the last SetHandler, not the longest */
    }
    if (mount && strncmp(path, mount->path, mount->len) == 0) {
        path += mount->len;
    }
    if (handler == LLMQ_HANDLER_OPENAI) {
        llmq_request_id_get(r);
    }
    /* A part of an answer is no JSON, and the next one would be of another moment. */
    apr_table_unset(r->headers_in, "Range");
    return dispatch(r, tables[handler], path);
}
