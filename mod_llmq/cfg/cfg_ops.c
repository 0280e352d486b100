/* Directives of operation: delays, autoscaling. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define MAX_DELAY apr_time_from_sec(366 * 86400)

const char *llmq_cfg_ops_set_max_delay(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->max_delay, cmd, arg, 0,
                                   MAX_DELAY);
}

const char *llmq_cfg_ops_set_autoscale(cmd_parms *cmd, void *dummy, int on)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    llmq_cfg_parse_server(cmd)->pace.on = on;
    return err;
}
