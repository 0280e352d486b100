#include "core/app_input.h"

#include "base/utf8.h"
#include "llmq.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

/* What all readers need. */
typedef struct {
    json_object *body;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

/* What a text must be. */
typedef struct {
    const char *name;
    const char *label; /* in sentences */
    int is_required;   /* non-zero: absent, null and blank are refused */
    apr_size_t max;    /* bytes */
} field_t;

static void blame(const reader_t *r, const char *name, const char *sentence)
{
    llmq_result_blame(r->why, name, sentence, r->pool);
}

static apr_status_t begin(reader_t *r, json_object *body, llmq_result_t *why,
                          apr_pool_t *p)
{
    r->body = body;
    r->why = why;
    r->pool = p;
    return json_object_is_type(body, json_type_object)
               ? APR_SUCCESS
               : llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                                 "请求体必须是 JSON 对象");
}

static apr_status_t finish(const reader_t *r)
{
    return r->why->errors ? LLMQ_EBODY : APR_SUCCESS;
}

/* @return the text; NULL if it is absent or wrong, which is told */
static const char *read_text(const reader_t *r, const field_t *f)
{
    json_object *value = llmq_json_member(r->body, f->name);
    const char *text;

    if (value && !json_object_is_type(value, json_type_string)) {
        blame(r, f->name, apr_psprintf(r->pool, "%s必须是字符串", f->label));
        return NULL;
    }
    text = value ? json_object_get_string(value) : NULL;
    if (f->is_required && (!text || llmq_utf8_is_blank(text))) {
        blame(r, f->name, apr_psprintf(r->pool, "%s不能为空", f->label));
        return NULL;
    }
    if (text && strlen(text) > f->max) {
        blame(r, f->name,
              apr_psprintf(r->pool, "%s长度不能超过%" APR_SIZE_T_FMT "字节", f->label,
                           f->max));
        return NULL;
    }
    return apr_pstrdup(r->pool, text);
}

/* ---- apps ---- */

/* A name may be left as it is, but not taken away. */
static int names_it(json_object *body)
{
    return json_object_object_get_ex(body, "name", NULL);
}

apr_status_t llmq_app_input_fields(llmq_app_patch_t *patch, struct json_object *body,
                                   const llmq_app_conf_t *conf, int is_new,
                                   llmq_result_t *why, apr_pool_t *p)
{
    field_t name = {"name", "应用名称", 1, conf->max_name};
    const field_t icon = {"icon", "应用图标", 0, conf->max_text};
    const field_t description = {"description", "应用描述", 0, conf->max_text};
    reader_t r;

    memset(patch, 0, sizeof(*patch));
    if (begin(&r, body, why, p) != APR_SUCCESS) {
        return LLMQ_EBODY;
    }
    name.is_required = is_new || names_it(body);
    patch->name = read_text(&r, &name);
    patch->icon = read_text(&r, &icon);
    patch->description = read_text(&r, &description);
    return finish(&r);
}

/* ---- configurations ---- */

static void read_memory(const reader_t *r, llmq_app_config_t *config)
{
    json_object *value = llmq_json_member(r->body, "memory_mode");

    if (!json_object_is_type(value, json_type_string)
        || llmq_app_memory_parse(&config->memory, json_object_get_string(value))
               != APR_SUCCESS) {
        blame(r, "memory_mode", "记忆类型只能是 long_term_memory 或 none");
    }
}

/* @return model_config; NULL if it is wrong, which is told, or absent */
static json_object *read_model(const reader_t *r)
{
    json_object *model = llmq_json_member(r->body, "model_config");

    if (json_object_is_type(model, json_type_object)) {
        return model;
    }
    if (model || !llmq_json_member(r->body, "dialog_round")) {
        blame(r, "model_config", "模型配置必须是对象，并且包含 dialog_round");
    }
    return NULL;
}

/* @return -1 if it is no number of rounds */
static int rounds_of(json_object *value)
{
    apr_int64_t n =
        json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

    return n > LLMQ_APP_ROUNDS_MAX ? -1 : (int)(n < 0 ? -1 : n);
}

/* It may stand in both places: the inner one counts, but neither may be wrong. */
static void read_rounds(const reader_t *r, llmq_app_config_t *config, json_object *model)
{
    json_object *inner = llmq_json_member(model, "dialog_round");
    json_object *outer = llmq_json_member(r->body, "dialog_round");

    config->rounds = rounds_of(inner ? inner : outer);
    if (config->rounds < 0 || (outer && rounds_of(outer) < 0)) {
        blame(r, "dialog_round", "携带上下文轮数必须是0到100之间的整数");
    }
}

/* The object with its number of rounds, wherever that stood. */
static void write_model(const reader_t *r, llmq_app_config_t *config, json_object *model,
                        apr_size_t max)
{
    const char *text;

    if (model) {
        json_object_object_add(model, "dialog_round",
                               json_object_new_int(config->rounds));
    }
    text = model ? llmq_json_format(model)
                 : apr_psprintf(r->pool, "{\"dialog_round\":%d}", config->rounds);
    if (strlen(text) > max) {
        blame(r, "model_config",
              apr_psprintf(r->pool, "模型配置长度不能超过%" APR_SIZE_T_FMT "字节", max));
    }
    config->model = apr_pstrdup(r->pool, text);
}

apr_status_t llmq_app_input_config(llmq_app_config_t *config, struct json_object *body,
                                   const llmq_app_conf_t *conf, llmq_result_t *why,
                                   apr_pool_t *p)
{
    json_object *model;
    reader_t r;

    if (begin(&r, body, why, p) != APR_SUCCESS) {
        return LLMQ_EBODY;
    }
    model = read_model(&r);
    if (!why->errors) {
        read_rounds(&r, config, model);
    }
    read_memory(&r, config);
    if (!why->errors) {
        write_model(&r, config, model, conf->max_text);
    }
    return finish(&r);
}

/* ---- questions and memories ---- */

apr_status_t llmq_app_input_query(const char **pquery, struct json_object *body,
                                  const llmq_app_conf_t *conf, llmq_result_t *why,
                                  apr_pool_t *p)
{
    const field_t query = {"query", "用户提问", 1, conf->max_query};
    reader_t r;

    if (begin(&r, body, why, p) != APR_SUCCESS) {
        return LLMQ_EBODY;
    }
    *pquery = read_text(&r, &query);
    return finish(&r);
}

apr_status_t llmq_app_input_summary(const char **psummary, struct json_object *body,
                                    const llmq_app_conf_t *conf, llmq_result_t *why,
                                    apr_pool_t *p)
{
    const field_t summary = {"summary", "长期记忆", 0, conf->max_text};
    reader_t r;

    if (begin(&r, body, why, p) != APR_SUCCESS) {
        return LLMQ_EBODY;
    }
    if (!llmq_json_member(body, "summary")) {
        blame(&r, "summary", "长期记忆不能为空");
        return LLMQ_EBODY;
    }
    *psummary = read_text(&r, &summary);
    return finish(&r);
}
