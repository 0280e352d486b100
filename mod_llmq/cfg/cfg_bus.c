/* Directives of the bus. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define MIN_RING (64 * 1024)
#define MAX_RING (1024 * 1024 * 1024)

const char *llmq_cfg_bus_set_delta(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->delta_interval, cmd,
                                         arg, 0, apr_time_from_sec(10));
}

const char *llmq_cfg_bus_set_ring(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, MIN_RING, MAX_RING))) {
        llmq_cfg_parse_server(cmd)->event_ring = (apr_size_t)n;
    }
    return err;
}
