#include "cfg/cfg.h"

#include "cfg/cfg_set.h"

#include <apr_strings.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;

#define TASKS 50 /* that run at once */

#define USUAL_TREE ((apr_uint64_t)128 * 1024 * 1024)

static const char *const handler_names[] = {
    [LLMQ_HANDLER_NONE] = "",
    [LLMQ_HANDLER_QUEUE] = "llmq-queue",
    [LLMQ_HANDLER_HEALTH] = "llmq-health",
    [LLMQ_HANDLER_METRICS] = "llmq-metrics",
    [LLMQ_HANDLER_SESSIONS] = "llmq-sessions",
    [LLMQ_HANDLER_APPS] = "llmq-apps",
    [LLMQ_HANDLER_OPENAI] = "llmq-openai",
};
_Static_assert(sizeof(handler_names) / sizeof(handler_names[0]) == LLMQ_HANDLER_COUNT,
               "one word for each handler");

/* ---- the whole server ---- */

/* Each level's size and how many run at once: of messages S0's numbers (4.1), what its own
 * sample of /queues/status shows; of tasks fifty, whatever their levels (S3's last
 * section). What is not here begins at 0; lists, which want a pool, are made below. */
static const llmq_cfg_server_t server_defaults = {
    .dispatcher = 1,
    .queue = {.level = {[LLMQ_LEVEL_REALTIME] = {1000, 10},
                        [LLMQ_LEVEL_HIGH] = {5000, 20},
                        [LLMQ_LEVEL_NORMAL] = {10000, 30},
                        [LLMQ_LEVEL_LOW] = {20000, 20}},
              .ageing = apr_time_from_sec(60),
              .reserve = 50,
              .max_tenants = 1024},
    .task_queue = {.level = {[LLMQ_LEVEL_REALTIME] = {50000, TASKS},
                             [LLMQ_LEVEL_HIGH] = {50000, TASKS},
                             [LLMQ_LEVEL_NORMAL] = {50000, TASKS},
                             [LLMQ_LEVEL_LOW] = {50000, TASKS}},
                   .no_figures = 1,
                   .max_running = TASKS},
    .store_timeout = apr_time_from_sec(10),
    .slow_query = apr_time_from_sec(1),
    .node_timeout = apr_time_from_sec(30),
    .commit = {.max_rows = 256},
    .retry = {.base = apr_time_from_sec(1), .max = apr_time_from_sec(60)},
    .max_deliveries = 5,
    .courier = {.retry = {.max = 10,
                          .delay = {.base = apr_time_from_sec(5),
                                    .max = apr_time_from_sec(3600)}},
                .timeout = apr_time_from_sec(10),
                .concurrency = 64,
                .per_host = 8},
    .batch = 64,
    .chat = {.max_turns = 20, .max_bytes = 32768},
    .cleanup = apr_time_from_sec(300),
    .session_ttl = 0,
    .completion_ttl = apr_time_from_sec(86400),
    .pace = {.on = 0},
    .key_cache = apr_time_from_sec(10),
    .roster = {.max = 4096,
               .timeout = apr_time_from_sec(90),
               .retention = apr_time_from_sec(86400)},
    .max_held = 0,
    .max_parked = 4096,
    .max_streams = 10000,
    .park_buffer = 64 * 1024 * 1024,
    .stream_buffer = 256 * 1024,
    .replay_max = 1024 * 1024,
    .relay_buffer = 1024 * 1024,
    .event_poll = apr_time_from_sec(1),
    .event_patrol = apr_time_from_sec(5),
    .event_ring = 4 * 1024 * 1024,
    .delta_interval = apr_time_from_msec(50),
    .rate_keys = 65536,
    .quota_keys = 16384,
    .balance = {.algorithm = LLMQ_BALANCE_ROUND_ROBIN,
                .affinity = 1,
                .conversations = 65536},
    .redis = {.prefix = "llmq", .timeout = apr_time_from_msec(500)},
};

