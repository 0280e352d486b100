/* Directives of scheduling: tenants, turns, ageing, deadlines. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_core.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MAX_TENANTS 65536
#define MAX_WEIGHT  1000
#define MAX_COUNT   10000000

/* What the queue knows a tenant by. */
static apr_uint64_t hash_of(const char *tenant)
{
    return llmq_id_hash(tenant, strlen(tenant), 0);
}

/* ---- the whole server ---- */

static const char *number_of_server(apr_uint32_t *pn, cmd_parms *cmd, const char *arg,
                                    apr_int64_t min, apr_int64_t max)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, min, max))) {
        *pn = (apr_uint32_t)n;
    }
    return err;
}

const char *llmq_cfg_sched_set_max_tenants(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    return number_of_server(&llmq_cfg_parse_server(cmd)->queue.max_tenants, cmd, arg, 1,
                            MAX_TENANTS);
}

const char *llmq_cfg_sched_set_reserve(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    return number_of_server(&llmq_cfg_parse_server(cmd)->queue.reserve, cmd, arg, 0, 100);
}

const char *llmq_cfg_sched_set_ageing(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_interval_time_t *ageing = &llmq_cfg_parse_server(cmd)->queue.ageing;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    return err ? err
               : llmq_cfg_parse_duration(ageing, cmd, arg, 0, apr_time_from_sec(86400));
}

/* ---- LLMQTenantLimit NAME [weight=N] [waiting=N] [running=N] ---- */

static const char *parse_limit(llmq_queue_tenant_conf_t *conf, cmd_parms *cmd,
                               const char *arg)
{
    const struct {
        const char *word;
        apr_uint32_t *pn;
        apr_int64_t max;
    } limits[] = {{"weight=", &conf->weight, MAX_WEIGHT},
                  {"waiting=", &conf->max_waiting, MAX_COUNT},
                  {"running=", &conf->max_running, MAX_COUNT}};
    apr_int64_t n = 0;
    const char *err;
    unsigned i;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        apr_size_t len = strlen(limits[i].word);

        if (strncmp(arg, limits[i].word, len) != 0) {
            continue;
        }
        err = llmq_cfg_parse_number(&n, cmd, arg + len, 1, limits[i].max);
        *limits[i].pn = (apr_uint32_t)n;
        return err;
    }
    return llmq_cfg_parse_complain(cmd, arg, "must be weight=N, waiting=N or running=N");
}

const char *llmq_cfg_sched_set_tenant_limit(cmd_parms *cmd, void *dir, int argc,
                                            char *const argv[])
{
    apr_hash_t *limits = llmq_cfg_parse_server(cmd)->tenant_limits;
    llmq_queue_tenant_conf_t *conf;
    const char *err = llmq_cfg_parse_global(cmd);
    int i;

    (void)dir;
    if (err) {
        return err;
    }
    if (argc < 2 || !llmq_id_is_name(argv[0])) {
        return llmq_cfg_parse_complain(cmd, argc > 0 ? argv[0] : "",
                                       "must be a tenant and its limits");
    }
    conf = apr_pcalloc(cmd->pool, sizeof(*conf));
    conf->tenant = hash_of(argv[0]);
    for (i = 1; !err && i < argc; i++) {
        err = parse_limit(conf, cmd, argv[i]);
    }
    apr_hash_set(limits, apr_pstrdup(cmd->pool, argv[0]), APR_HASH_KEY_STRING, conf);
    return err;
}

/* ---- locations ---- */

const char *llmq_cfg_sched_set_weight(cmd_parms *cmd, void *dir, const char *key,
                                      const char *arg)
{
    llmq_cfg_dir_t *conf = dir;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_WEIGHT);
    int *weight;

    if (err) {
        return err;
    }
    if (!conf->fair_weights) {
        conf->fair_weights = apr_hash_make(cmd->pool);
    }
    weight = apr_palloc(cmd->pool, sizeof(*weight));
    *weight = (int)n;
    apr_hash_set(conf->fair_weights, key, APR_HASH_KEY_STRING, weight);
    return NULL;
}

const char *llmq_cfg_sched_set_cap(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 0, MAX_COUNT);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->fair_cap = (int)n;
    }
    return err;
}

const char *llmq_cfg_sched_set_deadline(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_dir_t *conf = dir;

    if (strcmp(arg, "none") == 0) {
        conf->deadline = 0;
        return NULL;
    }
    return llmq_cfg_parse_duration(&conf->deadline, cmd, arg, apr_time_from_msec(100),
                                   apr_time_from_sec(30 * 86400));
}

/* ---- which tenants there are ---- */

static void name_tenant(apr_hash_t *names, const char *name, apr_pool_t *p)
{
    llmq_queue_tenant_conf_t *conf;

    if (apr_hash_get(names, name, APR_HASH_KEY_STRING)) {
        return;
    }
    conf = apr_pcalloc(p, sizeof(*conf));
    conf->tenant = hash_of(name);
    apr_hash_set(names, name, APR_HASH_KEY_STRING, conf);
}

/* The tenants of one server's locations. What has a handler of ours and no tenant of its
 * own, nor one from its server, belongs to the tenant that is the default. */
static void name_tenants(apr_hash_t *names, server_rec *s, apr_pool_t *p)
{
    core_server_config *core = ap_get_core_module_config(s->module_config);
    const llmq_cfg_dir_t *outer = ap_get_module_config(s->lookup_defaults, &llmq_module);
    ap_conf_vector_t **locations = (ap_conf_vector_t **)(void *)core->sec_url->elts;
    int i;

    if (outer && outer->tenant) {
        name_tenant(names, outer->tenant, p);
    }
    for (i = 0; i < core->sec_url->nelts; i++) {
        const llmq_cfg_dir_t *dir = ap_get_module_config(locations[i], &llmq_module);

        if (dir && dir->tenant) {
            name_tenant(names, dir->tenant, p);
        }
        else if (dir && dir->mount
                 && (dir->mount->handler == LLMQ_HANDLER_QUEUE
                     || dir->mount->handler == LLMQ_HANDLER_SESSIONS
                     || dir->mount->handler == LLMQ_HANDLER_APPS
                     || dir->mount->handler == LLMQ_HANDLER_OPENAI)
                 && !(outer && outer->tenant)) {
            name_tenant(names, "default", p);
        }
    }
}

void llmq_cfg_sched_name_tenants(apr_pool_t *p, server_rec *s)
{
    llmq_cfg_server_t *conf = llmq_cfg_server(s);
    apr_hash_t *names = apr_hash_copy(p, conf->tenant_limits);
    llmq_queue_tenant_conf_t *all;
    apr_hash_index_t *hi;
    int n = 0;

    for (; s; s = s->next) {
        name_tenants(names, s, p);
    }
    all = apr_pcalloc(p, sizeof(*all) * (apr_hash_count(names) + 1));
    for (hi = apr_hash_first(p, names); hi; hi = apr_hash_next(hi)) {
        all[n++] = *(const llmq_queue_tenant_conf_t *)apr_hash_this_val(hi);
    }
    conf->queue.tenants = all;
    conf->queue.n_tenants = n;
    llmq_cfg_task_name_lanes(conf, names, p);
    llmq_cfg_agent_complete(conf, p);
    llmq_cfg_push_name_lanes(conf, names, p);
}
