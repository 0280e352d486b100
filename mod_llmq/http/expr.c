#include "http/expr.h"

#include "base/json.h"
#include "cfg/cfg.h"
#include "core/priority.h"
#include "core/task.h"

#include <ap_expr.h>
#include <apr_strings.h>

#include <json-c/json.h>

#define PREFIX   "LLMQ_"
#define FUNCTION "llmq_meta"
#define SHOWN    "llmq-shown" /* key of the request's pool */

/* The message or task that is on its way in a request. */
typedef struct {
    const llmq_job_t *job;
    struct json_object *metadata;
} shown_t;

static const shown_t *shown_in(request_rec *r)
{
    void *shown = NULL;

    if (r) {
        apr_pool_userdata_get(&shown, SHOWN, r->pool);
    }
    return shown;
}

void llmq_expr_show(request_rec *r, const llmq_job_t *job, struct json_object *metadata)
{
    shown_t *shown = apr_palloc(r->pool, sizeof(*shown));

    shown->job = job;
    shown->metadata = metadata;
    apr_pool_userdata_setn(shown, SHOWN, NULL, r->pool);
}

/* ---- the variables: one function, which a row of the table tells what to say ---- */

typedef const char *value_fn_t(const llmq_job_t *job, apr_pool_t *p);

static const char *user_of(const llmq_job_t *job, apr_pool_t *p)
{
    (void)p;
    return job->user;
}

static const char *conversation_of(const llmq_job_t *job, apr_pool_t *p)
{
    (void)p;
    return job->chain;
}

static const char *content_length_of(const llmq_job_t *job, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_SIZE_T_FMT, job->payload_len);
}

static const char *priority_of(const llmq_job_t *job, apr_pool_t *p)
{
    (void)p;
    return job->kind == LLMQ_KIND_TASK ? llmq_task_level_name(job->level)
                                       : llmq_priority_name(job->level);
}

static const char *type_of(const llmq_job_t *job, apr_pool_t *p)
{
    (void)p;
    return job->type;
}

typedef struct {
    const char *name; /* behind the prefix */
    value_fn_t *value;
} variable_t;

static const variable_t variables[] = {
    {"USER", user_of},
    {"CONVERSATION", conversation_of},
    {"CONTENT_LENGTH", content_length_of},
    {"PRIORITY", priority_of},
    {"TASK_TYPE", type_of},
    {NULL, NULL},
};

static const char *get_variable(ap_expr_eval_ctx_t *ctx, const void *data)
{
    const variable_t *variable = data;
    const shown_t *shown = shown_in(ctx->r);
    const char *value = shown ? variable->value(shown->job, ctx->p) : NULL;

    return value ? value : "";
}

static const char *get_tenant(ap_expr_eval_ctx_t *ctx, const void *data)
{
    (void)data;
    return ctx->r ? llmq_cfg_tenant(llmq_cfg_dir(ctx->r)) : "";
}

static const char *get_meta(ap_expr_eval_ctx_t *ctx, const void *data, const char *key)
{
    const shown_t *shown = shown_in(ctx->r);
    struct json_object *value = NULL;

    (void)data;
    if (shown && shown->metadata) {
        json_object_object_get_ex(shown->metadata, key, &value);
    }
    if (!value) {
        return "";
    }
    return apr_pstrdup(ctx->p, json_object_is_type(value, json_type_string)
                                   ? json_object_get_string(value)
                                   : llmq_json_format(value));
}

/* ---- what httpd asks when it reads an expression ---- */

static int look_up_variable(ap_expr_lookup_parms *parms)
{
    const char *name = parms->name;
    const variable_t *row;

    if (ap_cstr_casecmpn(name, PREFIX, sizeof(PREFIX) - 1) != 0) {
        return DECLINED;
    }
    name += sizeof(PREFIX) - 1;
    if (ap_cstr_casecmp(name, "TENANT") == 0) {
        *parms->func = (const void *)get_tenant;
        *parms->data = NULL;
        return OK;
    }
    for (row = variables; row->name; row++) {
        if (ap_cstr_casecmp(name, row->name) == 0) {
            *parms->func = (const void *)get_variable;
            *parms->data = row;
            return OK;
        }
    }
    return DECLINED;
}

static int look_up(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_VAR) {
        return look_up_variable(parms);
    }
    if (parms->type == AP_EXPR_FUNC_STRING
        && ap_cstr_casecmp(parms->name, FUNCTION) == 0) {
        *parms->func = (const void *)get_meta;
        *parms->data = NULL;
        return OK;
    }
    return DECLINED;
}

void llmq_expr_register(void)
{
    ap_hook_expr_lookup(look_up, NULL, NULL, APR_HOOK_MIDDLE);
}
