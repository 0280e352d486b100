/* Directives of what is measured. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

const char *llmq_cfg_metrics_set_slow_query(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->slow_query, cmd,
                                         arg, apr_time_from_msec(1),
                                         apr_time_from_sec(3600));
}
