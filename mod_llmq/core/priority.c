#include "core/priority.h"

#include <string.h>

static const char *const names[] = {
    [LLMQ_LEVEL_NONE] = "none", [LLMQ_LEVEL_REALTIME] = "realtime",
    [LLMQ_LEVEL_HIGH] = "high", [LLMQ_LEVEL_NORMAL] = "normal",
    [LLMQ_LEVEL_LOW] = "low",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_LEVEL_COUNT,
               "each level has a word");

static const char *const queue_names[] = {
    [LLMQ_LEVEL_NONE] = "none",          [LLMQ_LEVEL_REALTIME] = "realtime_priority",
    [LLMQ_LEVEL_HIGH] = "high_priority", [LLMQ_LEVEL_NORMAL] = "normal_priority",
    [LLMQ_LEVEL_LOW] = "low_priority",
};
_Static_assert(sizeof(queue_names) / sizeof(queue_names[0]) == LLMQ_LEVEL_COUNT,
               "each level has a queue");

static llmq_level_e known(llmq_level_e level)
{
    return (unsigned)level < LLMQ_LEVEL_COUNT ? level : LLMQ_LEVEL_NONE;
}

const char *llmq_priority_name(llmq_level_e level)
{
    return names[known(level)];
}

const char *llmq_priority_queue_name(llmq_level_e level)
{
    return queue_names[known(level)];
}

apr_status_t llmq_priority_parse(llmq_level_e *plevel, const char *word)
{
    int l;

    if (!word)
        return APR_EINVAL;
    LLMQ_EACH_LEVEL (l) {
        if (strcmp(word, names[l]) == 0) {
            *plevel = (llmq_level_e)l;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

apr_status_t llmq_priority_parse_queue(llmq_level_e *plevel, const char *name)
{
    int l;

    if (!name)
        return APR_EINVAL;
    LLMQ_EACH_LEVEL (l) {
        if (strcmp(name, queue_names[l]) == 0) {
            *plevel = (llmq_level_e)l;
            return APR_SUCCESS;
        }
    }
    return llmq_priority_parse(plevel, name);
}
