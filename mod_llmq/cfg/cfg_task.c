/* Directives of tasks: their types, their queue, what callers may ask for. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <string.h>

#define MAX_LEVEL_SIZE 10000000
#define MAX_CONCURRENT 100000
#define MAX_PAYLOAD    (1024 * 1024 * 1024)
#define TYPES_AHEAD    16
#define MAX_RECORDS    65536
#define MAX_BATCH      10000
#define MIN_TIMEOUT    apr_time_from_sec(1)
#define MAX_TIMEOUT    apr_time_from_sec(7 * 86400)

#define USUAL_PAYLOAD     (10 * 1024 * 1024)
#define USUAL_BATCH       100
#define USUAL_RETRIES     3
#define USUAL_TIMEOUT     apr_time_from_sec(300)
#define USUAL_MAX_TIMEOUT apr_time_from_sec(86400)
#define USUAL_MAX_DELAY   apr_time_from_sec(APR_INT64_C(36500) * 86400)

/* ---- the whole server ---- */

/* How many run is bounded over all levels: no level has a bound of its own. */
const char *llmq_cfg_task_set_concurrency(cmd_parms *cmd, void *dummy, const char *arg)
{
    llmq_queue_conf_t *queue = &llmq_cfg_parse_server(cmd)->task_queue;
    const char *err = llmq_cfg_parse_global(cmd);
    apr_int64_t n = 0;
    int l;

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_CONCURRENT))) {
        queue->max_running = (apr_uint32_t)n;
        LLMQ_EACH_LEVEL (l) {
            queue->level[l].max_concurrent = (apr_uint32_t)n;
        }
    }
    return err;
}

/* S3's word for the first level is accepted beside the other APIs'. */
static const char *parse_level(llmq_level_e *plevel, cmd_parms *cmd, const char *arg)
{
    if (strcmp(arg, "critical") == 0) {
        *plevel = LLMQ_LEVEL_REALTIME;
        return NULL;
    }
    return llmq_cfg_parse_level(plevel, cmd, arg) ? llmq_cfg_parse_complain(
               cmd, arg, "must be critical, high, normal, low or all")
                                                  : NULL;
}

const char *llmq_cfg_task_set_queue_size(cmd_parms *cmd, void *dummy, const char *word,
                                         const char *arg)
{
    llmq_queue_conf_t *queue = &llmq_cfg_parse_server(cmd)->task_queue;
    int all = strcmp(word, "all") == 0;
    llmq_level_e level = LLMQ_LEVEL_NONE;
    const char *err = llmq_cfg_parse_global(cmd);
    apr_int64_t n = 0;
    int l;

    (void)dummy;
    if (!err && !all) {
        err = parse_level(&level, cmd, word);
    }
    if (err || (err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_LEVEL_SIZE))) {
        return err;
    }
    LLMQ_EACH_LEVEL (l) {
        if (all || l == (int)level) {
            queue->level[l].max_size = (apr_uint32_t)n;
        }
    }
    return NULL;
}

static void name_lane(llmq_queue_tenant_conf_t *lane, const char *tenant,
                      const llmq_queue_tenant_conf_t *limits,
                      const llmq_task_type_t *type)
{
    *lane = *limits;
    lane->tenant = llmq_task_type_lane(tenant, type->name);
    lane->max_running_total = type->concurrency;
}

/* Among the lanes of one tenant nothing is reserved: they are all its own. */
void llmq_cfg_task_name_lanes(llmq_cfg_server_t *conf, apr_hash_t *names, apr_pool_t *p)
{
    const llmq_task_types_t *types = conf->task_types;
    apr_size_t most = (apr_size_t)apr_hash_count(names) * (apr_size_t)types->n;
    llmq_queue_tenant_conf_t *lanes = apr_palloc(p, sizeof(*lanes) * (most + 1));
    apr_hash_index_t *hi;
    int n = 0;
    int i;

    for (hi = apr_hash_first(p, names); hi; hi = apr_hash_next(hi)) {
        for (i = 0; i < types->n; i++) {
            name_lane(&lanes[n++], apr_hash_this_key(hi), apr_hash_this_val(hi),
                      &types->type[i]);
        }
    }
    conf->task_queue.tenants = lanes;
    conf->task_queue.n_tenants = n;
    conf->task_queue.reserve = apr_hash_count(names) > 1 ? conf->queue.reserve : 0;
}

/* What is a tenant to the queue of messages is here each type, and agent, of a tenant. There is room for
 * more types, so that a graceful restart that adds one finds the segment large enough. */
apr_status_t llmq_cfg_task_complete(llmq_cfg_server_t *conf)
{
    llmq_queue_conf_t *queue = &conf->task_queue;
    apr_uint64_t lanes =
        (apr_uint64_t)conf->task_types->n + (apr_uint64_t)conf->agents->nelts;
    apr_uint64_t types = APR_ALIGN(lanes, TYPES_AHEAD);
    apr_uint64_t records = conf->queue.max_tenants * types;

    queue->ageing = conf->queue.ageing;
    queue->max_tenants = (apr_uint32_t)(records < MAX_RECORDS ? records : MAX_RECORDS);
    return llmq_queue_segment_size(queue) > 0 ? APR_SUCCESS : APR_EINVAL;
}

/* ---- LLMQTaskType NAME [timeout=…] [retries=N] [concurrency=N] [max-payload=BYTES] ---- */

