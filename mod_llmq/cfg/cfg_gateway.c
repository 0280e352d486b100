/* Directives of the OpenAI-compatible gateway. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define SECOND apr_time_from_sec(1)
#define LINGER (SECOND / 10)
#define QUIET  (15 * SECOND)
#define LONG   (600 * SECOND) /* what SDKs for OpenAI's interface wait */

static const char *set_duration(apr_interval_time_t *at, cmd_parms *cmd, const char *arg,
                                apr_interval_time_t least, apr_interval_time_t most)
{
    if (ap_cstr_casecmp(arg, "Off") == 0) {
        *at = 0;
        return NULL;
    }
    return llmq_cfg_parse_duration(at, cmd, arg, least, most);
}

const char *llmq_cfg_gateway_set_linger(cmd_parms *cmd, void *dir, const char *arg)
{
    return set_duration(&((llmq_cfg_dir_t *)dir)->gateway_linger, cmd, arg, SECOND / 1000,
                        10 * SECOND);
}

const char *llmq_cfg_gateway_set_keep_alive(cmd_parms *cmd, void *dir, const char *arg)
{
    return set_duration(&((llmq_cfg_dir_t *)dir)->gateway_keep_alive, cmd, arg, SECOND,
                        3600 * SECOND);
}

const char *llmq_cfg_gateway_set_timeout(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->gateway_timeout, cmd, arg,
                                   SECOND / 10, 86400 * SECOND);
}

const char *llmq_cfg_gateway_set_buffer(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 4096, 1024 * 1024 * 1024))) {
        llmq_cfg_parse_server(cmd)->relay_buffer = (apr_size_t)n;
    }
    return err;
}

const char *llmq_cfg_gateway_set_replay(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && ap_cstr_casecmp(arg, "Off") != 0) {
        err = llmq_cfg_parse_number(&n, cmd, arg, 1024, 64 * 1024 * 1024);
    }
    if (!err) {
        llmq_cfg_parse_server(cmd)->replay_max = (apr_size_t)n;
    }
    return err;
}

apr_interval_time_t llmq_cfg_gateway_linger(const llmq_cfg_dir_t *dir)
{
    return dir->gateway_linger >= 0 ? dir->gateway_linger : LINGER;
}

apr_interval_time_t llmq_cfg_gateway_keep_alive(const llmq_cfg_dir_t *dir)
{
    return dir->gateway_keep_alive >= 0 ? dir->gateway_keep_alive : QUIET;
}

apr_interval_time_t llmq_cfg_gateway_timeout(const llmq_cfg_dir_t *dir)
{
    return dir->gateway_timeout >= 0 ? dir->gateway_timeout : LONG;
}
