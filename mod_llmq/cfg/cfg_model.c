/* LLMQModel: which backends have a model, and what it is called there. */
#include "cfg/cfg_set.h"

#include "base/log.h"
#include "cfg/cfg_parse.h"

#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MAX_TTL apr_time_from_sec((apr_int64_t)10 * 366 * 86400)

static const char built_in[] = "echo"; /* the backend of who has configured none */

/* ---- reading ---- */

static int is_name(const char *name)
{
    const char *c;

    for (c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return 0;
        }
    }
    return c != name && c - name <= LLMQ_NAME_MAX
           && llmq_text_is_utf8(name, strlen(name));
}

static int is_known(const apr_array_header_t *lines, const char *model)
{
    int i;

    for (i = 0; i < lines->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(lines, i, llmq_model_line_t).model, model) == 0) {
            return 1;
        }
    }
    return 0;
}

static int count_models(const apr_array_header_t *lines)
{
    int n = 0;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        apr_array_header_t before = *lines;

        before.nelts = i;
        n += !is_known(&before, APR_ARRAY_IDX(lines, i, llmq_model_line_t).model);
    }
    return n;
}

static const char *add_pair(cmd_parms *cmd, const char *model, const char *arg)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *equals = strchr(arg, '=');
    llmq_model_line_t pair = {model, arg, NULL, cmd->directive};

    if (equals) {
        pair.backend = apr_pstrmemdup(cmd->pool, arg, (apr_size_t)(equals - arg));
        pair.upstream = equals + 1;
    }
    if (!*pair.backend || (equals && !is_name(pair.upstream))) {
        return llmq_cfg_parse_complain(cmd, arg, "must be backend or backend=name");
    }
    APR_ARRAY_PUSH(conf->model_lines, llmq_model_line_t) = pair;
    return NULL;
}

const char *llmq_cfg_model_set(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    const llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *err = llmq_cfg_parse_global(cmd);
    int i;

    (void)dir;
    if (err) {
        return err;
    }
    if (argc < 2) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " needs the name of a model and of a backend", NULL);
    }
    if (!is_name(argv[0])) {
        return llmq_cfg_parse_complain(cmd, argv[0], "must be 1 to 128 bytes");
    }
    if (!is_known(conf->model_lines, argv[0])
        && count_models(conf->model_lines) == LLMQ_MODELS_MAX) {
        return apr_psprintf(cmd->pool, "%s %s: there may be %d models at most",
                            cmd->cmd->name, argv[0], LLMQ_MODELS_MAX);
    }
    for (i = 1; !err && i < argc; i++) {
        err = add_pair(cmd, argv[0], argv[i]);
    }
    return err;
}

const char *llmq_cfg_model_set_ttl(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_interval_time_t *ttl = &llmq_cfg_parse_server(cmd)->completion_ttl;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (strcmp(arg, "0") == 0) {
        *ttl = 0;
        return NULL;
    }
    return llmq_cfg_parse_duration(ttl, cmd, arg, apr_time_from_sec(1), MAX_TTL);
}

/* ---- all read ---- */

static int find_backend(const llmq_cfg_server_t *conf, const char *name)
{
    int i;

    for (i = 0; i < conf->backends->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(conf->backends, i, llmq_backend_conf_t *)->name, name)
            == 0) {
            return i;
        }
    }
    return -1;
}

static const char *fault_of(const llmq_cfg_server_t *conf, int line)
{
    const llmq_model_line_t *pair =
        &APR_ARRAY_IDX(conf->model_lines, line, llmq_model_line_t);
    int b = find_backend(conf, pair->backend);
    int i;

    if (b < 0 && (conf->backends->nelts > 0 || strcmp(pair->backend, built_in) != 0)) {
        return "there is no such backend";
    }
    if (b >= 0
        && APR_ARRAY_IDX(conf->backends, b, llmq_backend_conf_t *)->kind
               == LLMQ_BACKEND_HTTP) {
        return "a backend of kind http has no models";
    }
    for (i = 0; i < line; i++) {
        const llmq_model_line_t *other =
            &APR_ARRAY_IDX(conf->model_lines, i, llmq_model_line_t);

        if (strcmp(other->model, pair->model) == 0
            && strcmp(other->backend, pair->backend) == 0) {
            return "it was named before";
        }
    }
    return NULL;
}

