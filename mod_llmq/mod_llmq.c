/* mod_llmq: the module record, the hooks, and the story of how a server starts.
 *
 * The way of a message: http/route.c finds the row of the request, http/api_message.c
 * validates it, makes it durable (store/store_commit.c) and answers; the committer puts it
 * into the queue (queue/). The dispatcher process (dispatch/dispatch_run.c) takes it, has
 * it answered (backend/) and writes what became of it (dispatch/finisher.c). */
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "cfg/cfg_check.h"
#include "glue/glue_auth.h"
#include "glue/glue_child.h"
#include "glue/glue_limits.h"
#include "glue/glue_log.h"
#include "glue/glue_proc.h"
#include "glue/glue_relay.h"
#include "glue/glue_shm.h"
#include "http/capture.h"
#include "http/detach.h"
#include "http/tls.h"
#include "http/expr.h"
#include "http/fallback.h"
#include "http/hub_meter.h"
#include "http/query_token.h"
#include "http/route.h"
#include "http/slashes.h"
#include "http/rules.h"
#include "http/traffic.h"

#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>

module AP_MODULE_DECLARE_DATA llmq_module;

/* Of the present generation, made in post_config; NULL while mod_dbd is not configured. */
static llmq_glue_proc_t *server_side;

/* ---- settings that only exist once the whole configuration is read ---- */

/* Unique for each running httpd and the same after its restart: host and pid file. */
static const char *default_node(apr_pool_t *p)
{
    const char *pid_file = ap_runtime_dir_relative(p, ap_pid_fname);
    apr_uint64_t h = llmq_id_hash(pid_file, strlen(pid_file), 0);
    char host[APRMAXHOSTLEN + 1] = "localhost";
    char *c;

    apr_gethostname(host, sizeof(host), p);
    host[64] = '\0';
    for (c = host; *c; c++) {
        if (!apr_isalnum(*c) && *c != '.' && *c != '-') {
            *c = '_';
        }
    }
    return apr_psprintf(p, "%s:%08x", host, (unsigned int)(h ^ (h >> 32)));
}

static apr_status_t parse_driver(llmq_dialect_e *pdialect, const char *driver)
{
    if (strcmp(driver, "pgsql") == 0) {
        *pdialect = LLMQ_DIALECT_PGSQL;
        return APR_SUCCESS;
    }
    if (strcmp(driver, "sqlite3") == 0) {
        *pdialect = LLMQ_DIALECT_SQLITE3;
        return APR_SUCCESS;
    }
    return APR_EINVAL;
}

/* A fresh install answers by itself. */
static void set_backends(llmq_dispatch_conf_t *conf, llmq_cfg_server_t *cfg,
                         apr_pool_t *p)
{
    llmq_backend_conf_t *echo;

    if (cfg->backends->nelts == 0) {
        echo = apr_pcalloc(p, sizeof(*echo));
        echo->name = "echo";
        echo->kind = LLMQ_BACKEND_ECHO;
        echo->max_concurrent = 1024;
        APR_ARRAY_PUSH(cfg->backends, llmq_backend_conf_t *) = echo;
    }
    llmq_cfg_model_complete(cfg, p);
    conf->backends = (const llmq_backend_conf_t *const *)(void *)cfg->backends->elts;
    conf->n_backends = cfg->backends->nelts;
    conf->models = cfg->models;
}

static llmq_glue_proc_t *make_settings(const llmq_cfg_dbd_t *dbd, llmq_dialect_e dialect,
                                       server_rec *s, apr_pool_t *p)
{
    llmq_cfg_server_t *cfg = llmq_cfg_server(s);
    llmq_glue_proc_t *proc = apr_pcalloc(p, sizeof(*proc));

    proc->server = s;
    proc->conf.retry = cfg->retry;
    proc->conf.max_deliveries = cfg->max_deliveries;
    proc->conf.batch = cfg->batch;
    proc->conf.delta_interval = cfg->delta_interval;
    proc->conf.pace = cfg->pace;
    proc->conf.endpoint.balance = cfg->balance;
    proc->conf.chat = cfg->chat;
    proc->conf.task_types = cfg->task_types;
    proc->conf.cleanup_interval = cfg->cleanup;
    proc->conf.session_ttl = cfg->session_ttl;
    proc->conf.completion_ttl = cfg->completion_ttl;
    proc->conf.replay_max = cfg->replay_max;
    proc->conf.workers = cfg->roster;
    proc->conf.prices = (const llmq_price_conf_t *)(void *)cfg->prices->elts;
    proc->conf.n_prices = cfg->prices->nelts;
    proc->conf.courier = cfg->courier;
    proc->conf.handlers = (const llmq_handler_conf_t *const *)(void *)cfg->handlers->elts;
    proc->conf.n_handlers = cfg->handlers->nelts;
    proc->conf.grace = apr_time_from_sec(ap_graceful_shutdown_timeout);
    proc->conf.db_driver = dbd->driver;
    proc->conf.db_params = dbd->params;
    proc->conf.store.dialect = dialect;
    proc->conf.store.node = cfg->node ? cfg->node : default_node(p);
    proc->conf.store.timeout = cfg->store_timeout;
    proc->conf.store.node_timeout = cfg->node_timeout;
    proc->conf.store.slow = cfg->slow_query;
    set_backends(&proc->conf, cfg, p);
    return proc;
}

/* The board lies in memory of its own, so that the figures outlive a restart. */
static apr_status_t share_board(llmq_glue_proc_t *proc)
{
    void *area = NULL;
    apr_status_t rv =
        llmq_glue_shm_area(&area, proc->shm, "backends", llmq_endpoint_board_size());

    if (rv == APR_SUCCESS) {
        proc->shm->board = area;
        proc->conf.endpoint.board = area;
        llmq_endpoint_board_assign(area, proc->conf.backends, proc->conf.n_backends);
    }
    return rv;
}

