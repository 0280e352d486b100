#include "cfg/cfg.h"
#include "cfg/cfg_rules.h"
#include "base/log.h"
#include "cfg/cfg_set.h"

#include <apr_strings.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

static const char *const handler_names[] = {
    [LLMQ_HANDLER_NONE] = "",
    [LLMQ_HANDLER_QUEUE] = "llmq-queue",
    [LLMQ_HANDLER_HEALTH] = "llmq-health",
    [LLMQ_HANDLER_METRICS] = "llmq-metrics",
};
_Static_assert(sizeof(handler_names) / sizeof(handler_names[0]) == LLMQ_HANDLER_COUNT,
               "one word for each handler");

/* S0's numbers (4.1): what its own sample of /queues/status shows. */
static const llmq_queue_level_conf_t default_levels[LLMQ_LEVEL_COUNT] = {
    [LLMQ_LEVEL_REALTIME] = {1000, 10},
    [LLMQ_LEVEL_HIGH] = {5000, 20},
    [LLMQ_LEVEL_NORMAL] = {10000, 30},
    [LLMQ_LEVEL_LOW] = {20000, 20},
};

/* Fifty run at once, whatever their levels (S3's last section). */
static const llmq_queue_level_conf_t task_levels[LLMQ_LEVEL_COUNT] = {
    [LLMQ_LEVEL_REALTIME] = {50000, 50},
    [LLMQ_LEVEL_HIGH] = {50000, 50},
    [LLMQ_LEVEL_NORMAL] = {50000, 50},
    [LLMQ_LEVEL_LOW] = {50000, 50},
};

void *llmq_cfg_create_server(apr_pool_t *p, server_rec *s)
{
    llmq_cfg_server_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->dispatcher = 1;
    memcpy(conf->queue.level, default_levels, sizeof(default_levels));
    conf->store_timeout = apr_time_from_sec(10);
    conf->slow_query = apr_time_from_sec(1);
    conf->node_timeout = apr_time_from_sec(30);
    conf->commit.max_rows = 256;
    conf->retry.base = apr_time_from_sec(1);
    conf->retry.max = apr_time_from_sec(60);
    conf->queue.ageing = apr_time_from_sec(60);
    conf->queue.reserve = 50;
    conf->queue.max_tenants = 1024;
    memcpy(conf->task_queue.level, task_levels, sizeof(task_levels));
    conf->task_queue.no_figures = 1;
    conf->task_queue.max_running = task_levels[LLMQ_LEVEL_NORMAL].max_concurrent;
    conf->task_types = apr_palloc(p, sizeof(*conf->task_types));
    llmq_task_type_init(conf->task_types);
    conf->tenant_limits = apr_hash_make(p);
    conf->max_deliveries = 5;
    conf->handlers = apr_array_make(p, 4, sizeof(llmq_handler_conf_t *));
    conf->courier.keys = apr_hash_make(p);
    conf->courier.retry.max = 10;
    conf->courier.retry.delay.base = apr_time_from_sec(5);
    conf->courier.retry.delay.max = apr_time_from_sec(3600);
    conf->courier.timeout = apr_time_from_sec(10);
    conf->courier.concurrency = 64;
    conf->courier.per_host = 8;
    conf->batch = 64;
    conf->chat.max_turns = 20;
    conf->chat.max_bytes = 32768;
    conf->cleanup = apr_time_from_sec(300);
    conf->pace.on = 0;
    conf->key_cache = apr_time_from_sec(10);
    conf->roster.max = 4096;
    conf->roster.timeout = apr_time_from_sec(90);
    conf->roster.retention = apr_time_from_sec(86400);
    conf->max_held = 0;
    conf->max_parked = 1024;
    conf->park_buffer = 64 * 1024 * 1024;
    conf->rate_keys = 65536;
    conf->balance.algorithm = LLMQ_BALANCE_ROUND_ROBIN;
    conf->balance.affinity = 1;
    conf->balance.conversations = 65536;
    conf->redis.timeout = apr_time_from_msec(500);
    conf->backends = apr_array_make(p, 4, sizeof(llmq_backend_conf_t *));
    conf->mounts = apr_array_make(p, 4, sizeof(llmq_mount_t *));
    conf->rules = apr_array_make(p, 1, sizeof(llmq_cfg_rules_t *));
    return conf;
}

