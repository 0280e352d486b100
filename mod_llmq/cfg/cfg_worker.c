/* Directives of the registry of workers. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

const char *llmq_cfg_worker_set_max(cmd_parms *cmd, void *dummy, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 16, 1000000))) {
        llmq_cfg_parse_server(cmd)->roster.max = (int)n;
    }
    return err;
}

const char *llmq_cfg_worker_set_timeout(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->roster.timeout, cmd,
                                         arg, apr_time_from_sec(1),
                                         apr_time_from_sec(86400));
}

const char *llmq_cfg_worker_set_retention(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->roster.retention,
                                         cmd, arg, apr_time_from_sec(1),
                                         apr_time_from_sec(366 * 86400));
}
