/* Directives of what callers may do: rates, waits, idempotency, maintenance. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MAX_RATE 1000000

const char *llmq_cfg_limits_set_maintenance(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    ((llmq_cfg_dir_t *)dir)->maintenance = on;
    return NULL;
}

const char *llmq_cfg_limits_set_ttl(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->idem_ttl, cmd, arg,
                                   apr_time_from_sec(1), apr_time_from_sec(30 * 86400));
}

const char *llmq_cfg_limits_set_max_wait(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->max_wait, cmd, arg, 0,
                                   apr_time_from_sec(3600));
}

static const char *set_places(int *places, cmd_parms *cmd, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, 100000))) {
        *places = (int)n;
    }
    return err;
}

const char *llmq_cfg_limits_set_max_held(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    return set_places(&llmq_cfg_parse_server(cmd)->max_held, cmd, arg);
}

const char *llmq_cfg_limits_set_max_parked(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    return set_places(&llmq_cfg_parse_server(cmd)->max_parked, cmd, arg);
}

const char *llmq_cfg_limits_set_max_streams(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    return set_places(&llmq_cfg_parse_server(cmd)->max_streams, cmd, arg);
}

const char *llmq_cfg_limits_set_park_buffer(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, APR_INT32_MAX))) {
        llmq_cfg_parse_server(cmd)->park_buffer = (apr_size_t)n;
    }
    return err;
}

const char *llmq_cfg_limits_set_rate_keys(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 64, 16 * 1024 * 1024))) {
        llmq_cfg_parse_server(cmd)->rate_keys = (int)n;
    }
    return err;
}

/* ---- LLMQRateLimit N/sec|min|hour [burst=N] [key=EXPR] ---- */

static const char *parse_rate(llmq_limiter_conf_t *conf, cmd_parms *cmd, const char *arg)
{
    static const struct {
        const char *unit;
        int seconds;
    } periods[] = {{"sec", 1}, {"min", 60}, {"hour", 3600}};
    const char *slash = strchr(arg, '/');
    apr_int64_t n = 0;
    const char *err;
    unsigned i;

    if (!slash) {
        return llmq_cfg_parse_complain(cmd, arg, "must be such as 10/sec, 100/min");
    }
    err = llmq_cfg_parse_number(&n, cmd, apr_pstrmemdup(cmd->temp_pool, arg, slash - arg),
                                1, MAX_RATE);
    for (i = 0; !err && i < sizeof(periods) / sizeof(periods[0]); i++) {
        if (strcmp(slash + 1, periods[i].unit) == 0) {
            conf->limit = conf->burst = (int)n;
            conf->period = apr_time_from_sec(periods[i].seconds);
            return NULL;
        }
    }
    return err ? err : llmq_cfg_parse_complain(cmd, arg, "must be per sec, min or hour");
}

static const char *parse_rate_option(llmq_cfg_rate_t *rate, cmd_parms *cmd,
                                     const char *arg)
{
    apr_int64_t n = 0;
    const char *err;

    if (strncmp(arg, "burst=", 6) == 0) {
        err = llmq_cfg_parse_number(&n, cmd, arg + 6, 1, MAX_RATE);
        rate->conf.burst = (int)n;
        return err;
    }
    if (strncmp(arg, "key=", 4) == 0) {
        if (!strchr(arg, '%')) { /* all callers would share one rate */
            return llmq_cfg_parse_complain(
                cmd, arg, "must be an expression such as key=%{req:X-Customer}");
        }
        err = NULL;
        rate->key =
            ap_expr_parse_cmd(cmd, arg + 4, AP_EXPR_FLAG_STRING_RESULT, &err, NULL);
        return err ? llmq_cfg_parse_complain(cmd, arg, err) : NULL;
    }
    return llmq_cfg_parse_complain(cmd, arg, "must be burst=N or key=EXPRESSION");
}

const char *llmq_cfg_limits_set_rate(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    llmq_cfg_rate_t *rate = apr_pcalloc(cmd->pool, sizeof(*rate));
    const ap_directive_t *line = cmd->directive;
    const char *err = NULL;
    int i;

    if (argc < 1 || argc > 3) {
        return llmq_cfg_parse_complain(cmd, "",
                                       "takes a rate, then burst=N and key=EXPR");
    }
    if (argc > 1 || strcmp(argv[0], "none") != 0) {
        err = parse_rate(&rate->conf, cmd, argv[0]);
    }
    for (i = 1; !err && i < argc; i++) {
        err = parse_rate_option(rate, cmd, argv[i]);
    }
    /* Each directive counts by itself, and goes on counting after a restart. */
    rate->seed = llmq_id_hash(line->filename, strlen(line->filename), 0);
    rate->seed = llmq_id_hash(&line->line_num, sizeof(line->line_num), rate->seed);
    ((llmq_cfg_dir_t *)dir)->rate = rate;
    return err;
}
