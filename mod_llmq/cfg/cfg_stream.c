/* Directives of event streams. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define SECOND apr_time_from_sec(1)

const char *llmq_cfg_stream_set_heartbeat(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_interval_time_t *at = &((llmq_cfg_dir_t *)dir)->sse_heartbeat;

    if (ap_cstr_casecmp(arg, "Off") == 0) {
        *at = 0;
        return NULL;
    }
    return llmq_cfg_parse_duration(at, cmd, arg, SECOND, 3600 * SECOND);
}

const char *llmq_cfg_stream_set_max_age(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->sse_max_age, cmd, arg,
                                   SECOND, 7 * 86400 * SECOND);
}

const char *llmq_cfg_stream_set_retry(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->sse_retry, cmd, arg,
                                   SECOND / 10, 3600 * SECOND);
}

const char *llmq_cfg_stream_set_buffer(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 4096, 64 * 1024 * 1024))) {
        llmq_cfg_parse_server(cmd)->stream_buffer = (apr_size_t)n;
    }
    return err;
}

const char *llmq_cfg_stream_set_poll(cmd_parms *cmd, void *dir, const char *often,
                                     const char *seldom)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err) {
        err = llmq_cfg_parse_duration(&conf->event_poll, cmd, often, SECOND / 10,
                                      3600 * SECOND);
    }
    if (!err && seldom) {
        err = llmq_cfg_parse_duration(&conf->event_patrol, cmd, seldom, SECOND / 10,
                                      3600 * SECOND);
    }
    return err;
}

apr_interval_time_t llmq_cfg_stream_heartbeat(const llmq_cfg_dir_t *dir)
{
    return dir->sse_heartbeat >= 0 ? dir->sse_heartbeat : 15 * SECOND;
}

apr_interval_time_t llmq_cfg_stream_max_age(const llmq_cfg_dir_t *dir)
{
    return dir->sse_max_age >= 0 ? dir->sse_max_age : 3600 * SECOND;
}

apr_interval_time_t llmq_cfg_stream_retry(const llmq_cfg_dir_t *dir)
{
    return dir->sse_retry >= 0 ? dir->sse_retry : 3 * SECOND;
}
