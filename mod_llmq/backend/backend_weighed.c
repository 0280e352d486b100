#include "backend/backend_weighed.h"

#include "base/json.h"
#include "base/json_weight.h"

#define JSON_DEPTH 64

apr_status_t llmq_backend_weighed_parse(struct json_object **pvalue, const char *text,
                                        apr_size_t len, apr_size_t max, apr_pool_t *p)
{
    apr_uint64_t limit = (apr_uint64_t)max * LLMQ_BACKEND_WEIGHED_TREE;

    if (limit < LLMQ_BACKEND_WEIGHED_LEAST) {
        limit = LLMQ_BACKEND_WEIGHED_LEAST;
    }
    if (llmq_json_weight_is_over(text, len, limit)) {
        return LLMQ_EBODY;
    }
    return llmq_json_parse(pvalue, text, len, JSON_DEPTH, NULL, p);
}