static const char *parse_timeout(llmq_task_type_t *type, cmd_parms *cmd, const char *arg)
{
    return llmq_cfg_parse_duration(&type->timeout, cmd, arg, MIN_TIMEOUT, MAX_TIMEOUT);
}

static const char *parse_retries(llmq_task_type_t *type, cmd_parms *cmd, const char *arg)
{
    apr_int64_t n = type->max_retries;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 0, LLMQ_TASK_TYPE_MAX_RETRIES);

    type->max_retries = (int)n;
    return err;
}

static const char *parse_concurrency(llmq_task_type_t *type, cmd_parms *cmd,
                                     const char *arg)
{
    apr_int64_t n = type->concurrency;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_CONCURRENT);

    type->concurrency = (apr_uint32_t)n;
    return err;
}

static const char *parse_max_payload(llmq_task_type_t *type, cmd_parms *cmd,
                                     const char *arg)
{
    apr_int64_t n = (apr_int64_t)type->max_payload;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 2, MAX_PAYLOAD);

    type->max_payload = (apr_size_t)n;
    return err;
}

static const char *parse_property(llmq_task_type_t *type, cmd_parms *cmd, const char *arg)
{
    static const struct {
        const char *word;
        const char *(*parse)(llmq_task_type_t *, cmd_parms *, const char *);
    } properties[] = {{"timeout=", parse_timeout},
                      {"retries=", parse_retries},
                      {"concurrency=", parse_concurrency},
                      {"max-payload=", parse_max_payload}};
    unsigned i;

    for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        apr_size_t len = strlen(properties[i].word);

        if (strncmp(arg, properties[i].word, len) == 0) {
            return properties[i].parse(type, cmd, arg + len);
        }
    }
    return llmq_cfg_parse_complain(
        cmd, arg, "must be timeout=TIME, retries=N, concurrency=N or max-payload=BYTES");
}

const char *llmq_cfg_task_set_type(cmd_parms *cmd, void *dummy, int argc,
                                   char *const argv[])
{
    const char *err = llmq_cfg_parse_global(cmd);
    llmq_task_type_t *type;
    int i;

    (void)dummy;
    if (err) {
        return err;
    }
    if (argc < 1 || !llmq_id_is_name(argv[0])) {
        return llmq_cfg_parse_complain(
            cmd, argc > 0 ? argv[0] : "",
            "must be a name of 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    type = llmq_task_type_add(llmq_cfg_parse_server(cmd)->task_types, argv[0]);
    if (!type) {
        return llmq_cfg_parse_complain(cmd, argv[0], "there are 64 types already");
    }
    for (i = 1; !err && i < argc; i++) {
        err = parse_property(type, cmd, argv[i]);
    }
    return err;
}

const llmq_task_types_t *llmq_cfg_task_types(server_rec *s)
{
    return llmq_cfg_server(s)->task_types;
}

/* ---- locations ---- */

const char *llmq_cfg_task_set_max_payload(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_number(&((llmq_cfg_dir_t *)dir)->task_max_payload, cmd, arg, 2,
                                 MAX_PAYLOAD);
}

const char *llmq_cfg_task_set_max_batch(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_BATCH);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->task_max_batch = (int)n;
    }
    return err;
}

const char *llmq_cfg_task_set_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(LLMQ_CFG_AT(apr_interval_time_t, dir, cmd), cmd, arg,
                                   MIN_TIMEOUT, MAX_TIMEOUT);
}

const char *llmq_cfg_task_set_max_retries(cmd_parms *cmd, void *dir, const char *usual,
                                          const char *most)
{
    llmq_cfg_dir_t *conf = dir;
    apr_int64_t bound = LLMQ_TASK_TYPE_MAX_RETRIES;
    apr_int64_t n = 0;
    const char *err =
        most ? llmq_cfg_parse_number(&bound, cmd, most, 0, LLMQ_TASK_TYPE_MAX_RETRIES)
             : NULL;

    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, usual, 0, bound))) {
        conf->task_max_retries = (int)n;
        conf->task_most_retries = (int)bound;
    }
    return err;
}

void llmq_cfg_task(llmq_task_conf_t *conf, const llmq_cfg_dir_t *dir, server_rec *s)
{
    conf->types = llmq_cfg_task_types(s);
    conf->max_payload =
        dir->task_max_payload >= 0 ? (apr_size_t)dir->task_max_payload : USUAL_PAYLOAD;
    conf->max_batch = dir->task_max_batch >= 0 ? dir->task_max_batch : USUAL_BATCH;
    conf->max_retries =
        dir->task_max_retries >= 0 ? dir->task_max_retries : USUAL_RETRIES;
    conf->most_retries =
        dir->task_most_retries >= 0 ? dir->task_most_retries : LLMQ_TASK_TYPE_MAX_RETRIES;
    conf->timeout = dir->task_timeout >= 0 ? dir->task_timeout : USUAL_TIMEOUT;
    conf->max_timeout =
        dir->task_max_timeout >= 0 ? dir->task_max_timeout : USUAL_MAX_TIMEOUT;
    conf->max_delay = dir->max_delay >= 0 ? dir->max_delay : USUAL_MAX_DELAY;
    conf->max_depth = dir->max_depth >= 0 ? dir->max_depth : 64;
    conf->n_callbacks = dir->webhooks ? dir->webhooks->nelts : 0;
    conf->callbacks =
        dir->webhooks ? (const char *const *)(void *)dir->webhooks->elts : NULL;
}
