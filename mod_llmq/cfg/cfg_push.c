/* Directives of what is pushed: tasks to their handlers, notices to whoever asked for them. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg_parse.h"
#include "core/callback.h"

#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MAX_CONCURRENT 100000
#define MAX_WEBHOOKS   16
#define MAX_ANSWER     (64 * 1024 * 1024)
#define MIN_TIME       apr_time_from_msec(10)
#define MAX_TIME       apr_time_from_sec(7 * 86400)
#define MAX_DELAY      apr_time_from_sec(7 * 86400)

static const char bad_keys[] = "must be readable and hold 1 to 8 keys, one a line: whsec_"
                               " and base64, or other text of at most 512 bytes";

static const char *load_keys(const llmq_webhook_keys_t **pkeys, cmd_parms *cmd,
                             const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);
    llmq_webhook_keys_t *keys = apr_pcalloc(cmd->pool, sizeof(*keys));

    if (!path || llmq_webhook_sign_load(keys, path, cmd->pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg, bad_keys);
    }
    *pkeys = keys;
    return NULL;
}

static const char *parse_url(const char **purl, cmd_parms *cmd, const char *arg)
{
    const char *why = NULL;

    if (llmq_callback_parse(purl, &why, arg, cmd->pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg,
                                       apr_pstrcat(cmd->pool, "must be ", why, NULL));
    }
    return NULL;
}

/* ---- LLMQTaskHandler TYPE URL [key=FILE] [timeout=T] [connect-timeout=T]
 *      [concurrency=N] [max-answer=BYTES] ---- */

typedef const char *option_fn_t(llmq_handler_conf_t *handler, cmd_parms *cmd,
                                const char *arg);

static const char *set_key(llmq_handler_conf_t *handler, cmd_parms *cmd, const char *arg)
{
    return load_keys(&handler->keys, cmd, arg);
}

static const char *set_timeout(llmq_handler_conf_t *handler, cmd_parms *cmd,
                               const char *arg)
{
    return llmq_cfg_parse_duration(&handler->to.total_timeout, cmd, arg, MIN_TIME,
                                   MAX_TIME);
}

static const char *set_connect(llmq_handler_conf_t *handler, cmd_parms *cmd,
                               const char *arg)
{
    return llmq_cfg_parse_duration(&handler->to.connect_timeout, cmd, arg, MIN_TIME,
                                   MAX_TIME);
}

static const char *set_concurrency(llmq_handler_conf_t *handler, cmd_parms *cmd,
                                   const char *arg)
{
    apr_int64_t n = handler->to.max_concurrent;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_CONCURRENT);

    handler->to.max_concurrent = (int)n;
    return err;
}

static const char *set_answer(llmq_handler_conf_t *handler, cmd_parms *cmd,
                              const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1024, MAX_ANSWER);

    handler->to.max_answer_bytes = (apr_size_t)n;
    return err;
}

static const struct {
    const char *word;
    option_fn_t *set;
} options[] = {
    {"key=", set_key},
    {"timeout=", set_timeout},
    {"connect-timeout=", set_connect},
    {"concurrency=", set_concurrency},
    {"max-answer=", set_answer},
};

static const char *set_option(llmq_handler_conf_t *handler, cmd_parms *cmd,
                              const char *arg)
{
    unsigned i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        apr_size_t len = strlen(options[i].word);

        if (strncmp(arg, options[i].word, len) == 0) {
            return options[i].set(handler, cmd, arg + len);
        }
    }
    return llmq_cfg_parse_complain(cmd, arg,
                                   "must be key=, timeout=, connect-timeout=,"
                                   " concurrency= or max-answer= and a value");
}

static llmq_handler_conf_t *create_handler(cmd_parms *cmd, const char *type)
{
    llmq_handler_conf_t *handler = apr_pcalloc(cmd->pool, sizeof(*handler));
    llmq_backend_conf_t *to = &handler->to;

    handler->type = apr_pstrdup(cmd->pool, type);
    to->name = handler->type;
    to->kind = LLMQ_BACKEND_HTTP;
    to->max_concurrent = 16;
    to->connect_timeout = apr_time_from_sec(5);
    to->max_answer_bytes = 4 * 1024 * 1024;
    to->weight = 1;
    to->health.max_failures = 3;
    to->health.cooldown = apr_time_from_sec(10);
    to->health.longest = apr_time_from_sec(300);
    return handler;
}

const char *llmq_cfg_push_set_handler(cmd_parms *cmd, void *dir, int argc,
                                      char *const argv[])
{
    apr_array_header_t *handlers = llmq_cfg_parse_server(cmd)->handlers;
    const char *err = llmq_cfg_parse_global(cmd);
    llmq_handler_conf_t *handler;
    int i;

    (void)dir;
    if (err) {
        return err;
    }
    if (argc < 2 || !llmq_id_is_name(argv[0])) {
        return llmq_cfg_parse_complain(cmd, argc > 0 ? argv[0] : "",
                                       "must be a type of tasks and a URL");
    }
    for (i = 0; i < handlers->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(handlers, i, llmq_handler_conf_t *)->type, argv[0])
            == 0) {
            return llmq_cfg_parse_complain(cmd, argv[0], "has a handler already");
        }
    }
    handler = create_handler(cmd, argv[0]);
    err = parse_url(&handler->to.url, cmd, argv[1]);
    for (i = 2; !err && i < argc; i++) {
        err = set_option(handler, cmd, argv[i]);
    }
    APR_ARRAY_PUSH(handlers, llmq_handler_conf_t *) = handler;
    return err;
}

