#include "base/sets.h"

#include <string.h>

apr_uint32_t llmq_sets_for(int keys, int ways)
{
    apr_uint32_t n = 1;

    while ((apr_uint64_t)n * (apr_uint64_t)ways < (apr_uint64_t)keys) {
        n *= 2;
    }
    return n;
}

apr_size_t llmq_sets_size(int keys, int ways, apr_size_t bytes)
{
    return sizeof(llmq_sets_t) + (apr_size_t)llmq_sets_for(keys, ways) * bytes;
}

void llmq_sets_init(llmq_sets_t *sets, int keys, int ways, apr_size_t bytes)
{
    apr_uint32_t n = llmq_sets_for(keys, ways);

    if (sets->n && sets->n != n) {
        /* Fresh pages are zero: they are left alone. */
        memset(sets, 0, llmq_sets_size(keys, ways, bytes));
    }
    sets->n = n;
}

/* FNV mixes its high bits best. */
apr_uint32_t llmq_sets_index(const llmq_sets_t *sets, apr_uint64_t key)
{
    return (apr_uint32_t)(key >> 24 ^ key) & (sets->n - 1);
}
