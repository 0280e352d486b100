/* LLMQModelUse: which of the models may be asked for at a location. */
#include "cfg/cfg_set.h"

#include "base/log.h"
#include "cfg/cfg_parse.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

static const char directive[] = "LLMQModelUse";

const char *llmq_cfg_model_use_set(cmd_parms *cmd, void *dir, int argc,
                                   char *const argv[])
{
    llmq_cfg_dir_t *conf = dir;
    int i;

    if (argc < 1) {
        return llmq_cfg_parse_complain(cmd, "", "needs the names of models, or all");
    }
    if (!conf->model_use) {
        conf->model_use = apr_array_make(cmd->pool, argc, sizeof(const char *));
    }
    for (i = 0; (argc > 1 || strcmp(argv[0], "all") != 0) && i < argc; i++) {
        APR_ARRAY_PUSH(conf->model_use, const char *) = argv[i];
    }
    return NULL;
}

/* ---- all read ---- */

static int is_known(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int check_line(const ap_directive_t *line, const apr_array_header_t *names,
                      server_rec *s, apr_pool_t *p)
{
    const char *args = line->args;
    const char *name = ap_getword_conf(p, &args);
    int is_all = strcmp(name, "all") == 0 && !*args;

    while (*name && (is_all || is_known(names, name))) {
        name = ap_getword_conf(p, &args);
    }
    if (!*name) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                 LLMQ_NO(0172) "%s:%d: LLMQModelUse %s: there is no such model",
                 line->filename, line->line_num, name);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int check_lines(const ap_directive_t *node, const apr_array_header_t *names,
                       server_rec *s, apr_pool_t *p)
{
    int rv = OK;

    for (; node && rv == OK; node = node->next) {
        rv = ap_cstr_casecmp(node->directive, directive) == 0
                 ? check_line(node, names, s, p)
                 : check_lines(node->first_child, names, s, p);
    }
    return rv;
}

int llmq_cfg_model_use_check(const llmq_cfg_server_t *conf, server_rec *s, apr_pool_t *p)
{
    return check_lines(ap_conftree, llmq_cfg_model_names(conf, p), s, p);
}

/* ---- requests ---- */

const llmq_models_t *llmq_cfg_model_use(const llmq_cfg_dir_t *dir,
                                        const llmq_models_t *all, apr_pool_t *p)
{
    llmq_models_t *some;
    int i;

    if (!dir->model_use || dir->model_use->nelts == 0) {
        return all;
    }
    some = apr_pcalloc(p, sizeof(*some));
    some->since = all->since;
    for (i = 0; i < all->n; i++) {
        if (is_known(dir->model_use, all->model[i]->name)) {
            some->model[some->n++] = all->model[i];
        }
    }
    return some;
}
