#include "core/run_terms.h"

#include "base/json.h"

#include <apr_strings.h>
#include <json-c/json.h>

#include <string.h>

#define DEPTH 4

const char *llmq_run_terms_format(const llmq_job_t *job, apr_pool_t *p)
{
    llmq_text_t t;

    if (!job->charges && !job->gauge && !job->api_key && !job->key_cap
        && job->run_at <= job->created_at) {
        return NULL;
    }
    llmq_text_init(&t, 256, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "charges", job->charges);
    llmq_json_kv_int(&t, "gauge", (apr_int64_t)job->gauge);
    llmq_json_kv(&t, "api_key", job->api_key);
    llmq_json_kv_int(&t, "run_at", job->run_at);
    llmq_json_kv_int(&t, "fair_key", (apr_int64_t)job->fair_key);
    llmq_json_kv_int(&t, "key_cap", job->key_cap);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

static const char *text_of(struct json_object *terms, const char *name, apr_pool_t *p)
{
    struct json_object *value = llmq_json_member(terms, name);

    return json_object_is_type(value, json_type_string)
               ? apr_pstrdup(p, json_object_get_string(value))
               : NULL;
}

static apr_int64_t number_of(struct json_object *terms, const char *name)
{
    struct json_object *value = llmq_json_member(terms, name);

    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

void llmq_run_terms_apply(llmq_job_t *job, const char *text, apr_pool_t *p)
{
    struct json_object *terms = NULL;
    llmq_result_t why;
    apr_time_t run_at;

    if (!text
        || llmq_json_parse(&terms, text, strlen(text), DEPTH, &why, p) != APR_SUCCESS) {
        return;
    }
    job->charges = text_of(terms, "charges", p);
    job->gauge = (apr_uint64_t)number_of(terms, "gauge");
    job->api_key = text_of(terms, "api_key", p);
    job->fair_key = (apr_uint64_t)number_of(terms, "fair_key");
    job->key_cap = (int)number_of(terms, "key_cap");
    run_at = number_of(terms, "run_at");
    if (run_at > job->run_at) {
        job->run_at = run_at;
    }
}