/* Server-wide settings cannot be set in a virtual host; only lists of what stands in its
 * sections add up. */
void *llmq_cfg_merge_server(apr_pool_t *p, void *base, void *add)
{
    const llmq_cfg_server_t *b = base;
    const llmq_cfg_server_t *a = add;
    llmq_cfg_server_t *conf = apr_pmemdup(p, b, sizeof(*b));

    conf->mounts = apr_array_append(p, b->mounts, a->mounts);
    conf->rules = apr_array_append(p, b->rules, a->rules);
    return conf;
}

void *llmq_cfg_create_dir(apr_pool_t *p, char *path)
{
    llmq_cfg_dir_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)path;
    conf->max_content = -1;
    conf->max_depth = -1;
    conf->max_retries = -1;
    conf->timeout = -1;
    conf->max_timeout = -1;
    conf->max_delay = -1;
    conf->retry_after = -1;
    conf->max_wait = -1;
    conf->lease = -1;
    conf->max_lease = -1;
    conf->claim_limit = -1;
    conf->idem_ttl = -1;
    conf->maintenance = -1;
    conf->preprocess = -1;
    conf->keywords = -1;
    conf->long_content = -1;
    conf->max_rules = -1;
    conf->leeway = -1;
    conf->token_sources = -1;
    conf->fair_cap = -1;
    conf->deadline = -1;
    conf->auth = -1;
    conf->admin = -1;
    conf->max_title = -1;
    conf->max_context = -1;
    conf->conv_ttl = -1;
    conf->auto_create = -1;
    conf->parallel = -1;
    conf->task_max_payload = -1;
    conf->task_max_batch = -1;
    conf->task_max_retries = -1;
    conf->task_most_retries = -1;
    conf->task_timeout = -1;
    conf->task_max_timeout = -1;
    return conf;
}

#define MERGE_SET(field)   conf->field = a->field >= 0 ? a->field : b->field
#define MERGE_GIVEN(field) conf->field = a->field ? a->field : b->field

/* Inner keys win, the others stay. */
static apr_hash_t *merge_weights(apr_pool_t *p, apr_hash_t *outer, apr_hash_t *inner)
{
    return outer && inner ? apr_hash_overlay(p, inner, outer) : inner ? inner : outer;
}

void *llmq_cfg_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const llmq_cfg_dir_t *b = base;
    const llmq_cfg_dir_t *a = add;
    llmq_cfg_dir_t *conf = apr_pcalloc(p, sizeof(*conf));

    MERGE_GIVEN(mount);
    MERGE_GIVEN(tenant);
    MERGE_SET(max_content);
    MERGE_SET(max_depth);
    MERGE_SET(max_retries);
    MERGE_SET(timeout);
    MERGE_SET(max_timeout);
    MERGE_SET(max_delay);
    MERGE_SET(retry_after);
    MERGE_SET(max_wait);
    MERGE_SET(lease);
    MERGE_SET(max_lease);
    MERGE_SET(claim_limit);
    MERGE_SET(idem_ttl);
    MERGE_GIVEN(rate);
    MERGE_GIVEN(webhooks);
    MERGE_SET(maintenance);
    MERGE_SET(preprocess);
    MERGE_SET(keywords);
    MERGE_SET(long_content);
    MERGE_SET(max_rules);
    MERGE_GIVEN(fairness_key);
    MERGE_GIVEN(rules);
    if (a->rules && b->rules) {
        conf->rules = apr_array_append(p, b->rules, a->rules);
    }
    MERGE_GIVEN(secrets);
    MERGE_GIVEN(issuer);
    MERGE_SET(leeway);
    MERGE_SET(token_sources);
    MERGE_SET(fair_cap);
    MERGE_SET(deadline);
    conf->fair_weights = merge_weights(p, b->fair_weights, a->fair_weights);
    MERGE_SET(auth);
    MERGE_SET(admin);
    MERGE_SET(max_title);
    MERGE_SET(max_context);
    MERGE_SET(conv_ttl);
    MERGE_SET(auto_create);
    MERGE_SET(parallel);
    MERGE_SET(task_max_payload);
    MERGE_SET(task_max_batch);
    MERGE_SET(task_max_retries);
    MERGE_SET(task_most_retries);
    MERGE_SET(task_timeout);
    MERGE_SET(task_max_timeout);
    return conf;
}

