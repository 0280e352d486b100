/* Directives of Redis. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_core.h>

#include <string.h>

#define UNIX "unix:"

static const char *parse_address(llmq_redis_conf_t *conf, cmd_parms *cmd, const char *arg)
{
    char *host = NULL;
    char *scope = NULL;
    apr_port_t port = 0;

    if (strncmp(arg, UNIX "/", sizeof(UNIX)) == 0) {
        conf->path = arg + sizeof(UNIX) - 1;
        conf->host = NULL;
        return NULL;
    }
    if (apr_parse_addr_port(&host, &scope, &port, arg, cmd->pool) != APR_SUCCESS || !host
        || scope || port == 0) {
        return llmq_cfg_parse_complain(cmd, arg, "must be host:port or unix:/path");
    }
    conf->host = host;
    conf->port = port;
    conf->path = NULL;
    return NULL;
}

static const char *parse_option(llmq_redis_conf_t *conf, cmd_parms *cmd, const char *arg)
{
    if (strcmp(arg, "required") == 0) {
        conf->required = 1;
        return NULL;
    }
    if (strncmp(arg, "timeout=", 8) == 0) {
        return llmq_cfg_parse_duration(&conf->timeout, cmd, arg + 8,
                                       apr_time_from_msec(10), apr_time_from_sec(10));
    }
    return llmq_cfg_parse_complain(cmd, arg, "must be required or timeout=TIME");
}

const char *llmq_cfg_redis_set_server(cmd_parms *cmd, void *dir, int argc,
                                      char *const argv[])
{
    llmq_redis_conf_t *conf = &llmq_cfg_parse_server(cmd)->redis;
    const char *err = llmq_cfg_parse_global(cmd);
    int i;

    (void)dir;
    if (!err && (argc < 1 || argc > 3)) {
        err = llmq_cfg_parse_complain(cmd, "",
                                      "takes an address, required and timeout=TIME");
    }
    if (!err) {
        err = parse_address(conf, cmd, argv[0]);
    }
    for (i = 1; !err && i < argc; i++) {
        err = parse_option(conf, cmd, argv[i]);
    }
    return err;
}

const char *llmq_cfg_redis_set_password(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);
    llmq_token_secret_t secret;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (!path || llmq_token_secret_load(&secret, path, cmd->pool) != APR_SUCCESS
        || memchr(secret.bytes, '\0', (apr_size_t)secret.len)) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must be readable and hold 1 to 4096 bytes of text");
    }
    llmq_cfg_parse_server(cmd)->redis.password =
        apr_pstrmemdup(cmd->pool, (const char *)secret.bytes, (apr_size_t)secret.len);
    return NULL;
}

const char *llmq_cfg_redis_set_prefix(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !llmq_id_is_name(arg)) {
        err = llmq_cfg_parse_complain(
            cmd, arg, "must be 1 to 128 of the characters A-Z a-z 0-9 _ . : -");
    }
    if (!err) {
        llmq_cfg_parse_server(cmd)->redis.prefix = arg;
    }
    return err;
}