/* ---- start-up ---- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    server_side = NULL;
    return llmq_glue_shm_pre_config(pconf) == APR_SUCCESS ? OK
                                                          : HTTP_INTERNAL_SERVER_ERROR;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    llmq_cfg_dbd_t dbd;
    llmq_dialect_e dialect;

    (void)plog;
    llmq_cfg_dbd(&dbd, ptemp);
    if (dbd.driver && llmq_cfg_server(s)->mounts->nelts
        && parse_driver(&dialect, dbd.driver) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     LLMQ_NO(0104) "DBDriver %s: mod_llmq works with sqlite3 and pgsql",
                     dbd.driver);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return llmq_cfg_check_whole(pconf, s);
}

/* Counters of all processes. */
static apr_status_t share_counters(llmq_glue_proc_t *proc)
{
    void *traffic;
    void *streams = NULL;
    void *meter = NULL;
    apr_status_t rv =
        llmq_glue_shm_area(&traffic, proc->shm, "traffic", llmq_traffic_size());

    if (rv == APR_SUCCESS) {
        llmq_traffic_attach(traffic);
        rv = llmq_glue_shm_area(&streams, proc->shm, "streams", llmq_hub_meter_size());
    }
    if (rv == APR_SUCCESS) {
        llmq_hub_meter_attach(streams);
        rv = llmq_glue_shm_area(&meter, proc->shm, "store_meter",
                                sizeof(llmq_store_meter_t));
    }
    if (rv == APR_SUCCESS) {
        proc->conf.store.meter = meter;
    }
    return rv;
}

/* After a restart it is found again. */
static int share(llmq_glue_proc_t *proc, llmq_dialect_e dialect, server_rec *s,
                 apr_pool_t *p)
{
    const llmq_cfg_server_t *cfg = llmq_cfg_server(s);

    if (llmq_glue_shm_post_config(&proc->shm, &cfg->queue, &cfg->task_queue, s)
            != APR_SUCCESS
        || share_board(proc) != APR_SUCCESS
        || llmq_glue_limits_post_config(proc->shm, s) != APR_SUCCESS
        || share_counters(proc) != APR_SUCCESS
        || llmq_glue_shm_bus(proc->shm, cfg->event_ring) != APR_SUCCESS
        || llmq_glue_relay_post_config(proc->shm, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    proc->conf.roster = proc->shm->roster;
    proc->conf.ledger = proc->shm->ledger;
    proc->conf.usage_meter = proc->shm->usage_meter;
    proc->conf.bus = proc->shm->bus;
    proc->conf.ears = llmq_glue_relay_ears(proc->shm, cfg->relay_buffer, p);
    proc->conf.redis = cfg->redis.host || cfg->redis.path ? &cfg->redis : NULL;
    if (dialect == LLMQ_DIALECT_SQLITE3) {
        proc->conf.store.writers = proc->shm->store_mutex;
    }
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    llmq_dialect_e dialect;
    llmq_cfg_dbd_t dbd;
    llmq_glue_proc_t *proc;

    (void)plog;
    /* 1. httpd reads its configuration twice at start; only the second time counts. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    llmq_glue_log_attach(s);
    /* 2. Where the truth is kept. Without it the module stays out of the way. */
    llmq_cfg_dbd(&dbd, pconf);
    if (!dbd.driver || parse_driver(&dialect, dbd.driver) != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0810) "the queue is off: it needs DBDriver sqlite3 or pgsql and"
                               " DBDParams in the main server");
        return OK;
    }
    /* 3. What all processes share. */
    proc = make_settings(&dbd, dialect, s, pconf);
    if (share(proc, dialect, s, pconf) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* 4. The schema, by a process with the children's user. */
    if (llmq_glue_proc_migrate(proc, ptemp) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* 5. The dispatcher. */
    if (llmq_cfg_server(s)->dispatcher
        && llmq_glue_proc_start(proc, pconf) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    server_side = proc;
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    if (server_side) {
        llmq_rules_child_init(p);
        llmq_glue_child_init(server_side->shm, &server_side->conf, s, p);
    }
}

static void child_stopping(apr_pool_t *p, int graceful)
{
    (void)p;
    llmq_glue_child_stopping(graceful);
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                         mpm_child_status status)
{
    (void)s;
    (void)pid;
    (void)gen;
    (void)slot;
    if (status == MPM_CHILD_EXITED && server_side) {
        llmq_glue_shm_suspect(server_side->shm);
    }
}

static void register_hooks(apr_pool_t *p)
{
    /* It writes the request down before any other module sees it. */
    static const char *const log_forensic[] = {"mod_log_forensic.c", NULL};

    ap_hook_post_read_request(llmq_query_token_take, NULL, log_forensic,
                              APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(llmq_query_token_take, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_translate_name(llmq_slashes_decode, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(llmq_route_translate_name, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(llmq_route_handler, NULL, NULL, APR_HOOK_MIDDLE);
    llmq_tls_register();
    ap_hook_pre_close_connection(llmq_detach_pre_close, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(llmq_fallback_insert, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(llmq_traffic_log, NULL, NULL, APR_HOOK_MIDDLE);
    llmq_fallback_register();
    llmq_capture_register();
    llmq_expr_register();
    llmq_glue_auth_register(p);
}

AP_DECLARE_MODULE(llmq) = {
    STANDARD20_MODULE_STUFF, llmq_cfg_create_dir,   llmq_cfg_merge_dir,
    llmq_cfg_create_server,  llmq_cfg_merge_server, llmq_cfg_cmds,
    register_hooks,          AP_MODULE_FLAG_NONE,
};
