#include "queue/queue_gone.h"

#include "base/id.h"

#include <string.h>

/* The bucket takes the low bits of the hash, the mark the high ones. */
static apr_uint32_t *bucket_of(llmq_queue_t *q, apr_uint64_t hash)
{
    return &q->gone[hash & (q->header->buckets - 1)];
}

static apr_uint32_t mark_of(llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t walk = atomic_load(&q->header->walking);

    return (apr_uint32_t)(hash >> 32) ^ (walk * 0x9e3779b9u);
}

void llmq_queue_gone_mark(llmq_queue_t *q, apr_uint64_t hash)
{
    *bucket_of(q, hash) = mark_of(q, hash);
}

int llmq_queue_gone_is_marked(llmq_queue_t *q, const char *id)
{
    apr_uint64_t hash = llmq_id_hash(id, strlen(id), 0);

    return *bucket_of(q, hash) == mark_of(q, hash);
}
