#include "http/route.h"

#include "cfg/cfg.h"
#include "http/api.h"
#include "http/gate.h"
#include "http/guard.h"
#include "http/idempotency.h"
#include "http/reply.h"
#include "http/shield.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* Only for who may administrate (http/guard.h). */
#define ROUTE_ADMIN 1
/* Makes something new: not during maintenance, and not more often than the location allows
 * (http/gate.h). */
#define ROUTE_GATED 2

/* One row: a method on a path. A `*` stands for one segment, which is the id. */
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

static const route_t health_routes[] = {
    {M_GET, "", llmq_api_health_tasks, 0},
    {0, NULL, NULL, 0},
};

static const route_t metrics_routes[] = {
    {M_GET, "", llmq_api_metrics_scrape, 0},
    {0, NULL, NULL, 0},
};

static const route_t *const tables[LLMQ_HANDLER_COUNT] = {
    [LLMQ_HANDLER_QUEUE] = queue_routes,
    [LLMQ_HANDLER_HEALTH] = health_routes,
    [LLMQ_HANDLER_METRICS] = metrics_routes,
};

/* Does the path fit? A final slash does not matter. The matched segment lands in *pid. */
static int matches(const char *pattern, const char *path, const char **pid, apr_pool_t *p)
{
    const char *id = NULL;
    apr_size_t len = 0;

    while (*pattern) {
        if (*pattern == '*') {
            len = strcspn(path, "/");
            if (len == 0) {
                return 0;
            }
            id = path;
            path += len;
            pattern++;
        }
        else if (*pattern++ != *path++) {
            return 0;
        }
    }
    if (*path != '\0' && strcmp(path, "/") != 0) {
        return 0;
    }
    *pid = id ? apr_pstrmemdup(p, id, len) : NULL;
    return 1;
}

static const char *method_name(int method)
{
    return method == M_GET    ? "GET, HEAD"
           : method == M_POST ? "POST"
           : method == M_PUT  ? "PUT"
                              : "DELETE";
}

static const char *allowed(const route_t *routes, const char *path, apr_pool_t *p)
{
    const char *allow = "OPTIONS";
    const char *id;
    const route_t *row;

    for (row = routes; row->fn; row++) {
        if (matches(row->pattern, path, &id, p)) {
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
    rv = llmq_idempotency_call(row->fn, r, service, id);
    llmq_shield_end();
    return rv;
}

static int dispatch(request_rec *r, const route_t *routes, const char *path)
{
    const llmq_service_t *service = llmq_service_get();
    const route_t *row;
    const char *id = NULL;
    int known = 0;

    for (row = routes; row->fn; row++) {
        if (!matches(row->pattern, path, &id, r->pool)) {
            continue;
        }
        if (row->method == r->method_number) {
            return call(row, r, service, id);
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

int llmq_route_translate_name(request_rec *r)
{
    if (!is_ours(r)) {
        return DECLINED;
    }
    r->filename = r->uri; /* other modules expect one */
    return OK;
}

int llmq_route_map_to_storage(request_rec *r)
{
    return is_ours(r) ? OK : DECLINED;
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
    if (mount && strncmp(path, mount->path, mount->len) == 0) {
        path += mount->len;
    }
    return dispatch(r, tables[handler], path);
}
