#include "core/task_type.h"

#include "base/id.h"

#include <string.h>

/* S3, "create a task". The software behind it has one more, url_download_processing, which
 * makes whoever works on it fetch URLs of callers: it is there for who configures it. */
static const char *const built_in[] = {
    "document_processing",  "batch_processing", "knowledge_indexing",
    "embedding_generation", "vector_storage",   "health_check",
};

void llmq_task_type_init(llmq_task_types_t *types)
{
    unsigned i;

    types->n = 0;
    for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        llmq_task_type_add(types, built_in[i]);
    }
}

const llmq_task_type_t *llmq_task_type_find(const llmq_task_types_t *types,
                                            const char *name)
{
    int i;

    for (i = 0; name && i < types->n; i++) {
        if (strcmp(types->type[i].name, name) == 0) {
            return &types->type[i];
        }
    }
    return NULL;
}

static int index_of(const llmq_task_types_t *types, const char *name)
{
    const llmq_task_type_t *type = llmq_task_type_find(types, name);

    return type ? (int)(type - types->type) : types->n;
}

llmq_task_type_t *llmq_task_type_add(llmq_task_types_t *types, const char *name)
{
    int i = index_of(types, name);

    if (i == LLMQ_TASK_TYPES_MAX) {
        return NULL;
    }
    if (i == types->n) {
        types->type[i] = (llmq_task_type_t){.name = name, .max_retries = -1};
        types->n++;
    }
    return &types->type[i];
}

apr_uint64_t llmq_task_type_lane(const char *tenant, const char *type)
{
    /* The NUL between the names keeps ("ab", "c") and ("a", "bc") apart. */
    apr_uint64_t h = llmq_id_hash(tenant, strlen(tenant) + 1, 0);

    return llmq_id_hash(type, strlen(type), h);
}
