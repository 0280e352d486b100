/* Directives of sessions. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define MAX_TTL apr_time_from_sec((apr_int64_t)10 * 366 * 86400)

const char *llmq_cfg_session_set_ttl(cmd_parms *cmd, void *dummy, const char *arg)
{
    apr_interval_time_t *ttl = &llmq_cfg_parse_server(cmd)->session_ttl;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (err)
        return err;
    if (strcmp(arg, "0") == 0) {
        *ttl = 0;
        return NULL;
    }
    return llmq_cfg_parse_duration(ttl, cmd, arg, apr_time_from_sec(1), MAX_TTL);
}