void *llmq_cfg_create_server(apr_pool_t *p, server_rec *s)
{
    llmq_cfg_server_t *conf = apr_pmemdup(p, &server_defaults, sizeof(server_defaults));

    (void)s;
    conf->task_types = apr_palloc(p, sizeof(*conf->task_types));
    llmq_task_type_init(conf->task_types);
    conf->tenant_limits = apr_hash_make(p);
    conf->handlers = apr_array_make(p, 4, sizeof(llmq_handler_conf_t *));
    conf->courier.keys = apr_hash_make(p);
    conf->prices = apr_array_make(p, 1, sizeof(llmq_price_conf_t));
    conf->agents = apr_array_make(p, 1, sizeof(llmq_agent_conf_t *));
    conf->run_agents = apr_array_make(p, 1, sizeof(llmq_run_agent_t));
    conf->backends = apr_array_make(p, 4, sizeof(llmq_backend_conf_t *));
    conf->model_lines = apr_array_make(p, 4, sizeof(llmq_model_line_t));
    conf->models = apr_pcalloc(p, sizeof(*conf->models));
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

/* ---- locations ---- */

/* The fields of llmq_cfg_dir_t: numbers are not set while they are -1, the others while
 * they are NULL. What is set inside wins. */
/* clang-format off */
#define NUMBERS(X)                                                                       \
    X(max_content) X(max_depth) X(max_tree) X(max_retries) X(timeout) X(max_timeout)     \
    X(max_delay) X(retry_after) X(max_wait) X(idem_ttl) X(maintenance) X(leeway)         \
    X(token_sources) X(fair_cap) X(deadline) X(auth) X(admin) X(preprocess)              \
    X(keywords) X(long_content) X(max_rules) X(max_title) X(max_context) X(conv_ttl)     \
    X(auto_create) X(parallel) X(run_conflict) X(task_max_payload) X(task_max_batch)     \
    X(task_max_retries) X(task_most_retries) X(task_timeout) X(task_max_timeout)         \
    X(lease) X(max_lease) X(claim_limit) X(sse_heartbeat) X(sse_max_age) X(sse_retry)    \
    X(debug_timeout) X(apps_200) X(gateway_linger) X(gateway_keep_alive)                 \
    X(gateway_timeout)
#define POINTERS(X)                                                                      \
    X(tenant) X(webhooks) X(rate) X(quotas) X(model_use) X(secrets) X(issuer)            \
    X(fairness_key) X(agent)
/* clang-format on */

#define UNSET(field)         conf->field = -1;
#define MERGE_NUMBER(field)  conf->field = a->field >= 0 ? a->field : b->field;
#define MERGE_POINTER(field) conf->field = a->field ? a->field : b->field;

void *llmq_cfg_create_dir(apr_pool_t *p, char *path)
{
    llmq_cfg_dir_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)path;
    NUMBERS(UNSET)
    return conf;
}

/* Inner keys win, the others stay. */
static apr_hash_t *merge_weights(apr_pool_t *p, apr_hash_t *outer, apr_hash_t *inner)
{
    return outer && inner ? apr_hash_overlay(p, inner, outer) : inner ? inner : outer;
}

static int is_ours(const llmq_mount_t *mount)
{
    return mount && mount->handler != LLMQ_HANDLER_NONE;
}

/* Of two mounts the longer path is meant, whichever comes later: /api, written behind
 * /api/v1, does not take that one's calls away. */
static const llmq_mount_t *merge_mounts(const llmq_mount_t *outer,
                                        const llmq_mount_t *inner)
{
    if (is_ours(outer) && is_ours(inner) && outer->len > inner->len) {
        return outer;
    }
    return inner ? inner : outer;
}

/* Rules of both are asked, the outer ones first. */
static apr_array_header_t *merge_rules(apr_pool_t *p, apr_array_header_t *outer,
                                       apr_array_header_t *inner)
{
    return outer && inner ? apr_array_append(p, outer, inner) : inner ? inner : outer;
}

void *llmq_cfg_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const llmq_cfg_dir_t *b = base;
    const llmq_cfg_dir_t *a = add;
    llmq_cfg_dir_t *conf = apr_pcalloc(p, sizeof(*conf));

    NUMBERS(MERGE_NUMBER)
    POINTERS(MERGE_POINTER)
    conf->mount = merge_mounts(b->mount, a->mount);
    conf->rules = merge_rules(p, b->rules, a->rules);
    conf->fair_weights = merge_weights(p, b->fair_weights, a->fair_weights);
    return conf;
}

/* ---- who asks ---- */

llmq_cfg_server_t *llmq_cfg_server(server_rec *s)
{
    return ap_get_module_config(s->module_config, &llmq_module);
}

const llmq_cfg_dir_t *llmq_cfg_dir(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &llmq_module);
}

/* ---- what holds at a location ---- */

const char *llmq_cfg_tenant(const llmq_cfg_dir_t *dir)
{
    return dir->tenant ? dir->tenant : "default";
}

void llmq_cfg_message(llmq_message_conf_t *conf, const llmq_cfg_dir_t *dir)
{
    conf->max_content_bytes =
        dir->max_content >= 0 ? (apr_size_t)dir->max_content : 65536;
    conf->max_depth = dir->max_depth >= 0 ? dir->max_depth : 64;
    conf->max_tree = dir->max_tree >= 0 ? (apr_uint64_t)dir->max_tree : USUAL_TREE;
    conf->max_retries = dir->max_retries >= 0 ? dir->max_retries : 3;
    conf->timeout = dir->timeout >= 0 ? dir->timeout : apr_time_from_sec(30);
    conf->max_timeout =
        dir->max_timeout >= 0 ? dir->max_timeout : apr_time_from_sec(3600);
    conf->max_delay =
        dir->max_delay >= 0 ? dir->max_delay : apr_time_from_sec(30 * 86400);
    conf->user = NULL;
    conf->level = LLMQ_LEVEL_NONE;
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

/* ---- mounts ---- */

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

/* ---- what was read ---- */

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
