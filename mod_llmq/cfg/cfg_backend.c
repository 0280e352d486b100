/* <LLMQBackend> and the directives inside it. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "cfg/cfg_parse.h"

#include <apr_strings.h>
#include <apr_uri.h>

#define MAX_KEY        4096 /* bytes */
#define MAX_CONCURRENT 100000

void llmq_cfg_backend_init(llmq_backend_conf_t *b, const char *name)
{
    memset(b, 0, sizeof(*b));
    b->name = name;
    b->kind = LLMQ_BACKEND_ECHO;
    b->max_concurrent = 64;
    b->connect_timeout = apr_time_from_sec(5);
    b->first_timeout = LLMQ_BACKEND_NOT_SET;
    b->total_timeout = LLMQ_BACKEND_NOT_SET;
    b->weight = 1;
    b->health.max_failures = 3;
    b->health.cooldown = apr_time_from_sec(10);
    b->health.longest = apr_time_from_sec(300);
    b->check_interval = apr_time_from_sec(10);
}

static const char *backend_name(const char **pname, cmd_parms *cmd, const char *args)
{
    const apr_array_header_t *known = llmq_cfg_parse_server(cmd)->backends;
    const char *err = llmq_cfg_parse_section(pname, cmd, args);
    int i;

    if (err) {
        return err;
    }
    for (i = 0; i < known->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(known, i, llmq_backend_conf_t *)->name, *pname) == 0) {
            return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", *pname,
                               ">: a backend of this name exists already", NULL);
        }
    }
    return NULL;
}

const char *llmq_cfg_backend_block(cmd_parms *cmd, void *dir, const char *args)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *section = cmd->cmd->name; /* it is another one while the lines are read */
    const char *name = NULL;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err || (err = backend_name(&name, cmd, args))) {
        return err;
    }
    if (conf->backends->nelts == LLMQ_BALANCE_MAX) {
        return apr_psprintf(cmd->pool, "%s %s>: there may be %d backends at most",
                            cmd->cmd->name, name, LLMQ_BALANCE_MAX);
    }
    conf->open_backend = apr_palloc(cmd->pool, sizeof(*conf->open_backend));
    llmq_cfg_backend_init(conf->open_backend, name);
    APR_ARRAY_PUSH(conf->backends, llmq_backend_conf_t *) = conf->open_backend;
    err = llmq_cfg_parse_lines(cmd);
    err = err ? err : llmq_cfg_backend_fault(conf->open_backend, section, cmd->pool);
    llmq_cfg_balance_complete(conf->open_backend);
    conf->open_backend = NULL;
    return err;
}

const char *llmq_cfg_backend_fault(const llmq_backend_conf_t *b, const char *section,
                                   apr_pool_t *p)
{
    if (b->kind == LLMQ_BACKEND_ECHO || b->url) {
        return NULL;
    }
    return apr_psprintf(p, "%s %s> is of kind %s and has no LLMQBackendURL", section,
                        b->name, llmq_backend_kind_name(b->kind));
}

const char *llmq_cfg_backend_set_kind(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && llmq_backend_kind_parse(&b->kind, arg) != APR_SUCCESS) {
        err = llmq_cfg_parse_complain(cmd, arg, "must be echo, openai or http");
    }
    return err;
}

const char *llmq_cfg_backend_set_url(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_uri_t uri;
    apr_size_t len = strlen(arg);
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (apr_uri_parse(cmd->temp_pool, arg, &uri) != APR_SUCCESS || !uri.scheme
        || (strcmp(uri.scheme, "http") && strcmp(uri.scheme, "https")) || !uri.hostname
        || !*uri.hostname || uri.query || uri.fragment) {
        return llmq_cfg_parse_complain(cmd, arg,
                                       "must be a base such as https://host:port/v1");
    }
    if (uri.user || uri.password) {
        return llmq_cfg_parse_complain(
            cmd, "***", "no user or password here, use LLMQBackendKeyFile");
    }
    while (len > 0 && arg[len - 1] == '/') {
        len--;
    }
    b->url = apr_pstrmemdup(cmd->pool, arg, len);
    return NULL;
}

const char *llmq_cfg_backend_set_model(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && (!*arg || strlen(arg) > LLMQ_NAME_MAX)) {
        err = llmq_cfg_parse_complain(cmd, arg, "must be 1 to 128 bytes");
    }
    if (!err) {
        b->model = arg;
    }
    return err;
}

/* The key goes into a header: one line of visible ASCII. */
static int is_key(const char *key)
{
    const char *c;

    for (c = key; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return 0;
        }
    }
    return c != key;
}

const char *llmq_cfg_backend_set_key_file(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *path = ap_server_root_relative(cmd->pool, arg);
    apr_file_t *f;
    char buf[MAX_KEY + 2]; /* one more shows that there is more */
    apr_size_t len = sizeof(buf) - 1;
    apr_status_t rv;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (!path
        || apr_file_open(&f, path, APR_FOPEN_READ, 0, cmd->temp_pool) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg, "cannot be opened");
    }
    rv = apr_file_read_full(f, buf, len, &len);
    apr_file_close(f);
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return llmq_cfg_parse_complain(cmd, arg, "cannot be read");
    }
    while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r')) {
        len--;
    }
    buf[len] = '\0';
    if (len > MAX_KEY || strlen(buf) != len || !is_key(buf)) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must hold one line of at most 4096 visible characters");
    }
    b->key = apr_pstrmemdup(cmd->pool, buf, len);
    return NULL;
}

const char *llmq_cfg_backend_set_stream(cmd_parms *cmd, void *dir, int on)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err) {
        b->stream = on;
    }
    return err;
}

const char *llmq_cfg_backend_set_concurrency(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_CONCURRENT))) {
        b->max_concurrent = (int)n;
    }
    return err;
}

const char *llmq_cfg_backend_set_max_answer(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1024, 64 * 1024 * 1024))) {
        b->max_answer_bytes = (apr_size_t)n;
    }
    return err;
}

const char *llmq_cfg_backend_set_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    return err ? err
               : llmq_cfg_parse_duration(LLMQ_CFG_AT(apr_interval_time_t, b, cmd), cmd,
                                         arg, apr_time_from_msec(10),
                                         apr_time_from_sec(86400));
}