llmq_cfg_server_t *llmq_cfg_server(server_rec *s)
{
    return ap_get_module_config(s->module_config, &llmq_module);
}

const llmq_cfg_dir_t *llmq_cfg_dir(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &llmq_module);
}

const char *llmq_cfg_tenant(const llmq_cfg_dir_t *dir)
{
    return dir->tenant ? dir->tenant : "default";
}

void llmq_cfg_message(llmq_message_conf_t *conf, const llmq_cfg_dir_t *dir)
{
    conf->max_content_bytes =
        dir->max_content >= 0 ? (apr_size_t)dir->max_content : 65536;
    conf->max_depth = dir->max_depth >= 0 ? dir->max_depth : 64;
    conf->max_retries = dir->max_retries >= 0 ? dir->max_retries : 3;
    conf->timeout = dir->timeout >= 0 ? dir->timeout : apr_time_from_sec(30);
    conf->max_timeout =
        dir->max_timeout >= 0 ? dir->max_timeout : apr_time_from_sec(3600);
    conf->max_delay =
        dir->max_delay >= 0 ? dir->max_delay : apr_time_from_sec(30 * 86400);
    conf->user = NULL;
    conf->level = LLMQ_LEVEL_NONE;
}

void llmq_cfg_token(llmq_token_conf_t *conf, const llmq_cfg_dir_t *dir)
{
    conf->secrets =
        dir->secrets ? (const llmq_token_secret_t *)(void *)dir->secrets->elts : NULL;
    conf->n_secrets = dir->secrets ? dir->secrets->nelts : 0;
    conf->issuer = dir->issuer;
    conf->tenant = llmq_cfg_tenant(dir);
    conf->leeway = dir->leeway >= 0 ? dir->leeway : 0;
}

int llmq_cfg_token_sources(const llmq_cfg_dir_t *dir)
{
    return dir->token_sources >= 0
               ? dir->token_sources
               : LLMQ_SOURCE_HEADER | LLMQ_SOURCE_QUERY | LLMQ_SOURCE_COOKIE;
}

int llmq_cfg_retry_after_sec(const llmq_cfg_dir_t *dir)
{
    apr_interval_time_t t =
        dir->retry_after >= 0 ? dir->retry_after : apr_time_from_sec(5);
    apr_int64_t sec = apr_time_sec(t + APR_USEC_PER_SEC - 1);

    return sec < 1 ? 1 : (int)sec;
}

apr_interval_time_t llmq_cfg_max_wait(const llmq_cfg_dir_t *dir)
{
    return dir->max_wait >= 0 ? dir->max_wait : apr_time_from_sec(60);
}

apr_interval_time_t llmq_cfg_idempotency_ttl(const llmq_cfg_dir_t *dir)
{
    return dir->idem_ttl >= 0 ? dir->idem_ttl : apr_time_from_sec(86400);
}

int llmq_cfg_fairness_weight(const llmq_cfg_dir_t *dir, const char *key)
{
    const int *weight = dir->fair_weights && key
                            ? apr_hash_get(dir->fair_weights, key, APR_HASH_KEY_STRING)
                            : NULL;

    return weight ? *weight : 1;
}

