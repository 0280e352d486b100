/* Directives of identity. Secrets stand in files, so that neither the configuration nor
 * what mod_info shows of it holds one. */
#include "cfg/cfg_set.h"

#include "cfg/cfg_parse.h"

#include <apr_strings.h>

#include <string.h>

#define MAX_SECRETS      16
#define MAX_SECRET_BYTES 4096

/* ---- secrets ---- */

static apr_status_t read_file(char *buf, apr_size_t *plen, const char *path,
                              apr_pool_t *p)
{
    apr_file_t *f;
    apr_status_t rv = apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_read_full(f, buf, *plen, plen);
    apr_file_close(f);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Editors end a file with a line break, which nobody means. */
static apr_size_t without_line_break(const char *buf, apr_size_t len)
{
    if (len > 0 && buf[len - 1] == '\n') {
        len--;
        if (len > 0 && buf[len - 1] == '\r') {
            len--;
        }
    }
    return len;
}

const char *llmq_cfg_auth_set_secret(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_cfg_dir_t *conf = dir;
    const char *path = ap_server_root_relative(cmd->pool, arg);
    char buf[MAX_SECRET_BYTES + 1];
    apr_size_t len = sizeof(buf);
    llmq_token_secret_t *secret;

    if (!path || read_file(buf, &len, path, cmd->temp_pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg, "cannot be read");
    }
    if (len > MAX_SECRET_BYTES || (len = without_line_break(buf, len)) == 0) {
        return llmq_cfg_parse_complain(cmd, arg, "must hold 1 to 4096 bytes");
    }
    if (!conf->secrets) {
        conf->secrets = apr_array_make(cmd->pool, 2, sizeof(*secret));
    }
    if (conf->secrets->nelts == MAX_SECRETS) {
        return llmq_cfg_parse_complain(cmd, arg, "16 secrets are the most");
    }
    secret = apr_array_push(conf->secrets);
    secret->bytes = apr_pmemdup(cmd->pool, buf, len);
    secret->len = (int)len;
    return NULL;
}

/* ---- the rest ---- */

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
