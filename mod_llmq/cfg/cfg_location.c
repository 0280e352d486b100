/* Directives of locations. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <apr_strings.h>

const char *llmq_cfg_location_set_tenant(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!llmq_id_is_name(arg)) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    ((llmq_cfg_dir_t *)dir)->tenant = arg;
    return NULL;
}

const char *llmq_cfg_location_set_max_content(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_number(&((llmq_cfg_dir_t *)dir)->max_content, cmd, arg, 1,
                                 64 * 1024 * 1024);
}

const char *llmq_cfg_location_set_max_depth(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, 1000);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->max_depth = (int)n;
    }
    return err;
}

const char *llmq_cfg_location_set_max_tree(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_number(&((llmq_cfg_dir_t *)dir)->max_tree, cmd, arg, 65536,
                                 APR_INT64_C(1) << 40);
}

const char *llmq_cfg_location_set_max_retries(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 0, 1000);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->max_retries = (int)n;
    }
    return err;
}

const char *llmq_cfg_location_set_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(LLMQ_CFG_AT(apr_interval_time_t, dir, cmd), cmd, arg,
                                   apr_time_from_msec(100), apr_time_from_sec(86400));
}

/* httpd calls every module that knows a directive, so this one listens in: the route is
 * what follows the path of the <Location> that names one of our handlers. It takes raw
 * arguments, wherever core's own directive is allowed, and leaves their check to core. */
const char *llmq_cfg_location_hear_handler(cmd_parms *cmd, void *dir, const char *args)
{
    const char *arg = ap_getword_conf(cmd->pool, &args);
    llmq_handler_e handler = llmq_cfg_handler_parse(arg);
    const ap_directive_t *parent = cmd->directive->parent;
    llmq_mount_t *mount;

    if (handler == LLMQ_HANDLER_NONE) {
        static const llmq_mount_t somebody_elses;

        ((llmq_cfg_dir_t *)dir)->mount = &somebody_elses;
        return strncmp(arg, "llmq-", 5) == 0 ? llmq_cfg_parse_complain(
                   cmd, arg, "mod_llmq has no handler of this name")
                                             : DECLINE_CMD;
    }
    if (!cmd->path || !parent || ap_cstr_casecmp(parent->directive, "<Location") != 0
        || cmd->path[0] != '/') {
        return llmq_cfg_parse_complain(cmd, arg,
                                       "belongs into a <Location /path> section");
    }
    mount = apr_palloc(cmd->pool, sizeof(*mount));
    mount->len = strlen(cmd->path);
    while (mount->len > 0 && cmd->path[mount->len - 1] == '/') {
        mount->len--;
    }
    mount->path = apr_pstrmemdup(cmd->pool, cmd->path, mount->len);
    mount->handler = handler;
    ((llmq_cfg_dir_t *)dir)->mount = mount;
    APR_ARRAY_PUSH(llmq_cfg_parse_server(cmd)->mounts, llmq_mount_t *) = mount;
    return NULL;
}