int llmq_cfg_fairness_cap(const llmq_cfg_dir_t *dir)
{
    return dir->fair_cap >= 0 ? dir->fair_cap : 0;
}

apr_interval_time_t llmq_cfg_deadline(const llmq_cfg_dir_t *dir)
{
    return dir->deadline >= 0 ? dir->deadline : 0;
}

const llmq_mount_t *llmq_cfg_find_mount(server_rec *s, const char *uri)
{
    const apr_array_header_t *mounts = llmq_cfg_server(s)->mounts;
    const llmq_mount_t *best = NULL;
    int i;

    for (i = 0; uri && i < mounts->nelts; i++) {
        const llmq_mount_t *m = APR_ARRAY_IDX(mounts, i, const llmq_mount_t *);

        if (strncmp(uri, m->path, m->len) == 0
            && (uri[m->len] == '/' || uri[m->len] == '\0' || uri[m->len] == '?')
            && (!best || m->len > best->len)) {
            best = m;
        }
    }
    return best;
}

const char *llmq_cfg_handler_name(llmq_handler_e handler)
{
    return handler_names[handler];
}

llmq_handler_e llmq_cfg_handler_parse(const char *word)
{
    int i;

    for (i = LLMQ_HANDLER_NONE + 1; i < LLMQ_HANDLER_COUNT; i++) {
        if (strcmp(word, handler_names[i]) == 0) {
            return (llmq_handler_e)i;
        }
    }
    return LLMQ_HANDLER_NONE;
}

/* The nodes of one level of the tree, containers left alone: a virtual host's database is
 * its own business. IfModule and its like are dissolved when httpd reads them. */
void llmq_cfg_dbd(llmq_cfg_dbd_t *dbd, apr_pool_t *p)
{
    const ap_directive_t *node;

    dbd->driver = NULL;
    dbd->params = "";
    for (node = ap_conftree; node; node = node->next) {
        const char *args = node->args;

        if (ap_cstr_casecmp(node->directive, "DBDriver") == 0) {
            dbd->driver = ap_getword_conf(p, &args);
        }
        else if (ap_cstr_casecmp(node->directive, "DBDParams") == 0) {
            dbd->params = ap_getword_conf(p, &args);
        }
    }
}

static int check_backends(const llmq_cfg_server_t *conf, server_rec *s)
{
    int i;

    for (i = 0; i < conf->backends->nelts; i++) {
        const llmq_backend_conf_t *b =
            APR_ARRAY_IDX(conf->backends, i, const llmq_backend_conf_t *);

        if (b->kind != LLMQ_BACKEND_ECHO && !b->url) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                         LLMQ_NO(0101) "<LLMQBackend %s> is of kind %s and has no"
                                       " LLMQBackendURL",
                         b->name, llmq_backend_kind_name(b->kind));
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

int llmq_cfg_check(apr_pool_t *p, server_rec *s)
{
    const llmq_cfg_server_t *conf = llmq_cfg_server(s);

    if (conf->retry.base > conf->retry.max) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     LLMQ_NO(0102) "LLMQRetryDelay: the first delay is longer than the"
                                   " longest");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    llmq_cfg_sched_name_tenants(p, s);
    if (llmq_queue_segment_size(&conf->queue) == 0) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     LLMQ_NO(0103) "LLMQQueueSize: the levels together are larger than"
                                   " the queue can index");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (llmq_cfg_task_complete(llmq_cfg_server(s)) != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
            LLMQ_NO(0130) "LLMQTaskQueueSize: the levels together are larger than"
                          " the queue can index");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    llmq_cfg_push_complete(llmq_cfg_server(s), p);
    return check_backends(conf, s) == OK && llmq_cfg_push_check(conf, s) == OK
               ? llmq_cfg_rules_build(s)
               : HTTP_INTERNAL_SERVER_ERROR;
}