static const char *own_name(const llmq_backend_conf_t *b)
{
    return b->kind == LLMQ_BACKEND_HTTP ? NULL : b->model ? b->model : b->name;
}

apr_array_header_t *llmq_cfg_model_names(const llmq_cfg_server_t *conf, apr_pool_t *p)
{
    apr_array_header_t *names = apr_array_make(p, 4, sizeof(const char *));
    int i;

    for (i = 0; i < conf->model_lines->nelts; i++) {
        APR_ARRAY_PUSH(names, const char *) =
            APR_ARRAY_IDX(conf->model_lines, i, llmq_model_line_t).model;
    }
    for (i = 0; conf->model_lines->nelts == 0 && i < conf->backends->nelts; i++) {
        const char *name =
            own_name(APR_ARRAY_IDX(conf->backends, i, llmq_backend_conf_t *));

        if (name) {
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    if (conf->model_lines->nelts == 0 && conf->backends->nelts == 0) {
        APR_ARRAY_PUSH(names, const char *) = built_in;
    }
    return names;
}

int llmq_cfg_model_check(const llmq_cfg_server_t *conf, server_rec *s)
{
    int i;

    for (i = 0; i < conf->model_lines->nelts; i++) {
        const char *fault = fault_of(conf, i);

        if (fault) {
            const llmq_model_line_t *pair =
                &APR_ARRAY_IDX(conf->model_lines, i, llmq_model_line_t);

            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                         LLMQ_NO(0170) "%s:%d: LLMQModel %s %s: %s", pair->line->filename,
                         pair->line->line_num, pair->model, pair->backend, fault);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

static void add_backend(llmq_models_t *models, const char *name, int i,
                        const char *upstream, apr_pool_t *p)
{
    llmq_model_t *model = llmq_model_add(models, name, p);

    if (model) {
        model->backends |= (apr_uint64_t)1 << i;
        model->upstream[i] = upstream;
    }
}

/* Without any LLMQModel: a backend's model is what it is asked for, else it has the name of
 * the backend. */
static void add_own(llmq_models_t *models, const llmq_backend_conf_t *b, int i,
                    apr_pool_t *p)
{
    if (b->kind == LLMQ_BACKEND_HTTP) {
        return;
    }
    if (b->model) {
        add_backend(models, b->model, i, b->model, p);
    }
    else {
        add_backend(models, b->name, i, b->kind == LLMQ_BACKEND_ECHO ? NULL : "default",
                    p);
    }
}

void llmq_cfg_model_complete(llmq_cfg_server_t *conf, apr_pool_t *p)
{
    llmq_models_t *models = conf->models;
    int i;

    models->since = apr_time_now();
    for (i = 0; i < conf->model_lines->nelts; i++) {
        const llmq_model_line_t *pair =
            &APR_ARRAY_IDX(conf->model_lines, i, llmq_model_line_t);
        int b = find_backend(conf, pair->backend);
        const char *own;

        ap_assert(b >= 0); /* llmq_cfg_model_check() has refused the others */
        own = APR_ARRAY_IDX(conf->backends, b, llmq_backend_conf_t *)->model;
        add_backend(models, pair->model, b, pair->upstream ? pair->upstream : own, p);
    }
    for (i = 0; conf->model_lines->nelts == 0 && i < conf->backends->nelts; i++) {
        add_own(models, APR_ARRAY_IDX(conf->backends, i, llmq_backend_conf_t *), i, p);
    }
}
