/* Directives of conversations. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#define MAX_TTL   apr_time_from_sec((apr_int64_t)10 * 366 * 86400)
#define MAX_TEXT  (16 * 1024 * 1024)
#define MAX_TURNS 1000

const char *llmq_cfg_conversation_set_ttl(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->conv_ttl, cmd, arg,
                                   apr_time_from_sec(1), MAX_TTL);
}

const char *llmq_cfg_conversation_set_order(cmd_parms *cmd, void *dir, const char *arg)
{
    int parallel = strcmp(arg, "parallel") == 0;

    if (!parallel && strcmp(arg, "serial") != 0) {
        return llmq_cfg_parse_complain(cmd, arg, "must be serial or parallel");
    }
    ((llmq_cfg_dir_t *)dir)->parallel = parallel;
    return NULL;
}

const char *llmq_cfg_conversation_set_auto_create(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    ((llmq_cfg_dir_t *)dir)->auto_create = on;
    return NULL;
}

const char *llmq_cfg_conversation_set_bytes(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_number(LLMQ_CFG_AT(apr_int64_t, dir, cmd), cmd, arg, 0,
                                 MAX_TEXT);
}

const char *llmq_cfg_conversation_set_turns(cmd_parms *cmd, void *dummy, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 0, MAX_TURNS))) {
        llmq_cfg_parse_server(cmd)->chat.max_turns = (int)n;
    }
    return err;
}

const char *llmq_cfg_conversation_set_turn_bytes(cmd_parms *cmd, void *dummy,
                                                 const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 0, MAX_TEXT))) {
        llmq_cfg_parse_server(cmd)->chat.max_bytes = (apr_size_t)n;
    }
    return err;
}

const char *llmq_cfg_conversation_set_cleanup(cmd_parms *cmd, void *dummy,
                                              const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dummy;
    return err ? err
               : llmq_cfg_parse_duration(&llmq_cfg_parse_server(cmd)->cleanup, cmd, arg,
                                         apr_time_from_msec(100),
                                         apr_time_from_sec(86400));
}

void llmq_cfg_conversation(llmq_conversation_conf_t *conf, const llmq_cfg_dir_t *dir)
{
    conf->max_title_bytes = dir->max_title >= 0 ? (apr_size_t)dir->max_title : 512;
    conf->max_context_bytes =
        dir->max_context >= 0 ? (apr_size_t)dir->max_context : 65536;
    conf->ttl = dir->conv_ttl >= 0 ? dir->conv_ttl : apr_time_from_sec(15 * 86400);
    conf->user = NULL;
}

int llmq_cfg_conversation_auto_create(const llmq_cfg_dir_t *dir)
{
    return dir->auto_create != 0;
}

int llmq_cfg_conversation_parallel(const llmq_cfg_dir_t *dir)
{
    return dir->parallel == 1;
}