/* The lanes of a type: its tasks of every tenant that httpd.conf names. */
static void name_lanes(llmq_handler_conf_t *handler, apr_hash_t *tenants, apr_pool_t *p)
{
    apr_uint64_t *lanes = apr_palloc(p, sizeof(*lanes) * (apr_hash_count(tenants) + 1));
    apr_hash_index_t *hi;
    int n = 0;

    for (hi = apr_hash_first(p, tenants); hi; hi = apr_hash_next(hi)) {
        lanes[n++] = llmq_task_type_lane(apr_hash_this_key(hi), handler->type);
    }
    handler->lanes = lanes;
    handler->n_lanes = n;
}

void llmq_cfg_push_name_lanes(llmq_cfg_server_t *conf, apr_hash_t *names, apr_pool_t *p)
{
    int i;

    for (i = 0; i < conf->handlers->nelts; i++) {
        name_lanes(APR_ARRAY_IDX(conf->handlers, i, llmq_handler_conf_t *), names, p);
    }
}

int llmq_cfg_push_check(const llmq_cfg_server_t *conf, server_rec *s)
{
    int i;

    for (i = 0; i < conf->handlers->nelts; i++) {
        const llmq_handler_conf_t *handler =
            APR_ARRAY_IDX(conf->handlers, i, llmq_handler_conf_t *);
        const char *type = handler->type;

        if (!handler->agent && !llmq_task_type_find(conf->task_types, type)) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                         LLMQ_NO(0150) "LLMQTaskHandler %s: there is no such type of"
                                       " tasks; LLMQTaskType makes one",
                         type);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* ---- webhooks, of the whole server ---- */

const char *llmq_cfg_push_set_webhook_key(cmd_parms *cmd, void *dir, const char *first,
                                          const char *second)
{
    const llmq_webhook_keys_t *keys = NULL;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (second && !llmq_id_is_name(second)) {
        return llmq_cfg_parse_complain(cmd, second, "must be a tenant");
    }
    if (!(err = load_keys(&keys, cmd, first))) {
        apr_hash_set(llmq_cfg_parse_server(cmd)->courier.keys,
                     second ? apr_pstrdup(cmd->pool, second) : "", APR_HASH_KEY_STRING,
                     keys);
    }
    return err;
}

/* Called once for each word of a line (ITERATE). */
const char *llmq_cfg_push_allow(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (!conf->egress) {
        conf->egress = llmq_egress_create(cmd->pool);
    }
    if (strcmp(arg, "none") != 0
        && llmq_egress_add(conf->egress, arg, cmd->pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg,
                                       "must be public, none, a host, *.domain, or an"
                                       " address with or without /bits");
    }
    return NULL;
}

const char *llmq_cfg_push_set_webhook_timeout(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->courier.timeout,
                                         cmd, arg, apr_time_from_msec(100),
                                         apr_time_from_sec(3600));
}

const char *llmq_cfg_push_set_webhook_retries(cmd_parms *cmd, void *dir,
                                              const char *first, const char *second,
                                              const char *third)
{
    llmq_retry_notice_t *retry = &llmq_cfg_parse_server(cmd)->courier.retry;
    const char *err = llmq_cfg_parse_global(cmd);
    apr_int64_t n = 0;

    (void)dir;
    if (err || (err = llmq_cfg_parse_number(&n, cmd, first, 0, 1000))) {
        return err;
    }
    retry->max = (int)n;
    if (second) {
        err = llmq_cfg_parse_duration(&retry->delay.base, cmd, second,
                                      apr_time_from_msec(100), MAX_DELAY);
        if (!third && retry->delay.max < retry->delay.base) {
            retry->delay.max = retry->delay.base;
        }
    }
    if (!err && third) {
        err = llmq_cfg_parse_duration(&retry->delay.max, cmd, third, retry->delay.base,
                                      MAX_DELAY);
    }
    return err;
}

const char *llmq_cfg_push_set_webhook_concurrency(cmd_parms *cmd, void *dir,
                                                  const char *first, const char *second)
{
    llmq_courier_conf_t *courier = &llmq_cfg_parse_server(cmd)->courier;
    const char *err = llmq_cfg_parse_global(cmd);
    apr_int64_t n = 0;
    apr_int64_t m = courier->per_host;

    (void)dir;
    if (err || (err = llmq_cfg_parse_number(&n, cmd, first, 1, MAX_CONCURRENT))
        || (second && (err = llmq_cfg_parse_number(&m, cmd, second, 1, n)))) {
        return err;
    }
    courier->concurrency = (int)n;
    courier->per_host = (int)(m < n ? m : n);
    return NULL;
}

void llmq_cfg_push_complete(llmq_cfg_server_t *conf, apr_pool_t *p)
{
    if (!conf->egress) {
        conf->egress = llmq_egress_create(p);
        conf->egress->public_too = 1;
    }
    conf->courier.allow = conf->egress;
}

/* ---- webhooks, of a location ---- */

/* Called once for each word of a line (ITERATE). */
const char *llmq_cfg_push_add_webhook(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_dir_t *conf = dir;
    const char *url = NULL;
    const char *err;

    if (!conf->webhooks) {
        conf->webhooks = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    if (strcmp(arg, "none") == 0) {
        apr_array_clear(conf->webhooks);
        return NULL;
    }
    if (conf->webhooks->nelts == MAX_WEBHOOKS) {
        return llmq_cfg_parse_complain(cmd, arg, "16 URLs are the most");
    }
    if (!(err = parse_url(&url, cmd, arg))) {
        APR_ARRAY_PUSH(conf->webhooks, const char *) = url;
    }
    return err;
}

const char *llmq_cfg_push_callbacks(const llmq_cfg_dir_t *dir, const char *own,
                                    apr_pool_t *p)
{
    const apr_array_header_t *urls = dir->webhooks;

    return llmq_callback_list(own, urls ? (const char *const *)(void *)urls->elts : NULL,
                              urls ? urls->nelts : 0, p);
}
