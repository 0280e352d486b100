#include "store/store_commit_batch.h"

#include <apr_allocator.h>

#define TEXT_GUESS (64 * 1024)
#define ROWS_GUESS 128
#define POOL_KEEP  (8 * 1024 * 1024)

apr_pool_t *llmq_store_commit_batch_pool(apr_pool_t *parent, apr_size_t keep,
                                         const char *tag)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&pool, parent, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
    apr_allocator_max_free_set(allocator, keep);
    apr_pool_tag(pool, tag);
    return pool;
}

void llmq_store_commit_batch_clear(llmq_store_commit_batch_t *b)
{
    apr_pool_clear(b->pool);
    llmq_text_init(&b->text, TEXT_GUESS, b->pool);
    b->rows = apr_array_make(b->pool, ROWS_GUESS, sizeof(llmq_store_commit_row_t));
    b->sparse = 0;
}

llmq_store_commit_batch_t *llmq_store_commit_batch_create(apr_pool_t *p)
{
    llmq_store_commit_batch_t *b = apr_pcalloc(p, sizeof(*b));

    b->pool = llmq_store_commit_batch_pool(p, POOL_KEEP, "llmq_commit_batch");
    llmq_store_commit_batch_clear(b);
    return b;
}

void llmq_store_commit_batch_add(llmq_store_commit_batch_t *b, void *waiter,
                                 const char *data, apr_size_t len)
{
    llmq_store_commit_row_t *row = apr_array_push(b->rows);

    llmq_text_add(&b->text, b->text.len ? "," : "[", 1);
    row->waiter = waiter;
    row->begin = b->text.len;
    llmq_text_add(&b->text, data, len);
    row->end = b->text.len;
}

void llmq_store_commit_batch_end(llmq_store_commit_batch_t *b)
{
    LLMQ_TEXT_LIT(&b->text, "]");
}

const char *llmq_store_commit_batch_json(llmq_store_commit_batch_t *b, int from, int to,
                                         apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    if (from == 0 && to == b->rows->nelts && !b->sparse)
        return b->text.data;
    llmq_text_init(&t,
                   LLMQ_STORE_COMMIT_ROW(b, to - 1)->end
                       - LLMQ_STORE_COMMIT_ROW(b, from)->begin + 3,
                   p);
    for (i = from; i < to; i++) {
        const llmq_store_commit_row_t *row = LLMQ_STORE_COMMIT_ROW(b, i);

        llmq_text_add(&t, i > from ? "," : "[", 1);
        llmq_text_add(&t, b->text.data + row->begin, row->end - row->begin);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

int llmq_store_commit_batch_part(const llmq_store_commit_batch_t *b, int from,
                                 int max_rows, apr_size_t max_bytes)
{
    apr_size_t begin = LLMQ_STORE_COMMIT_ROW(b, from)->begin;
    int to = from + 1;

    while (to < b->rows->nelts && to - from < max_rows
           && LLMQ_STORE_COMMIT_ROW(b, to)->end - begin <= max_bytes)
        to++;
    return to;
}
