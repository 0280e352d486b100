/* Directives of the whole server. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#define MAX_LEVEL_SIZE 10000000
#define MAX_CONCURRENT 100000

const char *llmq_cfg_global_set_dispatcher(cmd_parms *cmd, void *dummy, int on)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    llmq_cfg_parse_server(cmd)->dispatcher = on;
    return err;
}

const char *llmq_cfg_global_set_node(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    if (!llmq_id_is_name(arg)) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    llmq_cfg_parse_server(cmd)->node = arg;
    return llmq_cfg_parse_global(cmd);
}

const char *llmq_cfg_global_set_duration(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    return err ? err
               : llmq_cfg_parse_duration(
                   LLMQ_CFG_AT(apr_interval_time_t, llmq_cfg_parse_server(cmd), cmd), cmd,
                   arg, apr_time_from_msec(100), apr_time_from_sec(3600));
}

/* A limit of one level. */
static const char *level_limit(apr_int64_t *pn, llmq_level_e *plevel, cmd_parms *cmd,
                               const char *level, const char *arg, apr_int64_t max)
{
    const char *err = llmq_cfg_parse_global(cmd);

    err = err ? err : llmq_cfg_parse_level(plevel, cmd, level);
    return err ? err : llmq_cfg_parse_number(pn, cmd, arg, 1, max);
}

const char *llmq_cfg_global_set_queue_size(cmd_parms *cmd, void *dummy, const char *level,
                                           const char *arg)
{
    llmq_level_e l = LLMQ_LEVEL_NONE;
    apr_int64_t n = 0;
    const char *err = level_limit(&n, &l, cmd, level, arg, MAX_LEVEL_SIZE);

    (void)dummy;
    if (!err) {
        llmq_cfg_parse_server(cmd)->queue.level[l].max_size = (apr_uint32_t)n;
    }
    return err;
}

const char *llmq_cfg_global_set_queue_concurrency(cmd_parms *cmd, void *dummy,
                                                  const char *level, const char *most,
                                                  const char *fewest)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    llmq_level_e l = LLMQ_LEVEL_NONE;
    apr_int64_t min = 1;
    apr_int64_t n = 0;
    const char *err = level_limit(&n, &l, cmd, level, most, MAX_CONCURRENT);

    (void)dummy;
    if (!err && fewest) {
        err = llmq_cfg_parse_number(&min, cmd, fewest, 1, n);
    }
    if (!err) {
        conf->queue.level[l].max_concurrent = (apr_uint32_t)n;
        conf->pace.min[l] = (int)min;
    }
    return err;
}

const char *llmq_cfg_global_set_count(cmd_parms *cmd, void *dummy, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, 10000))) {
        *LLMQ_CFG_AT(int, llmq_cfg_parse_server(cmd), cmd) = (int)n;
    }
    return err;
}

const char *llmq_cfg_global_set_commit_delay(cmd_parms *cmd, void *dummy,
                                             const char *delay, const char *rows)
{
    llmq_commit_conf_t *conf = &llmq_cfg_parse_server(cmd)->commit;
    apr_int64_t n = 16;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err
        && !(err = llmq_cfg_parse_duration(&conf->delay, cmd, delay, 0,
                                           apr_time_from_sec(1)))
        && rows) {
        err = llmq_cfg_parse_number(&n, cmd, rows, 2, 10000);
    }
    conf->min_rows = (int)n;
    return err;
}

const char *llmq_cfg_global_set_retry_delay(cmd_parms *cmd, void *dummy, const char *base,
                                            const char *max)
{
    llmq_retry_conf_t *conf = &llmq_cfg_parse_server(cmd)->retry;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err) {
        err = llmq_cfg_parse_duration(&conf->base, cmd, base, 1000,
                                      apr_time_from_sec(86400));
    }
    if (!err && max) {
        err =
            llmq_cfg_parse_duration(&conf->max, cmd, max, 1000, apr_time_from_sec(86400));
    }
    else if (!err && conf->max < conf->base) {
        conf->max = conf->base;
    }
    return err;
}
