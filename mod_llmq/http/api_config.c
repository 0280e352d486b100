/* S0 6.1: the settings in force, for operators. Never a secret, a DSN or a key. */
#include "http/api.h"

#include "cfg/cfg.h"
#include "core/balance.h"
#include "core/priority.h"
#include "core/task.h"
#include "http/guard.h"
#include "http/reply.h"

#include <ap_listen.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>

/* How the dispatcher works; see dispatch.c and janitor.c. */
#define CHECK_INTERVAL apr_time_from_msec(100)

static void begin(llmq_text_t *t, const char *name)
{
    llmq_json_key(t, name);
    LLMQ_TEXT_LIT(t, "{");
}

static void add_flag(llmq_text_t *t, const char *name, int on)
{
    llmq_json_kv_raw(t, name, on ? "true" : "false");
}

/* What the server listens on where this request came in: "0.0.0.0" rather than the address
 * that the client happened to use. */
static const char *host_of(request_rec *r, apr_port_t port)
{
    const ap_listen_rec *l;
    char *ip = NULL;

    for (l = ap_listeners; l; l = l->next) {
        if (l->bind_addr && l->bind_addr->port == port
            && apr_sockaddr_ip_get(&ip, l->bind_addr) == APR_SUCCESS) {
            return ip;
        }
    }
    return r->connection->local_ip;
}

static void add_server(llmq_text_t *t, request_rec *r)
{
    apr_port_t port = r->connection->local_addr->port;
    int debugging =
        ap_exists_config_define("DEBUG") || ap_exists_config_define("ONE_PROCESS");

    begin(t, "server");
    llmq_json_kv_int(t, "port", port);
    llmq_json_kv(t, "host", host_of(r, port));
    llmq_json_kv(t, "mode", debugging ? "debug" : "production");
    LLMQ_TEXT_LIT(t, "}");
}

