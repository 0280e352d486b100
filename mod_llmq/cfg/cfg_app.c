/* Directives of apps. */
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

const char *llmq_cfg_app_set_timeout(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->debug_timeout, cmd, arg,
                                   apr_time_from_msec(100), apr_time_from_sec(3600));
}

const char *llmq_cfg_app_set_status(cmd_parms *cmd, void *dir, const char *arg)
{
    int *at = &((llmq_cfg_dir_t *)dir)->apps_200;

    if (ap_cstr_casecmp(arg, "mapped") == 0) {
        *at = 0;
    }
    else if (ap_cstr_casecmp(arg, "always-200") == 0) {
        *at = 1;
    }
    else {
        return llmq_cfg_parse_complain(cmd, arg, "must be mapped or always-200");
    }
    return NULL;
}

apr_interval_time_t llmq_cfg_app_timeout(const llmq_cfg_dir_t *dir)
{
    return dir->debug_timeout >= 0 ? dir->debug_timeout : apr_time_from_sec(60);
}

int llmq_cfg_app_is_always_200(const llmq_cfg_dir_t *dir)
{
    return dir->apps_200 == 1;
}

void llmq_cfg_app(llmq_app_conf_t *conf, const llmq_cfg_dir_t *dir)
{
    llmq_conversation_conf_t texts;
    llmq_message_conf_t message;

    llmq_cfg_conversation(&texts, dir);
    llmq_cfg_message(&message, dir);
    conf->max_name = texts.max_title_bytes;
    conf->max_text = texts.max_context_bytes;
    conf->max_query = message.max_content_bytes;
}
