/* Directives of identity. Secrets stand in files, so that neither the configuration nor
 * what mod_info shows of it holds one. */
#include "cfg/cfg_set.h"

#include "cfg/cfg_parse.h"

#include <apr_strings.h>

#include <string.h>

#define MAX_SECRETS 16

const char *llmq_cfg_auth_set_secret(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_dir_t *conf = dir;
    const char *path = ap_server_root_relative(cmd->pool, arg);
    llmq_token_secret_t secret;

    if (!path || llmq_token_secret_load(&secret, path, cmd->pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg,
                                       "must be readable and hold 1 to 4096 bytes");
    }
    if (!conf->secrets) {
        conf->secrets = apr_array_make(cmd->pool, 2, sizeof(secret));
    }
    if (conf->secrets->nelts == MAX_SECRETS) {
        return llmq_cfg_parse_complain(cmd, arg, "16 secrets are the most");
    }
    APR_ARRAY_PUSH(conf->secrets, llmq_token_secret_t) = secret;
    return NULL;
}

const char *llmq_cfg_auth_set_issuer(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!*arg) {
        return llmq_cfg_parse_complain(cmd, arg, "must not be empty");
    }
    ((llmq_cfg_dir_t *)dir)->issuer = arg;
    return NULL;
}

const char *llmq_cfg_auth_set_leeway(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(&((llmq_cfg_dir_t *)dir)->leeway, cmd, arg, 0,
                                   apr_time_from_sec(3600));
}

static int source_of(const char *word)
{
    return !strcmp(word, "header")   ? LLMQ_SOURCE_HEADER
           : !strcmp(word, "query")  ? LLMQ_SOURCE_QUERY
           : !strcmp(word, "cookie") ? LLMQ_SOURCE_COOKIE
                                     : 0;
}

/* Called once for each word of a line (ITERATE). */
const char *llmq_cfg_auth_set_source(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_dir_t *conf = dir;
    int source = source_of(arg);

    if (!source) {
        return llmq_cfg_parse_complain(cmd, arg, "must be header, query or cookie");
    }
    conf->token_sources = (conf->token_sources >= 0 ? conf->token_sources : 0) | source;
    return NULL;
}

const char *llmq_cfg_auth_set_auth(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    ((llmq_cfg_dir_t *)dir)->auth = on ? 1 : 0;
    return NULL;
}

const char *llmq_cfg_auth_set_admin(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    ((llmq_cfg_dir_t *)dir)->admin = on ? 1 : 0;
    return NULL;
}