static void add_queue(llmq_text_t *t, const llmq_cfg_server_t *cfg)
{
    begin(t, "queue");
    llmq_json_kv_int(t, "default_max_size", cfg->queue.level[LLMQ_LEVEL_NORMAL].max_size);
    /* The heartbeat, with which the dispatcher looks after the queue. */
    llmq_json_kv_duration(t, "monitor_interval", cfg->node_timeout / 3);
    llmq_json_kv_duration(t, "cleanup_interval", cfg->cleanup);
    add_flag(t, "enable_metrics", 1);
    add_flag(t, "enable_auto_scaling", cfg->pace.on);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_scheduler(llmq_text_t *t, const llmq_message_conf_t *conf)
{
    begin(t, "scheduler");
    llmq_json_kv(t, "strategy", "priority_based");
    llmq_json_kv_duration(t, "check_interval", CHECK_INTERVAL);
    llmq_json_kv_int(t, "max_retries", conf->max_retries);
    llmq_json_kv_duration(t, "timeout", conf->timeout);
    LLMQ_TEXT_LIT(t, "}");
}

/* Health is a matter of each backend; the document has one, which is the first. */
static void add_balancer(llmq_text_t *t, const llmq_cfg_server_t *cfg)
{
    const llmq_backend_conf_t *first =
        cfg->backends->nelts ? APR_ARRAY_IDX(cfg->backends, 0, llmq_backend_conf_t *)
                             : NULL;

    begin(t, "loadbalancer");
    llmq_json_kv(t, "algorithm", llmq_balance_name(cfg->balance.algorithm));
    llmq_json_kv_duration(t, "health_check_interval", first ? first->check_interval : 0);
    llmq_json_kv_int(t, "max_failures", first ? first->health.max_failures : 0);
    add_flag(t, "enable_session_affinity", cfg->balance.affinity);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_levels(llmq_text_t *t, const llmq_queue_conf_t *conf)
{
    int l;

    begin(t, "queues");
    LLMQ_EACH_LEVEL (l) {
        begin(t, llmq_priority_name((llmq_level_e)l));
        llmq_json_kv_int(t, "max_size", conf->level[l].max_size);
        llmq_json_kv_int(t, "max_concurrent", conf->level[l].max_concurrent);
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "}");
}

static void add_tasks(llmq_text_t *t, request_rec *r, const llmq_cfg_server_t *cfg)
{
    llmq_task_conf_t conf;
    int l;

    llmq_cfg_task(&conf, llmq_cfg_dir(r), r->server);
    begin(t, "tasks");
    llmq_json_kv_int(t, "max_payload_bytes", (apr_int64_t)conf.max_payload);
    llmq_json_kv_int(t, "max_batch", conf.max_batch);
    llmq_json_kv_int(t, "max_retries", conf.max_retries);
    llmq_json_kv_duration(t, "timeout", conf.timeout);
    llmq_json_kv_duration(t, "max_timeout", conf.max_timeout);
    llmq_json_kv_int(t, "max_concurrent", cfg->task_queue.max_running);
    begin(t, "queues");
    LLMQ_EACH_LEVEL (l) {
        begin(t, llmq_task_level_name((llmq_level_e)l));
        llmq_json_kv_int(t, "max_size", cfg->task_queue.level[l].max_size);
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "}}");
}

static void add_workers(llmq_text_t *t, const llmq_roster_conf_t *conf)
{
    begin(t, "workers");
    llmq_json_kv_int(t, "max_known", conf->max);
    llmq_json_kv_duration(t, "timeout", conf->timeout);
    llmq_json_kv_duration(t, "retention", conf->retention);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_rate(llmq_text_t *t, const llmq_cfg_rate_t *rate)
{
    if (!rate || rate->conf.limit == 0) {
        llmq_json_kv_raw(t, "rate_limit", "null");
        return;
    }
    begin(t, "rate_limit");
    llmq_json_kv_int(t, "requests", rate->conf.limit);
    llmq_json_kv_duration(t, "period", rate->conf.period);
    llmq_json_kv_int(t, "burst", rate->conf.burst);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_limits(llmq_text_t *t, request_rec *r, const llmq_service_t *service,
                       const llmq_message_conf_t *conf)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);

    begin(t, "limits");
    llmq_json_kv_int(t, "max_content_bytes", (apr_int64_t)conf->max_content_bytes);
    llmq_json_kv_int(t, "max_body_bytes", ap_get_limit_req_body(r));
    llmq_json_kv_int(t, "max_json_depth", conf->max_depth);
    llmq_json_kv_duration(t, "max_wait", llmq_cfg_max_wait(dir));
    llmq_json_kv_int(t, "max_waiting_requests", service->n_held);
    llmq_json_kv_duration(t, "idempotency_ttl", llmq_cfg_idempotency_ttl(dir));
    llmq_json_kv_duration(t, "retry_after",
                          apr_time_from_sec(llmq_cfg_retry_after_sec(dir)));
    add_flag(t, "maintenance", dir->maintenance == 1);
    add_rate(t, dir->rate);
    add_levels(t, &llmq_cfg_server(r->server)->queue);
    add_tasks(t, r, llmq_cfg_server(r->server));
    add_workers(t, &llmq_cfg_server(r->server)->roster);
    LLMQ_TEXT_LIT(t, "}");
}

int llmq_api_config_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_message_conf_t conf;
    llmq_text_t t;

    (void)id;
    if (!llmq_guard_admin_if_auth(r)) {
        return llmq_guard_refuse(r);
    }
    llmq_cfg_message(&conf, llmq_cfg_dir(r));
    llmq_text_init(&t, 2048, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    add_server(&t, r);
    add_queue(&t, llmq_cfg_server(r->server));
    add_scheduler(&t, &conf);
    add_balancer(&t, llmq_cfg_server(r->server));
    add_limits(&t, r, service, &conf);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
